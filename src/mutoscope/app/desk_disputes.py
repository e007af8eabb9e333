"""Desk actions on disputes that no gateway tells: of transfers, or told by a letter of the bank.

Invariant: a payment is disputed by hand once, and what comes of it is what comes of a dispute that
a gateway tells (`app.disputes`): the same freeze, the same end, the same books.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.app import disputes
from mutoscope.app.confirm import checked_reference
from mutoscope.app.disputes import LOST, OPEN
from mutoscope.app.gateway import GatewayDispute
from mutoscope.app.unspent import read_paid
from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.offers import Money
from mutoscope.storage import disputes as stored
from mutoscope.storage import payments
from mutoscope.storage.session import SideRowRefused

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.desk import Deed
    from mutoscope.app.studio import Studio
    from mutoscope.storage.disputes import Dispute
    from mutoscope.storage.payments import Payment


class DisputeAtGateway(Refusal):
    """A dispute by hand of a payment whose gateway tells disputes by itself."""

    code = "dispute_at_gateway"

    def __init__(self, *, payment_id: UUID, gateway: str) -> None:
        super().__init__(
            f"the payment {payment_id} came over {gateway}, which tells its disputes and their end "
            "by itself: answer it there, and compare both books (`payments reconcile`)"
        )
        self.payment_id = payment_id
        self.gateway = gateway


class DisputeKnown(Refusal):
    """A second dispute of a payment, or one under the reference of another."""

    code = "dispute_known"

    def __init__(self, *, known: Dispute) -> None:
        remedy = (
            "tell its end with `desk dispute won` or `desk dispute lost`"
            if known.state == OPEN
            else "a payment is disputed once"
        )
        super().__init__(
            f"the dispute {known.reference} of the payment {known.payment_id} is known already and "
            f"{known.state}: nothing more was done; {remedy}"
        )
        self.payment_id = known.payment_id
        self.state = known.state


class UnknownDispute(Refusal):
    """The end of a dispute that was never opened."""

    code = "unknown_dispute"

    def __init__(self, *, payment_id: UUID) -> None:
        super().__init__(
            f"the payment {payment_id} is not disputed here: open its dispute first "
            "(`desk dispute open`)"
        )
        self.payment_id = payment_id


class DisputeFinished(Refusal):
    """The end of a dispute that was decided before."""

    code = "dispute_finished"

    def __init__(self, *, payment_id: UUID, state: str) -> None:
        super().__init__(
            f"the dispute of the payment {payment_id} is {state} already: nothing more was done"
        )
        self.payment_id = payment_id
        self.state = state


async def open_dispute(studio: Studio, deed: Deed) -> None:
    """Write that a payer takes a payment back, or a part of it, and freeze what is left of it.

    :raises UnknownPayment: when the workspace has none of that id.
    :raises DisputeAtGateway: when its gateway tells its disputes.
    :raises BadReference: when the reference is too long.
    :raises BadDeskData: when the amount is none, or more than was paid.
    :raises DisputeKnown: when it is disputed already, or the reference is of another dispute.
    """
    payment = await _by_hand(studio, deed)
    told = GatewayDispute(
        reference=checked_reference(str(deed.data["reference"])),
        payment_reference=payment.reference, total=_total(payment, deed.number_of("amount")),
    )  # fmt: skip
    await _require_unknown(studio, payment, told)
    try:
        await disputes.open_dispute(studio, payment, told, act=deed.act(studio))
    except SideRowRefused:  # perhaps somebody else was first
        await _require_unknown(studio, payment, told)
        raise


async def close_dispute(studio: Studio, deed: Deed) -> None:
    """Write how the bank decided a dispute that was opened by hand, and what follows from it.

    :raises UnknownPayment: when the workspace has none of that id.
    :raises DisputeAtGateway: when its gateway tells how it ends.
    :raises UnknownDispute: when it is not disputed.
    :raises DisputeFinished: when it was decided before.
    :raises CreditsHeld: when it is lost, and jobs hold some of the credits of its purchase.
    """
    payment = await _by_hand(studio, deed)
    known = await _open_one(studio, payment)
    try:
        await disputes.close_dispute(
            studio, known, state=str(deed.data["outcome"]), act=deed.act(studio)
        )
    except SideRowRefused:  # perhaps somebody else was first
        await _open_one(studio, payment)
        raise


async def count_disputed(studio: Studio, deed: Deed) -> int:
    """Return the credits that a lost dispute takes; one that is won gives back what was theirs.

    Of none that is open it takes nothing: whether it can be decided is judged where that is done.
    """
    if deed.data["outcome"] != LOST:
        return 0
    of_all = await disputes.disputes_of(studio, await _by_hand(studio, deed))
    known = next((each for each in of_all if each.state == OPEN), None)
    if known is None or known.purchase_id is None:
        return 0
    paid = await read_paid(studio, workspace_id=deed.workspace_id, purchase_id=known.purchase_id)
    return paid.left()


async def _by_hand(studio: Studio, deed: Deed) -> Payment:
    async with studio.reading() as connection:
        payment = await payments.payment(
            connection, workspace_id=deed.workspace_id, payment_id=deed.id_of("payment_id")
        )
    if not studio.is_by_hand(payment.gateway):
        raise DisputeAtGateway(payment_id=payment.payment_id, gateway=payment.gateway)
    return payment


def _total(payment: Payment, amount: int | None) -> Money:
    """Return how much of a payment is disputed: all of it unless staff say how much."""
    found = payment.amount if amount is None else amount
    if not 0 < found <= payment.amount:
        remedy = f"give minor units from 1 to the {payment.amount} that were paid"
        raise BadDeskData(field="amount", remedy=remedy)
    return Money(amount=found, currency=payment.currency)


async def _require_unknown(studio: Studio, payment: Payment, told: GatewayDispute) -> None:
    """Pass a payment that is not disputed, under a reference that no other dispute has.

    :raises DisputeKnown: when it is, or one has.
    """
    async with studio.reading() as connection:
        found = await stored.of_workspace(connection, workspace_id=payment.workspace_id)
    for each in found:
        is_named_so = (each.gateway, each.reference) == (payment.gateway, told.reference)
        if is_named_so or each.payment_id == payment.payment_id:
            raise DisputeKnown(known=each)


async def _open_one(studio: Studio, payment: Payment) -> Dispute:
    """Return the dispute of a payment that waits for its end.

    :raises UnknownDispute: when there is none.
    :raises DisputeFinished: when it was decided before.
    """
    found = await disputes.disputes_of(studio, payment)
    if not found:
        raise UnknownDispute(payment_id=payment.payment_id)
    still_open = next((each for each in found if each.state == OPEN), None)
    if still_open is None:
        raise DisputeFinished(payment_id=payment.payment_id, state=found[0].state)
    return still_open
