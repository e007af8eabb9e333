"""What waits for staff: requests for credits, credits to add, money to decide, proposals, disputes.

Nothing is kept of this beyond the things themselves: what waits is what stands in a state that only
somebody of the staff, or a bank, can end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mutoscope.app.refund_end import OWED
from mutoscope.domain.proposals import ProposalState
from mutoscope.storage import disputes, inbox, payments, proposals, purchases
from mutoscope.storage import parked as stored

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.purchases import Purchase
    from mutoscope.storage.database import Connection
    from mutoscope.storage.disputes import Dispute
    from mutoscope.storage.inbox import CreditRequest
    from mutoscope.storage.parked import PaymentNote
    from mutoscope.storage.payments import Payment
    from mutoscope.storage.proposals import Proposal
    from mutoscope.storage.purchases import Refund

LISTED_MAX: Final = 200
"""Things of each sort that are listed: whoever has more waiting works from the eldest on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPurchase:
    """A paid purchase; one of a workspace that `is_closed` gets its money back, not its credits."""

    purchase: Purchase
    is_closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRefund:
    """A refund that was asked for, or came back; `is_by_hand` when staff have to send the money."""

    refund: Refund
    gateway: str
    is_by_hand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPayment:
    """A parked payment, and what staff noted last when they kept it open.

    One that `is_disputed` waits for the end of its dispute. Of what lost ones have `taken` back, in
    minor units, the rest can go back alone.
    """

    payment: Payment
    note: PaymentNote | None
    is_disputed: bool
    taken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDispute:
    """A dispute that is not decided; `is_by_hand` when staff tell how the bank decides it."""

    dispute: Dispute
    is_by_hand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for staff, of each sort the eldest first."""

    purchases: tuple[WaitingPurchase, ...]
    payments: tuple[WaitingPayment, ...]
    refunds: tuple[WaitingRefund, ...]
    proposals: tuple[Proposal, ...]
    disputes: tuple[WaitingDispute, ...]
    credit_requests: tuple[CreditRequest, ...]


async def waiting(studio: Studio) -> Waiting:
    """Return what waits for staff."""
    async with studio.reading() as connection:
        await proposals.lapse_proposals(connection, at=studio.clock.now())
        asked = (
            *await purchases.owed_refunds(connection, limit=LISTED_MAX),
            *await purchases.asked_refunds(connection, limit=LISTED_MAX),
        )
        paid_over = [
            await payments.payment(
                connection, workspace_id=each.workspace_id, payment_id=each.payment_id
            )
            for each in asked
        ]
        return Waiting(
            purchases=tuple(
                WaitingPurchase(purchase=purchase, is_closed=is_closed)
                for purchase, is_closed in await purchases.waiting(connection, limit=LISTED_MAX)
            ),
            payments=await parked(connection, limit=LISTED_MAX),
            refunds=tuple(
                WaitingRefund(
                    refund=refund, gateway=payment.gateway,
                    is_by_hand=refund.state == OWED or studio.is_by_hand(payment.gateway),
                )
                for refund, payment in zip(asked, paid_over, strict=True)
            ),
            proposals=(
                await proposals.page(
                    connection, before_at=proposals.LATEST_AT, before_id=proposals.LATEST_ID,
                    state=ProposalState.OPEN, limit=LISTED_MAX,
                )
            )[::-1],
            disputes=tuple(
                WaitingDispute(dispute=each, is_by_hand=studio.is_by_hand(each.gateway))
                for each in await disputes.undecided(connection, limit=LISTED_MAX)
            ),
            credit_requests=await inbox.credit_requests(connection, limit=LISTED_MAX),
        )  # fmt: skip


async def parked(
    connection: Connection, *, limit: int, workspace_id: UUID | None = None
) -> tuple[WaitingPayment, ...]:
    """Return payments that wait for staff, of all or of one workspace, each with its note."""
    found = await stored.waiting(connection, limit=limit, workspace_id=workspace_id)
    notes = await stored.notes(connection, about=found)
    disputed = await stored.disputed(connection, about=found)
    return tuple(
        WaitingPayment(
            payment=each, note=notes.get(each.payment_id), is_disputed=is_disputed, taken=taken
        )
        for each in found
        for is_disputed, taken in (disputed.get(each.payment_id, (False, 0)),)
    )
