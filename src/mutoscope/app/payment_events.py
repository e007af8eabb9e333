"""What gateways tell by themselves: kept as it came, then looked into until something comes of it.

Invariant: an event moves nothing. It is a reason to look the payment up at its gateway, and what is
seen there is handed over, to a use case that counts each payment once. So events may come in any
order, any number of times, or never. Whatever an event is about, its payment is received first: a
refund or a dispute that overtook it finds it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from mutoscope.app.gateway import GatewayError, PaymentState, refund_id_of
from mutoscope.domain.credits import Refusal
from mutoscope.storage import payment_events as events
from mutoscope.storage.payment_events import Outcome, StoredEvent

if TYPE_CHECKING:
    from mutoscope.app.gateway import (
        Gateway,
        GatewayDispute,
        GatewayEvent,
        GatewayPayment,
        GatewayRefund,
    )
    from mutoscope.app.studio import Studio

EVENTS_MAX: Final = 100
"""Events that are looked into at once; the rest is left to the next round."""

REASON_MAX: Final = 500
ENDED: Final = (PaymentState.SUCCEEDED, PaymentState.FAILED)


class PaymentEventRefused(Refusal):
    """Something that came as an event, and is none of the gateway's."""

    code = "payment_event_refused"

    def __init__(self, *, gateway: str, reason: str) -> None:
        super().__init__(f"this is no event of {gateway[:40]}: {reason}")
        self.gateway = gateway


class Receive(Protocol):
    """Counts a payment that succeeded, once by its gateway and reference."""

    async def __call__(self, studio: Studio, /, *, gateway: str, payment: GatewayPayment) -> object:
        """Take a payment in."""
        ...


class RefundTold(Protocol):
    """Hears how money that goes back ended; what succeeded may be told to have failed later."""

    async def __call__(
        self, studio: Studio, /, *, gateway: str, reference: str, state: PaymentState
    ) -> object:
        """Take the end of a refund in."""
        ...


class DisputeTold(Protocol):
    """Hears how a dispute stands."""

    async def __call__(self, studio: Studio, /, *, gateway: str, dispute: GatewayDispute) -> object:
        """Take a dispute in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """To whom is handed what was seen at a gateway; each may be called any number of times."""

    receive: Receive
    refund_told: RefundTold
    dispute_told: DisputeTold


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An event that was kept; one that `is_new` and `is_waiting` is yet to be looked into."""

    event_id: str
    is_new: bool
    is_waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    """How many events something came of, and how many failed and are tried again."""

    done: int = 0
    failed: int = 0


async def hear(
    studio: Studio, *, gateway: str, headers: Mapping[str, str], body: bytes
) -> Heard:  # fmt: skip
    """Keep an event once it proved to be the gateway's; `process_pending` looks into it.

    :raises UnknownGateway: when the gateway is not set up.
    :raises PaymentEventRefused: when it is not the gateway's, or too old.
    """
    at = studio.clock.now()
    try:
        event = studio.gateway_named(gateway).event(headers=headers, body=body, at=at)
    except GatewayError as error:
        raise PaymentEventRefused(gateway=gateway, reason=str(error)) from error
    is_waiting = event.payment_reference is not None
    stored = StoredEvent(
        gateway=gateway, event_id=event.event_id, code=event.code,
        payment_reference=event.payment_reference, refund_reference=event.refund_reference,
        dispute_reference=_dispute_reference(event), created_at=event.created_at, received_at=at,
        retry_at=at if is_waiting else None, processed_at=None if is_waiting else at,
        outcome=None if is_waiting else Outcome.IGNORED,
    )  # fmt: skip
    async with studio.reading() as connection:
        is_new = await events.keep(connection, event=stored, body=body)
    return Heard(event_id=event.event_id, is_new=is_new, is_waiting=is_waiting)


async def process_pending(studio: Studio, *, handlers: Handlers) -> Processed:
    """Look into the events that are due, one after the other.

    One that cannot be looked into, or is refused by its handler, is tried again, later each time;
    so is one whose handler fails otherwise, but that failure is the caller's to hear.
    """
    done = failed = 0
    for _ in range(EVENTS_MAX):
        async with studio.reading() as connection:
            event = await events.take(connection, at=studio.clock.now())
        if event is None:
            break
        if await _process(studio, event, handlers):
            done += 1
        else:
            failed += 1
    return Processed(done=done, failed=failed)


async def tell_refund(
    studio: Studio, *, payment: tuple[str, str], refund: GatewayRefund, handlers: Handlers
) -> None:
    """Hand a refund over once it has ended, after its name at the gateway was noted.

    `payment` is the gateway and the reference of the payment that it is of.
    """
    gateway, reference = payment
    refund_id = refund_id_of(refund.key)
    async with studio.reading() as connection:
        found = await events.booked(connection, gateway=gateway, references=[reference])
        if refund_id is not None and reference in found:
            await events.note_refund_reference(
                connection, workspace_id=found[reference].workspace_id, refund_id=refund_id,
                reference=refund.reference,
            )  # fmt: skip
    if refund.state in ENDED:
        await handlers.refund_told(
            studio, gateway=gateway, reference=refund.reference, state=refund.state
        )


async def _process(studio: Studio, event: StoredEvent, handlers: Handlers) -> bool:
    """Look into one event; false when it has to be tried again."""
    try:
        outcome = await _looked(studio, event, handlers)
    except GatewayError as error:
        await _note(studio, event, f"{error.code}: {error}")
        return False
    except Refusal as refusal:
        await _note(studio, event, f"{refusal.code}: {refusal}")
        return False
    except Exception as error:
        await _note(studio, event, f"unexpected: {type(error).__name__}")
        raise
    async with studio.reading() as connection:
        await events.finish(connection, event=event, outcome=outcome, at=studio.clock.now())
    return True


async def _looked(studio: Studio, event: StoredEvent, handlers: Handlers) -> Outcome:
    assert event.payment_reference is not None, "an event about nothing never waits"
    gateway = studio.gateway_named(event.gateway)
    payment = await gateway.payment(reference=event.payment_reference)
    if payment.request_id is None:
        return Outcome.FOREIGN
    if payment.state is not PaymentState.SUCCEEDED:
        return Outcome.NOT_PAID
    await handlers.receive(studio, gateway=event.gateway, payment=payment)
    return await _followed(studio, event, gateway, handlers)


async def _followed(
    studio: Studio, event: StoredEvent, gateway: Gateway, handlers: Handlers
) -> Outcome:
    """Look at what an event tells beside its payment."""
    if event.dispute_reference is not None:
        dispute = await gateway.dispute_now(reference=event.dispute_reference)
        await handlers.dispute_told(studio, gateway=event.gateway, dispute=dispute)
        return Outcome.DISPUTE_TOLD
    if event.refund_reference is not None:
        assert event.payment_reference is not None
        refund = await gateway.refund_now(reference=event.refund_reference)
        payment = event.gateway, event.payment_reference
        await tell_refund(studio, payment=payment, refund=refund, handlers=handlers)
        return Outcome.REFUND_TOLD
    return Outcome.RECEIVED


async def _note(studio: Studio, event: StoredEvent, reason: str) -> None:
    async with studio.reading() as connection:
        await events.note_failure(connection, event=event, reason=reason[:REASON_MAX])


def _dispute_reference(event: GatewayEvent) -> str | None:
    return None if event.dispute is None else event.dispute.reference
