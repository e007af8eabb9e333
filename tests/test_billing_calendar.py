"""The billing dates as a calendar: as things stand, by a key or by a link, given a plan."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from api_client import Api, open_api
from business_stage import BEGINNING, tick
from money_stage import with_plan
from mutoscope.app import change_plan, quick_cards, sign_up
from mutoscope.app.asset_rules import AssetRules
from mutoscope.app.billing_feed import AHEAD, NoPlan, workspace_feed
from mutoscope.app.desk_facts import next_billing_at
from mutoscope.app.inbox import facts_of
from mutoscope.app.plan_now import plan_now
from mutoscope.app.quick_cards import Question
from mutoscope.app.subscribe import start_plan
from mutoscope.domain.calendar import Period
from mutoscope.domain.chat import creator
from studio_fixture import open_workspace
from studio_stage import Stage, open_stage

KEY = "a-long-secret"


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    client = ("203.0.113.7", 4_000)
    async with open_api(database_url, tmp_path, api_key=KEY, client=client) as api:
        api.client.headers["Authorization"] = f"Bearer {KEY}"
        yield api


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(database_url, tmp_path) as stage:
        yield stage


async def begun(stage: Stage) -> UUID:
    """Start a plan on the 31st."""
    stage.clock.at = BEGINNING
    opened = await sign_up.create(
        stage.studio, name="Borealis", zone="UTC", email="bo@example.com"
    )  # fmt: skip
    await start_plan(stage.studio, workspace_id=opened.workspace_id, plan="pro")
    return opened.workspace_id


async def running(stage: Stage, workspace_id: UUID) -> Period:
    """Return the period that staff see beside the threads of a workspace."""
    found = (await facts_of(stage.studio, workspace_id=workspace_id)).period
    assert found is not None
    return found


async def asked_date(stage: Stage, workspace_id: UUID) -> dict[str, Any]:
    """Return what the chat answers to the question for the billing date."""
    stage.studio = replace(stage.studio, asset_rules=AssetRules(link_key=b"links"))
    asked = await quick_cards.ask(
        stage.studio, workspace_id=workspace_id, thread_id=None, question=Question.BILLING_DATE,
        key="ask", author=creator(workspace_id=workspace_id),
    )  # fmt: skip
    return dict(asked.answer.data or {})


async def dates(stage: Stage, workspace_id: UUID) -> dict[str, str]:
    """Return what the calendar says of each day."""
    text = await workspace_feed(stage.studio, workspace_id=workspace_id)
    events = [each.splitlines() for each in text.replace("\r\n ", "").split("BEGIN:VEVENT")[1:]]
    found = [dict(line.split(":", 1) for line in event if ":" in line) for event in events]
    return {each["DTSTART;VALUE=DATE"]: each["SUMMARY"] for each in found}


async def test_a_calendar_tells_two_years_of_last_days(stage: Stage) -> None:
    workspace_id = await begun(stage)

    found = await dates(stage, workspace_id)

    assert list(found)[:4] == ["20250131", "20250228", "20250331", "20250430"]
    assert len(found) == AHEAD
    assert set(found.values()) == {"Pro: payment\\, and new monthly credits"}


async def test_what_is_scheduled_is_told_from_its_date_on(stage: Stage) -> None:
    workspace_id = await begun(stage)
    stage.clock.at = datetime(2025, 3, 5, tzinfo=UTC)

    await change_plan.schedule(
        stage.studio, workspace_id=workspace_id, plan="essential", is_annual=True
    )

    found = await dates(stage, workspace_id)
    assert found["20250228"] == "Pro: payment\\, and new monthly credits"
    assert found["20250331"] == "Essential: payment\\, and new monthly credits"
    assert found["20250430"] == "Essential: new monthly credits"
    assert found["20260331"] == "Essential: payment\\, and new monthly credits"


async def test_another_zone_moves_the_dates_from_then_on(stage: Stage) -> None:
    workspace_id = await begun(stage)

    await change_plan.schedule(stage.studio, workspace_id=workspace_id, zone="Pacific/Kiritimati")

    assert list(await dates(stage, workspace_id))[:3] == ["20250131", "20250228", "20250331"]


async def test_the_first_period_in_another_zone_begins_where_the_one_before_ended(
    stage: Stage, database_url: str
) -> None:
    stage.clock.at = datetime(2025, 1, 31, 2, tzinfo=UTC)  # the 30th in Los Angeles
    workspace_id = await open_workspace(stage, plan="pro")
    stage.clock.move(days=12)
    await change_plan.schedule(stage.studio, workspace_id=workspace_id, zone="America/Los_Angeles")
    before = await running(stage, workspace_id)
    stage.clock.at = before.ends_at + timedelta(hours=8)  # the 27th in Los Angeles
    await tick(stage, database_url)

    after = await running(stage, workspace_id)

    assert before.ends_at == datetime(2025, 2, 28, 2, tzinfo=UTC)
    assert (after.index, after.starts_at) == (1, before.ends_at)
    assert after.ends_at == datetime(2025, 3, 31, 1, tzinfo=UTC)
    assert after == (await plan_now(stage.studio, workspace_id=workspace_id)).period
    data = await asked_date(stage, workspace_id)
    assert (data["next_at"], data["charge_at"]) == (after.ends_at.isoformat(),) * 2


async def test_a_cancelled_plan_has_no_dates_from_its_end_on(stage: Stage) -> None:
    workspace_id = await begun(stage)

    await change_plan.cancel(stage.studio, workspace_id=workspace_id)

    assert await dates(stage, workspace_id) == {
        "20250131": "Pro: payment\\, and new monthly credits", "20250228": "Pro: the plan ends",
    }  # fmt: skip
    stage.clock.at += timedelta(days=40)
    with pytest.raises(NoPlan):
        await dates(stage, workspace_id)


async def test_a_plan_that_has_yet_to_begin_is_told_with_its_first_date(stage: Stage) -> None:
    workspace_id = await begun(stage)
    begins_at = stage.clock.at
    stage.clock.move(days=-10)  # a clock that is behind the one by which it was started

    now = await plan_now(stage.studio, workspace_id=workspace_id)
    facts = await facts_of(stage.studio, workspace_id=workspace_id)

    assert (now.begins_at, now.period) == (begins_at, None)
    assert (facts.begins_at, facts.period) == (begins_at, None)
    assert now.billing_date is not None
    assert now.billing_date.next_at == begins_at
    assert next_billing_at(now.workspace, at=now.at) == begins_at
    assert next(iter(await dates(stage, workspace_id))) == "20250131"
    data = await asked_date(stage, workspace_id)
    assert data == {"state": "begins", "next_at": begins_at.isoformat()}


async def test_a_calendar_program_needs_the_link_alone(api: Api) -> None:
    workspace = await with_plan(api)
    link = (await api.get(f"{workspace}/subscription")).json()["calendar_url"]
    path, bare = urlsplit(link).path, {"Authorization": ""}

    read = await api.client.get(path, headers=bare)
    again = await api.client.get(path, headers=bare)
    forged = await api.client.get(path.replace("/billing", "A/billing"), headers=bare)
    keyed = await api.get(f"{workspace}/subscription/calendar.ics")

    assert (read.status_code, read.headers["Content-Type"]) == (
        200, "text/calendar; charset=utf-8"
    )  # fmt: skip
    assert read.content.startswith(b"BEGIN:VCALENDAR\r\n")
    assert read.content == again.content == keyed.content
    assert (forged.status_code, forged.json()["code"]) == (403, "link_forged")


async def test_a_closed_workspace_has_no_calendar(api: Api) -> None:
    workspace = await with_plan(api)
    link = (await api.get(f"{workspace}/subscription")).json()["calendar_url"]

    await api.post(f"{workspace}/close", {"confirm": "Aurora"}, key="close")

    for path in (urlsplit(link).path, f"{workspace}/subscription/calendar.ics"):
        assert (await api.get(path)).json()["code"] == "no_plan"


async def test_a_demo_is_told_of_credits_and_of_no_payment(api: Api) -> None:
    workspace = await api.workspace("Aurora")
    await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan-1")

    feed = (await api.get(f"{workspace}/subscription/calendar.ics")).text

    assert "SUMMARY:Pro: new monthly credits" in feed
    assert "payment" not in feed


async def test_a_date_tells_by_the_billing_clock_what_begins_or_lapses(stage: Stage) -> None:
    stage.clock.at = BEGINNING
    opened = await sign_up.create(
        stage.studio, name="Borealis", zone="Asia/Tokyo", email="bo@example.com"
    )
    await start_plan(stage.studio, workspace_id=opened.workspace_id, plan="pro")

    feed = await workspace_feed(stage.studio, workspace_id=opened.workspace_id, ahead=2)

    begins, lapses = (
        line for line in feed.splitlines() if line.startswith("DESCRIPTION:")
    )  # fmt: skip
    assert begins == "DESCRIPTION:The plan begins at 31 Jan 2025 18:00 JST."
    assert lapses == "DESCRIPTION:Monthly credits that are left lapse at 28 Feb 2025 18:00 JST."
