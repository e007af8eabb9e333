"""Dunning: reminders on their days, once each, and suspension after the days of grace."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from business_stage import open_paying, pay, state, to_pay
from mutoscope.app import dunning, quick_cards
from mutoscope.app.asset_rules import AssetRules
from mutoscope.app.pay_links import PATH, open_pay_link
from mutoscope.app.plan_now import plan_now
from mutoscope.app.quick_cards import Question
from mutoscope.app.studio import MANUAL
from mutoscope.cli.plan_screen import show_plan, shown_of
from mutoscope.domain.chat import creator
from mutoscope.domain.subscriptions import State
from mutoscope.payments.manual import ManualGateway
from mutoscope.storage.outbox import StoredMessage
from mutoscope.storage.payments import PaymentRequest
from post_stage import messages
from studio_stage import Stage

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def owing(stage: Stage) -> PaymentRequest:
    """Return what a workspace with a plan on account has to pay."""
    (request,) = await to_pay(stage, await open_paying(stage))
    return request


async def run_at(stage: Stage, at: datetime) -> tuple[int, int]:
    """Let two workers dun at an instant; return the reminders and suspensions of both."""
    stage.clock.at = at
    both = await asyncio.gather(dunning.run(stage.studio), dunning.run(stage.studio))
    return sum(each.reminded for each in both), sum(each.suspended for each in both)


async def letters(stage: Stage, workspace_id: UUID, subject: str) -> list[StoredMessage]:
    """Return messages to a workspace, the eldest first."""
    found = [each for each in await messages(stage) if each.workspace_id == workspace_id]
    wanted = [each for each in found if each.subject.startswith(subject)]
    return sorted(wanted, key=lambda each: each.created_at)


def days_after(request: PaymentRequest, found: list[StoredMessage]) -> list[timedelta]:
    return [each.created_at - request.due_at for each in found]


async def test_two_workers_remind_on_each_day_once_and_suspend_after_the_grace(
    stage: Stage,
) -> None:
    request = await owing(stage)

    done = [await run_at(stage, request.due_at + n * 6 * HOUR) for n in range(-2, 36)]

    told = await letters(stage, request.workspace_id, "Please pay")
    ended = await letters(stage, request.workspace_id, "Your plan is suspended")
    assert days_after(request, told) == [0 * DAY, 3 * DAY, 6 * DAY]
    assert days_after(request, ended) == [7 * DAY]
    assert [sum(each) for each in zip(*done, strict=True)] == [3, 1]


async def test_nothing_is_due_a_moment_before_its_day(stage: Stage) -> None:
    request = await owing(stage)
    moment = timedelta(microseconds=1)
    days = (0, 3, 6, 7)

    found = [
        (await run_at(stage, request.due_at + n * DAY - moment),
         await run_at(stage, request.due_at + n * DAY))
        for n in days
    ]  # fmt: skip

    assert [before for before, _ in found] == [(0, 0)] * 4
    assert [after for _, after in found] == [(1, 0), (1, 0), (1, 0), (0, 1)]
    assert await state(stage, request.workspace_id) is State.SUSPENDED


async def test_a_reminder_has_a_link_to_what_is_paid_and_says_until_when(stage: Stage) -> None:
    request = await owing(stage)
    await run_at(stage, request.due_at)

    (told,) = await letters(stage, request.workspace_id, "Please pay")

    (address,) = [word for word in told.body.split() if PATH in word]
    asked = await open_pay_link(stage.studio, token=address.rpartition("/")[2])
    assert asked.request_id == request.request_id
    assert f"suspended on {request.due_at + 7 * DAY:%d %B %Y}" in told.body


@pytest.mark.parametrize(
    ("url", "where"),
    [("", "at this studio's address, too: /v1/pay/"),
     ("https://films.example", "here, too: https://films.example/v1/pay/")],
)  # fmt: skip
async def test_who_pays_by_transfer_is_told_where_to_and_what_to_write(
    stage: Stage, url: str, where: str
) -> None:
    stage.studio = replace(
        stage.studio, gateways={MANUAL: ManualGateway(bank="DE02 1203 0000 0000 2020 51")},
        call_backs=replace(stage.studio.call_backs, url=url),
    )  # fmt: skip
    request = await owing(stage)

    for after in (timedelta(0), 9 * DAY):
        await run_at(stage, request.due_at + after)

    told = [each for name in ("Please pay", "Your plan is suspended")
            for each in await letters(stage, request.workspace_id, name)]  # fmt: skip
    assert len(told) >= 2
    for each in told:
        assert "Transfer 47.97 USD to DE02 1203 0000 0000 2020 51. Write MU-" in each.body
        assert where in each.body


async def test_a_plan_that_is_not_paid_says_what_comes_of_it(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    request = await owing(stage)
    told = []

    for at in (request.due_at, request.due_at + 7 * DAY):
        await run_at(stage, at)
        show_plan(await shown_of(stage.studio, request.workspace_id), is_json=False)
        told.append(capsys.readouterr().out)

    now = await plan_now(stage.studio, workspace_id=request.workspace_id)
    assert now.subscription is not None
    ends_on = f"{now.subscription.charge_at:%d %b %Y}"
    assert f"past due since {request.due_at:%d %b %Y}" in told[0]
    assert f"suspended on {request.due_at + 7 * DAY:%d %b %Y}" in told[0]
    assert f": the plan ends on {ends_on}" in told[1]
    assert ("next charge" in told[0], "next charge" in told[1]) == (True, False)


async def test_the_chat_says_of_a_suspended_plan_that_it_ends_unless_it_is_paid(
    stage: Stage,
) -> None:
    request = await owing(stage)
    for at in (request.due_at, request.due_at + 7 * DAY):
        await run_at(stage, at)
    stage.studio = replace(stage.studio, asset_rules=AssetRules(link_key=b"links"))

    asked = await quick_cards.ask(
        stage.studio, workspace_id=request.workspace_id, thread_id=None, key="ask",
        question=Question.BILLING_DATE, author=creator(workspace_id=request.workspace_id),
    )  # fmt: skip

    suspended = "Your plan is suspended: unless it is paid before, it ends then."
    assert suspended in (asked.answer.body or "")
    assert (asked.answer.data or {})["charge_at"] is None


async def test_the_grace_counts_from_the_first_reminder_after_a_clock_that_slept(
    stage: Stage,
) -> None:
    request = await owing(stage)
    woke_at = request.due_at + 12 * DAY

    done = [await run_at(stage, woke_at + n * 6 * HOUR) for n in range(36)]

    told = await letters(stage, request.workspace_id, "Please pay")
    ended = await letters(stage, request.workspace_id, "Your plan is suspended")
    assert days_after(request, told) == [12 * DAY, 15 * DAY, 18 * DAY]
    assert days_after(request, ended) == [19 * DAY]
    assert f"suspended on {woke_at + 7 * DAY:%d %B %Y}" in told[0].body
    assert sum(suspended for _, suspended in done) == 1


async def test_a_clock_that_slept_between_reminders_tells_one_of_them_and_suspends(
    stage: Stage,
) -> None:
    request = await owing(stage)
    await run_at(stage, request.due_at)

    late = [await run_at(stage, request.due_at + 6 * DAY + n * HOUR) for n in range(3)]
    over = [await run_at(stage, request.due_at + 7 * DAY + n * HOUR) for n in range(3)]

    assert (late, over) == ([(1, 0)] + [(0, 0)] * 2, [(0, 1)] + [(0, 0)] * 2)


async def test_who_pays_between_reminders_hears_no_more_and_goes_on(stage: Stage) -> None:
    request = await owing(stage)
    await run_at(stage, request.due_at)
    await pay(stage, request)

    done = [await run_at(stage, request.due_at + n * DAY) for n in range(1, 10)]

    assert set(done) == {(0, 0)}
    assert await state(stage, request.workspace_id) is State.ACTIVE


async def test_reminder_days_beyond_the_grace_do_not_lengthen_it(stage: Stage) -> None:
    request = await owing(stage)
    (version,) = stage.studio.catalog.versions
    late = replace(version, billing=replace(version.billing, reminder_days=(0, 5, 9)))
    stage.studio = replace(stage.studio, catalog=replace(stage.studio.catalog, versions=(late,)))

    done = [await run_at(stage, request.due_at + n * DAY) for n in range(10)]

    assert [day for day, (reminded, _) in enumerate(done) if reminded] == [0, 5]
    assert [day for day, (_, suspended) in enumerate(done) if suspended] == [7]
