"""Callers of the ledger in one asyncio process, each with one call under way at a time.

Owns the loads of the bench and the count of what was acknowledged. Each latency is what a caller
saw, from the call to the answer; a cycle is two calls, hold then settle, each durable.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from time import perf_counter
from typing import Final
from uuid import UUID

from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.requests import Request
from mutoscope.ledger import NAMESPACE, Ledger

KIND: Final = "video"
BATCH_SIZE: Final = 1_000
GRANTED: Final = 1_000_000_000
"""Credits of each lot: no run can spend them."""

LOTS_A_WALLET: Final = 2
PERIOD_LEFT: Final = timedelta(days=20)
MILLISECONDS: Final = 1_000

Call = Callable[[UUID], Awaitable[int]]
"""One operation of a caller; returns how many entries it was told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one cell measured: operations a second, and the latencies of its operations in ms."""

    ops_per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(slots=True, kw_only=True)
class Stage:
    """A ledger to measure, its wallets, and how many entries it has acknowledged so far."""

    url: str
    ledger: Ledger
    wallets: tuple[UUID, ...]
    chance: random.Random
    acknowledged: int = 0
    keys: Iterator[int] = field(default_factory=count)

    def key(self) -> str:
        """Return a key that was never used before."""
        return f"bench-{next(self.keys)}"


def workspaces(*, count: int, chance: random.Random) -> tuple[UUID, ...]:
    """Return the ids of so many workspaces."""
    return tuple(UUID(int=chance.getrandbits(128), version=4) for _ in range(count))


async def fill(stage: Stage, *, at: datetime) -> None:
    """Grant every wallet a lot of a plan, which is drawn first, and a purchased one."""
    plan = Terms(source=Source.PLAN, effective_at=at, expires_at=at + PERIOD_LEFT)
    pack = Terms(source=Source.PACK, effective_at=at, paid_amount=3_900, currency="USD")
    submissions = [
        [
            Request(workspace_id, KIND, NAMESPACE, stage.key(), ask.Grant(GRANTED, terms))
            for terms in (plan, pack)
        ]
        for workspace_id in stage.wallets
    ]
    await submit_all(stage, submissions)


async def submit_all(stage: Stage, submissions: Sequence[Sequence[Request]]) -> None:
    """Do submissions in explicit batches.

    :raises Refusal: when one of them is refused.
    """
    for start in range(0, len(submissions), BATCH_SIZE):
        for outcome in await stage.ledger.batch(submissions[start : start + BATCH_SIZE]):
            if isinstance(outcome, Refusal):
                raise outcome
            stage.acknowledged += sum(answer.entry is not None for answer in outcome)


def charging(stage: Stage) -> Call:
    """Return the call that charges one credit."""

    async def charge(workspace_id: UUID) -> int:
        await stage.ledger.charge(workspace_id, KIND, 1, key=stage.key())
        return 1

    return charge


def cycling(stage: Stage) -> Call:
    """Return the two calls that hold two credits, then capture one and release the other."""

    async def cycle(workspace_id: UUID) -> int:
        key = stage.key()
        await stage.ledger.hold(workspace_id, KIND, 2, key=key)
        await stage.ledger.settle(workspace_id, KIND, 1, key=f"{key}-done", hold=key)
        return 2

    return cycle


async def measure_calls(
    stage: Stage, call: Call, *, wallets: int, callers: int, seconds: float
) -> Figures:
    """Let so many callers call over the first so many wallets for a time."""
    latencies_s: list[float] = []
    among, chance = stage.wallets[:wallets], stage.chance.random
    began_s = perf_counter()
    ends_s = began_s + seconds

    async def caller() -> None:
        while (since_s := perf_counter()) < ends_s:
            entries = await call(among[int(chance() * wallets)])
            latencies_s.append(perf_counter() - since_s)
            stage.acknowledged += entries

    await asyncio.gather(*(caller() for _ in range(callers)))
    elapsed_s = perf_counter() - began_s
    return figures(ops_per_s=len(latencies_s) / elapsed_s, latencies_s=latencies_s)


async def measure_batches(stage: Stage, *, seconds: float) -> Figures:
    """Let one caller send explicit batches of charges; a latency is a whole batch's."""
    latencies_s: list[float] = []
    began_s = perf_counter()
    while (since_s := perf_counter()) < began_s + seconds:
        await submit_all(stage, [_one_charge(stage) for _ in range(BATCH_SIZE)])
        latencies_s.append(perf_counter() - since_s)
    operations = len(latencies_s) * BATCH_SIZE
    return figures(ops_per_s=operations / (perf_counter() - began_s), latencies_s=latencies_s)


async def charge_steadily(
    stage: Stage, *, callers: int, pause_s: float, until: asyncio.Event
) -> Figures:
    """Let so many callers charge with a pause after each charge, until they are told to stop."""
    latencies_s: list[float] = []
    charge = charging(stage)
    began_s = perf_counter()

    async def caller() -> None:
        while not until.is_set():
            since_s = perf_counter()
            entries = await charge(stage.chance.choice(stage.wallets))
            stage.acknowledged += entries  # never `+= await`, which adds to what was before it
            latencies_s.append(perf_counter() - since_s)
            await asyncio.sleep(pause_s)

    await asyncio.gather(*(caller() for _ in range(callers)))
    elapsed_s = perf_counter() - began_s
    return figures(ops_per_s=len(latencies_s) / elapsed_s, latencies_s=latencies_s)


def figures(*, ops_per_s: float, latencies_s: list[float]) -> Figures:
    """Return the figures of a cell from the latencies of its operations."""
    assert latencies_s, "a cell measures at least one operation"
    ordered = sorted(latencies_s)
    return Figures(
        ops_per_s=ops_per_s,
        p50_ms=_share(ordered, 0.5),
        p99_ms=_share(ordered, 0.99),
        max_ms=ordered[-1] * MILLISECONDS,
    )


def _share(ordered: Sequence[float], share: float) -> float:
    """Return the latency in ms that such a share of the operations did not exceed."""
    position = min(len(ordered) - 1, int(len(ordered) * share))
    return ordered[position] * MILLISECONDS


def _one_charge(stage: Stage) -> list[Request]:
    workspace_id = stage.chance.choice(stage.wallets)
    return [Request(workspace_id, KIND, NAMESPACE, stage.key(), ask.Charge(1))]
