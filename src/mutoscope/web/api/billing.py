"""Billing details: who is billed for a workspace."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, put
from litestar.params import FromPath, JSONBody

from mutoscope.app.billing_details import (
    LINE_MAX,
    LINES_MAX,
    BadBillingDetails,
    BadCountry,
    BadTaxId,
    set_details,
)
from mutoscope.app.sign_up import BadEmail
from mutoscope.domain.invoices import Party
from mutoscope.storage import billing_details
from mutoscope.storage.billing_details import BillingDetails
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.shape import HouseHere, Text
from mutoscope.web.errors import documented

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=LINE_MAX, pattern=r"^[^\x00]*$")]


class BillingShape(msgspec.Struct, frozen=True, kw_only=True):
    """Who is billed; `bounced_at` tells that the address took no message, and `bounce` why."""

    legal_name: str
    address: tuple[str, ...]
    country: str | None
    tax_id: str | None
    email: str | None
    changed_at: datetime | None
    bounced_at: datetime | None
    bounce: str | None


class NewBilling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is billed from now on, whole; without `email` invoices go to the workspace's address."""

    legal_name: Line
    address: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    country: Text
    tax_id: Text | None = None
    email: Text | None = None


@get(
    "/workspaces/{workspace_id:uuid}/billing", operation_id="showBilling", tags=["invoices"],
    summary="Who is billed, and whether the address takes messages",
    responses=documented(UnknownWorkspace),
)  # fmt: skip
async def show_billing(*, house: HouseHere, workspace_id: FromPath[UUID]) -> BillingShape:
    """Return who is billed."""
    async with house.studio.reading() as connection:
        return _shape(await billing_details.get(connection, workspace_id=workspace_id))


@put(
    "/workspaces/{workspace_id:uuid}/billing", operation_id="setBilling", tags=["invoices"],
    summary="Set who is billed from now on, all of it",
    responses=documented(
        UnknownWorkspace, BadBillingDetails, BadCountry, BadTaxId, BadEmail, "not_json",
        "body_too_large",
    ),
)  # fmt: skip
async def set_billing(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[NewBilling]
) -> BillingShape:
    """Set who is billed; a repeat says the same."""
    party = Party(
        legal_name=data.legal_name, address=tuple(data.address), country=data.country,
        tax_id=data.tax_id, email=data.email,
    )  # fmt: skip
    return _shape(await set_details(house.studio, workspace_id=workspace_id, party=party))


def _shape(found: BillingDetails) -> BillingShape:
    party = found.party
    return BillingShape(
        legal_name=party.legal_name, address=party.address, country=party.country,
        tax_id=party.tax_id, email=party.email, changed_at=found.changed_at,
        bounced_at=found.bounced_at, bounce=found.bounce,
    )  # fmt: skip
