"""A connection that is prepared for the ledger, and its transactions.

A batch that needs nothing but its wallets goes the short way: plan from the wallets as this
process remembers them (or as loaded without locks, with what is due on them), then apply. A
wallet's row is read before all else of it, so that its version tells of every change since. When it
has moved on, or a key was used before, nothing is written and the batch goes the locked way: begin,
lock the wallets in the order of their names, load, plan, apply, write what commits beside, commit.
Both end in the same function, `ledger_apply`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import asyncpg

from mutoscope.domain.actions import OPERATIONS, WHOLE, Stand, is_opening, is_whole
from mutoscope.domain.credits import Refusal
from mutoscope.domain.due import is_due
from mutoscope.domain.known import KnownKey
from mutoscope.domain.planner import (
    Answer,
    Facts,
    Outcome,
    Submission,
    WalletName,
    begin,
    plan,
)
from mutoscope.domain.requests import Request
from mutoscope.storage.changes import changes_of
from mutoscope.storage.database import connect, queries
from mutoscope.storage.facts import add_due, facts_from
from mutoscope.storage.wallet_cache import WalletCache

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.domain.wallet import Wallet
    from mutoscope.storage.database import Connection as Pooled

Connection = asyncpg.Connection
Now = Callable[[], "datetime"]
SideWriter = Callable[[Any, Sequence[tuple[Any, ...]]], Awaitable[int]]

LOCKED_AFTER_RACE: Final = 50
"""Batches that lock at once after a lost race: other processes are at the same wallets."""

_PLAIN: Final = OPERATIONS.keys() - WHOLE
"""Actions of which nothing but entries is to be written."""

_SQL: Final = queries("ledger")


class SideRow(NamedTuple):
    """A row that commits with a submission: who writes it, and its columns.

    Writers that lock what all workspaces share have a rank: they write last, in the order of their
    ranks, so that two transactions never wait for each other.
    """

    writer: SideWriter
    row: tuple[Any, ...]
    rank: int = 0


class SideRowRefused(Refusal):
    """A side row found its table in another state than its request was made for."""

    code = "state_moved_on"

    def __init__(self, *, writer: str, wanted: int, written: int) -> None:
        super().__init__(
            f"{writer} wrote {written} of {wanted} rows: what the request is about has changed "
            "in the meantime, and nothing was done"
        )


class _NeedsLocks(Exception):
    """The short way does not fit, or lost a race."""


class Work(NamedTuple):
    """A submission, and the rows that commit with it."""

    submission: Submission
    side_rows: tuple[SideRow, ...] = ()


class Session:
    """A connection that writes the ledger: `write` and `post_due` are one transaction each."""

    def __init__(self, connection: Connection, cache: WalletCache) -> None:
        self.connection = connection
        self._cache = cache
        self._locked_for = 0

    @classmethod
    async def opened(cls, url: str, cache: WalletCache) -> Session:
        """Connect and prepare the ledger's statements."""
        connection = await connect(url)
        try:
            return await cls(connection, cache).prepared()
        except BaseException:  # cancelled midway, too: nobody else knows of the connection
            connection.terminate()
            raise

    async def prepared(self) -> Session:
        """Prepare the ledger's statements on the connection that it was given."""
        await self.connection.execute("SET synchronous_commit = on")
        self._load = await self.connection.prepare(_SQL.load.sql)
        self._load_due = await self.connection.prepare(_SQL.load_due.sql)
        self._apply = await self.connection.prepare(_SQL.apply.sql)
        return self

    def close(self) -> None:
        """Close the connection at once."""
        self.connection.terminate()

    async def write(self, works: Sequence[Work], now: Now) -> list[Outcome]:
        """Plan and write some submissions in one transaction; return an outcome for each."""
        requests = [request for work in works for request in work.submission.requests]
        if self._locked_for:
            self._locked_for -= 1
        elif _are_plain(works):
            try:
                return await self._write_short(works, requests, now())
            except _NeedsLocks:
                pass
        async with self.connection.transaction():
            outcomes, facts = await self.write_locked(works, requests, now)
        self._cache.keep(facts)
        return outcomes

    async def write_locked(
        self, works: Sequence[Work], requests: Sequence[Request], now: Now
    ) -> tuple[list[Outcome], Facts]:
        """Plan and write some submissions inside the transaction that is open."""
        facts = await self._loaded(requests, is_locked=True)
        missing = {
            (request.workspace_id, request.kind)
            for request in requests
            if is_opening(request.action)
        } - facts.wallets.keys()
        if missing:
            await self._open_wallets(missing)
            facts = await self._loaded(requests, is_locked=True)
        at = now()
        await self._load_what_is_due(facts, requests, at)
        outcomes = plan(facts=facts, submissions=[work.submission for work in works], at=at)
        await self._apply_changes(facts.wallets.values(), at)
        await self._write_beside(works, outcomes)
        return outcomes, facts

    async def write_within(self, work: Work, now: Now) -> tuple[Answer, ...]:
        """Write one submission in the caller's open transaction, which nobody else shares.

        :raises Refusal: when it is refused; the caller's transaction goes on.
        """
        outcomes, _ = await self.write_locked([work], work.submission.requests, now)
        (outcome,) = outcomes
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    async def post_due(self, names: Sequence[WalletName], at: datetime) -> int:
        """Post whatever is due on some wallets in one transaction; return the entries posted."""
        async with self.connection.transaction():
            wallets = await self.loaded_due(names, at, is_locked=True)
            return await self._post(wallets, at)

    async def post_due_short(
        self, names: Sequence[tuple[UUID | str, str]], at: datetime
    ) -> tuple[int, int]:
        """Post whatever is due on some wallets without locks; return the wallets and the entries.

        :raises asyncpg.PostgresError: when one of them has moved on meanwhile; nothing is written.
        """
        wallets = [
            wallet
            for wallet in await self.loaded_due(names, at, is_locked=False)
            if is_due(wallet=wallet, at=at)
        ]
        return len(wallets), await self._post(wallets, at)

    async def loaded_due(
        self, names: Sequence[tuple[UUID | str, str]], at: datetime, *, is_locked: bool
    ) -> Collection[Wallet]:
        """Return wallets with whatever may be due on them by an instant."""
        wanted = [(*name, False) for name in names]
        row = await self._load.fetchrow(is_locked, wanted, [], at)
        assert row is not None
        return facts_from(row).wallets.values()

    async def _post(self, wallets: Collection[Wallet], at: datetime) -> int:
        for wallet in wallets:
            begin(wallet=wallet, at=at)
        await self._apply_changes(wallets, at)
        return sum(len(wallet.entries) for wallet in wallets)

    async def _write_short(
        self, works: Sequence[Work], requests: Sequence[Request], at: datetime
    ) -> list[Outcome]:
        facts, unknown = self._cache.take(requests, at)
        is_remembered = bool(facts.wallets)
        if unknown:
            loaded = await self._loaded(unknown, is_locked=False, due_by=at)
            _check_open(loaded, unknown)
            facts.wallets.update(loaded.wallets)
            facts.known.update(loaded.known)
        outcomes = plan(facts=facts, submissions=[work.submission for work in works], at=at)
        if is_remembered and any(isinstance(outcome, Refusal) for outcome in outcomes):
            raise _NeedsLocks
        try:
            await self._apply_changes(facts.wallets.values(), at)
        except asyncpg.UniqueViolationError as error:
            raise _NeedsLocks from error
        except asyncpg.SerializationError as error:
            self._locked_for = LOCKED_AFTER_RACE
            raise _NeedsLocks from error
        self._cache.keep(facts)
        return outcomes

    async def _loaded(
        self, requests: Iterable[Request], *, is_locked: bool, due_by: datetime | None = None
    ) -> Facts:
        wallets: dict[WalletName, bool] = {}
        keys: set[KnownKey] = set()
        for request in requests:
            workspace_id, kind, namespace, key, action = request[:5]
            name = (workspace_id, kind)
            wallets[name] = wallets.get(name, False) or is_whole(action)
            keys.add((workspace_id, namespace, key))
            keys.update((workspace_id, *reference) for reference in request.references())
        names = [(*name, whole) for name, whole in sorted(wallets.items())]
        row = await self._load.fetchrow(is_locked, names, list(keys), due_by)
        assert row is not None
        return facts_from(row)

    async def _load_what_is_due(
        self, facts: Facts, requests: Iterable[Request], at: datetime
    ) -> None:
        whole = {
            (r.workspace_id, r.kind)
            for r in requests
            if is_whole(r.action) or isinstance(r.action, Stand)
        }
        due = [
            wallet
            for name, wallet in facts.wallets.items()
            if name in whole or is_due(wallet=wallet, at=at)
        ]
        if due:
            row = await self._load_due.fetchrow(_placed(due), at)
            assert row is not None
            add_due(facts.wallets, row)

    async def _open_wallets(self, names: Iterable[WalletName]) -> None:
        ordered = sorted(names)
        await self.connection.execute(
            _SQL.open_wallets.sql, [name[0] for name in ordered], [name[1] for name in ordered]
        )

    async def _apply_changes(self, wallets: Iterable[Wallet], at: datetime) -> None:
        arguments = changes_of(wallets, at=at).arguments(at)
        if arguments is not None:
            await self._apply.fetchval(*arguments)

    async def _write_beside(self, works: Sequence[Work], outcomes: Sequence[Outcome]) -> None:
        rows: list[SideRow] = []
        notes = []
        for work, outcome in zip(works, outcomes, strict=True):
            if isinstance(outcome, Refusal) or (outcome and all(a.is_replay for a in outcome)):
                continue
            notes += _notes(work.submission, outcome)
            rows += work.side_rows
        if notes:
            await self.connection.execute(_SQL.write_notes.sql, notes)
        await write_side_rows(self.connection, rows)


async def write_side_rows(connection: Pooled, side_rows: Iterable[SideRow]) -> None:
    """Write rows at the end of the transaction that is open, in the order of their ranks.

    :raises SideRowRefused: when a table is in another state than its row was made for.
    """
    rows: dict[tuple[int, SideWriter], list[tuple[Any, ...]]] = {}
    for each in side_rows:
        rows.setdefault((each.rank, each.writer), []).append(each.row)
    for (_, writer), wanted in sorted(rows.items(), key=_rank):
        written = await writer(connection, wanted)
        if written != len(wanted):
            raise SideRowRefused(writer=writer.__name__, wanted=len(wanted), written=written)


def _rank(rows: tuple[tuple[int, SideWriter], list[tuple[Any, ...]]]) -> int:
    return rows[0][0]


def _are_plain(works: Sequence[Work]) -> bool:
    """Tell whether the short way may be tried: nothing but entries is to be written."""
    for submission, side_rows in works:
        if side_rows:
            return False
        for request in submission.requests:
            if type(request.action) not in _PLAIN or request.note is not None:
                return False
    return True


def _check_open(loaded: Facts, requests: Iterable[Request]) -> None:
    for request in requests:
        if is_opening(request.action) and (
            (request.workspace_id, request.kind) not in loaded.wallets
        ):
            raise _NeedsLocks


def _placed(wallets: Iterable[Wallet]) -> list[tuple[Any, ...]]:
    """Return the wallets' names, each with the hold that its own row tells of."""
    return [(w.workspace_id, w.kind, *(w.placed or (None, None))) for w in wallets]


def _notes(submission: Submission, answers: Sequence[Answer]) -> list[tuple[Any, ...]]:
    return [
        (answer.workspace_id, answer.kind, answer.entry.sequence, *request.note)
        for request, answer in zip(submission.requests, answers, strict=True)
        if request.note is not None and answer.entry is not None and not answer.is_replay
    ]
