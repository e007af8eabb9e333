"""Alerts of real wallets: found by what was posted, told once, by every way that is wanted."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from alert_stage import (
    codes,
    give,
    hold,
    messages,
    post_due,
    release,
    spend,
    submit,
    subscribed,
    told,
)
from mutoscope.app import upgrade
from mutoscope.app.alerts import alert, set_preference
from mutoscope.app.sign_up import create
from mutoscope.app.subscribe import start_plan
from mutoscope.domain import actions as ask
from mutoscope.domain.alerts import AlertCode
from mutoscope.domain.lots import Source
from mutoscope.storage import alerts
from mutoscope.storage.alerts import Preference, UnknownAlert
from mutoscope.storage.database import queries
from narrator import fill, scans
from soundness import assert_sound
from studio_fixture import drive
from studio_stage import Stage, open_stage


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(database_url, tmp_path) as stage:
        await alert(stage.studio)
        yield stage
        await assert_sound(database_url)


async def test_each_threshold_of_the_catalog_is_told_once(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    for amount in (500, 25, 100, 5, 70):
        await spend(stage, workspace_id, amount)
        await alert(stage.studio)

    found = await told(stage, workspace_id)

    assert [(each.threshold, each.credits) for each in found] == [(25, 175), (10, 70), (0, 0)]
    assert found[0].sentence == (
        "175 video credits are left, 25 % of the last 700. The next 700 come on 20 February 2025,"
        " 12:00 UTC."
    )
    assert found[2].code is AlertCode.BALANCE_EMPTY


async def test_several_thresholds_at_once_are_told_as_the_lowest(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await spend(stage, workspace_id, 650)

    assert await codes(stage, workspace_id) == [("balance_low", 10)]


async def test_a_hold_that_is_given_back_is_told_once(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    for key in ("job-1", "job-2"):
        await hold(stage, workspace_id, 600, key=key)
        await alert(stage.studio)
        await release(stage, workspace_id, key=key)
        await alert(stage.studio)

    assert await codes(stage, workspace_id) == [("balance_low", 25)]


async def test_a_pass_after_a_month_of_rest_looks_at_what_moved_meanwhile_with_few_queries(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace_id = await subscribed(stage)
    spans: list[timedelta] = []
    asked = alerts.moved_wallets

    async def counted(connection: Any, **given: Any) -> object:  # noqa: ANN401 -- as it is asked
        spans.append(given["until"] - given["since"])
        return await asked(connection, **given)

    monkeypatch.setattr(alerts, "moved_wallets", counted)
    stage.clock.move(days=9)
    await spend(stage, workspace_id, 650)
    stage.clock.move(days=20)

    raised = await codes(stage, workspace_id)

    assert ("balance_low", 10) in raised
    assert len(spans) < 30, "ten minutes at a time would be four thousand"


async def test_credits_that_come_arm_the_threshold_again(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await spend(stage, workspace_id, 650)
    await alert(stage.studio)
    await give(stage, workspace_id, 700)
    await alert(stage.studio)

    await spend(stage, workspace_id, 700)

    assert await codes(stage, workspace_id) == [("balance_low", 10), ("balance_low", 10)]


async def test_a_renewal_is_no_empty_wallet(stage: Stage, database_url: str) -> None:
    workspace_id = await subscribed(stage)
    await spend(stage, workspace_id, 500)
    stage.clock.move(days=31)
    before_it_is_posted = await codes(stage, workspace_id)

    await post_due(stage, database_url)

    assert before_it_is_posted == []
    assert await codes(stage, workspace_id) == []


async def test_a_lapse_is_told_seven_days_and_one_day_before(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await submit(stage, workspace_id, ask.Charge(200), kind="image")
    await spend(stage, workspace_id, 380)
    found = []
    for _ in range(31):
        stage.clock.move(days=1, seconds=-1)
        found = await told(stage, workspace_id)

    lapses = [each for each in found if each.code is AlertCode.CREDITS_LAPSE]
    assert [(each.threshold, each.credits) for each in lapses] == [(7, 320), (1, 320)]
    assert lapses[0].sentence == (
        "320 video credits lapse on 20 February 2025, 12:00 UTC unless they are spent:"
        " 6 Kling Pro clips."
    )
    assert lapses[0].data["lots"] == [1]


async def test_what_is_held_is_not_told_to_lapse(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    lot = await give(stage, workspace_id, 40, days=5, source=Source.PROMO)
    await hold(stage, workspace_id, 40, key="job-1")

    found = await told(stage, workspace_id)

    assert lot > 1
    assert found == []


async def test_a_trial_at_zero_is_told_to_start_a_plan(stage: Stage) -> None:
    await alert(stage.studio)
    stage.generator.succeed(images=50)
    await drive(stage, await stage.place(images=50))

    (found,) = await told(stage, stage.workspace_id)

    assert found.code is AlertCode.TRIAL_EXHAUSTED
    assert "Essential: 200 image and 700 video credits a month; Pro:" in found.sentence
    plans = {each["plan"]: each for each in found.data["plans"]}
    assert list(plans) == ["essential", "pro", "unlimited", "enterprise"]
    assert plans["essential"]["monthly_minor"] == 1_900
    assert plans["unlimited"]["monthly_credits"] == {"image": "unlimited", "video": 3_000}


async def test_unlimited_images_are_never_running_low(stage: Stage) -> None:
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan="unlimited")

    assert await codes(stage, stage.workspace_id) == []


async def test_images_that_unlimited_use_leaves_alone_are_not_told_to_lapse(stage: Stage) -> None:
    workspace_id = await subscribed(stage, plan="pro")
    await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="unlimited", key="up")
    stage.clock.move(days=25)

    found = await told(stage, workspace_id)

    assert {each.kind for each in found if each.code is AlertCode.CREDITS_LAPSE} == {"video"}


async def test_an_alert_is_written_to_the_person(stage: Stage) -> None:
    workspace_id = await subscribed(stage, email="ann@example.com")
    await spend(stage, workspace_id, 700)
    (found,) = await told(stage, workspace_id)

    (message,) = await messages(stage, workspace_id)

    assert (message.recipient, message.body) == ("ann@example.com", found.sentence)
    assert message.subject == "You have no video credits left"


async def test_who_wants_no_message_finds_the_alert_in_the_app_alone(stage: Stage) -> None:
    workspace_id = await subscribed(stage, email="ann@example.com")
    wish = Preference(code=AlertCode.BALANCE_EMPTY, by_email=False, by_webhook=True)
    await set_preference(stage.studio, workspace_id=workspace_id, preference=wish)
    await spend(stage, workspace_id, 700)

    assert await codes(stage, workspace_id) == [("balance_empty", 0)]
    assert await messages(stage, workspace_id) == []


async def test_of_many_passes_at_once_one_tells(stage: Stage) -> None:
    found = [await subscribed(stage) for _ in range(4)]
    for workspace_id in found:
        await spend(stage, workspace_id, 700)

    raised = await asyncio.gather(*(alert(stage.studio) for _ in range(5)))

    assert sum(raised) == 4
    for workspace_id in found:
        assert await codes(stage, workspace_id) == [("balance_empty", 0)]


async def test_a_pass_that_was_cut_short_is_made_good(
    stage: Stage, connection: asyncpg.Connection
) -> None:
    workspace_id = await subscribed(stage)
    await spend(stage, workspace_id, 700)
    await alert(stage.studio)
    await connection.execute("DELETE FROM alerts WHERE workspace_id = $1", workspace_id)
    await connection.execute("DELETE FROM alert_states WHERE workspace_id = $1", workspace_id)

    assert await codes(stage, workspace_id) == [("balance_empty", 0)]


async def test_the_first_pass_of_a_studio_sees_wallets_at_rest(
    stage: Stage, connection: asyncpg.Connection
) -> None:
    workspace_id = await subscribed(stage)
    await spend(stage, workspace_id, 700)
    stage.clock.move(days=3)
    await connection.execute("DELETE FROM alert_marks")

    assert await codes(stage, workspace_id) == [("balance_empty", 0)]


async def test_after_a_long_rest_of_the_worker_nothing_is_missed(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    stage.clock.move(hours=5)
    await spend(stage, workspace_id, 700)
    stage.clock.move(days=4)

    assert await codes(stage, workspace_id) == [("balance_empty", 0)]


async def test_a_wallet_at_rest_is_not_looked_at_again(
    stage: Stage, connection: asyncpg.Connection
) -> None:
    await subscribed(stage)
    looks = "SELECT workspace_id, kind, change FROM alert_states ORDER BY 1, 2"
    before = await connection.fetch(looks)

    for _ in range(3):
        stage.clock.move(seconds=5)
        await alert(stage.studio)

    assert await connection.fetch(looks) == before


async def test_an_alert_is_read_once(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await spend(stage, workspace_id, 700)
    (found,) = await told(stage, workspace_id)
    read_at = stage.clock.now()
    async with stage.studio.reading() as connection:
        name = {"workspace_id": workspace_id, "alert_id": found.alert_id}
        await alerts.mark_read(connection, **name, at=read_at)
        stage.clock.move(hours=1)

        again = await alerts.mark_read(connection, **name, at=stage.clock.now())

        assert again.read_at == read_at
        assert (
            await alerts.mark_all_read(connection, workspace_id=workspace_id, at=stage.clock.now())
            == 0
        )


async def test_another_workspace_s_alert_is_unknown(stage: Stage) -> None:
    workspace_id = await subscribed(stage)
    await spend(stage, workspace_id, 700)
    (found,) = await told(stage, workspace_id)

    async with stage.studio.reading() as connection:
        with pytest.raises(UnknownAlert):
            await alerts.mark_read(
                connection, workspace_id=stage.workspace_id, alert_id=found.alert_id,
                at=stage.clock.now(),
            )  # fmt: skip


async def test_a_wallet_of_an_embedder_has_alerts_too(stage: Stage) -> None:
    nobody = uuid4()
    await give(stage, nobody, 100, source=Source.PACK)
    await alert(stage.studio)
    await spend(stage, nobody, 100)

    assert await codes(stage, nobody) == [("balance_empty", 0)]


async def test_a_closed_workspace_is_left_alone(
    stage: Stage, connection: asyncpg.Connection
) -> None:
    opened = await create(stage.studio, name="Closing", zone="UTC")
    await connection.execute(
        "UPDATE workspaces SET closed_at = $2 WHERE workspace_id = $1",
        opened.workspace_id, stage.clock.now(),
    )  # fmt: skip
    await submit(stage, opened.workspace_id, ask.Charge(50), kind="image")

    assert await codes(stage, opened.workspace_id) == []


async def test_a_pass_reads_the_new_entries_alone(connection: asyncpg.Connection) -> None:
    for _ in range(3):
        await fill(connection, entries=20_000)
    await connection.execute("SELECT brin_summarize_new_values('entries_posted')")
    last_at = await connection.fetchval("SELECT max(posted_at) FROM entries")
    since = await connection.fetchval("SELECT $1::timestamptz - interval '1 minute'", last_at)
    sql = queries("alerts").moved_wallets.sql.rstrip().rstrip(";")

    explained = await connection.fetch(f"EXPLAIN (ANALYZE) {sql}", since, last_at, last_at, 100)

    text = "\n".join(row[0] for row in explained)
    dropped = [int(each) for each in re.findall(r"Rows Removed by Index Recheck: (\d+)", text)]
    assert "Seq Scan on entries" not in text
    assert sum(dropped) < 10_000


async def test_a_million_lapses_to_come_cost_nothing(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO alert_states SELECT gen_random_uuid(), 'video', 1, 1, NULL, 0, 1, '{}', '{}',"
        " '{}', '2025-03-01'::timestamptz + n * interval '1 minute' FROM generate_series(1, 20000)"
        " AS n"
    )
    await connection.execute("ANALYZE")
    at = await connection.fetchval("SELECT '2025-03-01'::timestamptz + interval '10 minutes'")

    touched = await scans(connection, queries("alerts").due_wallets.sql, at, 500)

    assert touched["alert_states"] <= 10
