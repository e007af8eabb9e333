"""An order is sent once, its answer is always recorded, and only certainty lets another follow."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from company_stage import (
    ABLE,
    MICROS,
    RETIRED,
    TOO_FAST,
    UNANSWERED,
    UNREACHED,
    Companies,
    costing,
    open_companies,
    route,
)
from mutoscope.app import routing
from mutoscope.app.cancel import cancel
from mutoscope.app.generate import ToolUnavailable
from mutoscope.app.ports import Reconcile, RenderState
from mutoscope.app.watch import admit, watch
from mutoscope.domain.jobs import JobState
from mutoscope.storage import attempts, routes
from soundness import assert_sound
from studio_fixture import lines, open_workspace


@pytest.fixture
async def companies(database_url: str, tmp_path: Path) -> AsyncIterator[Companies]:
    async with open_companies(database_url, tmp_path) as companies:
        yield companies
        await assert_sound(database_url)


async def alerts(companies: Companies) -> list[tuple[str, str]]:
    async with companies.studio.reading() as connection:
        found = await routes.open_alerts(connection, limit=10)
    return [(alert.code, alert.subject) for alert in found]


async def operations(companies: Companies) -> list[str]:
    found = await lines(companies.stage, workspace_id=companies.workspace_id)
    told = [operation for operation, _ in found]
    return told[told.index("hold") :]


async def test_what_is_delivered_is_captured_and_its_cost_recorded(companies: Companies) -> None:
    companies.acme.succeed(images=2)
    job = await companies.play(await companies.place(images=3))

    (attempt,) = await companies.attempts(job)

    assert (job.state, job.captured, await companies.held()) == (JobState.SUCCEEDED, 2, 2)
    assert (attempt.state, attempt.route, attempt.cost_micros) == (
        "ended",
        "image_acme",
        2 * MICROS,
    )


async def test_what_a_company_says_it_charges_goes_before_its_list(companies: Companies) -> None:
    companies.acme.succeed(images=1)
    companies.acme.render = costing(companies.acme.render, 12_345)
    job = await companies.play(await companies.place())

    assert [each.cost_micros for each in await companies.attempts(job)] == [12_345]


async def test_a_failure_that_is_billed_costs_the_operator_alone(companies: Companies) -> None:
    companies.acme.fail(state=RenderState.FAILED, code="moderated")
    companies.acme.render = costing(companies.acme.render, MICROS)
    job = await companies.play(await companies.place())

    (attempt,) = await companies.attempts(job)

    assert (job.state, job.captured, await companies.held()) == (JobState.FAILED, 0, 0)
    assert (attempt.reason, attempt.cost_micros) == ("moderated", MICROS)


async def test_an_order_that_was_not_answered_is_never_sent_again(companies: Companies) -> None:
    companies.acme.mishap = UNANSWERED
    job = await companies.place()
    await companies.step(job)
    held = await companies.held()
    ended = await companies.play(job)

    assert (held, await companies.held(), companies.acme.calls) == (1, 0, 1)
    assert (ended.state, ended.reason) == (JobState.LOST, "submit_unknown")
    assert companies.stage.clock.now() - job.created_at == timedelta(minutes=60)
    assert (await companies.states(job), companies.bell.calls) == (["unknown"], 0)
    assert await alerts(companies) == [("submit_unknown", str(job.job_id))]


async def test_a_worker_that_died_while_ordering_leaves_a_doubt(companies: Companies) -> None:
    job = await companies.place()
    companies.acme.gate = asyncio.Event()
    dying = asyncio.create_task(companies.step(job))
    await companies.acme.reached.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying

    ended = await companies.play(job)

    assert (companies.acme.calls, ended.state) == (1, JobState.LOST)
    assert await companies.states(job) == ["unknown"]


async def test_an_answer_that_comes_late_is_recorded_and_its_clip_is_given(
    companies: Companies,
) -> None:
    companies.acme.gate = asyncio.Event()
    job = await companies.place()
    slow = asyncio.create_task(companies.step(job))
    await companies.acme.reached.wait()
    lost = await companies.play(job)
    companies.acme.succeed(images=1)
    companies.acme.gate.set()
    await slow
    late = await companies.play(job)

    assert (lost.state, late.state, late.captured) == (JobState.LOST, JobState.SUCCEEDED, 0)
    assert (late.reason, len(await companies.stage.outputs(job))) == ("late", 1)
    assert await operations(companies) == ["hold", "release", "absorb"]
    assert [each.cost_micros for each in await companies.attempts(job)] == [MICROS]


@pytest.mark.parametrize("trouble", [TOO_FAST, UNREACHED])
async def test_what_was_certainly_not_taken_is_ordered_again(
    companies: Companies, trouble: Exception
) -> None:
    companies.acme.trouble = trouble
    job = await companies.place()
    wait_s = await companies.step(job)
    companies.stage.clock.move(seconds=wait_s or 0)
    companies.acme.trouble = None
    companies.acme.succeed(images=1)

    done = await companies.play(job)

    assert wait_s == (7 if trouble is TOO_FAST else 5)
    assert (done.state, await companies.held()) == (JobState.SUCCEEDED, 1)
    assert await companies.states(job) == ["refused", "ended"]


async def test_a_company_that_takes_nothing_for_long_gives_the_credits_back(
    companies: Companies,
) -> None:
    companies.acme.trouble = TOO_FAST

    job = await companies.play(await companies.place())

    assert (job.state, job.reason) == (JobState.FAILED, "provider_unavailable")
    assert await companies.held() == 0


async def test_a_retired_model_parks_its_route_and_the_next_one_is_taken(
    companies: Companies,
) -> None:
    companies.acme.trouble = RETIRED
    companies.bell.succeed(images=1)

    job = await companies.play(await companies.place())
    await companies.play(await companies.place("job-2"))

    assert (job.state, job.provider) == (JobState.SUCCEEDED, "bell")
    assert await companies.states(job) == ["refused", "ended"]
    assert (companies.acme.calls, companies.bell.calls) == (1, 2)
    assert await alerts(companies) == [("retired_model", "image_acme")]


async def test_without_any_route_left_nothing_is_charged_and_nothing_new_is_held(
    companies: Companies,
) -> None:
    companies.acme.trouble = companies.bell.trouble = RETIRED
    job = await companies.play(await companies.place())

    with pytest.raises(ToolUnavailable, match="its routes are parked: staff find") as refused:
        await companies.place("job-2")

    assert refused.value.reason == "parked"
    assert (job.state, job.reason) == (JobState.FAILED, "tool_unavailable")
    assert (await companies.held(), await operations(companies)) == (
        0, ["hold", "release"],
    )  # fmt: skip


async def test_a_route_that_staff_let_in_again_is_taken(companies: Companies) -> None:
    companies.acme.trouble = RETIRED
    await companies.play(await companies.place())
    companies.acme.trouble = None
    companies.acme.succeed(images=1)

    await routing.unpark(companies.studio, route="image_acme")
    job = await companies.play(await companies.place("job-2"))

    assert (job.provider, await alerts(companies)) == ("acme", [])
    with pytest.raises(routing.RouteNotParked):
        await routing.unpark(companies.studio, route="image_acme")
    with pytest.raises(routing.UnknownRoute, match="there is no route 'nonsense'"):
        await routing.unpark(companies.studio, route="nonsense")


async def test_a_job_that_takes_too_long_is_given_back_and_its_late_clip_given(
    companies: Companies,
) -> None:
    companies.acme.can_cancel = False
    job = await companies.place()
    await companies.step(job)
    companies.stage.clock.move(minutes=21)
    await companies.step(job)
    given_up, held = await companies.stage.read(job), await companies.held()
    companies.acme.succeed(images=1)
    companies.stage.clock.move(minutes=5)

    late = await companies.play(job)

    assert (given_up.state, given_up.reason, held) == (JobState.LOST, "timeout", 0)
    assert (late.state, late.captured, late.look_at) == (JobState.SUCCEEDED, 0, None)
    assert await operations(companies) == ["hold", "release", "absorb"]


async def test_what_never_ends_is_followed_for_a_day_and_then_in_doubt(
    companies: Companies,
) -> None:
    companies.acme.can_cancel = False
    job = await companies.place()

    ended = await companies.play(job, steps=2_000)

    assert (ended.state, ended.look_at, await companies.held()) == (JobState.LOST, None, 0)
    assert await companies.states(job) == ["unknown"]


async def test_a_cancel_that_is_confirmed_ends_the_order_at_no_cost(companies: Companies) -> None:
    job = await companies.place()
    await companies.step(job)

    await cancel(companies.studio, workspace_id=companies.workspace_id, job_id=job.job_id)
    stopped = await companies.play(job)

    assert (stopped.state, await companies.held()) == (JobState.CANCELLED, 0)
    assert [each.cost_micros for each in await companies.attempts(job)] == [0]


async def test_a_company_that_knows_our_id_is_asked_before_anything_is_judged(
    companies: Companies,
) -> None:
    companies.acme.able = replace(ABLE, reconcile=Reconcile.BY_ID)
    companies.acme.mishap = UNANSWERED
    job = await companies.place()
    await companies.step(job)
    companies.acme.known[job.job_id] = str(job.job_id)
    companies.acme.succeed(images=1)

    done = await companies.play(job)

    assert (done.state, companies.acme.calls) == (JobState.SUCCEEDED, 1)
    assert await companies.states(job) == ["ended"]


async def test_a_full_route_leaves_the_next_job_waiting_until_it_has_room(
    companies: Companies,
) -> None:
    companies = companies.with_routes(route("acme", jobs_max=1))
    first, second = await companies.place(), await companies.place("job-2")
    await companies.step(first)

    await companies.step(second)
    waiting = await companies.stage.read(second)
    companies.acme.succeed(images=1)
    await companies.play(first)
    await admit(companies.studio)

    assert (waiting.state, companies.acme.calls) == (JobState.WAITING, 2)
    assert (await companies.stage.read(second)).state is JobState.RUNNING


async def test_a_workspace_has_no_more_jobs_at_work_than_its_plan_allows(
    companies: Companies,
) -> None:
    companies = companies.with_routes(route("acme", jobs_max=50))
    placed = [await companies.place(f"job-{number}") for number in range(6)]

    await asyncio.gather(*(companies.step(job) for job in placed))

    assert companies.acme.calls == 4


async def test_workspaces_take_turns_whoever_asked_for_more(companies: Companies) -> None:
    other = await open_workspace(companies.stage, plan="pro", is_demo=False)
    many = [await companies.place(f"job-{number}") for number in range(3)]
    few = [await companies.place(f"few-{number}", workspace_id=other) for number in range(2)]

    async with companies.studio.reading() as connection:
        turns = await attempts.waiting_jobs(connection, at=companies.stage.clock.now(), limit=4)

    owners = [workspace_id for workspace_id, _ in turns]
    assert sorted(owners[:2]) == sorted(owners[2:]) == sorted({many[0].workspace_id, other})
    assert {job.job_id for job in few} < {job_id for _, job_id in turns}


async def test_the_day_s_limit_of_money_makes_jobs_wait_and_staff_know(
    companies: Companies,
) -> None:
    companies = companies.with_routes(route("acme"), daily_micros_max=MICROS)
    companies.acme.succeed(images=1)
    await companies.play(await companies.place())
    second = await companies.place("job-2")

    await companies.step(second)
    waiting = await companies.stage.read(second)
    companies.stage.clock.move(hours=12)

    assert (waiting.state, companies.acme.calls) == (JobState.WAITING, 1)
    assert await alerts(companies) == [("spend_limit_reached", "2025-01-20")]


async def test_a_limit_set_later_in_the_day_counts_what_was_spent_before(
    companies: Companies,
) -> None:
    companies.acme.succeed(images=1)
    await companies.play(await companies.place())
    companies = companies.with_routes(route("acme"), daily_micros_max=MICROS)

    second = await companies.place("job-2")
    await companies.step(second)

    assert (await companies.stage.read(second)).state is JobState.WAITING
    assert companies.acme.calls == 1


async def test_what_was_not_taken_leaves_the_day_s_limit_as_it_was(companies: Companies) -> None:
    companies = companies.with_routes(route("acme"), daily_micros_max=MICROS)
    companies.acme.trouble = TOO_FAST
    job = await companies.place()
    for _ in range(3):
        companies.stage.clock.move(seconds=await companies.step(job) or 0)

    companies.acme.trouble = None
    companies.acme.succeed(images=1)

    assert (await companies.play(job)).state is JobState.SUCCEEDED


async def test_a_route_that_fails_rests_and_is_taken_again(companies: Companies) -> None:
    companies = companies.with_routes(route("acme"))
    companies.acme.trouble = UNREACHED
    job = await companies.place()
    for _ in range(3):
        companies.stage.clock.move(seconds=await companies.step(job) or 0)
    calls = companies.acme.calls
    await companies.step(job)
    resting = companies.acme.calls
    companies.acme.trouble = None
    companies.acme.succeed(images=1)

    done = await companies.play(job)

    assert (calls, resting, done.state) == (3, 3, JobState.SUCCEEDED)


async def test_one_pass_looks_at_all_work_that_is_due(companies: Companies) -> None:
    jobs = [await companies.place(f"job-{number}") for number in range(4)]
    for job in jobs:
        await companies.step(job)
    early = await watch(companies.studio)
    companies.stage.clock.move(seconds=10)

    looked = await watch(companies.studio)
    again = await watch(companies.studio)

    assert (early, looked, again) == (0, 4, 0)
    assert {(await companies.stage.read(job)).progress for job in jobs} == {0.5}


async def test_a_job_that_waits_for_room_keeps_its_credits_as_long_as_it_waits(
    companies: Companies,
) -> None:
    companies = companies.with_routes(route("acme", jobs_max=1))
    first, second = await companies.place(), await companies.place("job-2")
    await companies.step(first)
    for _ in range(10):
        companies.stage.clock.move(minutes=14)
        await admit(companies.studio)
    waiting, held = await companies.stage.read(second), await companies.held()
    companies.acme.succeed(images=1)
    await companies.play(first)

    done = await companies.play(second)

    assert (waiting.state, held) == (JobState.WAITING, 1)
    assert (done.state, done.captured) == (JobState.SUCCEEDED, 1)
