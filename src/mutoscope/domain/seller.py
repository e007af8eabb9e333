"""The seller: who issues invoices, by which numbers, rates and notes; the operator's own data.

Invariant: which tax applies follows from the seller's data and the buyer's country and tax id
alone. A buyer whose country nobody knows is taxed as one of the seller's own country: that is never
too little. This is a rule book for ordinary cases, not advice: the operator answers for the rates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from mutoscope.domain.calendar import local_date
from mutoscope.domain.countries import UNION
from mutoscope.domain.invoices import (
    DocumentKind,
    InvoiceLine,
    Party,
    Taxed,
    Treatment,
    net_of,
    tax_on,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxes:
    """Rates in basis points by the buyer's country, and the notes of those who pay no tax."""

    name: str
    rates: Mapping[str, int]
    reverse_charge_note: str
    outside_note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who sells; an example says on every document that it is one.

    `bank` are the lines by which a transfer finds its way; `zone` decides on which date, and in
    which year, a document is issued.
    """

    party: Party
    bank: tuple[str, ...]
    zone: str
    payment_days: int
    prefixes: Mapping[DocumentKind, str]
    taxes: Taxes
    is_example: bool

    def year(self, *, at: datetime) -> int:
        """Return the year of the numbers that are taken at an instant."""
        return local_date(at=at, zone=self.zone).year

    def taxed(self, *, buyer: Party, lines: Sequence[InvoiceLine], currency: str) -> Taxed:
        """Return what lines come to for a buyer.

        :raises NothingToInvoice: when there is no line, or they add up to less than nothing.
        """
        net = net_of(lines)
        rate, treatment, note = self._treatment(buyer)
        return Taxed(
            buyer=buyer, net=net, tax=tax_on(net=net, rate=rate), currency=currency, rate=rate,
            treatment=treatment, note=note,
        )  # fmt: skip

    def printed(self) -> dict[str, Any]:
        """Return what stands on a document, as plain data that is kept with it."""
        return {
            **asdict(self.party), "bank": self.bank, "zone": self.zone,
            "tax_name": self.taxes.name, "is_example": self.is_example,
        }  # fmt: skip

    def _treatment(self, buyer: Party) -> tuple[int, Treatment, str | None]:
        own = self.party.country
        assert own is not None, "the seller's file names a country"
        country = buyer.country or own
        rates = self.taxes.rates
        if country == own:
            return rates[own], Treatment.STANDARD, None
        if {own, country} <= UNION:
            if buyer.tax_id is not None:
                return 0, Treatment.REVERSE_CHARGE, self.taxes.reverse_charge_note
            return rates.get(country, rates[own]), Treatment.STANDARD, None
        if country in rates:
            return rates[country], Treatment.STANDARD, None
        return 0, Treatment.NONE, self.taxes.outside_note
