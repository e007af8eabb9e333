"""Reads what forecasts are made of: the use of the last days, and what is promised to come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.domain.standing import StandingGrant
from mutoscope.storage.balances import sequences_at
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mutoscope.storage.database import Connection

_SQL: Final = queries("forecast")
DAY: Final = timedelta(days=1)


async def daily_use(
    connection: Connection, *, workspace_id: UUID, kinds: Iterable[str], at: datetime, days: int
) -> Mapping[str, tuple[int, ...]]:
    """Return what was captured of each kind on each whole day of its history, newest first.

    Days are spans of 24 hours back from the instant; no more than `days` of them are told.
    """
    asked = sorted(kinds)
    since = at - days * DAY
    begins = await sequences_at(connection, workspace_id=workspace_id, kinds=asked, at=since)
    rows = _SQL.daily_use(
        connection, workspace_id=workspace_id, at=at, kinds=asked,
        afters=[begins.get(kind, 0) for kind in asked],
    )  # fmt: skip
    found: dict[str, list[int]] = {}
    async for kind, first_at, day, amount in rows:
        known = min(days, max(0, (at - first_at) // DAY))
        use = found.setdefault(kind, [0] * known)
        if day is not None and 0 <= day < known:
            use[day] += amount
    return {kind: tuple(max(0, amount) for amount in use) for kind, use in found.items()}


async def promises(
    connection: Connection, *, workspace_id: UUID
) -> Mapping[str, tuple[StandingGrant, ...]]:
    """Return the standing grants of a workspace by kind, ended where their plan is to end."""
    found: dict[str, tuple[StandingGrant, ...]] = {}
    async for kind, *terms in _SQL.promises(connection, workspace_id=workspace_id):
        found[kind] = (*found.get(kind, ()), StandingGrant(*terms))
    return found
