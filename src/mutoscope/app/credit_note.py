"""Credit notes by hand: staff credit an invoice, whole or in part, with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.billing_details import checked_line
from mutoscope.app.invoicing import credit_draft, issued
from mutoscope.domain.planner import Submission
from mutoscope.storage import invoices
from mutoscope.storage.session import SideRowRefused

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.invoices import Invoice

RACES_MAX: Final = 5
"""Credit notes of one invoice that may come in between, before the caller is told so."""


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
            told = act.telling(invoice_id=str(invoice_id), credit_note_id=str(draft.invoice_id))
            rows = (*issued(studio, draft=draft), *told)
            await studio.journal.submit(Submission(()), side_rows=rows)
            break
        except SideRowRefused:  # another credit note was first: what is left has changed
            if race == RACES_MAX - 1:
                raise
    async with studio.reading() as connection:
        return await invoices.get(
            connection, workspace_id=workspace_id, invoice_id=draft.invoice_id
        )
