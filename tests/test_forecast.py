"""Forecasts of real wallets: captures alone make the rate, and every lapse is told."""

from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from alert_stage import give, hold, submit, subscribed
from mutoscope.app import upgrade
from mutoscope.app.forecast import Forecast, forecast
from mutoscope.app.subscribe import start_plan
from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Source
from mutoscope.storage.database import queries
from mutoscope.storage.forecast import daily_use
from mutoscope.storage.workspaces import UnknownWorkspace
from narrator import BEGINNING, fill, scans
from studio_stage import Stage


async def of_video(stage: Stage, workspace_id: UUID) -> Forecast:
    found = await forecast(stage.studio, workspace_id=workspace_id)
    (video,) = [each for each in found if each.kind == "video"]
    return video


async def spend_daily(stage: Stage, workspace_id: UUID, amounts: list[int]) -> None:
    for amount in amounts:
        stage.clock.move(hours=12)
        if amount:
            await submit(stage, workspace_id, ask.Charge(amount))
        stage.clock.move(hours=12)


async def test_a_young_wallet_is_accumulating(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await spend_daily(stage, workspace_id, [50, 50])

    found = await of_video(stage, workspace_id)

    assert (found.confidence, found.per_week, found.depleted_at) == ("accumulating", None, None)
    assert "The forecast is accumulating" in found.sentence
    assert found.lapses[0].wasted is None
    assert found.lapses[0].sentence.startswith("600 video credits lapse on 20 February 2025")


async def test_even_use_tells_when_credits_end(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await spend_daily(stage, workspace_id, [50] * 8)

    found = await of_video(stage, workspace_id)

    assert (found.spendable, found.per_week, found.confidence) == (300, 350, "low")
    assert found.depleted_at == stage.clock.now() + timedelta(days=6)
    assert found.lapses[0].wasted == 0
    assert found.sentence == (
        "300 video credits are left: at the present rate they are used up roughly on"
        " 3 February 2025, 12:00 UTC."
    )


async def test_a_purchase_is_no_negative_use(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await spend_daily(stage, workspace_id, [50] * 8)
    before = await of_video(stage, workspace_id)

    await give(stage, workspace_id, 1_500, source=Source.PACK)

    after = await of_video(stage, workspace_id)
    assert (after.spendable, after.per_week) == (1_800, before.per_week)
    assert after.depleted_at is not None
    assert before.depleted_at is not None
    assert after.depleted_at > before.depleted_at + timedelta(days=20)


async def test_a_refund_counts_on_the_day_of_what_it_gives_back(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await spend_daily(stage, workspace_id, [40] * 7)
    failed = f"charge-{uuid4()}"
    await submit(stage, workspace_id, ask.Charge(200), key=failed)
    stage.clock.move(days=1)
    await submit(stage, workspace_id, ask.Refund(ask.Reference("api", failed)))

    found = await of_video(stage, workspace_id)

    assert (found.per_week, found.history_days, found.active_days) == (245, 8, 7)


async def test_what_is_left_of_the_month_is_told_as_clips(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await spend_daily(stage, workspace_id, [20, 20, 0, 20, 0, 0, 20, 0])

    found = await of_video(stage, workspace_id)

    lapse = found.lapses[0]
    assert (lapse.credits, lapse.wasted) == (620, 390)
    assert lapse.sentence == (
        "390 video credits would lapse unspent on 20 February 2025, 12:00 UTC: 7 Kling Pro clips."
    )
    assert found.depleted_at is None
    assert found.sentence.endswith("they last beyond a year.")


async def test_without_any_use_all_would_lapse(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    stage.clock.move(days=10)

    found = await of_video(stage, workspace_id)

    assert (found.per_week, found.confidence) == (0, "accumulating")
    assert [(each.credits, each.wasted) for each in found.lapses] == [(700, 700)]
    assert found.sentence == "700 video credits are left, and none were used in 10 days."


async def test_a_plan_that_ends_brings_nothing_more(
    stage: Stage, connection: asyncpg.Connection
) -> None:
    workspace_id = await subscribed(stage)
    await spend_daily(stage, workspace_id, [20] * 8)
    lasting = await of_video(stage, workspace_id)
    await connection.execute(
        "UPDATE subscriptions SET cancels_at = anchor_at + interval '31 days' WHERE"
        " workspace_id = $1", workspace_id,
    )  # fmt: skip

    ending = await of_video(stage, workspace_id)

    assert lasting.depleted_at is None
    assert ending.depleted_at == ending.lapses[0].lapses_at


async def test_held_credits_are_left_out(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await spend_daily(stage, workspace_id, [50] * 8)
    await hold(stage, workspace_id, 250, key="job-1")

    found = await of_video(stage, workspace_id)

    assert (found.spendable, found.held, found.per_week) == (50, 250, 350)


async def test_unlimited_use_has_no_end(stage: Stage) -> None:
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan="unlimited")

    found = await forecast(stage.studio, workspace_id=stage.workspace_id)

    (image,) = [each for each in found if each.kind == "image"]
    assert (image.is_unlimited, image.depleted_at) == (True, None)
    assert image.sentence == "Image use is unlimited."


async def test_nothing_lapses_of_what_unlimited_use_leaves_alone(stage: Stage) -> None:
    workspace_id = await subscribed(stage, plan="pro")
    (before,) = [each for each in await forecast(stage.studio, workspace_id=workspace_id)
                 if each.kind == "image"]  # fmt: skip
    await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="unlimited", key="up")

    (image,) = [each for each in await forecast(stage.studio, workspace_id=workspace_id)
                if each.kind == "image"]  # fmt: skip

    assert [each.credits for each in before.lapses] == [700]
    assert (image.spendable, image.lapses) == (700, ())


async def test_an_unknown_workspace_is_refused(stage: Stage) -> None:
    with pytest.raises(UnknownWorkspace):
        await forecast(stage.studio, workspace_id=uuid4())


async def test_a_forecast_reads_its_own_days_alone(connection: asyncpg.Connection) -> None:
    workspace_id = await fill(connection, entries=20_000)
    at = BEGINNING + timedelta(seconds=20_000)

    touched = await scans(
        connection, queries("forecast").daily_use.sql, ["video"], [19_500], workspace_id, at
    )

    assert sum(touched.values()) <= 1_501  # entries once for themselves, twice for their postings
    assert not [name for name, rows in touched.items() if rows and name.startswith("Seq Scan on")]


async def test_only_the_last_days_are_told(connection: asyncpg.Connection) -> None:
    workspace_id = await fill(connection, entries=20_000)

    found = await daily_use(
        connection, workspace_id=workspace_id, kinds=["video"], days=28,
        at=BEGINNING + timedelta(days=28, seconds=1),
    )  # fmt: skip

    assert found == {"video": (0,) * 27 + (19_990,)}
