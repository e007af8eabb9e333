"""The seller's TOML text, read into a value, or refused with all that is wrong with it.

Owns the names of the keys and their limits. The invariant: a seller that was read has a rate for
its own country, and two series that cannot be mistaken for one another.
"""

import re

from mutoscope.domain.calendar import local_date
from mutoscope.domain.countries import COUNTRIES
from mutoscope.domain.invoices import BASIS_POINTS, DocumentKind, Party
from mutoscope.domain.seller import Seller, Taxes
from mutoscope.domain.toml_file import FileRefused, toml_content
from mutoscope.domain.toml_table import LIST_MAX, NO_INSTANT, Problem, Table
from mutoscope.domain.wall_clock import UnknownZone

PAYMENT_DAYS_MAX = 365

NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
PREFIX = re.compile(r"[A-Z][A-Z0-9]{0,9}")
EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@(?:[\w-]+\.)+[\w-]+")
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}")
BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
CURRENT = NO_INSTANT.replace(year=2025)  # any instant tells whether a zone is known


class SellerRefused(FileRefused):
    """A seller's text is bad."""

    code = "bad_seller"


def parse_seller(*, text: str, source: str) -> Seller:
    """Read who sells; `source` names the file in the refusal.

    :raises SellerRefused: when the text is not TOML or anything in it is wrong.
    """
    problems: list[Problem] = []
    content = toml_content(text=text, source=source, shipped="seller.toml", refusal=SellerRefused)
    root = Table(path="", content=content, problems=problems)
    party = _party(root)
    seller = Seller(
        party=party,
        bank=_bank(root.table(key="bank")) if root.has(key="bank") else (),
        zone=_zone(root),
        payment_days=root.whole(key="payment_days", at_least=0, at_most=PAYMENT_DAYS_MAX),
        prefixes=_prefixes(root.table(key="numbers")),
        taxes=_taxes(root.table(key="taxes"), party.country),
        is_example=root.flag(key="is_example") if root.has(key="is_example") else False,
    )
    root.close()
    if problems:
        raise SellerRefused(source=source, problems=tuple(problems))
    return seller


def _party(root: Table) -> Party:
    return Party(
        legal_name=root.text(key="legal_name", example="Lumen Studio Ltd", pattern=NAME),
        address=root.texts(key="address", example="1 Main Street", pattern=NAME),
        country=_country(root),
        tax_id=_optional(root, "tax_id", "IE0000000AB", NAME),
        email=root.text(key="email", example="billing@example.com", pattern=EMAIL),
    )


def _country(root: Table) -> str:
    country = root.text(key="country", example="IE")
    if country not in COUNTRIES:
        root.complain(key="country", remedy="give the two letters of ISO 3166, such as IE or US")
    return country


def _zone(root: Table) -> str:
    zone = root.text(key="zone", example="Europe/Dublin")
    try:
        local_date(at=CURRENT, zone=zone)
    except UnknownZone:
        root.complain(key="zone", remedy="give a zone of the IANA database: Europe/Dublin")
    return zone


def _bank(table: Table) -> tuple[str, ...]:
    """Read where a transfer goes: an account by its numbers, or lines of the operator's own."""
    found = [
        f"{label}: {value}"
        for label, value in (
            ("Account name", _optional(table, "account_name", "Lumen Studio Ltd", NAME)),
            ("IBAN", _iban(table)),
            ("BIC", _optional(table, "bic", "AIBKIE2D", BIC)),
        )
        if value is not None
    ]
    if table.has(key="lines"):
        found += table.texts(key="lines", example="Routing number: 011401533", pattern=NAME)
    if not found:
        table.complain(key="iban", remedy="give an iban, or lines of your own")
    table.close()
    return tuple(found)


def _iban(table: Table) -> str | None:
    iban = _optional(table, "iban", "IE29 AIBK 9311 5212 3456 78", IBAN)
    if iban is None or not IBAN.fullmatch(iban):
        return iban
    plain = iban.replace(" ", "")
    digits = "".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])
    if int(digits) % 97 != 1:
        table.complain(key="iban", remedy="look it up again: its check digits are wrong")
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def _prefixes(table: Table) -> dict[DocumentKind, str]:
    found = {
        DocumentKind.INVOICE: table.text(key="invoice", example="INV", pattern=PREFIX),
        DocumentKind.CREDIT_NOTE: table.text(key="credit_note", example="CN", pattern=PREFIX),
    }
    if found[DocumentKind.INVOICE] == found[DocumentKind.CREDIT_NOTE]:
        table.complain(key="credit_note", remedy="give credit notes a prefix of their own")
    table.close()
    return found


def _taxes(table: Table, own: str | None) -> Taxes:
    rates = table.table(key="rates")
    found = {key: rates.whole(key=key, at_least=0, at_most=BASIS_POINTS) for key in rates.content}
    for key in found:
        if key not in COUNTRIES:
            rates.complain(key=key, remedy="name a country by its two letters of ISO 3166")
    if own in COUNTRIES and own not in found:
        rates.complain(key=own, remedy="give the rate of your own country in basis points, or 0")
    if len(found) > LIST_MAX:
        table.complain(key="rates", remedy=f"give at most {LIST_MAX} rates")
    taxes = Taxes(
        name=table.text(key="name", example="VAT", pattern=re.compile(r"[^\x00-\x1f\x7f]{1,20}")),
        rates=found,
        reverse_charge_note=table.text(key="reverse_charge_note", example="Reverse charge."),
        outside_note=table.text(key="outside_note", example="Not subject to VAT here."),
    )
    table.close()
    return taxes


def _optional(table: Table, key: str, example: str, pattern: re.Pattern[str]) -> str | None:
    return table.text(key=key, example=example, pattern=pattern) if table.has(key=key) else None
