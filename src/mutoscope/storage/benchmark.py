"""What the bench asks of the database: a database of its own, `min1` beside it, and its books.

Owns the databases that a bench creates and removes. The invariant: a figure counts only when the
server is durable and the books are right after it, since a fast wrong answer is a failure.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

import asyncpg

from mutoscope.domain.credits import Refusal
from mutoscope.storage.database import DatabaseRefused, check_server, connect, queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

MIN1_SCRIPT: Final = Path(str(resources.files("mutoscope.storage").joinpath("min1.pgbench")))
"""What pgbench runs: one statement that moves a guarded balance and writes one line."""

_SQL: Final = queries("benchmark")


class BooksWrong(Refusal):
    """The journal and what was acknowledged differ: the figures before are worthless."""

    code = "bench_books_wrong"

    def __init__(self, *, books: Books, acknowledged: int) -> None:
        super().__init__(
            f"the books are wrong after a cell of the bench ({acknowledged:,} entries were "
            f"acknowledged; {books}): this is a fault of the ledger, please report it"
        )
        self.books = books
        self.acknowledged = acknowledged


class Books(NamedTuple):
    """Sums over the journal (entries, grants, postings) and over its projections."""

    entries: int
    counted: int
    in_grants: int
    in_lots: int
    lots_left: int
    wallets_left: int
    captured: int
    posted_captured: int

    def are_right(self, *, acknowledged: int) -> bool:
        """Tell whether every acknowledged entry is there, once, and every credit in its place."""
        return (
            self.entries == self.counted == acknowledged
            and self.in_grants == self.in_lots
            and self.lots_left == self.wallets_left
            and self.captured == self.posted_captured
        )


@asynccontextmanager
async def fresh_database(*, url: str, name: str) -> AsyncIterator[str]:
    """Create a database on a server, give its address, and remove it in the end.

    :raises DatabaseUnreachable: when no server answers.
    """
    await _execute(url, _SQL.creation.sql, name)
    try:
        yield _address(url, name)
    finally:
        await _execute(url, _SQL.removal.sql, name)


async def check_durable(*, url: str) -> dict[str, str]:
    """Return the settings that make a commit durable, and the server's version.

    :raises DatabaseRefused: when an acknowledged commit could be lost.
    """
    connection = await connect(url)
    try:
        await check_server(connection)
        rows = await connection.fetch(_SQL.durability.sql)
    finally:
        await connection.close()
    settings = {row["name"]: row["setting"] for row in rows}
    if settings["synchronous_commit"] not in {"on", "remote_apply"}:
        raise DatabaseRefused(
            f"PostgreSQL runs with synchronous_commit={settings['synchronous_commit']}: the bench "
            "measures durable commits only; set it to on"
        )
    return settings


async def create_min1(*, url: str, wallets: int) -> None:
    """Create the tables that pgbench works on."""
    connection = await connect(url)
    try:
        await _SQL.create_min1(connection)
        await connection.execute(_SQL.fill_min1.sql, wallets)
    finally:
        await connection.close()


async def season(*, url: str) -> None:
    """Bring the server to the state of one that has served a while: statistics, and a checkpoint.

    Without a checkpoint it makes each file of its log anew, a pause of some 50 ms for everybody; a
    server in service uses old ones again. A role that may not take one (`pg_checkpoint`) measures
    those pauses, too.
    """
    connection = await connect(url)
    try:
        await _SQL.analyze(connection)
        with suppress(asyncpg.InsufficientPrivilegeError):
            await _SQL.checkpoint(connection)
    finally:
        await connection.close()


async def check_books(*, url: str, acknowledged: int) -> Books:
    """Return the sums of the ledger.

    :raises BooksWrong: when they differ among themselves or from what was acknowledged.
    """
    connection = await connect(url)
    try:
        row = await connection.fetchrow(_SQL.books.sql)
    finally:
        await connection.close()
    assert row is not None
    books = Books(*row)
    if not books.are_right(acknowledged=acknowledged):
        raise BooksWrong(books=books, acknowledged=acknowledged)
    return books


async def _execute(url: str, statement_query: str, name: str) -> None:
    connection = await connect(url)
    try:
        await connection.execute(await connection.fetchval(statement_query, name))
    finally:
        await connection.close()


def _address(url: str, name: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{name}{parts.query and '?'}{parts.query}"


async def count_jobs(connection: Connection, *, state: str) -> int:
    """Return how many jobs are in a state."""
    found: int = await _SQL.count_jobs(connection, state=state)
    return found
