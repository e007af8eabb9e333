"""Renewals by the clock: post whatever is due on every wallet that nobody touches.

Owns the run over all of them, in this process or spread over others. The invariant: each wallet's
lapses, grants and deadlines are posted in due order, each once, whether the run is late by a
minute or by a year, is killed, is repeated, or goes on twice at once. The surprising choice: other
processes get no partition of their own. They take chunks from one queue, the wallets' wake-ups, a
slice of time each, so that none is left behind and a slow one delays nobody.
"""

import asyncio
import gc
import math
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple

from mutoscope.domain.credits import Refusal, checked_instant
from mutoscope.domain.planner import WalletName
from mutoscope.storage.event_loop import run_long
from mutoscope.storage.renewals import Chunk, Failure, Renewals, summed

LANES: Final = 2
"""Chunks in work at once in a process: one is planned while the other is written, or synced.

Six renew a tenth more a second, and double the p99 of the charges that go on meanwhile.
"""

SLICE_S: Final = 2.0
"""Seconds that another process works before it reports: its new connection costs 1 % of that."""

FAILURES_MAX: Final = 1_000
"""Failing wallets after which a run stops: so many are not spoilt rows but one cause."""

PROCESSES_MAX: Final = 64
"""More than any machine's cores, fewer than a server's connections."""


class RenewalInterrupted(Refusal):
    """A process of a run was killed; what its last transaction would have posted is still due."""

    code = "renewal_interrupted"

    def __init__(self, *, renewal: "Renewal") -> None:
        super().__init__(
            f"a renewing process died after {renewal.wallets:,} wallets: run it again, it goes on "
            "where it stopped"
        )
        self.renewal = renewal


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What a run has done so far, or in all; the wallets that failed are still due.

    `is_complete` says that nothing else was left to be taken when the run ended.
    """

    wallets: int = 0
    entries: int = 0
    failures: tuple[Failure, ...] = ()
    elapsed_s: float = 0.0
    is_complete: bool = False

    @property
    def wallets_per_s(self) -> float:
        """Return the wallets renewed a second."""
        return self.wallets / self.elapsed_s if self.elapsed_s else 0.0


Progress = Callable[[Renewal], None]
Hear = Callable[[Chunk], bool]
"""Takes note of a chunk, and tells whether to go on."""


def unheard(_renewal: Renewal) -> None:
    """Tell nobody how the run goes."""


async def run(
    *, url: str, at: datetime, processes: int = 0, progress: Progress = unheard
) -> Renewal:
    """Post what is due by an instant on all wallets, in this process (0) or in so many others.

    An entry is stamped with `at` plus the time that the run had taken by then. Planning a chunk
    holds the processor for some 10 ms: a process that also answers callers lets another do it.

    :raises NaiveInstant: when `at` has no zone.
    :raises DatabaseUnreachable: when no server answers.
    :raises RenewalInterrupted: when another process was killed.
    """
    assert 0 <= processes <= PROCESSES_MAX, processes
    tally = _Tally(_Order(url=url, due_by=checked_instant(at, name="at"), at=at), progress)
    if processes:
        await _run_elsewhere(tally, processes)
    else:
        tally.finish(is_complete=await _carried_out(tally.order(), tally.add))
    return tally.renewal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What a process is to do: for how long, and which wallets to leave out.

    `at` is the instant at which it begins, `due_by` the one up to which it looks.
    """

    url: str
    due_by: datetime
    at: datetime
    failed: tuple[WalletName, ...] = ()
    span_s: float = math.inf


class _Slice(NamedTuple):
    """What another process did in its span of time."""

    chunk: Chunk
    is_last: bool


class _Tally:
    """The sum of a run so far, and the orders that carry it on."""

    def __init__(self, order: _Order, progress: Progress) -> None:
        self.renewal = Renewal()
        self._first = order
        self._progress = progress
        self._failures: dict[WalletName, Failure] = {}
        self._began_s = monotonic()

    def order(self, *, span_s: float = math.inf) -> _Order:
        at = self._first.at + timedelta(seconds=monotonic() - self._began_s)
        return replace(self._first, at=at, failed=tuple(self._failures), span_s=span_s)

    def add(self, chunk: Chunk) -> bool:
        """Count a chunk; tell whether the run goes on."""
        for failure in chunk.failures:
            self._failures[failure.workspace_id, failure.kind] = failure
        self.renewal = Renewal(
            wallets=self.renewal.wallets + chunk.wallets,
            entries=self.renewal.entries + chunk.entries,
            failures=tuple(self._failures.values()),
            elapsed_s=monotonic() - self._began_s,
        )
        self._progress(self.renewal)
        return len(self._failures) < FAILURES_MAX

    def finish(self, *, is_complete: bool) -> None:
        self.renewal = replace(self.renewal, is_complete=is_complete)


async def _run_elsewhere(tally: _Tally, processes: int) -> None:
    spawn = multiprocessing.get_context("spawn")  # a fork would inherit the loop and its sockets
    with ProcessPoolExecutor(max_workers=processes, mp_context=spawn) as executor:
        try:
            ends = await asyncio.gather(*(_hand_out(executor, tally) for _ in range(processes)))
        except BrokenProcessPool:
            raise RenewalInterrupted(renewal=tally.renewal) from None
    tally.finish(is_complete=all(ends))


async def _hand_out(executor: ProcessPoolExecutor, tally: _Tally) -> bool:
    """Let one process work slice by slice; tell whether it came to the end."""
    loop = asyncio.get_running_loop()
    while True:
        done = await loop.run_in_executor(executor, _work, tally.order(span_s=SLICE_S))
        if not tally.add(done.chunk) or done.is_last:
            return done.is_last


def _work(order: _Order) -> _Slice:
    """Carry an order out; this runs in another process."""
    gc.disable()  # chunks leave no cycles behind: looking for some took a tenth of the time
    done: list[Chunk] = []

    def keep(chunk: Chunk) -> bool:
        done.append(chunk)
        return True

    is_last = run_long(_carried_out(order, keep))
    gc.collect()
    return _Slice(summed(done), is_last)


async def _carried_out(order: _Order, hear: Hear) -> bool:
    """Post chunks on every lane; tell whether they came to the end before the span was over."""
    lanes = [asyncio.create_task(_posted_all(order, hear)) for _ in range(LANES)]
    try:
        return all(await asyncio.gather(*lanes))
    finally:
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)


async def _posted_all(order: _Order, hear: Hear) -> bool:
    began_s = monotonic()
    renewals = await Renewals.opened(order.url, failed=order.failed)
    try:
        while (elapsed_s := monotonic() - began_s) < order.span_s:
            at = order.at + timedelta(seconds=elapsed_s)
            chunk = await renewals.post_chunk(due_by=order.due_by, at=at)
            if chunk.is_empty():
                return True
            if not hear(chunk):
                break
    finally:
        renewals.close()
    return False
