"""The journal's writer: concurrent requests go into the database together, none waits for a timer.

While transactions run, new submissions gather; the next transaction takes them. Two transactions
may run at once, so that planning one overlaps with writing the other, but never on the same
workspace: its submissions are written in the order in which they came.

Invariant: a submission is answered only after its commit. When the outcome of a commit is unknown,
the batch is run again: the keys tell what was committed, so that nothing is doubled. The surprising
choice: when a statement fails, every submission of its batch runs again alone, so that the one at
fault fails alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import asyncpg

from mutoscope.domain.credits import Refusal
from mutoscope.domain.planner import Answer, ClockWentBack, Outcome, Submission
from mutoscope.storage.database import BUGS, LOST, DatabaseUnreachable, without_password
from mutoscope.storage.session import Now, Session, SideRow, Work
from mutoscope.storage.wallet_cache import WalletCache

LANES: Final = 2
"""Transactions that run at once in a process: more only wait for one another.

One more takes part where whole batches wait; it connects when it first has to.
"""

BATCH_MAX: Final = 125
"""Submissions in one transaction: more would keep the other lane waiting, and a lock held, longer.

An explicit batch of a thousand becomes eight of them, four a lane.
"""

WAITING_MAX: Final = 20_000
"""Submissions that may wait: beyond this the caller is told to come back."""

RECONNECT_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 2.0, 2.0, 2.0)
"""Waits between tries to reach the database again, about ten seconds in all."""

_new = tuple.__new__  # makes a value without its class's own, slower, constructor
_LOST_STATES: Final = frozenset({"57P01", "57P02", "57P03", "53300"})


class LedgerBusy(Refusal):
    """More submissions wait than can be answered in good time."""

    code = "ledger_busy"

    def __init__(self) -> None:
        super().__init__(f"{WAITING_MAX:,} requests wait for the ledger: try again in a moment")


class JournalClosed(Refusal):
    """A submission to a journal that was closed."""

    code = "journal_closed"

    def __init__(self) -> None:
        super().__init__("the ledger is not open: open it first; a key tells what was written")


AWAY: Final = (DatabaseUnreachable, LedgerBusy, JournalClosed, ClockWentBack)
"""What says nothing about a request: it is sent again later."""


class _Waiting(NamedTuple):
    """A submission that waits, with the numbers of its workspaces: their ids are slow to hash."""

    work: Work
    workspaces: set[int]
    answered: asyncio.Future[Outcome]


class Journal:
    """Writes submissions, many at a time, over connections of its own."""

    def __init__(self, *, url: str, now: Now) -> None:
        """Prepare a writer; `now` tells the instant of each transaction."""
        self._url = url
        self._now = now
        self._waiting: deque[_Waiting] = deque()
        self._at_work: set[int] = set()
        self._under_way = 0
        self._has_work = asyncio.Event()
        self._is_closing = False
        self._lanes: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Connect and begin to write.

        :raises DatabaseUnreachable: when no server answers.
        """
        self._is_closing = False
        cache = WalletCache()
        try:
            for number, least in enumerate((*[1] * LANES, BATCH_MAX)):
                lane = _Lane(url=self._url, now=self._now, cache=cache)
                if least == 1:
                    await lane.open()
                work = self._write_for_ever(lane, least)
                writing = asyncio.create_task(work, name=f"journal {number}")
                writing.add_done_callback(lane.close)
                self._lanes.append(writing)
        except BaseException:  # cancelled midway, too: the lanes that are open would stay
            await self.close()
            raise

    async def close(self) -> None:
        """Finish the transactions that run, refuse what still waits, and disconnect."""
        lanes, self._lanes = self._lanes, []
        self._is_closing = True
        self._has_work.set()
        await asyncio.gather(*lanes, return_exceptions=True)
        _fail(self._waiting, JournalClosed())

    async def submit(
        self, submission: Submission, *, side_rows: tuple[SideRow, ...] = ()
    ) -> tuple[Answer, ...]:
        """Write a submission, together with those of other callers, and return its answers.

        A caller that is cancelled may find its request written: its key tells.

        :raises Refusal: when the submission is refused; nothing of it was written.
        :raises DatabaseUnreachable: when the database stays away; the keys tell what was written.
        """
        outcome = await self._queued(_new(Work, (submission, side_rows)))
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    async def submit_all(self, submissions: Sequence[Submission]) -> list[Outcome]:
        """Write many submissions, each on its own; return an outcome for each, in order.

        :raises DatabaseUnreachable: when the database stays away; the keys tell what was written.
        """
        queued: list[asyncio.Future[Outcome]] = []
        try:
            queued.extend(self._queued(Work(each)) for each in submissions)
            return [await each for each in queued]
        except BaseException:
            _forget(queued)
            raise

    def _queued(self, work: Work) -> asyncio.Future[Outcome]:
        if not self._lanes:
            raise JournalClosed
        if len(self._waiting) >= WAITING_MAX:
            raise LedgerBusy
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        workspaces = {request.workspace_id.int for request in work.submission.requests}
        self._waiting.append(_new(_Waiting, (work, workspaces, answered)))
        self._has_work.set()
        return answered

    async def _write_for_ever(self, lane: _Lane, least: int) -> None:
        while batch := await self._next_batch(least):
            try:
                await lane.write(batch)
            finally:
                self._under_way -= len(batch)
                self._at_work.difference_update(*[waiting.workspaces for waiting in batch])
                if least > 1:
                    self._has_work.set()  # what waited for these workspaces may be less than that
            await asyncio.sleep(0)  # those who were answered may come again, and go along

    async def _next_batch(self, least: int) -> list[_Waiting]:
        """Return what a lane writes next, as soon as so much waits; nothing at the end."""
        while not self._is_closing:
            if len(self._waiting) >= least and (batch := self._taken()):
                return batch
            self._has_work.clear()
            await self._has_work.wait()
        return []

    def _taken(self) -> list[_Waiting]:
        """Take a lane's share of the workspaces that wait, each with all that waits for it.

        The share counts what other lanes have at work, too: without it one lane would carry nearly
        everything, the other next to nothing, and planning would no longer overlap with writing.
        """
        batch: list[_Waiting] = []
        passed: list[_Waiting] = []
        share = -(-(len(self._waiting) + self._under_way) // LANES)
        ours: set[int] = set()
        busy = set(self._at_work)
        while self._waiting and len(batch) < BATCH_MAX:
            waiting = self._waiting.popleft()
            workspaces = waiting[1]
            if ours.issuperset(workspaces) or (len(ours) < share and busy.isdisjoint(workspaces)):
                batch.append(waiting)
                ours.update(workspaces)
            else:
                passed.append(waiting)
                busy.update(workspaces)
        self._waiting.extendleft(reversed(passed))
        self._at_work |= ours
        self._under_way += len(batch)
        return batch


class _Lane:
    """One connection's way of writing batches, through lost connections and failing rows."""

    def __init__(self, *, url: str, now: Now, cache: WalletCache) -> None:
        self._url = url
        self._now = now
        self._cache = cache
        self._session: Session | None = None

    async def open(self) -> None:
        """Connect.

        :raises DatabaseUnreachable: when no server answers, or it goes away meanwhile.
        """
        try:
            self._session = await Session.opened(self._url, self._cache)
        except (*LOST, asyncpg.PostgresError) as error:
            raise self._lost(error) from error

    def close(self, _: object = None) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    async def write(self, batch: list[_Waiting]) -> None:
        """Write a batch and answer each of its callers, whatever happens."""
        try:
            outcomes = await self._write_through_losses([waiting.work for waiting in batch])
        except (Refusal, asyncpg.PostgresError, *BUGS) as error:
            if len(batch) == 1 or isinstance(error, DatabaseUnreachable):
                _fail(batch, error)
                return
            for waiting in batch:
                await self.write([waiting])
            return
        except BaseException as error:
            _fail(batch, error)
            raise
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if not waiting.answered.done():
                waiting.answered.set_result(outcome)

    async def _write_through_losses(self, works: list[Work]) -> list[Outcome]:
        for pause_s in RECONNECT_PAUSES_S:
            try:
                return await self._write_once(works)
            except DatabaseUnreachable:
                await asyncio.sleep(pause_s)
        return await self._write_once(works)

    async def _write_once(self, works: list[Work]) -> list[Outcome]:
        try:
            if self._session is None:
                await self.open()
            assert self._session is not None
            return await self._session.write(works, self._now)
        except (*LOST, asyncpg.PostgresError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> Exception:
        """Return what an error means: that the database is away, or what the error says itself."""
        if not _is_lost(error):
            return error
        self.close()
        address, reason = without_password(self._url), str(error) or type(error).__name__
        return DatabaseUnreachable(address=address, reason=reason)


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, LOST) or getattr(error, "sqlstate", None) in _LOST_STATES


def _forget(queued: Iterable[asyncio.Future[Outcome]]) -> None:
    """Give up answers that nobody waits for any more, so that none is reported as lost."""
    for each in queued:
        if not each.cancel() and not each.cancelled():
            each.exception()


def _fail(batch: Iterable[_Waiting], error: BaseException) -> None:
    for waiting in batch:
        if not waiting.answered.done():
            waiting.answered.set_exception(error)
