"""The books: what is outstanding, deferred, earned and spent, at any instant and for ever."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from finance_stage import BEGINNING, DAY, Bill, Till, play
from mutoscope.app import finance
from mutoscope.app.finance import BadMonth, Month
from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Terms
from mutoscope.domain.offers import Money
from mutoscope.domain.wall_clock import UnknownZone
from studio_stage import Stage

LEFT = """
    SELECT kind, source, paid_amount IS NOT NULL AS is_paid, sum(available)::int,
        sum(frozen)::int, sum(held)::int
    FROM lots WHERE workspace_id NOT IN (SELECT workspace_id FROM workspaces WHERE is_demo)
    GROUP BY 1, 2, 3 HAVING sum(available + frozen + held) > 0 ORDER BY 1, 2, 3
"""
PAID = """
    SELECT sum(paid_amount)::int FROM grants WHERE upper(currency) = $1
"""


async def january(stage: Stage, *, month: int = 1, zone: str = "UTC") -> Month:
    return await finance.month(stage.studio, year=2025, month=month, zone=zone)


async def all_months(stage: Stage) -> list[Month]:
    last = stage.clock.now()
    count = (last.year - 2025) * 12 + last.month
    return [
        await finance.month(stage.studio, year=2025 + n // 12, month=n % 12 + 1, zone="UTC")
        for n in range(count)
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_is_outstanding_now_is_what_the_lots_hold(
    stage: Stage, till: Till, seed: int
) -> None:
    await play(till, seed=seed, steps=120)

    found = await finance.outstanding(stage.studio, at=stage.clock.now())

    sums: dict[tuple[str, str, bool], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in found.rows:
        for place, amount in enumerate((row.available, row.frozen, row.held)):
            sums[row.kind, row.source, row.is_paid][place] += amount
    async with stage.studio.reading() as connection:
        lots = [tuple(row) for row in await connection.fetch(LEFT)]
    assert [(*name, *amounts) for name, amounts in sorted(sums.items())] == lots
    assert lots


async def test_what_was_outstanding_stays_as_it_was_told(stage: Stage, till: Till) -> None:
    told = []
    for seed in range(4):
        await play(till, seed=seed, steps=15)
        at = stage.clock.now()
        told.append(await finance.outstanding(stage.studio, at=at))
        stage.clock.move(seconds=1)

    again = [await finance.outstanding(stage.studio, at=each.at) for each in told]

    assert again == told
    assert len({each.rows for each in told}) > 2


async def test_credits_grow_older_by_bands(stage: Stage, till: Till) -> None:
    workspace_id = till.new_id()
    await till.submit(workspace_id, "gift", ask.Grant(9, Terms("goodwill", BEGINNING)))
    spans = [timedelta(0), 30 * DAY - timedelta(microseconds=1), 30 * DAY, 90 * DAY, 364 * DAY,
             365 * DAY]  # fmt: skip

    bands = []
    for span in spans:
        stage.clock.at = BEGINNING + span
        found = await finance.outstanding(stage.studio, at=stage.clock.now())
        bands += [row.age for row in found.rows if row.source == "goodwill"]

    assert bands == ["0-29 days", "0-29 days", "30-89 days", "90-179 days", "180-364 days",
                     "365 days and more"]  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_was_paid_is_earned_left_over_taken_back_or_deferred(
    stage: Stage, till: Till, seed: int
) -> None:
    await play(till, seed=seed, steps=120)

    found = await finance.deferred(stage.studio, at=stage.clock.now())

    for row in found.rows:
        assert row.paid == row.recognised + row.breakage + row.taken_back + row.deferred
        if row.item == "credits":
            async with stage.studio.reading() as connection:
                assert row.paid == await connection.fetchval(PAID, row.currency)
    assert {row.item for row in found.rows} >= {"plans", "credits"}


@pytest.mark.parametrize("seed", [1, 2])
async def test_months_add_up_to_all_that_was_earned(stage: Stage, till: Till, seed: int) -> None:
    await play(till, seed=seed, steps=120)
    stage.clock.at = datetime(stage.clock.now().year + 2, 1, 1, tzinfo=UTC)

    months = await all_months(stage)

    last = await finance.deferred(stage.studio, at=stage.clock.now())
    for currency in {row.currency for row in last.rows}:
        found = [each for month in months for each in month.revenue if each.currency == currency]
        rows = [row for row in last.rows if row.currency == currency]
        earned = sum(row.recognised + row.breakage for row in rows)
        assert sum(each.total for each in found) == earned
        assert found[-1].deferred_after == sum(row.deferred for row in rows)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_month_that_is_over_keeps_its_figures(stage: Stage, till: Till, seed: int) -> None:
    await play(till, seed=seed, steps=40)
    stage.clock.at = datetime(stage.clock.now().year, stage.clock.now().month, 1, tzinfo=UTC) + (
        40 * DAY
    )
    told = [month for month in await all_months(stage) if month.is_final]

    await play(till, seed=seed + 10, steps=60)

    assert (await all_months(stage))[: len(told)] == told
    assert len(told) > 1


async def test_what_took_effect_before_and_was_written_later_counts_later(
    stage: Stage, till: Till
) -> None:
    workspace_id = till.new_id()
    ends_at = datetime(2025, 1, 31, 23, tzinfo=UTC)
    terms = Terms("pack", BEGINNING, ends_at, None, 1_000, "USD")
    await till.submit(workspace_id, "pack", ask.Grant(100, terms))
    stage.clock.at = datetime(2025, 2, 3, tzinfo=UTC)

    await till.submit(workspace_id, "later", ask.Meter(1))  # what was due is written now

    first, second = await january(stage), await january(stage, month=2)
    assert [each.breakage for each in first.revenue] == [0]
    assert [each.breakage for each in second.revenue] == [1_000]


async def test_a_month_is_final_once_nothing_of_it_can_be_under_way(stage: Stage) -> None:
    stage.clock.at = datetime(2025, 2, 1, 0, 9, 59, tzinfo=UTC)
    assert not (await january(stage)).is_final

    stage.clock.move(seconds=1)

    assert (await january(stage)).is_final


async def test_a_month_is_that_of_the_zones_calendar(stage: Stage) -> None:
    month = await january(stage, zone="Asia/Tokyo")

    assert month.starts_at == datetime(2024, 12, 31, 15, tzinfo=UTC)
    assert month.ends_at == datetime(2025, 1, 31, 15, tzinfo=UTC)


async def test_credits_are_worth_what_their_lot_cost_tool_by_tool(stage: Stage, till: Till) -> None:
    workspace_id = till.new_id()
    purchase, _ = await till.buy(workspace_id, size=1_500, net=3_900)
    await till.grant(workspace_id, purchase)
    await till.job(workspace_id, tool="kling_pro", held=50, captured=50, cost=900_000)
    await till.job(workspace_id, tool="wan_i2v", held=40, captured=0, cost=100_000)
    await till.submit(workspace_id, "late", ask.Absorb(7))

    month = await january(stage)

    kling, wan, other = month.tools
    assert (kling.tool, kling.paid_credits, kling.revenue) == (
        "kling_pro", 50, (Money(amount=130, currency="USD"),),
    )  # fmt: skip
    assert kling.margin_micros == 1_300_000 - 900_000
    assert (wan.paid_credits, wan.margin_micros) == (0, -100_000)
    assert (other.tool, other.absorbed_credits) == (None, 7)
    assert (month.cost_micros, month.margin_micros) == (1_000_000, 300_000)


async def test_credits_of_plans_and_gifts_have_no_price(stage: Stage, till: Till) -> None:
    workspace_id = till.new_id()
    for source, amount in (("plan", 60), ("goodwill", 15)):
        await till.submit(workspace_id, source, ask.Grant(amount, Terms(source, BEGINNING)))
    job_id = await till.job(workspace_id, tool="kling_pro", held=70, captured=70, cost=5)
    refund = ask.Refund(ask.Reference("job", f"end/{job_id}"), 3)
    await till.submit(workspace_id, "refund", refund)

    (kling,) = (await january(stage)).tools

    assert (kling.plan_credits, kling.free_credits, kling.paid_credits) == (60, 7, 0)
    assert (kling.revenue, kling.margin_micros) == ((), -5)


@pytest.mark.parametrize("seed", [1, 2])
async def test_tools_together_earned_what_the_captures_did(
    stage: Stage, till: Till, seed: int
) -> None:
    await play(till, seed=seed, steps=120)

    months = await all_months(stage)

    worth: dict[str, int] = defaultdict(int)
    for month in months:
        for tool in month.tools:
            for money in tool.revenue:
                worth[money.currency] += money.amount
    lots = await _lots(stage)
    assert dict(worth) == lots


async def _lots(stage: Stage) -> dict[str, int]:
    """Return what the captures of every lot are worth, by currency, reckoned lot by lot."""
    async with stage.studio.reading() as connection:
        rows = await connection.fetch(
            "SELECT upper(currency), paid_amount, granted, captured FROM lots "
            "WHERE paid_amount IS NOT NULL"
        )
        used = await connection.fetch(
            "SELECT DISTINCT upper(g.currency) FROM postings p JOIN grants g "
            "USING (workspace_id, kind, lot) WHERE p.target = 'captured' AND g.currency > ''"
        )
    found: dict[str, int] = {row[0]: 0 for row in used}
    for currency, paid, granted, captured in rows:
        if currency in found:
            found[currency] += paid * captured // granted
    return found


async def test_money_that_is_paid_waits_for_its_credits(stage: Stage, till: Till) -> None:
    workspace_id = till.new_id()
    purchase, _ = await till.buy(workspace_id, net=3_900, tax=741)
    ordered = await finance.deferred(stage.studio, at=stage.clock.now())
    stage.clock.move(hours=1)

    await till.grant(workspace_id, purchase)

    granted = await finance.deferred(stage.studio, at=stage.clock.now())
    assert (ordered.balance("USD", "awaiting"), ordered.balance("USD", "credits")) == (3_900, 0)
    assert (granted.balance("USD", "awaiting"), granted.balance("USD", "credits")) == (0, 3_900)


async def test_currencies_are_never_added_up(stage: Stage, till: Till) -> None:
    for currency in ("EUR", "USD"):
        await till.ask_money(till.new_id(), Bill(net=3_100, currency=currency, span=31 * DAY))
    stage.clock.move(days=40)

    found = await finance.deferred(stage.studio, at=stage.clock.now())

    assert [(row.currency, row.recognised) for row in found.rows] == [
        ("EUR", 3_100),
        ("USD", 3_100),
    ]


@pytest.mark.parametrize(("year", "month"), [(2025, 0), (2025, 13), (0, 1), (99_999, 1)])
async def test_a_month_that_there_is_not_is_refused(stage: Stage, year: int, month: int) -> None:
    with pytest.raises(BadMonth, match="write one from 1970-01"):
        await finance.month(stage.studio, year=year, month=month, zone="UTC")


async def test_a_zone_that_there_is_not_is_refused(stage: Stage) -> None:
    with pytest.raises(UnknownZone):
        await finance.month(stage.studio, year=2025, month=1, zone="Nowhere")
