"""Balances read from a real journal: now, projected, and as they were."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from statistics import median
from time import perf_counter
from uuid import UUID, uuid4

import asyncpg
import pytest

from mutoscope.domain import actions as ask
from mutoscope.domain import instants
from mutoscope.domain.balance import Balance, TooFarAhead
from mutoscope.domain.credits import NaiveInstant
from mutoscope.domain.explanation import explanation
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import UnknownWallet
from mutoscope.domain.standing import StandingGrant
from mutoscope.storage.balances import balance, balances
from mutoscope.storage.database import queries
from narrator import BEGINNING, Narrator, fill, hold, narrator, pack, plan, scans

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
LATER = BEGINNING + 1_000 * DAY


@pytest.fixture
async def story(database_url: str) -> AsyncIterator[Narrator]:
    async with narrator(database_url) as teller:
        yield teller


async def shown(
    connection: asyncpg.Connection, story: Narrator, *, at: datetime | None = None
) -> Balance:
    return await balance(
        connection,
        workspace_id=story.workspace_id, kind="video", at=at or story.now, now=story.now,
    )  # fmt: skip


def monthly(amount: int, story: Narrator) -> ask.Stand:
    return ask.Stand(StandingGrant(uuid4(), amount, story.now, "UTC"))


async def test_lots_stand_in_the_spend_order_and_held_credits_apart(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    await story.tell(plan(200, story, days=20))
    await story.tell(hold(210, story), key="clip-1")

    told = await shown(connection, story)

    lots = [(lot.source, lot.available, lot.held) for lot in told.lots]
    assert lots == [("plan", 0, 200), ("pack", 690, 10)]
    assert (told.spendable, told.available, told.held, told.sequence) == (690, 690, 210, 3)
    (job,) = told.holds
    assert (job.namespace, job.key, job.amount, job.placed_at) == ("api", "clip-1", 210, story.now)


async def test_a_late_clock_never_shows_lapsed_credits(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(plan(200, story, days=20))
    ends_at = (await shown(connection, story)).next_lapse_at
    assert ends_at is not None

    before = await shown(connection, story, at=ends_at - timedelta(microseconds=1))
    story.now = ends_at
    lapsed = await shown(connection, story)

    assert (before.spendable, before.next_lapse_amount) == (200, 200)
    assert (lapsed.spendable, lapsed.lots, lapsed.next_lapse_at) == (0, (), None)
    assert [(step.due_at, step.words) for step in lapsed.due] == [(ends_at, "200 credits lapsed")]
    assert await connection.fetchval("SELECT count(*) FROM entries") == 1


async def test_a_hold_is_released_at_its_deadline_in_a_projection_as_it_will_be_then(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    await story.tell(hold(50, story, days=1))

    ends_at = (await shown(connection, story)).holds[0].deadline_at
    assert ends_at is not None
    before = await shown(connection, story, at=ends_at - timedelta(microseconds=1))
    projected = await shown(connection, story, at=ends_at)
    story.wait(days=2)
    reached = await shown(connection, story)

    assert (before.is_projected, before.spendable, before.held) == (True, 650, 50)
    assert (projected.is_projected, projected.spendable, projected.held) == (True, 700, 0)
    assert (reached.is_projected, reached.spendable, reached.held) == (False, 700, 0)
    assert [step.operation for step in projected.due] == ["release"]
    assert projected.due == reached.due


async def test_a_balance_tells_when_each_hold_ends_in_the_zone_of_the_screen(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    await story.tell(hold(50, story, days=1), key="clip-1")

    now = explanation(balance=await shown(connection, story), zone="Asia/Tokyo")
    then = await shown(connection, story, at=story.now + DAY)
    later = explanation(balance=then, zone="Asia/Tokyo")

    ends = f"ends at {instants.told(then.at, zone='Asia/Tokyo')}, unless it is settled"
    assert now[-1].startswith("Hold api:clip-1 has held 50 since 31 Jan 2025 18:00 JST")
    assert f"; it {ends}" in now[-1]
    assert later[-1].startswith(f"Hold api:clip-1 {ends}")
    assert later[-1].endswith("returned, the job's time ran out; 700 are left then.")


async def test_a_hold_of_the_past_is_told_without_an_end(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    await story.tell(hold(50, story, days=1), key="clip-1")
    held_at = story.now
    story.now += timedelta(hours=1)
    await story.tell(ask.Release(ask.Reference("api", "clip-1")))

    then = explanation(balance=await shown(connection, story, at=held_at), zone="UTC")

    assert then[-1] == "Hold api:clip-1 has held 50 since 31 Jan 2025 09:00 UTC."


async def test_a_projection_tells_each_grant_and_lapse_with_the_balance_after_it(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(monthly(1_500, story))
    await story.tell(pack(700, story))

    told = await shown(connection, story, at=datetime.fromisoformat("2025-03-31T12:00Z"))

    assert [(f"{step.due_at:%m-%d}", step.operation, step.available) for step in told.due] == [
        ("02-28", "expire", 700), ("02-28", "grant", 2_200),
        ("03-31", "expire", 700), ("03-31", "grant", 2_200),
    ]  # fmt: skip
    assert (told.spendable, told.sequence) == (2_200, 2)
    assert f"{told.next_grant_at:%m-%d}" == "04-30"
    assert (told.next_grant_amount, told.next_lapse_amount) == (1_500, 1_500)


async def test_ten_years_are_projected_and_not_a_moment_more(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(monthly(10, story))
    latest_at = story.now + timedelta(days=3_653)

    told = await shown(connection, story, at=latest_at)

    assert (told.spendable, len(told.due)) == (10, 2 * 120)
    with pytest.raises(TooFarAhead, match="ten years ahead") as refused:
        await shown(connection, story, at=latest_at + timedelta(microseconds=1))
    assert (refused.value.code, refused.value.latest_at) == ("too_far_ahead", latest_at)


async def test_credits_that_are_not_yet_effective_are_shown_but_cannot_be_spent(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(ask.Grant(50, Terms("promo", story.now + DAY)))
    await story.tell(ask.Grant(9, Terms("pack", story.now), is_frozen=True))

    told = await shown(connection, story)

    assert (told.spendable, told.available, told.frozen) == (0, 50, 9)
    assert [lot.state for lot in told.lots] == ["open", "frozen"]
    sentences = " ".join(explanation(balance=told, zone="UTC"))
    assert "50 available, to be spent from 01 Feb 2025" in sentences
    assert "9 frozen, without an end" in sentences


async def test_a_clock_that_lags_behind_the_last_entry_hides_nothing(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    story.now -= timedelta(seconds=5)

    told = await shown(connection, story)

    assert (told.spendable, told.at) == (700, story.now + timedelta(seconds=5))


async def test_before_its_first_entry_a_wallet_was_empty(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))

    told = await shown(connection, story, at=BEGINNING - DAY)

    assert (told.sequence, told.available, told.lots) == (0, 0, ())


async def test_all_wallets_of_a_workspace_are_told_by_kind_and_none_is_no_error(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    await story.tell(pack(50, story), kind="image")
    await story.tell(ask.Hold(4, story.now + DAY, is_metered=True), kind="image")
    instants = {"at": story.now, "now": story.now}

    told = await balances(connection, workspace_id=story.workspace_id, **instants)
    nobody = await balances(connection, workspace_id=uuid4(), **instants)

    summed = [(wallet.kind, wallet.spendable, wallet.held, wallet.metering) for wallet in told]
    assert summed == [("image", 50, 0, 4), ("video", 700, 0, 0)]
    assert nobody == ()


async def test_a_wallet_that_was_never_opened_is_refused_by_name(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    with pytest.raises(UnknownWallet, match="no video wallet"):
        await shown(connection, story)


async def test_an_instant_without_a_zone_is_refused(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    with pytest.raises(NaiveInstant, match="at 2025-01-31"):
        await shown(connection, story, at=BEGINNING.replace(tzinfo=None))


async def test_reading_a_balance_touches_what_is_open_whatever_the_history(
    connection: asyncpg.Connection,
) -> None:
    workspace_id = await fill(connection, entries=100_000, grants=10)
    await fill(connection, entries=5_000, grants=5_000)
    await connection.execute(
        "UPDATE stored_lots SET available = 0, captured = granted WHERE workspace_id <> $1",
        workspace_id,
    )
    await connection.execute("ANALYZE")

    touched = await scans(connection, queries("balances").facts.sql, workspace_id, "video")

    assert (touched["stored_lots"], touched["entries"]) == (10, 0)
    assert sum(touched.values()) <= 20


async def test_a_balance_costs_the_same_after_a_hundred_times_the_entries(
    connection: asyncpg.Connection,
) -> None:
    long, short = [await fill(connection, entries=count) for count in (100_000, 1_000)]

    async def seconds(workspace_id: UUID) -> float:
        begun = perf_counter()
        await balance(connection, workspace_id=workspace_id, kind="video", at=LATER, now=LATER)
        return perf_counter() - begun

    spans = [(await seconds(long), await seconds(short)) for _ in range(60)]

    ratio = median(long for long, _ in spans) / median(short for _, short in spans)
    assert ratio <= 1.5, ratio


async def test_the_entry_of_an_instant_is_found_by_bisection(
    connection: asyncpg.Connection,
) -> None:
    workspace_id = await fill(connection, entries=100_000)
    at = BEGINNING + timedelta(seconds=70_000.5)
    sql = queries("balances").sequences_at.sql

    (row,) = await connection.fetch(sql, ["video"], [at], workspace_id)
    touched = await scans(connection, sql, ["video"], [at], workspace_id)

    assert row["sequence"] == 70_000
    assert touched["entries"] <= 17


@pytest.mark.parametrize("sequence", [1_000, 99_000])
async def test_a_balance_near_either_end_of_the_journal_reads_only_up_to_there(
    connection: asyncpg.Connection, sequence: int
) -> None:
    workspace_id = await fill(connection, entries=100_000)
    at = BEGINNING + timedelta(seconds=sequence)

    told = await balance(connection, workspace_id=workspace_id, kind="video", at=at, now=LATER)
    span = (0, sequence) if sequence < 50_000 else (sequence, 100_000)
    sql = queries("balances").moves.sql
    touched = await scans(connection, sql, workspace_id, "video", *span)

    assert (told.sequence, told.available) == (sequence, 10 * 1_000_000 - (sequence - 10))
    assert {name: rows for name, rows in touched.items() if rows} == {"entries": 2 * 1_000}
