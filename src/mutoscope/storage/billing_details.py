"""Who is billed for a workspace, and addresses that took no message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.domain.invoices import Party
from mutoscope.storage.database import queries
from mutoscope.storage.workspaces import UnknownWorkspace

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("billing_details")


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingDetails:
    """Who is billed; before they were set (`changed_at`) it is the workspace's name and address.

    `bounced_at` tells that the address took no message, and `bounce` why.
    """

    workspace_id: UUID
    party: Party
    changed_at: datetime | None
    bounced_at: datetime | None
    bounce: str | None


async def get(connection: Connection, *, workspace_id: UUID) -> BillingDetails:
    """Return who is billed.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    found = await of_all(connection, workspaces=[workspace_id])
    if workspace_id not in found:
        raise UnknownWorkspace(workspace_id=workspace_id)
    return found[workspace_id]


async def of_all(
    connection: Connection, *, workspaces: Sequence[UUID]
) -> dict[UUID, BillingDetails]:
    """Return who is billed, for many workspaces at once; unknown ones are left out."""
    return {
        row["workspace_id"]: BillingDetails(
            workspace_id=row["workspace_id"],
            party=Party(
                legal_name=row["legal_name"], address=tuple(row["address"]),
                country=row["country"], tax_id=row["tax_id"], email=row["email"],
            ),
            changed_at=row["changed_at"], bounced_at=row["bounced_at"], bounce=row["bounce"],
        )
        async for row in _SQL.details(connection, workspaces=list(workspaces))
    }  # fmt: skip


async def put(
    connection: Connection, *, workspace_id: UUID, party: Party, at: datetime
) -> None:  # fmt: skip
    """Set who is billed; what bounced at another address is forgotten."""
    async with connection.transaction():
        await _SQL.put_details(
            connection, workspace_id=workspace_id, legal_name=party.legal_name,
            address=list(party.address), country=party.country, tax_id=party.tax_id,
            email=party.email, changed_at=at,
        )  # fmt: skip
        await _SQL.forget_bounces(connection, workspace_id=workspace_id)


async def mark_bounced(
    connection: Connection, *, workspace_id: UUID, email: str, reason: str, at: datetime
) -> None:
    """Note that an address took no message."""
    await _SQL.mark_bounced(
        connection, workspace_id=workspace_id, email=email, reason=reason, bounced_at=at
    )


async def clear_bounce(connection: Connection, *, workspace_id: UUID, email: str) -> None:
    """Note that an address takes messages again."""
    await _SQL.clear_bounce(connection, workspace_id=workspace_id, email=email)
