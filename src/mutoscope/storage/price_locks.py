"""The quotes by which jobs were ordered: which rates they locked, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("storyboard")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLock:
    """The quote by which a job was ordered, the rates that it locked, and for how long."""

    quote_id: UUID
    version: str
    created_at: datetime
    expires_at: datetime


async def price_lock_of(
    connection: Connection, *, workspace_id: UUID, job_id: UUID
) -> PriceLock | None:
    """Return the quote that a job was ordered by, if it was by one."""
    row = await _SQL.price_lock_of(connection, workspace_id=workspace_id, job_id=job_id)
    return None if row is None else PriceLock(**row)
