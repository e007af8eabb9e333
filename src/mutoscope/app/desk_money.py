"""Desk actions on money: transfers confirmed, parked payments decided, credits added and refunded.

Invariant: a deed is done by the use case that everybody shares (`app.confirm`, `app.fulfil`,
`app.money_back`), in its one transaction, so that an event of a gateway and two of the staff who
look at the same payment count it once. A payment that does not fit is parked, and the line, the
card and the answer say so. What goes on at a gateway afterwards is taken up again by the worker.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mutoscope.app import confirm, fulfil, money_back
from mutoscope.app.desk import done_before
from mutoscope.app.desk_facts import currency_of, open_workspace
from mutoscope.app.refund_end import OWED
from mutoscope.app.unspent import Wanted, read_paid
from mutoscope.domain.catalog import Fulfilment
from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.offers import Money
from mutoscope.storage import parked, payments, purchases
from mutoscope.storage.payments import NOBODY, Purpose

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.desk import Deed
    from mutoscope.app.receive import Received
    from mutoscope.app.studio import Studio

SENT: Final = "sent"
NOT_SENT: Final = "failed"


class PaymentKnown(Refusal):
    """A payment that was told before, under the reference that staff confirm."""

    code = "payment_known"

    def __init__(self, *, reference: str, payment_id: UUID, state: str, reason: str | None) -> None:
        why = "" if reason is None else f" ({reason.replace('_', ' ')})"
        remedy = (
            f"`desk use-payment` uses it, by its id {payment_id}"
            if state == "parked"
            else "another transfer has a reference of its own"
        )
        super().__init__(
            f"the payment {reference} is known already and {state}{why}: nothing more was done; "
            f"{remedy}"
        )
        self.payment_id = payment_id
        self.state = state
        self.reason = reason


class RefundFinished(Refusal):
    """A refund whose outcome is known."""

    code = "refund_finished"

    def __init__(self, *, refund_id: UUID, state: str) -> None:
        told = (
            "came back and is owed: tell it as sent, with the reference of another transfer"
            if state == OWED
            else f"has {state} already: nothing more was done"
        )
        super().__init__(f"the refund {refund_id} {told}")
        self.refund_id = refund_id
        self.state = state


async def confirm_payment(studio: Studio, deed: Deed) -> None:
    """Confirm a transfer that stands on the bank statement, for what was asked for.

    :raises UnknownRequest: when the workspace has none of that id.
    :raises BadReference: when the reference is too long.
    :raises BadAmount: when the amount is none.
    :raises PaymentKnown: when that payment was told before.
    """
    reference = str(deed.data["reference"])
    received = await confirm.confirm_payment(
        studio, workspace_id=deed.workspace_id, request_id=deed.id_of("request_id"),
        reference=reference, amount=deed.number_of("amount"), act=deed.act(studio),
    )  # fmt: skip
    if received.is_replay:
        raise _known(received, reference)


async def enter_payment(studio: Studio, deed: Deed) -> None:
    """Enter a transfer that names no request: it waits as the workspace's, or as nobody's.

    :raises BadDeskData: when the currency is none.
    :raises BadReference: when the reference is too long.
    :raises BadAmount: when the amount is none.
    :raises PaymentKnown: when that payment was told before.
    """
    reference, amount = str(deed.data["reference"]), deed.number_of("amount")
    assert amount is not None, "an amount is needed"
    money = Money(amount=amount, currency=currency_of(str(deed.data["currency"])))
    received = await confirm.enter_payment(
        studio, owner=deed.workspace_id, reference=reference, money=money, act=deed.act(studio)
    )
    if received.is_replay:
        raise _known(received, reference)


async def use_payment(studio: Studio, deed: Deed) -> None:
    """Use a parked payment, of the workspace or of nobody, for an open request of the same amount.

    Of another workspace it is used where that is named; then both have a line in the audit.

    :raises UnknownPayment: when there is none of that id.
    :raises PaymentOfAnother: when it is another workspace's than is named.
    :raises UnknownRequest: when the workspace has no such request.
    :raises WorkspaceClosed: when it is closed.
    :raises NotParked: when the payment does not wait.
    :raises PaymentDoesNotFit: when the request is not open, or asks for another amount.
    """
    await open_workspace(studio, deed.workspace_id)
    source = deed.id_of("from_workspace_id") if "from_workspace_id" in deed.data else None
    act = deed.act(studio)
    if source not in {None, deed.workspace_id, NOBODY}:
        act = replace(act, rows=deed.lines(studio, workspace_id=source))
    await confirm.use(
        studio, workspace_id=deed.workspace_id, payment_id=deed.id_of("payment_id"),
        request_id=deed.id_of("request_id"), act=act, source=source,
    )  # fmt: skip


async def return_payment(studio: Studio, deed: Deed) -> None:
    """Send a parked payment back whole.

    :raises UnknownPayment: when the workspace has none of that id.
    :raises NotParked: when it does not wait.
    :raises PaymentDisputed: when its payer takes the money back through the bank, or has.
    """
    await confirm.give_back(
        studio, workspace_id=deed.workspace_id, payment_id=deed.id_of("payment_id"),
        act=deed.act(studio),
    )  # fmt: skip


async def keep_payment(studio: Studio, deed: Deed) -> None:
    """Keep a parked payment open; the reason says what it waits for, and is the staff's own.

    The customer is told once that the money is kept for them.

    :raises UnknownPayment: when the workspace has none of that id.
    :raises NotParked: when it does not wait.
    """
    payment_id = deed.id_of("payment_id")
    async with studio.reading() as connection:
        payment = await payments.payment_of_anybody(connection, payment_id=payment_id)
        is_told = payment_id in await parked.notes(connection, about=[payment])
    act = replace(deed, is_quiet=is_told).act(studio)
    await confirm.keep(studio, workspace_id=deed.workspace_id, payment_id=payment_id, act=act)


async def add_credits(studio: Studio, deed: Deed) -> None:
    """Add the credits of a purchase that is paid.

    :raises UnknownPurchase: when the workspace has none of that id.
    :raises WorkspaceClosed: when it is closed.
    :raises PurchaseNotInThisState: when it is not paid, or its credits were added before.
    :raises PaymentDisputed: when the dispute of its payment is open.
    """
    await open_workspace(studio, deed.workspace_id)
    await fulfil.add_credits(
        studio, workspace_id=deed.workspace_id, purchase_id=deed.id_of("purchase_id"),
        act=deed.act(studio),
    )  # fmt: skip


async def refund(studio: Studio, deed: Deed) -> None:
    """Take back what is left of a purchase or a part, and send its money, or what staff decided.

    :raises Refusal: as `money_back.refund`.
    """
    await money_back.refund(
        studio, workspace_id=deed.workspace_id, purchase_id=deed.id_of("purchase_id"),
        reason=money_back.PRINTED, act=deed.act(studio),
        wanted=Wanted(credits=deed.number_of("credits"), amount=deed.number_of("amount")),
    )  # fmt: skip


async def confirm_refund(studio: Studio, deed: Deed) -> None:
    """Note that money which staff sent back by hand has gone, or could not be sent.

    :raises BadDeskData: when it has gone, and the bank's reference of it is missing.
    :raises UnknownRefund: when the workspace has none of that id.
    :raises RefundAtGateway: when its gateway is yet to be asked.
    :raises RefundFinished: when its outcome is known.
    """
    is_sent, reference = deed.data["outcome"] == SENT, deed.data.get("reference")
    if is_sent and reference is None:
        raise BadDeskData(field="reference", remedy="give the bank's own of the transfer back")
    after = await money_back.confirm(
        studio, workspace_id=deed.workspace_id, refund_id=deed.id_of("refund_id"),
        is_sent=is_sent, reference=None if reference is None else str(reference),
        act=deed.act(studio),
    )  # fmt: skip
    if await done_before(studio, deed) is None:
        raise RefundFinished(refund_id=after.refund_id, state=after.state)


async def count_request(studio: Studio, deed: Deed) -> int:
    """Return the credits that come with a payment by themselves: where no desk adds them."""
    async with studio.reading() as connection:
        request = await payments.request(
            connection, workspace_id=deed.workspace_id, request_id=deed.id_of("request_id")
        )
        if request.purpose is not Purpose.PURCHASE:
            return 0
        purchase = await purchases.get(
            connection, workspace_id=deed.workspace_id, purchase_id=request.subject_id
        )
    version = studio.catalog.version_at(at=deed.at)
    is_added = purchase.is_refill or version.fulfilment is Fulfilment.AUTOMATIC
    return purchase.credits if is_added else 0


async def count_purchase(studio: Studio, deed: Deed) -> int:
    """Return the credits of a purchase."""
    async with studio.reading() as connection:
        purchase = await purchases.get(
            connection, workspace_id=deed.workspace_id, purchase_id=deed.id_of("purchase_id")
        )
    return purchase.credits


async def count_refund(studio: Studio, deed: Deed) -> int:
    """Return the credits that a refund takes, or, where it is more, those that its money bought.

    The money of an amount that staff decide is counted in credits, rounded up. What was taken back
    and refunded of the purchase before counts again, so that no limit is passed by parts.
    """
    paid = await read_paid(
        studio, workspace_id=deed.workspace_id, purchase_id=deed.id_of("purchase_id")
    )
    purchase, total = paid.purchase, paid.request.taxed.total
    part, amount = deed.number_of("credits"), deed.number_of("amount")
    taken = purchase.taken_back + (paid.left() if part is None else part)
    if amount is None or not total:
        return taken
    return max(taken, -(-(purchase.refunded + amount) * purchase.credits // total))


def _known(received: Received, reference: str) -> PaymentKnown:
    assert received.payment_id is not None, "what was told before has an id"
    return PaymentKnown(
        reference=reference, payment_id=received.payment_id, state=received.outcome,
        reason=received.reason,
    )  # fmt: skip
