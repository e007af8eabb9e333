"""Invoices and credit notes: their lines, taxes and numbers.

Invariant: an invoice never changes; what is paid, refunded or disputed is told elsewhere, and a
mistake is a credit note. Amounts are minor units of one currency, and each rounding is stated.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DocumentKind(StrEnum):
    """What is issued under a number of its own series."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """What is paid for: `amount` is net, in minor units, and negative where it is given back.

    A line of a plan has the span that it pays for, half-open; one of a pack has none. `code` says
    what it is (plan, proration, pack, refund), for the books.
    """

    code: str
    text: str
    amount: int
    starts_at: datetime | None = None
    ends_at: datetime | None = None
