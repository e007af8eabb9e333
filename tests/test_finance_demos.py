"""Workspaces marked demo count in no report of finance, and change no figure of the others."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from finance_stage import BEGINNING, Till, play
from mutoscope.app import finance
from mutoscope.app.books import Days, books
from mutoscope.app.rate_card_replay import RateCardReplay, replay
from mutoscope.domain.catalog import Catalog
from studio_stage import Stage
from test_books import written

DAYS = Days(date(2025, 1, 1), date(2025, 8, 1), "UTC")
CUSTOMERS = """
    SELECT DISTINCT workspace_id FROM wallets
    WHERE workspace_id NOT IN (SELECT workspace_id FROM workspaces WHERE name = 'Aurora')
    ORDER BY 1
"""
MARKED = """
    INSERT INTO workspaces (workspace_id, name, zone, is_demo, created_at)
    SELECT n.workspace_id, 'a customer', 'UTC', n.workspace_id = ANY ($2), $3
    FROM unnest($1::uuid[]) AS n (workspace_id)
    ON CONFLICT ON CONSTRAINT workspaces_pkey DO UPDATE SET is_demo = excluded.is_demo
"""


async def customers_of(stage: Stage) -> list[UUID]:
    async with stage.studio.reading() as connection:
        rows = await connection.fetch(CUSTOMERS)
    return [row["workspace_id"] for row in rows]


async def mark(till: Till, customers: list[UUID], *demos: UUID) -> None:
    """Let some customers be marked demo, and the others not."""
    await till.run(MARKED, customers, list(demos), BEGINNING)


def figures(name: str, told: object) -> Iterator[tuple[tuple[object, ...], int]]:
    """Yield the numbers of a row, each under the row's words and the number's own name."""
    row = (
        told
        if isinstance(told, dict)
        else told._asdict()
        if isinstance(told, tuple)
        else asdict(told)
    )
    words = tuple(value for value in row.values() if isinstance(value, str | None))
    for field, value in row.items():
        if type(value) is int:
            yield (name, field, *words), value


async def rows(stage: Stage) -> AsyncIterator[tuple[str, object]]:
    """Yield every row of every report, with what it is called."""
    now, studio = stage.clock.now(), stage.studio
    for left in (await finance.outstanding(studio, at=now)).rows:
        yield f"left {left.is_paid}", left
    for row in (await finance.deferred(studio, at=now)).rows:
        yield "deferred", row
    for number in range(1, 8):
        month = await finance.month(studio, year=2025, month=number, zone="UTC")
        for each in (*month.revenue, *month.tools):
            yield f"month {number}", each
    for transaction in (await books(studio, days=DAYS)).transactions:
        for leg in transaction.legs:
            yield "books", leg
    replayed = await under_the_same_prices(stage)
    yield "replay", {"wallets": replayed.wallets, "entries": replayed.entries}
    for tool in replayed.tools:
        yield "replay", tool


async def under_the_same_prices(stage: Stage) -> RateCardReplay:
    """Replay all days under the catalog that is in force."""
    draft = Catalog(versions=stage.studio.catalog.versions[-1:])
    async with stage.studio.reading() as connection:
        return await replay(stage.studio, connection=connection, draft=draft, span=DAYS.span())


async def told(stage: Stage) -> Counter[tuple[object, ...]]:
    """Return the figures of all reports by their names, added up, without those of 0."""
    found = Counter[tuple[object, ...]]()
    async for name, row in rows(stage):
        for figure, value in figures(name, row):
            found[figure] += value
    return Counter({figure: value for figure, value in found.items() if value})


@pytest.mark.parametrize("seed", range(3))
async def test_what_counts_is_what_the_others_had(stage: Stage, till: Till, seed: int) -> None:
    await play(till, seed=seed, steps=120, workspaces=2)
    first, second = customers = await customers_of(stage)
    both = await told(stage)

    await mark(till, customers, second)
    of_first = await told(stage)
    await mark(till, customers, first)
    of_second = await told(stage)

    of_first.update(of_second)
    assert of_second
    assert {figure: value for figure, value in of_first.items() if value} == both


async def test_a_house_of_demos_has_nothing_to_tell(
    stage: Stage, till: Till, tmp_path: Path
) -> None:
    await play(till, seed=4, steps=120)
    customers = await customers_of(stage)
    await mark(till, customers, *customers)

    assert await told(stage) == Counter()
    text = await written(stage, tmp_path / "demos", first=DAYS.first_on, until=DAYS.until_on)
    assert "f1000000" not in text


async def test_a_ledger_without_a_workspace_counts(stage: Stage, till: Till) -> None:
    await play(till, seed=4, steps=60)
    without = await told(stage)

    await mark(till, await customers_of(stage))

    assert await told(stage) == without
