"""A cancelled job gives its credits back when it stopped, and is paid for when it was delivered."""

import asyncio
from dataclasses import replace

import pytest

from mutoscope.app.cancel import JobIsFinal, cancel
from mutoscope.app.ports import RenderState
from mutoscope.domain.jobs import JobState
from mutoscope.storage.jobs import Job, UnknownJob
from scripted_generator import BUSY
from studio_fixture import drive, lines, open_workspace, place, spent
from studio_stage import FRAME, Stage


async def stop(stage: Stage, job: Job) -> Job:
    return await cancel(stage.studio, workspace_id=job.workspace_id, job_id=job.job_id)


async def running(stage: Stage) -> Job:
    """Place a job of four frames and hand it over to the provider."""
    job = await stage.place(images=4)
    await stage.step(job)
    return await stage.read(job)


async def test_before_the_order_everything_comes_back_at_once(stage: Stage) -> None:
    job = await stage.place(images=4)

    stopped = await stop(stage, job)

    assert (stopped.state, stopped.captured, stopped.reason) == ("cancelled", 0, "cancelled")
    assert stopped.sentence == "Stopped as you asked. Its credits were returned."
    assert await lines(stage) == [("grant", 50), ("hold", 4), ("release", 4)]
    assert await stage.credits() == (50, 0)


async def test_after_the_order_a_cancel_is_a_wish_until_the_provider_confirms(stage: Stage) -> None:
    job = await running(stage)

    asked = await stop(stage, job)

    assert (asked.state, asked.is_cancel_asked) == (JobState.RUNNING, True)
    assert await stage.credits() == (46, 4)


async def test_what_comes_after_a_confirmed_cancel_is_not_delivered(stage: Stage) -> None:
    job = await running(stage)
    await stop(stage, job)
    stage.generator.succeed(images=4)

    stopped = await drive(stage, job)

    assert stopped.state is JobState.CANCELLED
    assert await stage.outputs(job) == ()
    assert (await spent(stage, job))["captured"] == 0
    assert await stage.credits() == (50, 0)


async def test_a_cancel_that_comes_too_late_is_captured_on_delivery(stage: Stage) -> None:
    stage.generator.can_cancel = False
    job = await running(stage)
    await stop(stage, job)
    stage.generator.succeed(images=4)

    delivered = await drive(stage, job)

    assert (delivered.state, delivered.captured) == (JobState.SUCCEEDED, 4)
    assert len(await stage.outputs(job)) == 4
    assert await stage.credits() == (46, 0)


async def test_a_cancel_that_came_too_late_for_a_failure_costs_nothing(stage: Stage) -> None:
    stage.generator.can_cancel = False
    job = await running(stage)
    await stop(stage, job)
    stage.generator.fail(state=RenderState.FAILED, code="provider_failed")

    failed = await drive(stage, job)

    assert (failed.state, failed.captured) == (JobState.FAILED, 0)
    assert await stage.credits() == (50, 0)


async def test_an_order_that_never_arrived_is_cancelled_without_another(stage: Stage) -> None:
    stage.generator.trouble = BUSY
    job = await stage.place()
    await stage.step(job)
    await stop(stage, job)
    stage.generator.trouble = None

    stopped = await stage.play(job)

    assert (stopped.state, stage.generator.orders) == (JobState.CANCELLED, [])
    assert await stage.credits() == (50, 0)


async def test_a_job_that_has_ended_is_not_cancelled(stage: Stage) -> None:
    stage.generator.succeed(images=1)
    job = await drive(stage, await stage.place())

    with pytest.raises(JobIsFinal, match="as succeeded") as refused:
        await stop(stage, job)

    assert refused.value.job == job
    assert await stage.credits() == (49, 0)


async def test_a_job_of_another_workspace_is_not_there_to_cancel(stage: Stage) -> None:
    job = await stage.place()
    other = await open_workspace(stage)

    with pytest.raises(UnknownJob):
        await stop(stage, replace(job, workspace_id=other))

    assert not (await stage.read(job)).is_cancel_asked


async def test_eight_cancels_at_once_give_back_once(stage: Stage) -> None:
    job = await stage.place(images=4)

    asked = await asyncio.gather(*(stop(stage, job) for _ in range(8)), return_exceptions=True)

    assert {type(each) for each in asked} <= {Job, JobIsFinal}
    assert await lines(stage) == [("grant", 50), ("hold", 4), ("release", 4)]


async def test_a_cancel_and_a_first_step_at_once_end_in_one_way(stage: Stage) -> None:
    stage.generator.succeed(images=1)
    jobs = [await place(stage, FRAME, key=f"job-{number}") for number in range(6)]

    await asyncio.gather(
        *(stop(stage, job) for job in jobs),
        *(stage.step(job) for job in jobs),
        return_exceptions=True,
    )
    ended = [await stage.play(job) for job in jobs]

    delivered = [job for job in ended if job.state is JobState.SUCCEEDED]
    assert {job.state for job in ended} <= {JobState.SUCCEEDED, JobState.CANCELLED}
    assert await stage.credits() == (50 - len(delivered), 0)
    assert [len(await stage.outputs(job)) for job in ended] == [job.captured for job in ended]
