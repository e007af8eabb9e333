"""Billing details: who is billed for a workspace, checked before it is kept.

Owns the rules of what may stand on an invoice. Invariant: a tax id that was kept has the form and
the check digits of its country, where python-stdnum knows them; whether it is registered only the
country itself can tell. The surprising choice: it is kept in the one spelling that the country
prints, with its prefix in the European Union.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stdnum import get_cc_module
from stdnum.exceptions import ValidationError

from mutoscope.app.sign_up import normalised_email
from mutoscope.domain.countries import COUNTRIES, TAX_PREFIXES, UNION
from mutoscope.domain.credits import Refusal
from mutoscope.storage import billing_details

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.invoices import Party
    from mutoscope.storage.billing_details import BillingDetails

LINES_MAX: Final = 6
LINE_MAX: Final = 120
"""Characters of a name or a line of an address: more do not fit on a printed page."""

_LINE: Final = re.compile(rf"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{{1,{LINE_MAX}}}")
_FREE_TAX_ID: Final = re.compile(r"[!-~](?:[ -~]{0,38}[!-~])?")


class BadBillingDetails(Refusal):
    """A name or address that cannot be printed on an invoice."""

    code = "bad_billing_details"

    def __init__(self, *, field: str) -> None:
        super().__init__(
            f"{field} cannot be printed: give 1 to {LINE_MAX} characters on one line, and an "
            f"address of 1 to {LINES_MAX} such lines"
        )
        self.field = field


class BadCountry(Refusal):
    """A country that is none by ISO 3166."""

    code = "bad_country"

    def __init__(self, *, country: str) -> None:
        super().__init__(
            f"{country[:20]!r} is no country: give its two letters of ISO 3166, such as DE or US"
        )
        self.country = country


class BadTaxId(Refusal):
    """A tax id that its country would not have given."""

    code = "bad_tax_id"

    def __init__(self, *, tax_id: str, country: str) -> None:
        super().__init__(
            f"{tax_id[:40]!r} is no tax id of {country}: copy it from a paper of the company's, "
            "with its country's letters, or leave it out"
        )
        self.tax_id = tax_id
        self.country = country


async def set_details(studio: Studio, *, workspace_id: UUID, party: Party) -> BillingDetails:
    """Set who is billed from now on; what was issued keeps its buyer.

    Without an address for e-mail it is the workspace's own.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises BadBillingDetails: when a name or an address cannot be printed.
    :raises BadCountry: when the country is none.
    :raises BadTaxId: when the tax id is malformed.
    :raises BadEmail: when the address for invoices is malformed.
    """
    checked = _checked(party)
    at = studio.clock.now()
    async with studio.reading() as connection:
        await billing_details.get(connection, workspace_id=workspace_id)
        await billing_details.put(connection, workspace_id=workspace_id, party=checked, at=at)
        return await billing_details.get(connection, workspace_id=workspace_id)


def checked_tax_id(tax_id: str, *, country: str) -> str:
    """Return a tax id as its country prints it.

    :raises BadTaxId: when it is malformed.
    """
    module = get_cc_module(country.lower(), "vat")
    if module is None:
        if not _FREE_TAX_ID.fullmatch(tax_id.strip()):
            raise BadTaxId(tax_id=tax_id, country=country)
        return tax_id.strip()
    try:
        plain: str = module.validate(tax_id)
    except ValidationError:
        raise BadTaxId(tax_id=tax_id, country=country) from None
    if country not in UNION:
        return plain
    prefix = TAX_PREFIXES.get(country, country)
    return prefix + plain.removeprefix(prefix)


def checked_line(text: str, *, field: str) -> str:
    """Return a text that stands on one line of a printed page.

    :raises BadBillingDetails: when it does not.
    """
    if not _LINE.fullmatch(text.strip()):
        raise BadBillingDetails(field=field)
    return text.strip()


def _checked(party: Party) -> Party:
    name = checked_line(party.legal_name, field="legal_name")
    lines = tuple(checked_line(line, field="address") for line in party.address)
    if not 0 < len(lines) <= LINES_MAX:
        raise BadBillingDetails(field="address")
    country = (party.country or "").strip().upper()
    if country not in COUNTRIES:
        raise BadCountry(country=country)
    tax_id = None if party.tax_id is None else checked_tax_id(party.tax_id, country=country)
    if party.email is not None:
        normalised_email(party.email)
    email = None if party.email is None else party.email.strip()
    return replace(
        party, legal_name=name, address=lines, country=country, tax_id=tax_id, email=email
    )
