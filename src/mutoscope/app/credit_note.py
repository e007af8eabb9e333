"""Credit notes by hand: staff credit an invoice, whole or in part, with a reason.

Invariant: what is credited of an invoice that nobody has paid yet is not asked for any more, from
the transaction on that issues the credit note. When nothing is left to pay, the plan goes on as one
that is paid. What was paid already stays with the studio: money goes back by a refund.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app import suspend
from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.billing import OPEN
from mutoscope.app.billing_details import checked_line
from mutoscope.app.invoicing import credit_draft, issued
from mutoscope.domain.planner import Submission
from mutoscope.storage import invoices, payments
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from mutoscope.app.desk import Deed
    from mutoscope.app.invoicing import Draft
    from mutoscope.app.studio import Studio
    from mutoscope.storage.invoices import Invoice
    from mutoscope.storage.payments import PaymentRequest

RACES_MAX: Final = 5
"""Credit notes of one invoice that may come in between, before the caller is told so."""


async def credit(studio: Studio, deed: Deed) -> None:
    """Credit an invoice at the desk; the reason is printed on the credit note.

    :raises Refusal: as `credit_invoice`.
    """
    await credit_invoice(
        studio, workspace_id=deed.workspace_id, invoice_id=deed.id_of("invoice_id"),
        amount=deed.number_of("amount"), reason=deed.reason, act=deed.act(studio),
    )  # fmt: skip


async def credit_invoice(
    studio: Studio, *, workspace_id: UUID, invoice_id: UUID, reason: str, amount: int | None = None,
    act: Act = NOBODYS,
) -> Invoice:  # fmt: skip
    """Credit some of an invoice, tax included, or all that is left; return the credit note.

    What the act brings along commits with it.

    :raises UnknownInvoice: when the workspace has no such invoice.
    :raises NotAnInvoice: when it is a credit note.
    :raises CreditExceedsInvoice: when the amount is not from 1 to what is left.
    :raises BadBillingDetails: when the reason cannot be printed.
    :raises SideRowRefused: when others credit the same invoice again and again.
    """
    words = checked_line(reason, field="reason")
    for race in range(RACES_MAX):
        draft = await credit_draft(
            studio, workspace_id=workspace_id, invoice_id=invoice_id, reason=words, amount=amount
        )
        try:
            await _credit(studio, draft, act)
            break
        except SideRowRefused:  # another credit note, or its payment, was first
            if race == RACES_MAX - 1:
                raise
    async with studio.reading() as connection:
        return await invoices.get(
            connection, workspace_id=workspace_id, invoice_id=draft.invoice_id
        )


async def _credit(studio: Studio, draft: Draft, act: Act) -> None:
    """Issue a credit note, and ask for so much less where its invoice is not paid."""
    amount = draft.taxed.total
    told = act.telling(
        invoice_id=str(draft.refers_to), credit_note_id=str(draft.invoice_id), amount=amount,
        currency=draft.taxed.currency,
    )  # fmt: skip
    rows = (*issued(studio, draft=draft), *told)
    request = await _unpaid(studio, draft)
    if request is None:
        await studio.journal.submit(Submission(()), side_rows=rows)
        return
    row = (request.workspace_id, request.request_id, request.credited, amount)
    rows = (SideRow(payments.credit_requests, row), *rows)
    lowered = replace(request, credited=request.credited + amount)
    if lowered.money().amount:
        await studio.journal.submit(Submission(()), side_rows=rows)
    else:
        await suspend.settle(studio, lowered, rows=rows, act=act, at=draft.issued_at)


async def _unpaid(studio: Studio, draft: Draft) -> PaymentRequest | None:
    """Return the request by which the credited invoice is still to be paid."""
    assert draft.refers_to is not None, "a credit note is of an invoice"
    async with studio.reading() as connection:
        invoice = await invoices.get(
            connection, workspace_id=draft.workspace_id, invoice_id=draft.refers_to
        )
        if invoice.request_id is None:
            return None
        request = await payments.request(
            connection, workspace_id=draft.workspace_id, request_id=invoice.request_id
        )
    return request if request.state == OPEN else None
