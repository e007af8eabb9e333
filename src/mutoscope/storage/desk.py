"""What desk actions read and write of workspaces. The writers are side writers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

GOODWILL_RANK: Final = 2
"""After the proposal that it may be of, before the audit."""

_SQL: Final = queries("desk")


async def people(connection: Connection, *, workspace_id: UUID) -> tuple[str, ...]:
    """Return the e-mail addresses of all who belong to a workspace."""
    return tuple([row["email"] async for row in _SQL.people(connection, workspace_id=workspace_id)])


async def enable_purchases(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write (workspace id, plan that allows it, instant) where purchases were closed."""
    workspaces, plans, instants = zip(*rows, strict=True)
    written: int = await _SQL.enable_purchases(
        connection, workspaces=workspaces, plans=plans, instants=instants
    )
    return written


async def disable_purchases(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write (workspace id) where purchases were open."""
    written: int = await _SQL.disable_purchases(connection, workspaces=[row[0] for row in rows])
    return written


async def give_goodwill(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Count (month, kind, credits, the month's budget) where the budget has room for all of it.

    Several rows of one month are counted as one: when that is too much, none is written, and each
    is tried again alone.
    """
    sums: dict[tuple[date, str], int] = {}
    limits: dict[tuple[date, str], int] = {}
    for month, kind, amount, limit in rows:
        sums[month, kind] = sums.get((month, kind), 0) + amount
        limits[month, kind] = limit
    names = sorted(sums)
    given: int = await _SQL.give_goodwill(
        connection, months=[name[0] for name in names], kinds=[name[1] for name in names],
        credits=[sums[name] for name in names], limits=[limits[name] for name in names],
    )  # fmt: skip
    return len(rows) if given == len(names) else 0


async def goodwill_of(connection: Connection, *, month: date, kind: str) -> int:
    """Return the goodwill that was given in a month."""
    row = await _SQL.goodwill_of(connection, month=month, kind=kind)
    return 0 if row is None else row["granted"]
