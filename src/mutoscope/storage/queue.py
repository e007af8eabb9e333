"""The queue of background work: PgQueuer, in the same PostgreSQL and the same transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from pgqueuer.domain.errors import SchemaDriftError
from pgqueuer.queries import Queries

from mutoscope.storage.database import DatabaseRefused, preparing, queries

if TYPE_CHECKING:
    import asyncpg

    from mutoscope.storage.database import Connection

STEP: Final = "job_step"
"""The entry point that takes one step of a generation job; its payload names the job."""

EXPORT: Final = "export"
"""The entry point that makes an export; its payload names it."""

QUEUE: Final = "pgqueuer"
"""How the edition of the queue is recorded among the migrations."""

_SQL: Final = queries("migrations")


async def install(connection: Connection) -> None:
    """Create or upgrade the queue's own tables, unless this edition of it did so before.

    :raises DatabaseRefused: when the role may not make them, or others are in their place.
    """
    queue, edition = _queue(connection), version(QUEUE)
    try:
        async with preparing(connection):
            if await _SQL.is_recorded(connection, name=f"{QUEUE} {edition}"):
                return
            if await queue.schema_is_installed():
                await queue.upgrade()
            else:
                await queue.install()
            await _SQL.replace(connection, subject=QUEUE, edition=edition)
    except SchemaDriftError as error:
        raise DatabaseRefused(
            f"the queue's tables cannot be made ({error}): let DATABASE_URL name an empty database"
        ) from error


async def enqueue_steps(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Queue a step for each (workspace id, job id, seconds to wait); return how many."""
    queue = _queue(connection)
    queued = await queue.enqueue(
        [STEP] * len(rows),
        [f"{workspace_id}/{job_id}".encode() for workspace_id, job_id, _ in rows],
        [0] * len(rows),
        execute_after=[timedelta(seconds=wait_s) for _, _, wait_s in rows],
    )
    return len(queued)


async def enqueue_export(connection: Connection, *, workspace_id: UUID, export_id: UUID) -> None:
    """Queue the making of an export."""
    await _queue(connection).enqueue(EXPORT, f"{workspace_id}/{export_id}".encode())


def _queue(connection: Connection) -> Queries:
    # a connection lent by a pool does all that the queue asks of one
    return Queries.from_asyncpg_connection(cast("asyncpg.Connection[Any]", connection))
