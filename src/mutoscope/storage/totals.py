"""Totals: what a house holds as a whole, over every workspace, in one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mutoscope.domain.jobs import JobState
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mutoscope.storage.database import Connection

_SQL: Final = queries("totals")


class Credits(NamedTuple):
    """The credits of one kind that were granted and are neither spent nor over."""

    kind: str
    available: int
    held: int
    frozen: int

    def outstanding(self) -> int:
        """Return what the house still owes."""
        return self.available + self.held + self.frozen


class Checkpoint(NamedTuple):
    """The checkpoint that was signed last, and how many heads had moved by then."""

    number: int
    taken_at: datetime
    wallets: int


class Totals(NamedTuple):
    """What a house holds; there is no checkpoint until the first is taken."""

    workspaces: int
    jobs: Mapping[JobState, int]
    holds: int
    credits: tuple[Credits, ...]
    checkpoint: Checkpoint | None


async def totals(connection: Connection) -> Totals:
    """Count everything, at the cost of one look at each row."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        states = {JobState(row["state"]): row["jobs"] async for row in _SQL.states(connection)}
        last = await _SQL.checkpoint(connection)
        return Totals(
            workspaces=await _SQL.workspaces(connection),
            jobs={state: states.get(state, 0) for state in JobState},
            holds=await _SQL.holds(connection),
            credits=tuple([Credits(*row) async for row in _SQL.credits(connection)]),
            checkpoint=Checkpoint(*last) if last else None,
        )
