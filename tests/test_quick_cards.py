"""Quick questions: the billing date with its reason, and the request for credits with its state."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from business_stage import tick
from chat_stage import Chat, open_chat
from mutoscope.app import change_plan, chat, quick_cards
from mutoscope.app.billing_feed import NoPlan, feed
from mutoscope.app.quick_cards import Asked, Question
from mutoscope.app.subscribe import start_plan
from mutoscope.domain.billing_words import why
from mutoscope.domain.calendar import BillingAnchor
from mutoscope.domain.chat import Words, creator
from mutoscope.domain.chat_links import calendar_link
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.sealed_links import LinkForged
from soundness import assert_sound


@pytest.fixture
async def talk(database_url: str, tmp_path: Path) -> AsyncIterator[Chat]:
    async with open_chat(database_url, tmp_path) as talk:
        yield talk
        await assert_sound(database_url)


async def ask(talk: Chat, question: Question, *, key: str = "ask-1") -> Asked:
    return await quick_cards.ask(
        talk.studio, workspace_id=talk.workspace_id, thread_id=None, question=question, key=key,
        author=creator(workspace_id=talk.workspace_id),
    )  # fmt: skip


async def told(talk: Chat, question: Question, *, key: str = "ask-1") -> dict[str, Any]:
    answer = (await ask(talk, question, key=key)).answer
    assert answer.data is not None
    return dict(answer.data)


async def start(talk: Chat, plan: str = "pro", *, is_annual: bool = False) -> None:
    await start_plan(talk.studio, workspace_id=talk.workspace_id, plan=plan, is_annual=is_annual)


async def test_a_clamped_billing_date_is_told_with_its_reason_and_what_comes(talk: Chat) -> None:
    talk.clock.at = datetime(2025, 1, 31, 9, tzinfo=UTC)
    await start(talk)

    answer = (await ask(talk, Question.BILLING_DATE)).answer

    data, body = answer.data or {}, answer.body or ""
    assert (data["next_at"], data["day"]) == ("2025-02-28T09:00:00+00:00", 31)
    assert "Friday, 28 February 2025 at 09:00 (UTC)" in body
    assert "February 2025 has no 31st: its last day, the 28th, takes its place" in body
    assert [(each["kind"], each["credits"]) for each in data["grants"]] == [
        ("image", 700), ("video", 1_500)
    ]  # fmt: skip
    assert data["calendar"] in body


async def test_the_date_is_told_in_the_billing_zone_and_in_that_of_the_screens(talk: Chat) -> None:
    await talk.execute("UPDATE workspaces SET zone = 'Asia/Tokyo'")
    talk.clock.at = datetime(2025, 1, 20, 22, tzinfo=UTC)
    await start(talk)
    await talk.execute("UPDATE workspaces SET zone = 'America/New_York'")

    body = (await ask(talk, Question.BILLING_DATE)).answer.body or ""

    assert "Friday, 21 February 2025 at 07:00 (Asia/Tokyo)" in body
    assert "which is Thursday, 20 February 2025 at 17:00 (America/New_York)" in body


async def test_an_annual_plan_has_another_date_of_payment(talk: Chat) -> None:
    await start(talk, is_annual=True)

    data = await told(talk, Question.BILLING_DATE)

    assert data["next_at"] == "2025-02-20T12:00:00+00:00"
    assert data["charge_at"] == "2026-01-20T12:00:00+00:00"


async def test_a_plan_that_ends_is_said_to_end(talk: Chat) -> None:
    await start(talk)
    await talk.execute(
        "UPDATE subscriptions SET cancels_at = $1", talk.clock.now() + timedelta(days=31)
    )

    asked = await ask(talk, Question.BILLING_DATE)

    assert "Your plan ends then, as you asked." in (asked.answer.body or "")


async def test_a_cancelled_year_runs_out_and_nothing_more_is_due(talk: Chat) -> None:
    await start(talk, is_annual=True)
    await change_plan.cancel(talk.studio, workspace_id=talk.workspace_id)

    answer = (await ask(talk, Question.BILLING_DATE)).answer

    body = answer.body or ""
    assert "Your plan ends on Tuesday, 20 January 2026 at 12:00 (UTC), as you asked." in body
    assert body.index("You get 700 image credits and 1,500 video credits then") < body.index("ends")
    assert "payment" not in body
    assert (answer.data or {})["charge_at"] is None


async def test_a_year_is_paid_again_a_year_after_it_was_paid(talk: Chat) -> None:
    await start(talk)
    await change_plan.schedule(talk.studio, workspace_id=talk.workspace_id, is_annual=True)
    talk.clock.move(days=40)
    await tick(talk.stage, talk.url)

    data = await told(talk, Question.BILLING_DATE)

    assert data["charge_at"] == "2026-02-20T12:00:00+00:00"


async def test_without_a_plan_there_is_no_billing_date(talk: Chat) -> None:
    data = await told(talk, Question.BILLING_DATE)

    assert (data["state"], data["trial_ends_at"]) == ("none", "2025-02-03T12:00:00+00:00")
    assert (await talk.thread()).waiting_since is None


async def test_in_a_trial_the_plans_are_told_and_no_request_is_opened(talk: Chat) -> None:
    data = await told(talk, Question.MORE_CREDITS)

    assert data["state"] == "needs_plan"
    assert [plan["plan"] for plan in data["plans"]] == [
        "essential", "pro", "unlimited", "enterprise"
    ]  # fmt: skip
    assert data["plans"][2]["credits"] == {"image": "unlimited", "video": "3,000"}
    assert (await talk.thread()).waiting_since is None


async def test_a_request_is_open_until_purchases_are_enabled(talk: Chat) -> None:
    await start(talk)
    opened = await told(talk, Question.MORE_CREDITS)
    waiting_since = (await talk.thread()).waiting_since
    talk.clock.move(minutes=1)
    asked_again = await told(talk, Question.MORE_CREDITS, key="ask-2")
    before = [each.data for each in await talk.messages() if each.card == "more_credits"]

    await talk.enable_purchases()

    after = [each.data for each in await talk.messages() if each.card == "more_credits"]
    assert (opened["state"], asked_again["state"]) == ("open", "asked")
    assert waiting_since == talk.clock.now() - timedelta(minutes=1)
    assert [(data or {})["state"] for data in before] == ["open", "asked"]
    assert [(data or {})["state"] for data in after] == ["enabled", "asked"]
    assert (await told(talk, Question.MORE_CREDITS, key="ask-3"))["state"] == "enabled"
    bodies = [each.body or "" for each in await talk.messages() if each.card == "more_credits"]
    assert ["`mutoscope purchase buy`" in body for body in bodies] == [True, False, True]


@pytest.mark.parametrize("question", Question)
async def test_a_question_is_asked_once_a_key(talk: Chat, question: Question) -> None:
    first = await ask(talk, question)

    again = await ask(talk, question)

    assert again == Asked(first.question, first.answer, is_replay=True)
    assert len(await talk.messages()) == 2


async def test_a_key_of_another_question_or_message_is_refused(talk: Chat) -> None:
    await ask(talk, Question.BILLING_DATE)
    await chat.say(
        talk.studio, workspace_id=talk.workspace_id, thread_id=None, key="say-1",
        author=creator(workspace_id=talk.workspace_id), words=Words(body="hello"),
    )  # fmt: skip

    for key in ("ask-1", "say-1"):
        with pytest.raises(KeyReused):
            await ask(talk, Question.MORE_CREDITS, key=key)


async def test_the_calendar_s_link_gives_the_dates(talk: Chat) -> None:
    await start(talk)
    data = await told(talk, Question.BILLING_DATE)

    text = await feed(talk.studio, token=data["calendar"].split("/")[-2])

    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert "DTSTART;VALUE=DATE:20250220\r\n" in text
    assert text.count("BEGIN:VEVENT") == 24


async def test_a_calendar_of_no_plan_or_of_a_changed_link_is_refused(talk: Chat) -> None:
    token = calendar_link(workspace_id=talk.workspace_id, key=b"links").split("/")[-2]
    forged = calendar_link(workspace_id=talk.workspace_id, key=b"other").split("/")[-2]

    with pytest.raises(NoPlan):
        await feed(talk.studio, token=token)
    other = "B" if token[0] == "A" else "A"
    for bad in (forged, token[:-1], token + "=", f"{other}{token[1:]}", "é", ""):
        with pytest.raises(LinkForged):
            await feed(talk.studio, token=bad)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (1, "the 1st of"), (2, "the 2nd of"), (3, "the 3rd of"), (11, "the 11th of"),
        (22, "the 22nd of"), (28, "the 28th of"),
    ],
)  # fmt: skip
def test_a_day_that_every_month_has_needs_no_more_words(day: int, words: str) -> None:
    anchor = BillingAnchor(at=datetime(2025, 1, day, tzinfo=UTC), zone="UTC")

    reason = why(anchor=anchor, at=datetime(2025, 2, day, tzinfo=UTC))

    assert words in reason
    assert "without" not in reason


def test_a_late_day_is_told_with_what_shorter_months_do() -> None:
    anchor = BillingAnchor(at=datetime(2025, 1, 31, tzinfo=UTC), zone="UTC")

    reason = why(anchor=anchor, at=datetime(2025, 3, 31, tzinfo=UTC))

    assert "In a month without a 31st it is the month's last day." in reason
