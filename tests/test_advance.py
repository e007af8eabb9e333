"""A job ends once, with its credits: captured for what came, returned for what did not."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from mutoscope.app.advance import stumble
from mutoscope.app.cancel import JobIsFinal, cancel
from mutoscope.app.ports import Render, RenderState
from mutoscope.app.shortage import NotEnoughCredits
from mutoscope.app.sweep import sweep
from mutoscope.domain.jobs import JobState
from mutoscope.storage.jobs import Job
from scripted_generator import BUSY, REFUSED
from studio_fixture import lines
from studio_stage import Stage


async def test_a_delivered_job_is_captured_once(stage: Stage) -> None:
    stage.generator.succeed(images=3)

    job = await stage.play(await stage.place(images=3))
    await stage.step(job)

    assert (job.state, job.captured) == (JobState.SUCCEEDED, 3)
    assert len(await stage.outputs(job)) == 3
    assert await stage.credits() == (47, 0)


async def test_only_delivered_images_are_captured(stage: Stage) -> None:
    stage.generator.succeed(images=2)

    job = await stage.play(await stage.place(images=4))

    assert job.captured == 2
    assert await stage.credits() == (48, 0)


@pytest.mark.parametrize(
    ("state", "code"),
    [(RenderState.FAILED, "failed"), (RenderState.FAILED, "moderated"), (RenderState.LOST, "lost")],
)
async def test_nobody_pays_for_a_failure(stage: Stage, state: RenderState, code: str) -> None:
    stage.generator.fail(state=state, code=code)

    job = await stage.play(await stage.place(images=4))

    assert (job.state, job.reason, job.captured) == (state, code, 0)
    assert job.sentence == "It did not work. Its credits were returned."
    assert await stage.credits() == (50, 0)


async def test_success_without_a_file_is_a_failure(stage: Stage) -> None:
    stage.generator.succeed(images=0)

    job = await stage.play(await stage.place())

    assert (job.state, job.reason) == (JobState.FAILED, "nothing_delivered")
    assert await stage.credits() == (50, 0)


async def test_a_refused_order_is_returned_with_the_provider_s_reason(stage: Stage) -> None:
    stage.generator.trouble = REFUSED

    job = await stage.play(await stage.place())

    assert (job.state, job.reason, stage.generator.calls) == (JobState.FAILED, "moderated", 1)
    assert await stage.credits() == (50, 0)


async def test_a_provider_that_stays_away_ends_the_job_in_time(stage: Stage) -> None:
    stage.generator.trouble = BUSY

    job = await stage.play(await stage.place())

    assert (job.state, job.reason) == (JobState.FAILED, "provider_unavailable")
    assert await stage.credits() == (50, 0)


async def test_an_order_whose_answer_was_cut_off_is_found_and_not_repeated(stage: Stage) -> None:
    stage.generator.succeed(images=1)
    stage.generator.mishap = BUSY

    job = await stage.play(await stage.place())

    assert (job.state, stage.generator.calls) == (JobState.SUCCEEDED, 1)


async def test_two_steps_at_once_order_once(stage: Stage) -> None:
    stage.generator.gate = asyncio.Event()
    job = await stage.place()

    first = asyncio.create_task(stage.step(job))
    await stage.generator.reached.wait()
    others = await asyncio.gather(*(stage.step(job) for _ in range(8)))
    stage.generator.gate.set()
    await first

    assert stage.generator.calls == 1
    assert None not in others


async def test_an_order_that_died_on_its_way_is_placed_by_one_step_alone(stage: Stage) -> None:
    stage.generator.trouble = BUSY
    job = await stage.place()
    await stage.step(job)
    stage.generator.trouble = None
    stage.clock.move(seconds=31)

    await asyncio.gather(*(stage.step(job) for _ in range(8)))

    assert stage.generator.calls == 2
    assert (await stage.read(job)).state is JobState.RUNNING


async def test_a_late_success_is_delivered_at_no_charge(stage: Stage) -> None:
    job = await stage.place()
    await stage.step(job)
    stage.clock.move(hours=3)
    stage.generator.succeed(images=1)

    late = await stage.play(job)

    assert (late.state, late.captured, late.reason) == (JobState.SUCCEEDED, 0, "late")
    assert len(await stage.outputs(job)) == 1
    assert await stage.credits() == (50, 0)


async def test_a_job_that_hangs_for_ever_becomes_lost(stage: Stage) -> None:
    job = await stage.place()
    await stage.step(job)
    stage.clock.move(hours=25)

    lost = await stage.play(job)

    assert (lost.state, await stage.credits()) == (JobState.LOST, (50, 0))


async def test_a_job_that_nobody_began_in_time_is_never_ordered(stage: Stage) -> None:
    job = await stage.place()
    stage.clock.move(hours=3)

    lost = await stage.play(job)

    assert (lost.state, stage.generator.calls) == (JobState.LOST, 0)
    assert await stage.credits() == (50, 0)


async def test_a_cancelled_order_is_returned_when_the_provider_stopped(stage: Stage) -> None:
    job = await stage.place()
    await stage.step(job)
    await stage.step(job)

    await cancel(stage.studio, workspace_id=stage.workspace_id, job_id=job.job_id)
    stopped = await stage.play(job)

    assert (stopped.state, await stage.credits()) == (JobState.CANCELLED, (50, 0))


async def test_what_cannot_be_stopped_is_delivered_and_captured(stage: Stage) -> None:
    stage.generator.can_cancel = False
    job = await stage.place()
    await stage.step(job)

    await cancel(stage.studio, workspace_id=stage.workspace_id, job_id=job.job_id)
    stage.generator.succeed(images=1)
    delivered = await stage.play(job)

    assert (delivered.state, await stage.credits()) == (JobState.SUCCEEDED, (49, 0))


async def test_a_job_that_waits_is_cancelled_at_once(stage: Stage) -> None:
    job = await stage.place()

    stopped = await cancel(stage.studio, workspace_id=stage.workspace_id, job_id=job.job_id)

    assert (stopped.state, stage.generator.calls) == (JobState.CANCELLED, 0)
    assert await stage.credits() == (50, 0)
    with pytest.raises(JobIsFinal):
        await cancel(stage.studio, workspace_id=stage.workspace_id, job_id=job.job_id)


async def test_one_credit_and_64_requests_are_one_order(stage: Stage) -> None:
    for number in range(7):
        stage.generator.succeed(images=7)
        await stage.play(await stage.place(images=7, key=f"spent-{number}"))
    stage.generator.calls = 0
    clicks = (stage.place(key=f"click-{number}") for number in range(64))

    placed = await asyncio.gather(*clicks, return_exceptions=True)
    (job,) = [each for each in placed if isinstance(each, Job)]
    stage.generator.succeed(images=1)
    await stage.play(job)

    assert sum(isinstance(each, NotEnoughCredits) for each in placed) == 63
    assert (stage.generator.calls, len(await stage.outputs(job))) == (1, 1)
    assert await stage.credits() == (0, 0)


async def test_a_lost_step_is_queued_again_once(stage: Stage) -> None:
    await stage.place()
    await stage.lose_steps()
    stage.clock.move(minutes=3)

    assert [await sweep(stage.studio), await sweep(stage.studio)] == [1, 0]


async def test_a_job_that_waits_for_a_worker_has_its_step_and_none_is_queued_again(
    stage: Stage,
) -> None:
    await stage.place()
    stage.clock.move(minutes=3)

    assert await sweep(stage.studio) == 0


async def test_a_full_disk_is_tried_again_and_then_paid_for_once(
    stage: Stage, tmp_path: Path
) -> None:
    blocked = tmp_path / "assets"
    blocked.write_text("in the way")
    stage.generator.succeed(images=1)
    job = await stage.place()
    await stage.step(job)
    await stage.step(job)
    blocked.unlink()

    done = await stage.play(job)

    assert (done.state, await stage.credits()) == (JobState.SUCCEEDED, (49, 0))


async def test_progress_is_told_while_a_job_runs(stage: Stage) -> None:
    job = await stage.place()
    stage.generator.render = Render(state=RenderState.RUNNING, progress=0.25)

    await stage.step(job)
    await stage.step(job)

    assert (await stage.read(job)).progress == 0.25


async def test_eight_steps_at_once_deliver_and_capture_once(stage: Stage) -> None:
    job = await stage.place(images=4)
    await stage.step(job)
    stage.generator.succeed(images=3)

    taken = await asyncio.gather(*(stage.step(job) for _ in range(8)))
    done = await stage.play(job)

    assert None in taken
    assert (done.state, done.captured) == (JobState.SUCCEEDED, 3)
    assert len(await stage.outputs(job)) == 3
    assert await lines(stage) == [("grant", 50), ("hold", 4), ("settle", 4)]


@pytest.mark.parametrize("images", [0, 1])
async def test_steps_that_see_different_ends_at_once_agree_on_one(
    stage: Stage, images: int
) -> None:
    job = await stage.place()
    await stage.step(job)
    stage.generator.succeed(images=images)
    slow = asyncio.create_task(stage.step(job))
    await asyncio.sleep(0)
    stage.generator.fail(state=RenderState.FAILED, code="failed")

    await asyncio.gather(slow, *(stage.step(job) for _ in range(4)))
    done = await stage.play(job)

    assert done.captured == len(await stage.outputs(job))
    assert await stage.credits() == (50 - len(await stage.outputs(job)), 0)


async def test_the_hold_of_a_job_that_runs_is_renewed(stage: Stage) -> None:
    job = await stage.place(images=4)
    await stage.step(job)
    for _ in range(12):
        stage.clock.move(minutes=14)
        await stage.step(job)

    renewed = await stage.read(job)
    stage.generator.succeed(images=4)
    done = await stage.play(job)

    assert renewed.deadline_at > job.deadline_at + timedelta(hours=2)
    assert (done.state, done.captured) == (JobState.SUCCEEDED, 4)
    assert await lines(stage) == [("grant", 50), ("hold", 4), ("settle", 4)]


async def test_a_hold_that_nobody_renews_is_given_back_at_its_deadline(stage: Stage) -> None:
    job = await stage.place(images=4)
    await stage.step(job)

    stage.clock.at = job.deadline_at
    at_the_deadline = await stage.credits()
    stage.clock.move(seconds=60)

    assert at_the_deadline[1] in {0, 4}
    assert await stage.credits() == (50, 0)


async def test_a_late_failure_gives_nothing_back_twice(stage: Stage) -> None:
    job = await stage.place(images=4)
    await stage.step(job)
    stage.clock.move(hours=2)
    stage.generator.fail(state=RenderState.FAILED, code="failed")

    failed = await stage.play(job)

    assert (failed.state, failed.captured) == (JobState.FAILED, 0)
    assert await stage.credits() == (50, 0)


async def test_an_order_is_tried_again_until_the_provider_answers(stage: Stage) -> None:
    stage.generator.trouble = BUSY
    job = await stage.place()
    for _ in range(3):
        await stage.step(job)
        stage.clock.move(seconds=31)
    stage.generator.trouble = None
    stage.generator.succeed(images=1)

    done = await stage.play(job)

    assert (done.state, len(stage.generator.orders)) == (JobState.SUCCEEDED, 1)
    assert await stage.credits() == (49, 0)


async def test_a_disk_that_stays_full_ends_the_job_uncharged(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "assets").write_text("in the way")
    stage.generator.succeed(images=1)

    job = await stage.place()
    while await stage.step(job) is not None:
        stage.clock.move(seconds=30)
    done = await stage.read(job)

    assert (done.state, done.captured, done.reason) == (JobState.LOST, 0, "not_finished")
    assert "credits were returned" in (done.sentence or "")
    assert await stage.credits() == (50, 0)


async def test_a_final_job_takes_no_further_step(stage: Stage) -> None:
    stage.generator.succeed(images=1)
    job = await stage.play(await stage.place())
    stage.generator.fail(state=RenderState.FAILED, code="failed")

    assert await stage.step(job) is None
    stumbled = await stumble(stage.studio, workspace_id=job.workspace_id, job_id=job.job_id)
    assert stumbled.wait_s is None
    assert await stage.read(job) == job
