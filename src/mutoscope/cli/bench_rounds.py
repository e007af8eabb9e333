"""The rounds of the bench: every cell once a round, in a database of that round's own.

Owns the order of the cells. The invariant: min1 runs with the same callers and the same spread just
before what is set against it, and the books are right after every cell.
"""

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import uuid4

from mutoscope.bootstrap import calm_collector
from mutoscope.cli.bench_load import (
    BATCH_SIZE,
    Call,
    Figures,
    Stage,
    charging,
    cycling,
    fill,
    measure_batches,
    measure_calls,
    workspaces,
)
from mutoscope.cli.bench_pgbench import measure_min1
from mutoscope.cli.bench_rows import BatchRow, CallRow, Sample, batch_row, call_row
from mutoscope.ledger import Ledger
from mutoscope.storage.benchmark import check_books, create_min1, fresh_database, season

CALLERS: Final = (1, 8, 32)
MANY: Final = 32
SEED: Final = 20_140_717
"""Of the choice of wallets: every run calls over the same sequence of them."""

_CALLS: Final[dict[str, Callable[[Stage], Call]]] = {"charge": charging, "cycle": cycling}


class Plan(NamedTuple):
    """How much is measured: seconds a cell, rounds, and wallets to spread over."""

    url: str
    seconds: float
    rounds: int
    wallets: int

    def cells(self) -> int:
        """Count the measurements of all rounds, for a progress bar."""
        return self.rounds * (2 * len(CALLERS) * (1 + len(_CALLS)) + 1)


class Cell(NamedTuple):
    """Callers, and the wallets that they are spread over."""

    spread: str
    callers: int
    wallets: int


Tick = Callable[[str], None]
"""Is told what is measured next."""


async def measured_rounds(plan: Plan, tick: Tick) -> tuple[CallRow | BatchRow, ...]:
    """Run all rounds and return a row for each cell."""
    samples: dict[tuple[str, Cell], list[Sample]] = defaultdict(list)
    batches: list[Sample] = []
    for number in range(plan.rounds):
        async with stage_at(plan.url, wallets=plan.wallets) as stage:
            await create_min1(url=stage.url, wallets=plan.wallets)
            await season(url=stage.url)
            for cell in _cells(plan, is_reversed=bool(number % 2)):
                found = await _measured_cell(stage, cell, plan, tick)
                for op in _CALLS:
                    samples[op, cell].append(Sample(found[op], found["min1"]))
                if (cell.spread, cell.callers) == ("spread", MANY):
                    tick("batches")
                    ours = await measure_batches(stage, seconds=plan.seconds)
                    await check_books(url=stage.url, acknowledged=stage.acknowledged)
                    batches.append(Sample(ours, found["min1"]))
    rows = [
        call_row(op=op, spread=cell.spread, callers=cell.callers, samples=of_cell)
        for (op, cell), of_cell in sorted(samples.items(), key=_order)
    ]
    return (*rows, batch_row(requests=BATCH_SIZE, samples=batches))


@asynccontextmanager
async def stage_at(url: str, *, wallets: int) -> AsyncIterator[Stage]:
    """Open a ledger with filled wallets in a database of its own."""
    name = f"bench_{uuid4().hex[:12]}"
    chance = random.Random(SEED)  # noqa: S311 -- spreads load, keeps no secret
    async with fresh_database(url=url, name=name) as database, Ledger(database) as ledger:
        names = workspaces(count=wallets, chance=chance)
        stage = Stage(url=database, ledger=ledger, wallets=names, chance=chance)
        await fill(stage, at=datetime.now(UTC))
        calm_collector()
        await check_books(url=database, acknowledged=stage.acknowledged)
        yield stage


def _cells(plan: Plan, *, is_reversed: bool) -> tuple[Cell, ...]:
    """Return the cells in order; every other round runs backwards, so that no drift favours one."""
    cells = tuple(
        Cell(spread, callers, wallets)
        for spread, wallets in (("spread", plan.wallets), ("hot", 1))
        for callers in CALLERS
    )
    return cells[::-1] if is_reversed else cells


async def _measured_cell(stage: Stage, cell: Cell, plan: Plan, tick: Tick) -> dict[str, Figures]:
    tick(f"min1 {cell.spread} {cell.callers}")
    found = {
        "min1": await measure_min1(
            url=stage.url, callers=cell.callers, wallets=cell.wallets, seconds=plan.seconds
        )
    }
    for op, calling in _CALLS.items():
        tick(f"{op} {cell.spread} {cell.callers}")
        found[op] = await measure_calls(
            stage, calling(stage),
            wallets=cell.wallets, callers=cell.callers, seconds=plan.seconds,
        )  # fmt: skip
        await check_books(url=stage.url, acknowledged=stage.acknowledged)
    return found


def _order(item: tuple[tuple[str, Cell], list[Sample]]) -> tuple[str, bool, int]:
    (op, cell), _ = item
    return (op, cell.spread == "hot", cell.callers)
