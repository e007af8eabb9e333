"""Printing of issued documents and of payment requests, from what was kept of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

from mutoscope.app.invoice_page import invoice_page, request_page
from mutoscope.app.pay_links import pay_link
from mutoscope.storage import invoices, payments, workspaces

if TYPE_CHECKING:
    from mutoscope.app.invoice_page import InvoicePage
    from mutoscope.app.studio import Studio


async def printed_invoice(
    studio: Studio, *, workspace_id: UUID, invoice_id: UUID
) -> tuple[str, bytes]:
    """Return the number and the PDF of an issued document: the same bytes each time.

    :raises UnknownInvoice: when the workspace has none of that id.
    :raises FontMissing: when it has letters that cannot be printed.
    """
    async with studio.reading() as connection:
        found = await invoices.get(connection, workspace_id=workspace_id, invoice_id=invoice_id)
    return await _printed(studio, invoice_page(found))


async def printed_request(
    studio: Studio, *, workspace_id: UUID, request_id: UUID
) -> tuple[str, bytes]:
    """Return the name and the PDF of a payment request, which has no number.

    :raises UnknownRequest: when the workspace has none of that id.
    :raises FontMissing: when it has letters that cannot be printed.
    """
    invoice = None
    async with studio.reading() as connection:
        asked = await payments.request(connection, workspace_id=workspace_id, request_id=request_id)
        owner = await workspaces.get(connection, workspace_id=workspace_id)
        if asked.invoice_id is not None:
            invoice = await invoices.get(
                connection, workspace_id=workspace_id, invoice_id=asked.invoice_id
            )
    zone = owner.zone if owner.subscription is None else owner.subscription.zone
    link = None
    if not studio.is_by_hand(asked.gateway):
        link = pay_link(studio, asked, at=studio.clock.now())
    page = request_page(
        asked, seller=studio.seller, zone=zone if invoice is None else invoice.zone,
        invoice=invoice, card_link=link,
    )  # fmt: skip
    return await _printed(studio, page)


async def _printed(studio: Studio, page: InvoicePage) -> tuple[str, bytes]:
    assert studio.printer is not None, "bootstrap sets a printer"
    return page.name, await asyncio.to_thread(studio.printer, page)
