"""Invoices and credit notes: their lines, taxes and numbers.

Invariant: an invoice never changes; what is paid, refunded or disputed is told elsewhere, and a
mistake is a credit note. Amounts are minor units of one currency, and each rounding is stated.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from mutoscope.domain.credits import Refusal

BASIS_POINTS: Final = 10_000
NUMBER_DIGITS: Final = 6
_NUMBER: Final = re.compile(r"(?<![A-Z0-9])([A-Z][A-Z0-9]*)-([0-9]{4})-([0-9]{1,12})(?![0-9])")


class DocumentKind(StrEnum):
    """What is issued under a number of its own series."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class Treatment(StrEnum):
    """How an invoice is taxed: at a rate, by the buyer itself, or not at all."""

    STANDARD = "standard"
    REVERSE_CHARGE = "reverse_charge"
    NONE = "none"


class NothingToInvoice(Refusal):
    """Lines that add up to less than nothing, or no lines at all."""

    code = "nothing_to_invoice"

    def __init__(self, *, net: int, lines: int) -> None:
        super().__init__(
            f"{lines} lines of {net} minor units in all are no invoice: what is given back is a "
            "credit note of the invoice that it belongs to"
        )
        self.net = net
        self.lines = lines


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who sells or buys, as it stands on a document; `country` has the two letters of ISO 3166.

    The tax id of a buyer was checked before it was kept.
    """

    legal_name: str
    address: tuple[str, ...] = ()
    country: str | None = None
    tax_id: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxed:
    """What lines add up to for a buyer, in minor units, and how it is taxed.

    `rate` is in basis points of the net total; `note` says why there is no tax, where there is
    none.
    """

    buyer: Party
    net: int
    tax: int
    currency: str
    rate: int
    treatment: Treatment
    note: str | None = None

    @property
    def total(self) -> int:
        """Return what is to be paid."""
        return self.net + self.tax


def net_of(lines: Sequence[InvoiceLine]) -> int:
    """Return the net total of lines.

    :raises NothingToInvoice: when there is no line, or they add up to less than nothing.
    """
    net = sum(line.amount for line in lines)
    if not lines or net < 0:
        raise NothingToInvoice(net=net, lines=len(lines))
    return net


def tax_on(*, net: int, rate: int) -> int:
    """Return the tax on a net total that is not negative, at a rate in basis points.

    It is rounded once, half up, on the total; so the lines never add up to another tax.
    """
    assert net >= 0, net
    return (2 * net * rate + BASIS_POINTS) // (2 * BASIS_POINTS)


def tax_within(*, part: int, tax: int, total: int, before: int) -> int:
    """Return the tax within a part of a total, when other parts were taken before.

    Rounded half up on what is taken in all, so that the parts of a whole have its tax exactly.
    """
    assert 0 <= before <= before + part <= total, (part, total, before)
    return _share(tax, before + part, total) - _share(tax, before, total)


def number_text(*, series: str, year: int, number: int) -> str:
    """Return a document's number as it is printed, such as INV-2026-000123."""
    return f"{series}-{year}-{number:0{NUMBER_DIGITS}}"


def number_in(text: str) -> tuple[str, int, int] | None:
    """Return series, year and number of the document whose number stands in a text."""
    found = _NUMBER.search(text)
    return None if found is None else (found[1], int(found[2]), int(found[3]))


def _share(tax: int, part: int, total: int) -> int:
    return (2 * tax * part + total) // (2 * total) if total else 0
