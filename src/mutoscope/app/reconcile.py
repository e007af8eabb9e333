"""Comparing both books: what a gateway says came over it, and what the studio has counted.

Invariant: nothing is moved here. A payment that the studio missed is handed to the use case that
counts it once, and so is a refund that came back; a refund in doubt is looked up by its key, and
whatever still differs is listed. The surprising choice: a difference is looked at a second time
before it is told, since money moves on while two books are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mutoscope.app.gateway import GatewayError, GatewayFailed, PaymentState, refund_key
from mutoscope.app.payment_events import tell_refund
from mutoscope.domain.credits import Refusal
from mutoscope.storage import payment_events as events
from mutoscope.storage import routes
from mutoscope.storage.routes import Alert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mutoscope.app.gateway import Gateway, GatewayPayment
    from mutoscope.app.payment_events import Handlers
    from mutoscope.app.studio import Studio
    from mutoscope.storage.payment_events import Booked, Doubt

IN_DOUBT_AFTER: Final = timedelta(minutes=5)
"""Until a refund that was asked for and has no end is looked up: longer than it takes to ask."""

WATCHED: Final = timedelta(days=7)
"""How far back the clock compares: longer than a gateway goes on sending an event."""

BOOKS_DIFFER: Final = "books_differ"
DOUBTS_MAX: Final = 500
MISSING: Final = "missing"


class What(StrEnum):
    """How two books differ."""

    AMOUNT = "amount"
    CURRENCY = "currency"
    REFUNDED = "refunded"
    NOT_BOOKED = "not_booked"
    NOT_AT_GATEWAY = "not_at_gateway"
    REFUND_NOT_SENT = "refund_not_sent"
    NOT_LOOKED_UP = "not_looked_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where the books differ: what ours says, and theirs."""

    reference: str
    what: What
    ours: str | None = None
    theirs: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What a comparison found: payments that are in both books, and all that differs.

    `handed_over` were missed here and are counted now; `refunds` were in doubt and were found;
    `foreign` is how many payments at the gateway nobody here asked for.
    """

    gateway: str
    since: datetime
    compared: int = 0
    foreign: int = 0
    handed_over: tuple[str, ...] = ()
    refunds: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Tell whether both books say the same."""
        return not self.differences


@dataclass(slots=True, kw_only=True)
class _Comparison:
    """A comparison at work; without handlers it only compares."""

    studio: Studio
    name: str
    gateway: Gateway
    handlers: Handlers | None
    failures: dict[str, str] = field(default_factory=dict)

    async def ours(self, references: Sequence[str]) -> dict[str, Booked]:
        """Return what we have of these."""
        async with self.studio.reading() as connection:
            return await events.booked(connection, gateway=self.name, references=references)


async def reconcile(
    studio: Studio, *, gateway: str, since: datetime, handlers: Handlers | None = None
) -> Reconciliation:
    """Compare both books from an instant on, and mend what was only missed.

    :raises UnknownGateway: when the gateway is not set up.
    :raises GatewayFailed: when it does not tell what came over it.
    """
    found = studio.gateway_named(gateway)
    if not found.has_book:
        return Reconciliation(gateway=gateway, since=since)
    comparison = _Comparison(studio=studio, name=gateway, gateway=found, handlers=handlers)
    refunds, unsent = await _settle_doubts(comparison)
    try:
        told = await found.payments(since=since)
    except GatewayError as error:
        raise GatewayFailed(gateway=gateway, reason=str(error)) from error
    paid = [each for each in told if each.state is PaymentState.SUCCEEDED]
    own = {each.reference: each for each in paid if each.request_id is not None}
    handed = await _hand_over(comparison, own)
    elder, lost = await _look_up_the_rest(comparison, since, own)
    booked = await comparison.ours([*own, *elder])
    differing = [
        difference
        for payment in (*own.values(), *elder.values())
        for difference in await _compared(comparison, booked.get(payment.reference), payment)
    ]
    return Reconciliation(
        gateway=gateway, since=since, compared=len(booked), foreign=len(paid) - len(own),
        handed_over=tuple(each for each in handed if each in booked), refunds=refunds,
        differences=(*differing, *lost, *unsent),
    )  # fmt: skip


async def watch_books(
    studio: Studio, *, handlers: Handlers | None = None
) -> tuple[Reconciliation, ...]:
    """Compare the books of every gateway that has one; tell staff while they differ.

    A gateway that does not answer is asked again the next time, and staff are told as well.
    """
    at = studio.clock.now()
    found: list[Reconciliation] = []
    for name in (name for name, gateway in studio.gateways.items() if gateway.has_book):
        try:
            done = await reconcile(studio, gateway=name, since=at - WATCHED, handlers=handlers)
        except GatewayFailed as failed:
            await _tell_staff(studio, name, failed.code, str(failed))
            continue
        found.append(done)
        differing = f"{len(done.differences)} payments or refunds differ between {name} and here: "
        sentence = f"{differing}`mutoscope payments reconcile` lists them."
        await _tell_staff(studio, name, None if done.is_equal else BOOKS_DIFFER, sentence)
    return tuple(found)


async def _hand_over(
    comparison: _Comparison, told: dict[str, GatewayPayment]
) -> tuple[str, ...]:  # fmt: skip
    """Hand over what was missed here; whoever refuses it is remembered with the reason."""
    booked = await comparison.ours([*told])
    missed = [each for each in told if each not in booked]
    if comparison.handlers is None:
        return ()
    for reference in missed:
        try:
            await comparison.handlers.receive(
                comparison.studio, gateway=comparison.name, payment=told[reference]
            )
        except (Refusal, GatewayError) as error:
            comparison.failures[reference] = f"{error.code}: {error}"
    return tuple(missed)


async def _look_up_the_rest(
    comparison: _Comparison, since: datetime, told: dict[str, GatewayPayment]
) -> tuple[dict[str, GatewayPayment], tuple[Difference, ...]]:
    """Look up what is ours and was not told; it may have begun before the instant."""
    async with comparison.studio.reading() as connection:
        ours = await events.booked_since(connection, gateway=comparison.name, since=since)
    elder: dict[str, GatewayPayment] = {}
    lost: list[Difference] = []
    for reference in (each for each in ours if each not in told):
        try:
            elder[reference] = await comparison.gateway.payment(reference=reference)
        except GatewayError as error:
            is_missing = error.code == MISSING
            what = What.NOT_AT_GATEWAY if is_missing else What.NOT_LOOKED_UP
            lost.append(Difference(reference=reference, what=what, theirs=str(error)))
    return elder, tuple(lost)


async def _compared(
    comparison: _Comparison, ours: Booked | None, theirs: GatewayPayment
) -> tuple[Difference, ...]:
    """Compare one payment; what differs is looked at again, in both books."""
    if not _differing(ours, theirs, None):
        return ()
    reference = theirs.reference
    try:
        theirs = await comparison.gateway.payment(reference=reference)
        await _hand_over_returns(comparison, reference)
    except (Refusal, GatewayError) as error:
        return (Difference(reference=reference, what=What.NOT_LOOKED_UP, theirs=str(error)),)
    again = (await comparison.ours([reference])).get(reference)
    return _differing(again, theirs, comparison.failures.get(reference))


async def _hand_over_returns(comparison: _Comparison, reference: str) -> None:
    """Hand over the refunds of a payment that came back after they had gone, and nobody told."""
    if comparison.handlers is None:
        return
    async with comparison.studio.reading() as connection:
        sent = await events.refunds_sent(connection, gateway=comparison.name, reference=reference)
    for each in sent:
        refund = await comparison.gateway.refund_now(reference=each)
        if refund.state is PaymentState.FAILED:
            await comparison.handlers.refund_told(
                comparison.studio, gateway=comparison.name, reference=each, state=refund.state
            )


def _differing(
    ours: Booked | None, theirs: GatewayPayment, failure: str | None
) -> tuple[Difference, ...]:
    reference, total = theirs.reference, theirs.total
    if ours is None:
        told = f"{total.amount} {total.currency}"
        return (Difference(reference=reference, what=What.NOT_BOOKED, ours=failure, theirs=told),)
    if theirs.state is not PaymentState.SUCCEEDED:
        told = str(theirs.state)
        return (Difference(reference=reference, what=What.NOT_AT_GATEWAY, theirs=told),)
    is_on_its_way = abs(theirs.refunded - ours.refunded) <= ours.asked_back
    sides = (
        (What.AMOUNT, ours.amount, total.amount, ours.amount == total.amount),
        (What.CURRENCY, ours.currency, total.currency, ours.currency == total.currency),
        (What.REFUNDED, ours.refunded, theirs.refunded, is_on_its_way),
    )
    return tuple(
        Difference(reference=reference, what=what, ours=str(mine), theirs=str(other))
        for what, mine, other, is_same in sides
        if not is_same
    )


async def _settle_doubts(
    comparison: _Comparison,
) -> tuple[tuple[str, ...], tuple[Difference, ...]]:
    """Look up the refunds of which nobody heard; return those that were found, and the rest."""
    before = comparison.studio.clock.now() - IN_DOUBT_AFTER
    async with comparison.studio.reading() as connection:
        doubts = await events.refunds_in_doubt(
            connection, gateway=comparison.name, before=before, limit=DOUBTS_MAX
        )
    settled: list[str] = []
    unsent: list[Difference] = []
    for doubt in doubts:
        try:
            reference = await _settled(comparison, doubt)
        except (Refusal, GatewayError) as error:
            what, told = What.NOT_LOOKED_UP, f"{error.code}: {error}"
            unsent.append(Difference(reference=str(doubt.refund_id), what=what, theirs=told))
            continue
        if reference is None:
            what = What.REFUND_NOT_SENT
            unsent.append(Difference(reference=str(doubt.refund_id), what=what))
        else:
            settled.append(reference)
    return tuple(settled), tuple(unsent)


async def _settled(comparison: _Comparison, doubt: Doubt) -> str | None:
    """Return what the gateway calls a refund in doubt, once it was handed over; None if nothing."""
    if doubt.reference is not None:
        refund = await comparison.gateway.refund_now(reference=doubt.reference)
    else:
        found = await comparison.gateway.refund_under(
            reference=doubt.payment_reference, key=refund_key(doubt.refund_id)
        )
        if found is None:
            return None
        refund = found
    if comparison.handlers is not None:
        await tell_refund(
            comparison.studio, payment=(comparison.name, doubt.payment_reference), refund=refund,
            handlers=comparison.handlers,
        )  # fmt: skip
    return refund.reference


async def _tell_staff(studio: Studio, gateway: str, code: str | None, sentence: str) -> None:
    """Raise an alert about a gateway's book, or note that the trouble is over."""
    at, subject = studio.clock.now(), f"books of {gateway}"
    async with studio.reading() as connection:
        if code is None:
            await routes.resolve_alerts(connection, subject=subject, at=at)
            return
        alert = Alert(
            alert_id=studio.ids.new(), code=code, subject=subject, sentence=sentence, raised_at=at
        )
        await routes.raise_alert(connection, alert)
