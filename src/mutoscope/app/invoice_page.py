"""An invoice, credit note or payment request as it is printed: facts, lines and totals in words.

Invariant: a document follows from the stored snapshot alone, never from what happened since, so
that it is printed the same at any time; a payment request asks for what is still to be paid. The
surprising choice: dates are told by the clocks of the billing zone, but the date of issue by the
seller's, since its year is that of the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mutoscope.domain.calendar import local_date
from mutoscope.domain.invoices import DocumentKind, InvoiceLine, Party, Taxed, Treatment
from mutoscope.domain.money import amount_text, money_text
from mutoscope.domain.transfer_words import transfer_words

if TYPE_CHECKING:
    from mutoscope.domain.seller import Seller
    from mutoscope.storage.invoices import Invoice
    from mutoscope.storage.payments import PaymentRequest

TITLES: Final = {DocumentKind.INVOICE: "Invoice", DocumentKind.CREDIT_NOTE: "Credit note"}
TOTALS: Final = {DocumentKind.INVOICE: "Total", DocumentKind.CREDIT_NOTE: "Total credited"}
EXAMPLE: Final = "Example. The seller of this studio is not set up yet: this document is not valid."
CHARGED: Final = (
    "The amount is charged to your card: nothing has to be transferred. If that fails, you get a "
    "link to pay."
)
REQUEST_NOTE: Final = "No tax can be deducted by this request: {}."
TO_FOLLOW: Final = "the invoice follows when the money has arrived"

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePage:
    """What is printed; `lines` are a text, its span and its amount, `totals` end with the sum.

    `name` is the file's, without its suffix.
    """

    name: str
    title: str
    subtitle: str
    number: str
    warning: str
    seller: tuple[str, ...]
    buyer: tuple[str, ...]
    facts: Rows
    currency: str
    lines: tuple[tuple[str, str, str], ...]
    totals: Rows
    notes: tuple[str, ...]
    payment: Rows
    footer: str


def invoice_page(invoice: Invoice) -> InvoicePage:
    """Return what is printed of an issued document."""
    seller, taxed, zone = invoice.seller, invoice.taxed, invoice.zone
    is_owed = invoice.due_at is not None  # when it was issued: what is printed never changes
    is_by_card = seller.get("is_by_card", False)  # those issued before told the bank account
    facts = (
        ("Number", invoice.number),
        ("Date of issue", _day(invoice.issued_at, seller["zone"])),
        *_when(
            ("Paid on", None if is_owed else invoice.paid_at),
            ("Due on", invoice.due_at),
            zone=seller["zone"],
        ),
        *((("Paid by", "card"),) if is_by_card and not is_owed else ()),
        *_when(("Billing date", invoice.billing_at), zone=zone),
        *((("For invoice", invoice.refers_to_number),) if invoice.refers_to_number else ()),
        *((("Reason", invoice.reason),) if invoice.reason else ()),
    )
    payment = (("By card", CHARGED),) if is_by_card else _payment(seller, invoice.number)
    return InvoicePage(
        name=invoice.number, title=TITLES[invoice.kind], subtitle="", number=invoice.number,
        warning=EXAMPLE if seller["is_example"] else "", seller=_seller(seller),
        buyer=_buyer(taxed.buyer, seller), facts=facts, currency=taxed.currency,
        lines=_lines(invoice.lines, taxed.currency, zone),
        totals=_totals(taxed, seller, TOTALS[invoice.kind]),
        notes=(taxed.note,) if taxed.note else (),
        payment=payment if is_owed else (), footer=_footer(seller),
    )  # fmt: skip


def request_page(
    asked: PaymentRequest, *, seller: Seller, zone: str, invoice: Invoice | None = None,
    card_link: str | None = None,
) -> InvoicePage:  # fmt: skip
    """Return what is printed of a payment request: everything but a number.

    One that is paid by card tells the link to do so, and no bank account; one that is paid or
    cancelled tells that. Spans are by the clocks of the zone.
    """
    printed, taxed = seller.printed(), asked.taxed
    reference = transfer_words(request_id=asked.request_id)
    is_open = asked.paid_at is None and asked.cancelled_at is None
    where = _card(card_link) if card_link else _payment(printed, reference)
    issued = f"the invoice is {invoice.number}" if invoice is not None else TO_FOLLOW
    return InvoicePage(
        name=f"payment-request-{reference.lower()}",
        title="Payment request", subtitle="Not an invoice", number="",
        warning=EXAMPLE if seller.is_example else "", seller=_seller(printed),
        buyer=_buyer(taxed.buyer, printed),
        facts=(("Date", _day(asked.created_at, seller.zone)),
               *_when(("Paid on", asked.paid_at), ("Cancelled on", asked.cancelled_at),
                      ("To pay by", asked.due_at), zone=seller.zone)),
        currency=taxed.currency, lines=_lines(asked.lines, taxed.currency, zone),
        totals=_asked_totals(asked, printed, is_open=is_open),
        notes=(*((taxed.note,) if taxed.note else ()), REQUEST_NOTE.format(issued)),
        payment=where if is_open else (), footer=_footer(printed),
    )  # fmt: skip


def percent(rate: int) -> str:
    """Return a rate in basis points as people write it."""
    whole, rest = divmod(rate, 100)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".") + " %"


def _seller(seller: Mapping[str, Any]) -> tuple[str, ...]:
    return (seller["legal_name"], *_address(seller["address"], seller["country"]))


def _buyer(buyer: Party, seller: Mapping[str, Any]) -> tuple[str, ...]:
    tax_id = (f"{seller['tax_name']} number {buyer.tax_id}",) if buyer.tax_id else ()
    return (buyer.legal_name, *_address(buyer.address, buyer.country), *tax_id)


def _address(lines: Sequence[str], country: str | None) -> tuple[str, ...]:
    """Return the lines of an address, the country behind the last one."""
    if not lines or country is None:
        return tuple(lines)
    return (*lines[:-1], f"{lines[-1]}, {country}")


def _when(*known: tuple[str, datetime | None], zone: str) -> Rows:
    """Return the first date that is known, with its name."""
    return tuple((name, _day(at, zone)) for name, at in known if at is not None)[:1]


def _lines(
    lines: Iterable[InvoiceLine], currency: str, zone: str
) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (line.text, _span(line, zone), _signed(amount_text(line.amount, currency)))
        for line in lines
    )


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _span(line: InvoiceLine, zone: str) -> str:
    if line.starts_at is None or line.ends_at is None:
        return ""
    return f"{_short(line.starts_at, zone)} \N{EN DASH} {_short(line.ends_at, zone)}"


def _totals(taxed: Taxed, seller: Mapping[str, Any], total: str) -> Rows:
    tax = {
        Treatment.STANDARD: f"{seller['tax_name']} {percent(taxed.rate)}",
        Treatment.REVERSE_CHARGE: f"{seller['tax_name']}, reverse charge",
        Treatment.NONE: f"No {seller['tax_name']}",
    }[taxed.treatment]
    return (
        ("Net", amount_text(taxed.net, taxed.currency)),
        (tax, amount_text(taxed.tax, taxed.currency)),
        (total, money_text(taxed.total, taxed.currency)),
    )


def _asked_totals(asked: PaymentRequest, seller: Mapping[str, Any], *, is_open: bool) -> Rows:
    """Return the totals of a request, less what was credited of its invoice while it was open."""
    to_pay = "To pay" if is_open else "Total"
    if not asked.credited:
        return _totals(asked.taxed, seller, to_pay)
    less = _signed(amount_text(-asked.credited, asked.taxed.currency))
    left = asked.money()
    return (
        *_totals(asked.taxed, seller, "Invoiced"),
        ("Credited since", less), (to_pay, money_text(left.amount, left.currency)),
    )  # fmt: skip


def _payment(seller: Mapping[str, Any], reference: str) -> Rows:
    """Return where to pay to; a label of the operator's own stands before its colon."""
    if not seller["bank"]:
        return ()
    rows = [line.partition(": ") for line in seller["bank"]]
    known = [(label, value) if colon else ("", label) for label, colon, value in rows]
    return (*known, ("Reference", reference))


def _card(link: str) -> Rows:
    """Return where to pay by card; a studio without a public address has but the path of it."""
    if link.startswith("/"):
        return (("By card", "at this studio's address"), ("", link))
    return (("By card", link),)


def _footer(seller: Mapping[str, Any]) -> str:
    tax_id = f"{seller['tax_name']} number {seller['tax_id']}" if seller["tax_id"] else None
    return "  \N{MIDDLE DOT}  ".join(
        each for each in (seller["legal_name"], tax_id, seller["email"]) if each
    )


def _day(at: datetime, zone: str) -> str:
    day = local_date(at=at, zone=zone)
    return f"{day.day} {day:%B %Y}"


def _short(at: datetime, zone: str) -> str:
    day = local_date(at=at, zone=zone)
    return f"{day.day} {day:%b %Y}"
