"""A cap counts under the lock of the hold: nobody uses more in a period, at once or late."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from mutoscope.app.caps import remove_cap
from mutoscope.app.estimate import estimate
from mutoscope.app.generate import regenerate
from mutoscope.app.shortage import NotEnoughCredits
from mutoscope.app.storyboard_orders import BoardWish, order_board
from mutoscope.app.subscribe import start_plan
from mutoscope.domain import actions as ask
from mutoscope.domain.caps import CapExceeded, Subject, UnknownCap
from mutoscope.domain.journal import Attribution
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.domain.storyboard import Wanted
from mutoscope.domain.team import UnknownMember
from mutoscope.storage.caps import Cap
from mutoscope.storage.jobs import Job
from storyboard_stage import begin
from studio_fixture import drive, lines
from studio_stage import Stage
from team_stage import cap, join, place_for, standing

AT_ONCE = 64


async def plan(stage: Stage, key: str = "pro") -> None:
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan=key)


async def post(stage: Stage, key: str, action: ask.Action, who: Attribution) -> None:
    request = Request(stage.workspace_id, "image", "api", key, action, who)
    await stage.studio.journal.submit(Submission((request,)))


async def test_of_64_jobs_at_once_a_cap_lets_three_pass(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 3)

    placed = await asyncio.gather(
        *(place_for(stage, ada.member_id, f"job-{number}") for number in range(AT_ONCE)),
        return_exceptions=True,
    )

    refused = [each for each in placed if isinstance(each, CapExceeded)]
    assert [isinstance(each, Job) for each in placed].count(True) == 3
    assert len(refused) == AT_ONCE - 3
    assert {(each.cap, each.used, each.required, each.remaining) for each in refused} == {
        (3, 3, 1, 0)
    }
    assert (await lines(stage)).count(("hold", 1)) == 3
    assert await standing(stage) == (3, 0)


async def test_jobs_of_others_pass_beside_those_that_a_cap_refuses(stage: Stage) -> None:
    ada, grace = await join(stage), await join(stage, "grace")
    await cap(stage, ada.member_id, 2)

    placed = await asyncio.gather(
        *(place_for(stage, ada.member_id, f"ada-{number}") for number in range(10)),
        *(place_for(stage, grace.member_id, f"grace-{number}") for number in range(10)),
        *(place_for(stage, None, f"nobody-{number}") for number in range(10)),
        return_exceptions=True,
    )

    assert [isinstance(each, Job) for each in placed[:10]].count(True) == 2
    assert all(isinstance(each, Job) for each in placed[10:])


async def test_a_refusal_tells_what_may_still_be_used_until_when(stage: Stage) -> None:
    await plan(stage)
    ada = await join(stage)
    await cap(stage, ada.member_id, 5)
    await place_for(stage, ada.member_id, "first", images=3)

    with pytest.raises(CapExceeded, match="2 more of 5 until 20 Feb 2025 12:00 UTC") as refusal:
        await place_for(stage, ada.member_id, "second", images=3)

    found = refusal.value
    assert (found.subject, found.subject_id, found.kind) == ("member", ada.member_id, "image")
    assert (found.cap, found.used, found.required, found.remaining) == (5, 3, 3, 2)
    assert found.period_ends_at == datetime(2025, 2, 20, 12, tzinfo=UTC)
    assert found.may_raise == "owner"


async def test_what_is_released_may_be_used_again(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 4)
    job = await place_for(stage, ada.member_id, "first", images=4)
    stage.generator.succeed(images=3)

    await drive(stage, job)

    assert await standing(stage) == (3, 1)
    await place_for(stage, ada.member_id, "second")
    with pytest.raises(CapExceeded):
        await place_for(stage, ada.member_id, "third")


async def test_a_release_gives_back_to_the_period_of_its_hold(stage: Stage) -> None:
    await plan(stage)
    ada = await join(stage)
    await cap(stage, ada.member_id, 4)
    stage.clock.at = datetime(2025, 2, 20, 11, 50, tzinfo=UTC)
    await place_for(stage, ada.member_id, "late", images=3)
    stage.clock.at = datetime(2025, 2, 20, 12, tzinfo=UTC)
    await place_for(stage, ada.member_id, "next", images=4)

    stage.clock.move(hours=2)
    await post(stage, "wake", ask.Charge(1), Attribution())

    assert ("release", 3) in await lines(stage)
    assert ("release", 4) in await lines(stage)
    assert await standing(stage) == (0, 4)


async def test_what_comes_back_of_an_elder_period_frees_nothing_in_this_one(stage: Stage) -> None:
    await plan(stage)
    ada = await join(stage)
    await cap(stage, ada.member_id, 4)
    who = Attribution(ada.member_id)
    await post(stage, "elder", ask.Charge(4), who)
    stage.clock.at = datetime(2025, 2, 20, 12, tzinfo=UTC)
    await place_for(stage, ada.member_id, "this", images=4)

    await post(stage, "back", ask.Refund(ask.Reference("api", "elder")), Attribution())

    assert await standing(stage) == (4, 0)
    with pytest.raises(CapExceeded):
        await place_for(stage, ada.member_id, "more")


async def test_the_billing_date_opens_a_cap_anew_to_the_instant(stage: Stage) -> None:
    await plan(stage)
    ada = await join(stage)
    await cap(stage, ada.member_id, 2)
    await place_for(stage, ada.member_id, "first", images=2)
    stage.clock.at = datetime(2025, 2, 20, 12, tzinfo=UTC) - timedelta(microseconds=1)
    await place_for(stage, ada.member_id, "last", images=2)
    with pytest.raises(CapExceeded):
        await place_for(stage, ada.member_id, "too-early")

    stage.clock.move(microseconds=1)

    await place_for(stage, ada.member_id, "in-time", images=2)


async def test_without_a_plan_a_period_is_the_month_of_the_zone(stage: Stage) -> None:
    ada = await join(stage)
    found = await cap(stage, ada.member_id, 2)
    await place_for(stage, ada.member_id, "january", images=2)
    assert (found.period.starts_at, found.period.ends_at) == (
        datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
    )  # fmt: skip

    stage.clock.at = datetime(2025, 2, 1, tzinfo=UTC)

    assert await standing(stage) == (0, 2)


async def test_metered_use_counts_and_what_was_not_delivered_does_not(stage: Stage) -> None:
    await plan(stage, "unlimited")
    ada = await join(stage)
    await cap(stage, ada.member_id, 5)
    job = await place_for(stage, ada.member_id, "first", images=4)
    with pytest.raises(CapExceeded):
        await place_for(stage, ada.member_id, "second", images=2)
    stage.generator.succeed(images=3)

    await drive(stage, job)
    await post(stage, "meter", ask.Meter(1), Attribution(ada.member_id))

    assert job.is_metered
    assert await standing(stage) == (4, 1)


async def test_a_charge_through_the_ledger_counts_and_a_refund_gives_back(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 5)
    who = Attribution(ada.member_id)
    await post(stage, "charge", ask.Charge(5), who)
    with pytest.raises(CapExceeded):
        await place_for(stage, ada.member_id, "first")

    await post(stage, "refund", ask.Refund(ask.Reference("api", "charge"), 2), Attribution())

    assert await standing(stage) == (3, 2)


async def test_a_refund_of_a_settlement_gives_back(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 5)
    job = await place_for(stage, ada.member_id, "first", images=5)
    stage.generator.succeed(images=4)
    await drive(stage, job)

    of = ask.Reference("job", f"end/{job.job_id}")
    await post(stage, "refund", ask.Refund(of), Attribution())

    assert await standing(stage) == (0, 5)


async def test_a_member_and_a_project_are_capped_together(stage: Stage) -> None:
    ada, project = await join(stage), await begin(stage)
    await cap(stage, ada.member_id, 5)
    await cap(stage, project.project_id, 3, subject=Subject.PROJECT)
    of_both = {"project_id": project.project_id}
    await place_for(stage, ada.member_id, "both", images=2, **of_both)

    with pytest.raises(CapExceeded) as by_project:
        await place_for(stage, None, "project", images=2, **of_both)
    await place_for(stage, ada.member_id, "member", images=2)
    with pytest.raises(CapExceeded) as by_member:
        await place_for(stage, ada.member_id, "again", images=2)

    assert (by_project.value.subject, by_project.value.remaining) == ("project", 1)
    assert (by_member.value.subject, by_member.value.remaining) == ("member", 1)


async def test_a_cap_lowered_below_what_is_used_refuses_new_holds_alone(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 5)
    job = await place_for(stage, ada.member_id, "first", images=4)

    lowered = await cap(stage, ada.member_id, 2)
    with pytest.raises(CapExceeded):
        await place_for(stage, ada.member_id, "second")
    stage.generator.succeed(images=4)
    done = await drive(stage, job)

    assert (lowered.used, lowered.remaining) == (4, 0)
    assert (done.state, done.captured) == ("succeeded", 4)


async def test_a_cap_of_nothing_lets_nothing_pass_and_its_removal_everything(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 0)
    with pytest.raises(CapExceeded):
        await place_for(stage, ada.member_id, "first")
    whose = Cap(Subject.MEMBER, ada.member_id, "image", 0)

    await remove_cap(stage.studio, workspace_id=stage.workspace_id, cap=whose)

    await place_for(stage, ada.member_id, "first")
    with pytest.raises(UnknownCap):
        await remove_cap(stage.studio, workspace_id=stage.workspace_id, cap=whose)


async def passed_after(stage: Stage, member_id: UUID, told: asyncio.Event, name: int) -> int:
    """Place jobs in a row; return how many passed that began after a cap was acknowledged."""
    count = 0
    for turn in range(8):
        is_after = told.is_set()
        with suppress(CapExceeded):
            await place_for(stage, member_id, f"{name}/{turn}")
            count += is_after
    return count


async def test_a_hold_that_begins_after_a_cap_was_acknowledged_sees_it(stage: Stage) -> None:
    ada = await join(stage)
    acknowledged = asyncio.Event()

    async def set_late() -> None:
        await asyncio.sleep(0.02)
        await cap(stage, ada.member_id, 1)
        acknowledged.set()

    rows = [passed_after(stage, ada.member_id, acknowledged, name) for name in range(5)]
    *passed, _ = await asyncio.gather(*rows, set_late())

    assert passed == [0] * 5


async def test_a_repeat_is_answered_though_the_cap_is_reached(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 1)

    found = await asyncio.gather(*(place_for(stage, ada.member_id, "same") for _ in range(8)))

    assert len({job.job_id for job in found}) == 1
    assert await standing(stage) == (1, 0)


async def test_a_board_is_ordered_whole_or_not_at_all(stage: Stage) -> None:
    ada, project = await join(stage), await begin(stage)
    await cap(stage, project.project_id, 2, subject=Subject.PROJECT)
    wish = BoardWish(project_id=project.project_id, wanted=Wanted.STILL)
    whose = {"workspace_id": stage.workspace_id, "attribution": Attribution(ada.member_id)}

    with pytest.raises(CapExceeded) as refusal:
        await order_board(stage.studio, wish=wish, key="order", **whose)
    await cap(stage, project.project_id, 3, subject=Subject.PROJECT)
    placed = await order_board(stage.studio, wish=wish, key="order", **whose)

    assert (refusal.value.required, refusal.value.used) == (3, 0)
    assert len(placed.jobs) == 3
    assert (await lines(stage)).count(("hold", 1)) == 3


async def test_what_is_made_again_counts_for_its_project(stage: Stage) -> None:
    project = await begin(stage)
    await cap(stage, project.project_id, 1, subject=Subject.PROJECT)
    job = await place_for(stage, None, "first", project_id=project.project_id)

    with pytest.raises(CapExceeded):
        await regenerate(
            stage.studio, workspace_id=stage.workspace_id, job_id=job.job_id, key="again"
        )


async def test_too_few_credits_are_told_before_a_cap(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 1)
    await place_for(stage, None, "nearly", images=20)
    await place_for(stage, None, "all", images=20)
    await place_for(stage, None, "rest", images=10)

    with pytest.raises(NotEnoughCredits):
        await place_for(stage, ada.member_id, "more", images=2)


async def test_an_estimate_tells_the_caps_that_it_would_exceed(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 5)
    asked = {"workspace_id": stage.workspace_id, "tool": "image_generation"}

    found = [
        await estimate(stage.studio, **asked, images=images, attribution=Attribution(ada.member_id))
        for images in (5, 6)
    ]

    assert [len(each.caps) for each in found] == [0, 1]
    assert found[1].caps[0].remaining == 5
    with pytest.raises(UnknownMember):
        await estimate(stage.studio, **asked, attribution=Attribution(uuid4()))
