"""Renewals by the clock: post whatever is due on every wallet that nobody touches.

Owns the run over all of them, in this process or spread over others. The invariant: each wallet's
lapses, grants and deadlines are posted in due order, each once, whether the run is late by a
minute or by a year, is killed, is repeated, or goes on twice at once. The surprising choice: names
are handed out, never work. Whoever has some locks and looks again, and passes over what is done or
at work elsewhere; what nobody has come to is in the next sweep.
"""

import asyncio
import gc
import math
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple

from mutoscope.domain.credits import Refusal, checked_instant
from mutoscope.domain.planner import WalletName
from mutoscope.storage.database import connect
from mutoscope.storage.event_loop import run_long
from mutoscope.storage.renewals import Chunk, DueName, Failure, Renewals, summed, sweep

LANES: Final = 2
"""Chunks in work at once in a process: one is planned while the other is written, or synced.

Six renew a tenth more a second, and double the p99 of the charges that go on meanwhile.
"""

SLICE_S: Final = 2.0
"""Seconds that another process works before it reports: its new connection costs 1 % of that."""

PORTION_MAX: Final = 20_000
"""Names that another process is handed at once: about what it renews in its slice of time."""

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
    holds the processor for some 2 ms: a process that also answers callers lets another do it.

    :raises NaiveInstant: when `at` has no zone.
    :raises DatabaseUnreachable: when no server answers.
    :raises RenewalInterrupted: when another process was killed.
    """
    assert 0 <= processes <= PROCESSES_MAX, processes
    tally = _Tally(_Order(url=url, due_by=checked_instant(at, name="at"), at=at), progress)
    connection = await connect(url)
    try:
        with _workers(processes) as executor:
            while names := await sweep(connection, due_by=at, failed=tally.failed()):
                before = tally.renewal
                if executor is None:
                    await _carried_out(tally.order(names), tally.add)
                else:
                    await _handed_out(executor, tally, names, processes=processes)
                if tally.is_full():
                    return tally.renewal
                if tally.has_stood_still(before):
                    break  # the others are at work elsewhere
    except BrokenProcessPool:
        raise RenewalInterrupted(renewal=tally.renewal) from None
    finally:
        await connection.close()
    return tally.completed()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What a process is to do: on which wallets, and for how long.

    `at` is the instant at which it begins, `due_by` the one up to which it looks.
    """

    url: str
    due_by: datetime
    at: datetime
    names: Sequence[DueName] = ()
    span_s: float = math.inf


class _Slice(NamedTuple):
    """What another process did in its span of time, and what it did not come to."""

    chunk: Chunk
    rest: Sequence[DueName]


class _Tally:
    """The sum of a run so far, and the orders that carry it on."""

    def __init__(self, order: _Order, progress: Progress) -> None:
        self.renewal = Renewal()
        self._first = order
        self._progress = progress
        self._failures: dict[WalletName, Failure] = {}
        self._began_s = monotonic()

    def order(self, names: Sequence[DueName], *, span_s: float = math.inf) -> _Order:
        at = self._first.at + timedelta(seconds=monotonic() - self._began_s)
        return replace(self._first, at=at, names=names, span_s=span_s)

    def failed(self) -> tuple[WalletName, ...]:
        return tuple(self._failures)

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
        return not self.is_full()

    def is_full(self) -> bool:
        """Tell whether so many wallets failed that the run stops."""
        return len(self._failures) >= FAILURES_MAX

    def has_stood_still(self, before: Renewal) -> bool:
        """Tell whether a sweep neither renewed a wallet nor saw one fail."""
        now = self.renewal
        return (now.wallets, len(now.failures)) == (before.wallets, len(before.failures))

    def completed(self) -> Renewal:
        return replace(self.renewal, is_complete=True)


@contextmanager
def _workers(processes: int) -> Iterator[ProcessPoolExecutor | None]:
    """Yield what starts other processes when there is work for them; None for none."""
    if not processes:
        yield None
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would inherit the loop and its sockets
    with ProcessPoolExecutor(max_workers=processes, mp_context=spawn) as executor:
        yield executor


async def _handed_out(
    executor: ProcessPoolExecutor, tally: _Tally, names: Sequence[DueName], *, processes: int
) -> None:
    """Let other processes work through a sweep, a portion of neighbours each at a time."""
    size = min(PORTION_MAX, -(-len(names) // processes))
    portions = iter([names[start : start + size] for start in range(0, len(names), size)])
    await asyncio.gather(*(_hand_out(executor, tally, portions) for _ in range(processes)))


async def _hand_out(
    executor: ProcessPoolExecutor, tally: _Tally, portions: Iterator[Sequence[DueName]]
) -> None:
    """Let one process work portion by portion, a slice of time each, until none is left."""
    loop = asyncio.get_running_loop()
    for portion in portions:
        rest = portion
        while rest and not tally.is_full():
            order = tally.order(rest, span_s=SLICE_S)
            chunk, rest = await loop.run_in_executor(executor, _work, order)
            tally.add(chunk)


def _work(order: _Order) -> _Slice:
    """Carry an order out; this runs in another process."""
    gc.disable()  # chunks leave no cycles behind: looking for some took a tenth of the time
    gc.freeze()
    done: list[Chunk] = []

    def keep(chunk: Chunk) -> bool:
        done.append(chunk)
        return True

    rest = run_long(_carried_out(order, keep))
    gc.collect()
    return _Slice(summed(done), rest)


async def _carried_out(order: _Order, hear: Hear) -> Sequence[DueName]:
    """Post chunks on every lane; return the wallets that the span was too short for."""
    names = _Names(order.names)
    lanes = [asyncio.create_task(_posted_all(order, names, hear)) for _ in range(LANES)]
    try:
        await asyncio.gather(*lanes)
    finally:
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
    return names.rest()


class _Names:
    """The wallets of an order, taken one after another by all lanes."""

    def __init__(self, names: Sequence[DueName]) -> None:
        self._names = names
        self._taken = 0

    def take(self, size: int) -> Sequence[DueName]:
        start, self._taken = self._taken, self._taken + size
        return self._names[start : self._taken]

    def rest(self) -> Sequence[DueName]:
        return self._names[self._taken :]


async def _posted_all(order: _Order, names: _Names, hear: Hear) -> None:
    began_s = monotonic()
    renewals = await Renewals.opened(order.url)
    try:
        while (elapsed_s := monotonic() - began_s) < order.span_s:
            some = names.take(renewals.size)
            at = order.at + timedelta(seconds=elapsed_s)
            if not some or not hear(await renewals.post_chunk(some, due_by=order.due_by, at=at)):
                break
    finally:
        renewals.close()
