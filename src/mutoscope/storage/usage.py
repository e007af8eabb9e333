"""Usage: what was taken in a span by members, projects, tools or days, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.storage.database import Connection

_SQL: Final = queries("usage")


class Used(NamedTuple):
    """Credits of a kind by what became of them; `subject` is None where nobody was named.

    `held` counts what was taken of lots, a charge too; `given_back` what was released or refunded,
    however much later; `used` is what was taken, metered use too, less what was given back.
    """

    kind: str
    subject: str | None
    held: int
    captured: int
    given_back: int
    metered: int
    used: int
    jobs: int


async def usage(
    connection: Connection, *, workspace_id: UUID, by: str, zone: str, kind: str | None,
    span: tuple[datetime, datetime],
) -> tuple[Used, ...]:  # fmt: skip
    """Return what was taken in the half-open span, by member, project, tool or day of a zone."""
    starts_at, ends_at = span
    rows = _SQL.usage(
        connection, workspace_id=workspace_id, by=by, zone=zone, kind=kind, starts_at=starts_at,
        ends_at=ends_at,
    )  # fmt: skip
    return tuple([Used(*row) async for row in rows])


async def names_of_members(
    connection: Connection, *, workspace_id: UUID, ids: Iterable[str]
) -> dict[str, str | None]:
    """Return how members are called; None stands for one who was erased."""
    rows = _SQL.names_of_members(connection, workspace_id=workspace_id, ids=_uuids(ids))
    return {row["subject"]: row["name"] async for row in rows}


async def names_of_projects(
    connection: Connection, *, workspace_id: UUID, ids: Iterable[str]
) -> dict[str, str | None]:
    """Return how projects are called."""
    rows = _SQL.names_of_projects(connection, workspace_id=workspace_id, ids=_uuids(ids))
    return {row["subject"]: row["name"] async for row in rows}


def _uuids(ids: Iterable[str]) -> list[Any]:
    return [UUID(each) for each in ids]
