"""Invoices and credit notes: listed, shown, printed; they are issued with what they are about."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from mutoscope.app.print_invoice import printed_invoice, printed_request
from mutoscope.documents.letters import FontMissing
from mutoscope.domain.invoices import DocumentKind, Treatment
from mutoscope.storage import invoices, workspaces
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.invoices import Invoice, InvoiceItem, UnknownInvoice
from mutoscope.storage.payments import UnknownRequest
from mutoscope.storage.place import LAST, cursor_of, place_of
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented

MEDIA_TYPE: Final = "application/pdf"


class InvoicePage(msgspec.Struct, frozen=True, kw_only=True):
    """Invoices and credit notes, newest first; `next` is the cursor of the page after."""

    invoices: tuple[InvoiceItem, ...]
    next: str | None


class InvoiceLineShape(msgspec.Struct, frozen=True, kw_only=True):
    """What is paid for: a net amount in minor units, and the span that it pays for, half-open."""

    code: str
    text: str
    amount: int
    starts_at: datetime | None
    ends_at: datetime | None


class BuyerShape(msgspec.Struct, frozen=True, kw_only=True):
    """Who was billed, as it stands on the document."""

    legal_name: str
    address: tuple[str, ...]
    country: str | None
    tax_id: str | None
    email: str | None


class InvoiceShape(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice or credit note as it was issued; `credited` was credited of it since.

    `paid_at` is when the money of an invoice came, also where it was issued before.
    Amounts are minor units of the currency, those of a credit note are what it credits. `rate` is
    in basis points.
    """

    workspace_id: UUID
    invoice_id: UUID
    kind: DocumentKind
    number: str
    buyer: BuyerShape
    lines: tuple[InvoiceLineShape, ...]
    currency: str
    net: int
    tax: int
    total: int
    rate: int
    treatment: Treatment
    note: str | None
    issued_at: datetime
    due_at: datetime | None
    paid_at: datetime | None
    billing_at: datetime | None
    request_id: UUID | None
    refers_to: UUID | None
    refers_to_number: str | None
    reason: str | None
    credited: int


@get(
    "/workspaces/{workspace_id:uuid}/invoices", operation_id="listInvoices", tags=["invoices"],
    summary="Invoices and credit notes of a workspace, newest first",
    responses=documented(UnknownWorkspace, BadCursor),
)  # fmt: skip
async def list_invoices(
    *, house: HouseHere, workspace_id: FromPath[UUID], limit: Limit = 50, after: After = None
) -> InvoicePage:
    """Return a page of invoices."""
    begin = place_of(after, begin=LAST)
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        found = await invoices.page(
            connection, workspace_id=workspace_id, before_at=begin.at, before_id=begin.item_id,
            limit=limit + 1,
        )  # fmt: skip
    items = found[:limit]
    last = items[-1] if len(found) > limit else None
    following = cursor_of(at=last.issued_at, item_id=last.invoice_id) if last else None
    return InvoicePage(invoices=items, next=following)


@get(
    "/workspaces/{workspace_id:uuid}/invoices/{invoice_id:uuid}", operation_id="showInvoice",
    tags=["invoices"], summary="An invoice or credit note with its lines",
    responses=documented(UnknownInvoice),
)  # fmt: skip
async def show_invoice(
    *, house: HouseHere, workspace_id: FromPath[UUID], invoice_id: FromPath[UUID]
) -> InvoiceShape:
    """Return an invoice or credit note."""
    async with house.studio.reading() as connection:
        return _shape(
            await invoices.get(connection, workspace_id=workspace_id, invoice_id=invoice_id)
        )


@get(
    "/workspaces/{workspace_id:uuid}/invoices/{invoice_id:uuid}/invoice.pdf",
    operation_id="printInvoice", tags=["invoices"], media_type=MEDIA_TYPE,
    summary="An invoice or credit note, printed: the same bytes each time",
    responses=documented(UnknownInvoice, FontMissing),
)  # fmt: skip
async def print_invoice(
    *, house: HouseHere, workspace_id: FromPath[UUID], invoice_id: FromPath[UUID]
) -> Response[bytes]:
    """Return an invoice or credit note as PDF."""
    return _file(
        *await printed_invoice(house.studio, workspace_id=workspace_id, invoice_id=invoice_id)
    )


@get(
    "/workspaces/{workspace_id:uuid}/payment-requests/{request_id:uuid}/request.pdf",
    operation_id="printPaymentRequest", tags=["invoices"], media_type=MEDIA_TYPE,
    summary="A payment request, printed: it has no number",
    responses=documented(UnknownRequest, FontMissing),
)  # fmt: skip
async def print_payment_request(
    *, house: HouseHere, workspace_id: FromPath[UUID], request_id: FromPath[UUID]
) -> Response[bytes]:
    """Return a payment request as PDF."""
    return _file(
        *await printed_request(house.studio, workspace_id=workspace_id, request_id=request_id)
    )


def _file(name: str, content: bytes) -> Response[bytes]:
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Response(content, media_type=MEDIA_TYPE, headers=headers)


def _shape(found: Invoice) -> InvoiceShape:
    taxed = found.taxed
    own = ("workspace_id", "invoice_id", "kind", "number", "issued_at", "due_at", "paid_at",
           "billing_at", "request_id", "refers_to", "refers_to_number", "reason",
           "credited")  # fmt: skip
    return InvoiceShape(
        **{name: getattr(found, name) for name in own},
        buyer=_buyer(found),
        lines=tuple(
            InvoiceLineShape(
                code=line.code, text=line.text, amount=line.amount, starts_at=line.starts_at,
                ends_at=line.ends_at,
            )
            for line in found.lines
        ),
        currency=taxed.currency, net=taxed.net, tax=taxed.tax, total=taxed.total, rate=taxed.rate,
        treatment=taxed.treatment, note=taxed.note,
    )  # fmt: skip


def _buyer(found: Invoice) -> BuyerShape:
    buyer = found.taxed.buyer
    return BuyerShape(
        legal_name=buyer.legal_name, address=buyer.address, country=buyer.country,
        tax_id=buyer.tax_id, email=buyer.email,
    )  # fmt: skip
