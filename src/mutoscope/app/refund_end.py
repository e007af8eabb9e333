"""How refunds end, once or again: sent, not sent, or sent and come back (rule 17).

Invariant: each outcome is told in one transaction with what follows from it, and never changed. A
refund that fails restores the credits; one that succeeds issues the credit note. The surprising
choice: money that comes back after that is owed, and the credit note stands: the customer was
promised the money, so staff send it another way. What was to go back whole is parked again, unless
its payer has it by a dispute.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mutoscope.app import invoicing
from mutoscope.app.acts import NOBODYS, Act, submit_new
from mutoscope.app.fulfil import NAMESPACE, is_frozen
from mutoscope.app.letters import letter
from mutoscope.app.studio import MANUAL
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.money import money_text
from mutoscope.domain.purchases import Purchase, PurchaseState
from mutoscope.domain.requests import Request
from mutoscope.storage import disputes, payments, purchases, subscriptions, workspaces
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.purchases import Refund

ASKED: Final = "asked"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
OWED: Final = "owed"

FOLLOWS: Final = {
    ASKED: {SUCCEEDED, FAILED}, SUCCEEDED: {FAILED}, OWED: {SUCCEEDED}, FAILED: frozenset[str](),
}  # fmt: skip
"""Which outcomes may be told of a refund, by its state; others are told already."""


class UnknownRefund(Refusal):
    """An id that names no refund of the workspace."""

    code = "unknown_refund"

    def __init__(self, *, refund_id: UUID) -> None:
        super().__init__(f"there is no refund {refund_id} in this workspace")
        self.refund_id = refund_id


async def finish(studio: Studio, asked: Refund, *, state: str, act: Act = NOBODYS) -> None:
    """Note an outcome of a refund, and what follows from it; one that was told before is left.

    :raises UnknownRefund: when there is none.
    """
    known = await read_refund(studio, asked.workspace_id, asked.refund_id)
    if state not in FOLLOWS[known.state]:
        return
    at = studio.clock.now()
    after, gateway = await _after(studio, known, state)
    row = SideRow(
        purchases.finish_refunds,
        (known.workspace_id, known.refund_id, known.state, after, state, gateway,
         asked.reference, at),
    )  # fmt: skip
    told = act.telling(
        amount=asked.amount, currency=asked.currency, credits=asked.credits, state=after
    )
    try:
        requests, rows = await _followed(studio, known, after, at)
        held = SideRow(disputes.lock_payments, (known.workspace_id, known.payment_id))
        await submit_new(studio, act.noted(requests), rows=(held, row, *rows, *told))
    except (SideRowRefused, invoicing.CreditExceedsInvoice):  # perhaps another was first
        now = await read_refund(studio, known.workspace_id, known.refund_id)
        if now.state == known.state:
            raise


async def read_refund(studio: Studio, workspace_id: UUID, refund_id: UUID) -> Refund:
    """Return a refund of a workspace.

    :raises UnknownRefund: when it has none of that id.
    """
    async with studio.reading() as connection:
        found = await purchases.refund(connection, workspace_id=workspace_id, refund_id=refund_id)
    if found is None:
        raise UnknownRefund(refund_id=refund_id)
    return found


async def sent_over(studio: Studio, refund: Refund) -> str:
    """Return the gateway over which a refund went last, or is to go."""
    async with studio.reading() as connection:
        told = await purchases.refund_outcomes(
            connection, workspace_id=refund.workspace_id, refund_id=refund.refund_id
        )
        if told:
            return told[-1].gateway
        payment = await payments.payment(
            connection, workspace_id=refund.workspace_id, payment_id=refund.payment_id
        )
    return payment.gateway


async def _after(studio: Studio, known: Refund, outcome: str) -> tuple[str, str]:
    """Return the state after an outcome, and over which gateway the money went or came."""
    if known.state == OWED:
        return SUCCEEDED, MANUAL
    gateway = await sent_over(studio, known)
    if known.state == ASKED:
        return outcome, gateway
    async with studio.reading() as connection:
        payment = await payments.payment(
            connection, workspace_id=known.workspace_id, payment_id=known.payment_id
        )
    return (FAILED if payment.state == "returned" else OWED), gateway


async def _followed(
    studio: Studio, known: Refund, after: str, at: datetime
) -> tuple[tuple[Request, ...], tuple[SideRow, ...]]:
    """Return what else is written with an outcome: credits, a credit note, or a letter."""
    if after == OWED:
        return (), await _came_back(studio, known)
    if known.state != ASKED:
        return (), ()
    if after == SUCCEEDED:
        return (), await _credit_note(studio, known)
    return await _restored(studio, known, at=at) if known.purchase_id is not None else ((), ())


async def _came_back(studio: Studio, known: Refund) -> tuple[SideRow, ...]:
    """Return the letter that tells that money which was sent has come back."""
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=known.workspace_id)
    body = (
        f"We sent {money_text(known.amount, known.currency)} back to you, and the bank returned "
        "it to us. The money is yours: our staff send it another way, and ask you in the chat "
        "where to if they do not know."
    )
    return letter(studio, workspace, "Your refund came back to us", body)


async def _credit_note(studio: Studio, asked: Refund) -> tuple[SideRow, ...]:
    """Return the rows of the credit note of a refund; what was never invoiced gets none."""
    async with studio.reading() as connection:
        payment = await payments.payment(
            connection, workspace_id=asked.workspace_id, payment_id=asked.payment_id
        )
        if payment.request_id is None or payment.state != "applied":
            return ()
        request = await payments.request(
            connection, workspace_id=asked.workspace_id, request_id=payment.request_id
        )
    assert request.invoice_id is not None, "what is paid is invoiced"
    draft = await invoicing.credit_draft(
        studio, workspace_id=asked.workspace_id, invoice_id=request.invoice_id,
        reason=asked.reason, amount=asked.amount,
    )  # fmt: skip
    return invoicing.issued(studio, draft=draft)


async def _restored(
    studio: Studio, asked: Refund, *, at: datetime
) -> tuple[tuple[Request, ...], tuple[SideRow, ...]]:
    """Return what gives the credits of a failed refund back, with their share of the price.

    Nothing is given back when the payer has the money by a dispute that was lost. While one is
    open they come frozen, like the rest of the purchase.
    """
    assert asked.purchase_id is not None
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=asked.workspace_id)
        purchase = await purchases.get(
            connection, workspace_id=asked.workspace_id, purchase_id=asked.purchase_id
        )
        of_all = await disputes.of_workspace(connection, workspace_id=asked.workspace_id)
    told = {each.state for each in of_all if each.purchase_id == asked.purchase_id}
    if "lost" in told:
        return (), ()
    after = replace(
        purchase, state=_restored_state(purchase, is_disputed="open" in told), ended_at=None,
        taken_back=purchase.taken_back - asked.credits, refunded=purchase.refunded - asked.amount,
    )  # fmt: skip
    row = purchases.changed(purchase, after)
    if purchase.granted_at is None or not asked.credits:
        return (), (row,)
    basis = purchase.price.amount * asked.credits // purchase.credits
    terms = Terms(
        source=Source.PACK, effective_at=at, reference=str(purchase.purchase_id),
        paid_amount=basis, currency=purchase.price.currency,
    )  # fmt: skip
    request = Request(
        asked.workspace_id, purchase.kind, NAMESPACE, f"restore/{asked.refund_id}",
        ask.Grant(
            asked.credits, terms, is_frozen="open" in told or is_frozen(workspace, at=at)
        ),
    )  # fmt: skip
    as_read = subscriptions.expected(workspace.workspace_id, workspace.subscription)
    return (request,), (as_read, row)


def _restored_state(purchase: Purchase, *, is_disputed: bool) -> PurchaseState:
    if purchase.granted_at is None:
        return PurchaseState.PAID
    return PurchaseState.DISPUTED if is_disputed else PurchaseState.GRANTED
