"""The database's side of live streams: the notices that are listened to, and what is looked at.

A notice has ids and numbers, never a text. The surprising choice: wallets and jobs send none, since
a notice in their transactions would slow the ledger down; they are looked at twice a second, and
only those of workspaces that somebody follows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.jobs import JobState
from mutoscope.storage.database import connect, queries

if TYPE_CHECKING:
    import asyncpg

    from mutoscope.storage.database import Connection

CHANNEL: Final = "mutoscope_live"
STATEMENT_TIMEOUT_S: Final = 10
"""After it a look is given up, and the connection with it: its server has gone silent."""

_SQL: Final = queries("live")


class Notice(NamedTuple):
    """Something that has happened: `what`, where, and the numbers or ids that belong to it."""

    what: str
    workspace_id: UUID
    rest: tuple[str, ...] = ()


class WalletName(NamedTuple):
    """A wallet."""

    workspace_id: UUID
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobGlance:
    """How a job stands, as a live stream tells it."""

    workspace_id: UUID
    job_id: UUID
    tool: str
    kind: str
    state: JobState
    progress: float
    price: int
    captured: int | None
    is_cancel_asked: bool
    created_at: datetime
    finished_at: datetime | None


@asynccontextmanager
async def listening(
    url: str, *, hear: Callable[[Notice], None]
) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Listen to what happens, on a connection of its own that may be asked as well.

    :raises DatabaseUnreachable: when no server answers.
    """
    connection = await connect(url)
    try:
        await connection.add_listener(CHANNEL, lambda *heard: hear(notice_of(str(heard[3]))))
        yield connection
    finally:
        connection.terminate()


def notice_of(payload: str) -> Notice:
    """Return a notice as it was sent: its parts are separated by slashes."""
    what, workspace_id, *rest = payload.split("/")
    return Notice(what, UUID(workspace_id), tuple(rest))


async def versions(
    connection: Connection, *, workspaces: Sequence[UUID]
) -> Mapping[WalletName, int]:
    """Return how often each wallet of some workspaces has changed."""
    row = await _SQL.versions(connection, workspaces=workspaces)
    names = map(WalletName, row["workspaces"], row["kinds"])
    return dict(zip(names, row["versions"], strict=True))


async def jobs_since(
    connection: Connection, *, since: Mapping[UUID, datetime]
) -> tuple[JobGlance, ...]:
    """Return the jobs that were placed in each workspace since its instant."""
    rows = _SQL.newer_jobs(connection, workspaces=list(since), since=list(since.values()))
    return tuple([_glance(row) async for row in rows])


async def jobs_named(
    connection: Connection, *, names: Iterable[tuple[UUID, UUID]]
) -> tuple[JobGlance, ...]:
    """Return some jobs, each named by its workspace and its id."""
    asked = list(names)
    rows = _SQL.named_jobs(
        connection, workspaces=[name[0] for name in asked], jobs=[name[1] for name in asked]
    )
    return tuple([_glance(row) async for row in rows])


async def note_listeners(
    connection: Connection, *, persons: Iterable[tuple[UUID, UUID]], at: datetime
) -> None:
    """Note that some persons, each named by workspace and id, have a live stream open."""
    listed = list(persons)
    await _SQL.note_listeners(
        connection, workspaces=[each[0] for each in listed], persons=[each[1] for each in listed],
        at=at,
    )  # fmt: skip


def _glance(row: Any) -> JobGlance:  # noqa: ANN401  # a row of asyncpg
    return JobGlance(**dict(row) | {"state": JobState(row["state"])})
