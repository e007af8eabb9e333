"""Every report of the books tells the same, to the minor unit: in months that are over, in the one
that runs, and ahead."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from finance_stage import DAY, Bill, Till, play
from mutoscope.app import finance
from mutoscope.app.books import ITEMS
from mutoscope.app.finance import Deferred, Month
from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Terms
from mutoscope.domain.money import MINOR_DIGITS
from mutoscope.storage.finance import PaidLot, Span, paid_lots
from studio_stage import Stage
from test_books import balances, written

INSTANT = timedelta(microseconds=1)
WRITTEN = "SELECT DISTINCT posted_at FROM entries"
FOUND = "SELECT * FROM sequences_before($1) ORDER BY workspace_id, kind"
RECKONED = """
    SELECT w.workspace_id, w.kind, coalesce(max(e.sequence), 0) AS upto
    FROM wallets w LEFT JOIN entries e
        ON (w.workspace_id, w.kind) = (e.workspace_id, e.kind) AND e.posted_at < $1
    GROUP BY 1, 2 ORDER BY 1, 2
"""


async def month_of(stage: Stage, at: datetime, *, months: int = 0) -> Month:
    """Return the month of an instant, or one some months later."""
    years, month = divmod(at.month - 1 + months, 12)
    return await finance.month(stage.studio, year=at.year + years, month=month + 1, zone="UTC")


def by_currency(found: Deferred) -> dict[str, int]:
    """Return what is deferred in each currency."""
    sums: dict[str, int] = defaultdict(int)
    for row in found.rows:
        sums[row.currency] += row.deferred
    return dict(sums)


def after(month: Month) -> dict[str, int]:
    return {row.currency: row.deferred_after for row in month.revenue}


@pytest.mark.parametrize("seed", range(5))
async def test_what_was_deferred_and_sold_is_earned_taken_back_or_still_deferred(
    stage: Stage, till: Till, seed: int
) -> None:
    for part in range(5):
        await play(till, seed=100 * seed + part, steps=40)
        now = stage.clock.now()

        for month in [await month_of(stage, now, months=ahead) for ahead in (-2, -1, 0, 1)]:
            for row in month.revenue:
                kept = row.deferred_before + row.sold - row.total - row.taken_back
                assert kept == row.deferred_after, (month.month, row)
            told = await finance.deferred(stage.studio, at=month.reached_at - INSTANT)
            assert after(month) == by_currency(told)


@pytest.mark.parametrize("seed", range(3))
async def test_a_month_takes_up_where_the_one_before_left_off(
    stage: Stage, till: Till, seed: int
) -> None:
    await play(till, seed=seed, steps=150)

    months = [await month_of(stage, datetime(2025, 1, 1, tzinfo=UTC), months=n) for n in range(14)]

    for earlier, later in pairwise(months):
        before = {row.currency: row.deferred_before for row in later.revenue}
        assert {name: before[name] for name in after(earlier)} == after(earlier)
    assert after(months[-1])


@pytest.mark.parametrize("seed", range(3))
async def test_a_months_tools_earned_what_the_month_says_that_credits_did(
    stage: Stage, till: Till, seed: int
) -> None:
    await play(till, seed=seed, steps=150)

    for n in range(8):
        month = await month_of(stage, datetime(2025, 1, 1, tzinfo=UTC), months=n)
        worth: dict[str, int] = defaultdict(int)
        for money in (each for tool in month.tools for each in tool.revenue):
            worth[money.currency] += money.amount
        assert {row.currency: worth[row.currency] for row in month.revenue} == {
            row.currency: row.credits for row in month.revenue
        }


@pytest.mark.parametrize("seed", range(3))
async def test_credits_that_are_deferred_are_those_that_are_outstanding(
    stage: Stage, till: Till, seed: int
) -> None:
    await play(till, seed=seed, steps=150)
    now = stage.clock.now()

    for at in (now - 60 * DAY, now - 30 * DAY, now, now + 30 * DAY):
        found = await finance.outstanding(stage.studio, at=at)
        async with stage.studio.reading() as connection:
            told = await paid_lots(connection, span=Span(at, at + INSTANT))
        assert sum(row.credits for row in found.rows if row.is_paid) == sum(map(left, told.after))


def left(lot: PaidLot) -> int:
    return lot.use.granted - lot.use.captured - lot.use.ended - lot.use.voided


@pytest.mark.parametrize("seed", range(3))
async def test_a_journal_up_to_an_instant_ends_with_the_last_entry_written_before(
    stage: Stage, till: Till, seed: int
) -> None:
    await play(till, seed=seed, steps=200)

    async with stage.studio.reading() as connection:
        instants = [row[0] for row in await connection.fetch(WRITTEN)]
        for at in [each + step for each in instants for step in (INSTANT, -INSTANT, 0 * DAY)]:
            assert await connection.fetch(FOUND, at) == await connection.fetch(RECKONED, at)

    assert len(instants) > 30


async def test_a_month_that_runs_has_earned_what_is_earned_by_now(stage: Stage, till: Till) -> None:
    await till.ask_money(till.new_id(), Bill(net=3_100, span=31 * DAY))
    at_once = await month_of(stage, stage.clock.now())

    stage.clock.move(days=3, hours=5)

    later = await month_of(stage, stage.clock.now())
    told = await finance.deferred(stage.studio, at=stage.clock.now())
    assert [row.plans for row in at_once.revenue] == [0]
    assert [row.plans for row in later.revenue] == [row.recognised for row in told.rows] == [300]
    assert later.reached_at == stage.clock.now() + INSTANT < later.ends_at


async def test_what_has_not_come_is_told_as_it_is_now(stage: Stage, till: Till) -> None:
    await till.ask_money(till.new_id(), Bill(net=3_100, span=31 * DAY))
    now = stage.clock.now()

    ahead = await finance.deferred(stage.studio, at=now + 20 * DAY)
    next_month = await month_of(stage, now, months=1)

    assert ahead == await finance.deferred(stage.studio, at=now)
    assert (ahead.at, ahead.balance("USD", "plans")) == (now, 3_100)
    (row,) = next_month.revenue
    assert (row.total, row.sold, row.deferred_before, row.deferred_after) == (0, 0, 3_100, 3_100)


async def test_facts_of_a_clock_that_went_ahead_are_told(stage: Stage, till: Till) -> None:
    now = stage.clock.now()
    stage.clock.move(days=50)
    terms = Terms("pack", stage.clock.now(), None, "invoice", 1_000, "USD")
    await till.submit(till.new_id(), "pack", ask.Grant(100, terms))

    stage.clock.at = now

    month = await month_of(stage, now + 50 * DAY)
    assert [row.sold for row in month.revenue] == [1_000]
    assert not month.is_final


async def test_an_order_that_ends_without_credits_is_taken_back(stage: Stage, till: Till) -> None:
    purchase, _ = await till.buy(till.new_id(), net=3_900)
    stage.clock.move(days=20)

    await till.run(
        "UPDATE purchases SET state = 'refunded', ended_at = $2 WHERE purchase_id = $1",
        purchase, stage.clock.now(),
    )  # fmt: skip

    bought, ended = [await month_of(stage, stage.clock.now(), months=n) for n in (-1, 0)]
    assert [(row.sold, row.taken_back) for row in bought.revenue] == [(3_900, 0)]
    assert [(row.sold, row.taken_back) for row in ended.revenue] == [(0, 3_900)]
    assert after(ended) == {"USD": 0}


@pytest.mark.parametrize("seed", range(3))
async def test_the_books_of_a_month_that_runs_are_those_of_its_report(
    stage: Stage, till: Till, tmp_path: Path, seed: int
) -> None:
    await play(till, seed=seed, steps=120)
    stage.clock.move(days=1)
    month = await month_of(stage, stage.clock.now())

    await written(stage, tmp_path / "books", first=month.starts_at.date(), until=_end(month))

    found = balances(tmp_path / "books")
    for row in month.revenue:
        scale = -MINOR_DIGITS.get(row.currency, 2)
        told = (row.plans, row.credits, row.breakage, row.deferred_after)
        incomes = ["Income:Plans", "Income:Credits", "Income:Breakage"]
        kept = [found.get((name, row.currency), Decimal(0)) for name in incomes]
        deferred = sum(found.get((name, row.currency), Decimal(0)) for name in ITEMS.values())
        assert [*kept, deferred] == [Decimal(-amount).scaleb(scale) for amount in told]


def _end(month: Month) -> date:
    return month.ends_at.date()
