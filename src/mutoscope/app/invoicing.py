"""Invoicing: what lines come to for a buyer, and the rows that issue an invoice or credit note.

Invariant: a document is issued in the transaction of what it is about, by the rows that `issued`
returns; there it takes its number, and its message goes into the outbox. A draft has its id from
its caller, who may repeat it: the second time writes nothing. The surprising choice: who issues
hands in what was taxed, and nothing is computed anew, so that an invoice says what was paid.

Put these rows last among the side rows of a submission: the lock of the numbers is then held for
the shortest time, and taken after every other lock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.domain.calendar import local_date
from mutoscope.domain.credits import Refusal
from mutoscope.domain.invoices import DocumentKind, InvoiceLine, Party, Taxed, tax_within
from mutoscope.domain.money import money_text
from mutoscope.storage import billing_details, invoices
from mutoscope.storage.invoice_text import lines_text
from mutoscope.storage.invoices import NUMBER, NewInvoice, write_documents
from mutoscope.storage.outbox import Attached, MessageState, NewMessage, write_messages
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.invoices import Invoice

TITLES: Final = {DocumentKind.INVOICE: "Invoice", DocumentKind.CREDIT_NOTE: "Credit note"}
NO_ADDRESS: Final = "the workspace has no address for invoices: set one in its billing details"


class CreditExceedsInvoice(Refusal):
    """A credit note for more than is left of its invoice, or for nothing."""

    code = "credit_exceeds_invoice"

    def __init__(self, *, amount: int, left: int, currency: str) -> None:
        super().__init__(
            f"{money_text(amount, currency)} cannot be credited: take from 1 minor unit to what "
            f"is left of the invoice, {money_text(left, currency)}"
        )
        self.amount = amount
        self.left = left
        self.currency = currency


class NotAnInvoice(Refusal):
    """A credit note for a document that is a credit note itself."""

    code = "not_an_invoice"

    def __init__(self, *, number: str) -> None:
        super().__init__(f"{number} is a credit note: only an invoice can be credited")
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document before it has a number. `invoice_id` is the caller's, unique for ever.

    `billing_at` is the billing date that stands on it, by the clocks of `zone` (the seller's when
    empty); spans of lines are told by the same. A draft that was paid has `paid_at`, one that waits
    for money `due_at`; `is_by_card` tells how it was, or will be, paid. `refers_to`,
    `credited_before`, `reason` and `sent_to` are a credit note's: make one with `credit_draft`.
    """

    workspace_id: UUID
    invoice_id: UUID
    taxed: Taxed
    lines: tuple[InvoiceLine, ...]
    issued_at: datetime
    kind: DocumentKind = DocumentKind.INVOICE
    zone: str = ""
    due_at: datetime | None = None
    paid_at: datetime | None = None
    is_by_card: bool = False
    billing_at: datetime | None = None
    request_id: UUID | None = None
    refers_to: UUID | None = None
    credited_before: int = 0
    reason: str | None = None
    sent_to: Party | None = None


async def taxed(
    studio: Studio, *, workspace_id: UUID, lines: Sequence[InvoiceLine], currency: str
) -> Taxed:
    """Return what lines come to for a workspace, with its buyer as the billing details have it.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NothingToInvoice: when there is no line, or they add up to less than nothing.
    """
    async with studio.reading() as connection:
        details = await billing_details.get(connection, workspace_id=workspace_id)
    return studio.seller.taxed(buyer=details.party, lines=lines, currency=currency)


async def buyers(studio: Studio, *, workspaces: Sequence[UUID]) -> Mapping[UUID, Party]:
    """Return the buyers of many workspaces at once; `studio.seller.taxed` takes each."""
    async with studio.reading() as connection:
        found = await billing_details.of_all(connection, workspaces=workspaces)
    return {workspace_id: details.party for workspace_id, details in found.items()}


def issued(studio: Studio, *, draft: Draft) -> tuple[SideRow, ...]:
    """Return the rows that issue a document in the transaction that they are submitted with."""
    return (SideRow(write_documents, _row(studio, draft)),)


def requested(
    studio: Studio, *, workspace_id: UUID, request_id: UUID, taxed: Taxed, due_at: datetime
) -> tuple[SideRow, ...]:
    """Return the rows that send a payment request, printed, in the transaction that asks for it.

    The row of `payment_requests` keeps `taxed_text(taxed)` in its column `taxed`.
    """
    seller = studio.seller
    body = (
        f"Hello {taxed.buyer.legal_name},\n\n"
        f"please transfer {money_text(taxed.total, taxed.currency)} by "
        f"{_day(due_at, seller.zone)}. The attached request tells where to. It is not an invoice: "
        "you get that as soon as the money is here.\n\n"
        f"{seller.party.legal_name}\n"
    )
    message = _message(
        taxed.buyer,
        NewMessage(
            workspace_id=workspace_id, message_id=studio.ids.new(), recipient="",
            subject=f"Payment request from {seller.party.legal_name}", body=body,
            created_at=studio.clock.now(), attached=Attached.PAYMENT_REQUEST,
            attached_id=request_id,
        ),
    )  # fmt: skip
    return (SideRow(write_messages, tuple(message)),)


async def credit_draft(
    studio: Studio, *, workspace_id: UUID, invoice_id: UUID, reason: str, amount: int | None = None
) -> Draft:
    """Return the draft of a credit note, for some of what is left of an invoice or all of it.

    `amount` includes the tax. It names the buyer of the invoice, and is sent to where documents go
    now. When another credit note comes in between, the submission is refused
    as `state_moved_on`: make the draft again.

    :raises UnknownInvoice: when the workspace has no such invoice.
    :raises NotAnInvoice: when it is a credit note.
    :raises CreditExceedsInvoice: when the amount is not from 1 to what is left.
    """
    async with studio.reading() as connection:
        invoice = await invoices.get(connection, workspace_id=workspace_id, invoice_id=invoice_id)
        details = await billing_details.get(connection, workspace_id=workspace_id)
    if invoice.kind is not DocumentKind.INVOICE:
        raise NotAnInvoice(number=invoice.number)
    left = invoice.taxed.total - invoice.credited
    wanted = left if amount is None else amount
    if not 0 < wanted <= left:
        raise CreditExceedsInvoice(amount=wanted, left=left, currency=invoice.taxed.currency)
    return Draft(
        workspace_id=workspace_id, invoice_id=studio.ids.new(), kind=DocumentKind.CREDIT_NOTE,
        taxed=_part(invoice, wanted), lines=_credited_lines(invoice, wanted),
        issued_at=studio.clock.now(), zone=invoice.zone, billing_at=invoice.billing_at,
        refers_to=invoice_id, credited_before=invoice.credited, reason=reason,
        sent_to=details.party,
    )  # fmt: skip


def _part(invoice: Invoice, wanted: int) -> Taxed:
    whole = invoice.taxed
    tax = tax_within(part=wanted, tax=whole.tax, total=whole.total, before=invoice.credited)
    return Taxed(
        buyer=whole.buyer, net=wanted - tax, tax=tax, currency=whole.currency, rate=whole.rate,
        treatment=whole.treatment, note=whole.note,
    )  # fmt: skip


def _credited_lines(invoice: Invoice, wanted: int) -> tuple[InvoiceLine, ...]:
    """Return the invoice's own lines when all of it is credited at once, else one for the part."""
    if wanted == invoice.taxed.total:
        return invoice.lines
    net = _part(invoice, wanted).net
    return (InvoiceLine(code="refund", text=f"Part of {invoice.number}", amount=net),)


def _row(studio: Studio, draft: Draft) -> NewInvoice:
    seller, taxed = studio.seller, draft.taxed
    assert taxed.net == sum(line.amount for line in draft.lines), "the lines are what was taxed"
    return NewInvoice(
        workspace_id=draft.workspace_id, invoice_id=draft.invoice_id, kind=draft.kind,
        series=seller.prefixes[draft.kind], year=seller.year(at=draft.issued_at), number=0,
        currency=taxed.currency, net=taxed.net, tax=taxed.tax, total=taxed.total, rate=taxed.rate,
        treatment=taxed.treatment, note=taxed.note,
        seller=json.dumps(
            {**seller.printed(), "is_by_card": draft.is_by_card}, ensure_ascii=False
        ),
        buyer=json.dumps(asdict(taxed.buyer), ensure_ascii=False),
        zone=draft.zone or seller.zone, issued_at=draft.issued_at, due_at=draft.due_at,
        paid_at=draft.paid_at, billing_at=draft.billing_at, request_id=draft.request_id,
        refers_to=draft.refers_to, reason=draft.reason, lines=lines_text(draft.lines),
        credited_before=draft.credited_before,
        message=_message(draft.sent_to or taxed.buyer, _letter(studio, draft)),
    )  # fmt: skip


def _letter(studio: Studio, draft: Draft) -> NewMessage:
    """Return the message of a document, with `NUMBER` where its number will stand."""
    seller, title = studio.seller, TITLES[draft.kind]
    amount = money_text(draft.taxed.total, draft.taxed.currency)
    facts = [f"your {title.lower()} {NUMBER} is attached. It comes to {amount}."]
    if draft.paid_at is not None:
        facts.append("It is paid: thank you.")
    elif draft.is_by_card:
        facts.append("It is charged to your card.")
    elif draft.due_at is not None:
        facts.append(f"It is due on {_day(draft.due_at, seller.zone)}.")
    if draft.billing_at is not None:
        facts.append(f"Your billing date is {_day(draft.billing_at, draft.zone or seller.zone)}.")
    if draft.reason is not None:
        facts.append(f"The reason: {draft.reason}.")
    return NewMessage(
        workspace_id=draft.workspace_id, message_id=studio.ids.new(), recipient="",
        subject=f"{title} {NUMBER} from {seller.party.legal_name}",
        body=f"Hello,\n\n{' '.join(facts)}\n\n{seller.party.legal_name}\n",
        created_at=draft.issued_at, attached=Attached.DOCUMENT, attached_id=draft.invoice_id,
    )  # fmt: skip


def _message(buyer: Party, message: NewMessage) -> NewMessage:
    """Address a message; one to nobody is kept as undeliverable, where it can be read."""
    if buyer.email is not None:
        return message._replace(recipient=buyer.email)
    return message._replace(
        state=MessageState.UNDELIVERABLE, ended_at=message.created_at, failure=NO_ADDRESS
    )


def _day(at: datetime, zone: str) -> str:
    day = local_date(at=at, zone=zone)
    return f"{day.day} {day:%B %Y}"
