"""What was played: how often each kind of thing happened in a house, over every workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutoscope.domain.subscriptions import Event, State
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mutoscope.storage.database import Connection

_SQL: Final = queries("played")


async def transitions(connection: Connection, *, at: datetime) -> Mapping[tuple[State, Event], int]:
    """Return how often each event changed a plan in each state, until an instant."""
    rows = _SQL.transitions(connection, at=at)
    return {
        (State(row["state_before"]), Event(row["event"])): row["times"] async for row in rows
    }  # fmt: skip


async def money(connection: Connection) -> Mapping[str, int]:
    """Return how often money came, went back, and was documented, of each kind."""
    sorts = {
        "request": _SQL.requests, "payment": _SQL.payments, "purchase": _SQL.purchases,
        "refund": _SQL.refunds, "dispute": _SQL.disputes, "document": _SQL.documents,
    }  # fmt: skip
    return {
        f"{sort} {row['what']}": row["times"]
        for sort, query in sorts.items()
        async for row in query(connection)
    }


async def acts(connection: Connection) -> Mapping[str, int]:
    """Return how often the ledger, staff and alerts did each thing, and whose terms run."""
    sorts = {
        "ledger": _SQL.operations, "staff": _SQL.staff_acts, "alert": _SQL.alerts,
        "terms": _SQL.terms,
    }  # fmt: skip
    return {
        f"{sort} {row['what']}": row["times"]
        for sort, query in sorts.items()
        async for row in query(connection)
    }
