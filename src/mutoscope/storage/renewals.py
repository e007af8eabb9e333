"""Renewals: whatever is due on the wallets that nobody touches, posted a chunk a transaction.

Owns the choice of what is renewed next. Each wallet's own wake-up is the record of what is to be
done, so that a run may be killed, repeated or doubled at any time: what a lost transaction would
have posted is still due, what a finished one has posted is not. Two surprising choices. A sweep
takes the names that wait longest, but in the order of their rows in the indexes: neighbours share
pages, which makes each a fifth cheaper (docs/decisions/0021). And a chunk takes no locks: it is
planned from what was read, and fails whole when a wallet has moved on, by the wallet's version.

What failed is posted again with locks, and those with FOR UPDATE SKIP LOCKED: a wallet that is
passed over is at work elsewhere, and every operation posts what is due first. A wallet that cannot
be renewed fails alone: a chunk is posted in halves until it stands by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from sys import intern
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

import asyncpg

from mutoscope.domain.credits import Refusal
from mutoscope.domain.planner import WalletName
from mutoscope.storage.database import queries
from mutoscope.storage.session import Session
from mutoscope.storage.wallet_cache import WalletCache

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

SWEEP_MAX: Final = 500_000
"""Names in a sweep: some 80 MB. The more there are, the nearer lie their rows."""

CHUNK_MAX: Final = 30
"""Wallets in one transaction: fewer cost more each, more of them let charges wait longer."""

ENTRIES_AIM: Final = 150
"""Entries that a transaction should write: after downtime a wallet has many, so chunks shrink."""

_SQL: Final = queries("renewals")
_NOT_THE_WALLET: Final = frozenset({"08", "25", "53", "57", "58"})
"""Classes of errors of the server itself: connection, read-only, resources, shutdown, system."""

_SPOILT: Final = (Refusal, AssertionError, LookupError, ArithmeticError, ValueError)
"""What a wallet raises whose rows contradict one another or lie beyond the calendar."""


DueName = tuple[str, str]
"""A wallet that is due: its workspace's id as text, and its kind.

Python's garbage collector passes over texts. UUIDs of so many wallets kept it at work for 60 ms
four times a sweep, in which a web server's process answers nobody.
"""


class Failure(NamedTuple):
    """A wallet that could not be renewed, and why; it stays due."""

    workspace_id: UUID
    kind: str
    reason: str


class Chunk(NamedTuple):
    """What one transaction did: without wallets and failures, all were at work elsewhere."""

    wallets: int
    entries: int
    failures: tuple[Failure, ...]


class Renewals:
    """A connection that posts what is due, chunk by chunk.

    `size` is how many wallets the next chunk should have.
    """

    def __init__(self, session: Session) -> None:
        """Take a session of its own."""
        self.size = CHUNK_MAX
        self._session = session

    @classmethod
    async def opened(cls, url: str) -> Renewals:
        """Connect and prepare.

        :raises DatabaseUnreachable: when no server answers.
        """
        session = await Session.opened(url, WalletCache())
        try:
            await _SQL.wait_little(session.connection)
        except BaseException:  # cancelled midway, too
            session.close()
            raise
        return cls(session)

    @property
    def backend(self) -> int:
        """Return the server's process that works for us, as its activity view names it."""
        return self._session.connection.get_server_pid()

    def close(self) -> None:
        """Disconnect at once."""
        self._session.close()

    async def post_chunk(
        self, names: Sequence[DueName], *, due_by: datetime, at: datetime
    ) -> Chunk:
        """Post what is due by an instant on some wallets, stamped with the instant `at`.

        Those that are at work elsewhere, or on which nothing is due any more, are passed over.

        :raises asyncpg.PostgresError: when the server fails; the chunk is undone.
        """
        try:
            chunk = Chunk(*await self._session.post_due_short(names, at), ())
        except (asyncpg.PostgresError, *_SPOILT) as error:
            if _is_of_the_server(error):
                raise
            chunk = await self._posted_apart(names, due_by, at)
        if chunk.wallets:
            self.size = _next_size(chunk)
        return chunk

    async def _posted_apart(
        self, names: Sequence[DueName], due_by: datetime, at: datetime
    ) -> Chunk:
        """Post what is due on wallets that nobody is at work on, but for those that fail."""
        connection = self._session.connection
        async with connection.transaction():
            await _SQL.wait_long(connection)
            rows = await connection.fetch(_SQL.take_chunk.sql, _wanted(names), due_by)
            return await self._posted([(row[0], row[1]) for row in rows], at)

    async def _posted(self, names: Sequence[WalletName], at: datetime) -> Chunk:
        """Post what is due on some wallets together; on an error, on each half of them alone."""
        if not names:
            return Chunk(0, 0, ())
        try:
            return Chunk(len(names), await self._session.post_due(names, at), ())
        except (asyncpg.PostgresError, *_SPOILT) as error:
            if _is_of_the_server(error):
                raise
            if len(names) == 1:
                return Chunk(0, 0, (Failure(*names[0], _reason(error)),))
        middle = len(names) // 2
        first = await self._posted(names[:middle], at)
        second = await self._posted(names[middle:], at)
        return summed((first, second))


async def sweep(
    connection: Connection, *, due_by: datetime, failed: Iterable[WalletName]
) -> list[DueName]:
    """Return the wallets that wait longest, at most `SWEEP_MAX`, in the order of their rows.

    Those that failed before are left out; an empty list is the end.
    """
    async with connection.transaction():
        await _SQL.pin_sweep(connection)
        row = await connection.fetchrow(_SQL.sweep.sql, due_by, _wanted(failed), SWEEP_MAX)
    assert row is not None
    return list(zip(row[0] or (), map(intern, row[1] or ()), strict=True))


async def count_due(connection: Connection, *, at: datetime) -> int:
    """Count the wallets on which something is due."""
    return int(await _SQL.count_due(connection, at=at))


def summed(chunks: Sequence[Chunk]) -> Chunk:
    """Return several chunks as one."""
    return Chunk(
        wallets=sum(chunk.wallets for chunk in chunks),
        entries=sum(chunk.entries for chunk in chunks),
        failures=tuple(failure for chunk in chunks for failure in chunk.failures),
    )


def _wanted(names: Iterable[WalletName | DueName]) -> list[tuple[UUID | str, str, bool]]:
    return [(*name, False) for name in names]


def _next_size(chunk: Chunk) -> int:
    """Return how many wallets come to about `ENTRIES_AIM` entries, if they are like these."""
    each = max(1, -(-chunk.entries // max(1, chunk.wallets)))
    return max(1, min(CHUNK_MAX, ENTRIES_AIM // each))


def _is_of_the_server(error: BaseException) -> bool:
    return (getattr(error, "sqlstate", None) or "")[:2] in _NOT_THE_WALLET


def _reason(error: BaseException) -> str:
    return f"{getattr(error, 'code', type(error).__name__)}: {error}"
