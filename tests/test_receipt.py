"""A receipt tells what was asked and delivered, what it cost, and which lots paid."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from business_stage import spend
from mutoscope.app.generate import Wish
from mutoscope.app.ports import RenderState
from mutoscope.app.receipt import Receipt, receipt
from mutoscope.app.receipt_page import drawn_told
from mutoscope.app.subscribe import start_plan
from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.storage.history import LineJob
from mutoscope.storage.jobs import Job, UnknownJob
from studio_fixture import deliver_clip, drive, frame, open_workspace, place, spent
from studio_stage import Stage


async def receipt_of(stage: Stage, job: Job) -> Receipt:
    return await receipt(stage.studio, workspace_id=job.workspace_id, job_id=job.job_id)


async def clip_job(stage: Stage, tool: str, duration_s: int) -> Job:
    """Start a plan, and place a clip on a frame of the trial."""
    source = await frame(stage)
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan="essential")
    return await place(
        stage, Wish(tool=tool, prompt="", source=source, duration_s=duration_s), key="clip"
    )


async def buy_images(stage: Stage) -> UUID:
    """Grant image credits that were purchased, and return the purchase."""
    purchase_id, at = uuid4(), stage.clock.now()
    terms = Terms(source="pack", effective_at=at, reference=str(purchase_id))
    granted = Request(stage.workspace_id, "image", "payment", "paid", ask.Grant(900, terms))
    await stage.studio.journal.submit(Submission((granted,)))
    async with stage.studio.reading() as connection:
        await connection.execute(
            "INSERT INTO purchases (workspace_id, purchase_id, request_id, kind, credits, price,"
            " currency, version, state, ordered_at, paid_at, granted_at)"
            " VALUES ($1, $2, $2, 'image', 900, 900, 'USD', '2025-01', 'granted', $3, $3, $3)",
            stage.workspace_id, purchase_id, at,
        )  # fmt: skip
    return purchase_id


async def test_an_open_job_shows_what_is_held(stage: Stage) -> None:
    job = await stage.place(images=4)

    found = await receipt_of(stage, job)

    assert (found.job, found.outputs) == (job, ())
    assert [line.entry.operation for line in found.lines] == ["hold"]


async def test_a_delivered_job_shows_its_files_and_the_lots_that_paid(stage: Stage) -> None:
    stage.generator.succeed(images=3)
    job = await drive(stage, await stage.place(images=4))

    found = await receipt_of(stage, job)

    assert [output.ordinal for output in found.outputs] == [1, 2, 3]
    assert [line.entry.operation for line in found.lines] == ["hold", "settle"]
    assert {posting.lot for line in found.lines for posting in line.entry.postings} == {1}
    assert (await spent(stage, job))["captured"] == 3


async def test_a_receipt_tells_which_purchase_paid(stage: Stage) -> None:
    await spend(stage, stage.workspace_id, 48, kind="image")
    purchase_id = await buy_images(stage)

    found = await receipt_of(stage, await stage.place(images=4))

    assert found.drawn == ((1, 2, None), (3, 2, purchase_id))
    assert drawn_told(found) == f"2 of lot 1, 2 of lot 3 (purchase {purchase_id})"


async def test_each_line_about_a_job_names_its_tool(stage: Stage) -> None:
    job = await clip_job(stage, "kling_pro", 10)
    await stage.step(job)
    stage.clock.at = job.deadline_at + timedelta(hours=2)
    stage.generator.succeed(images=1)
    await stage.play(job)

    lines = (await receipt_of(stage, job)).lines

    assert [line.words for line in lines] == [
        "50 credits held", "Not charged: 50 credits returned, the job's time ran out",
        "50 credits paid by the studio, not by you",
    ]  # fmt: skip
    assert {line.job for line in lines} == {LineJob(job.job_id, "kling_pro", job.version, 10)}


@pytest.mark.parametrize(
    ("state", "code"),
    [(RenderState.FAILED, "provider_failed"), (RenderState.FAILED, "moderated"),
     (RenderState.LOST, "lost")],
)  # fmt: skip
async def test_a_failure_says_that_the_credits_came_back(
    stage: Stage, state: RenderState, code: str
) -> None:
    stage.generator.fail(state=state, code=code)
    job = await drive(stage, await stage.place(images=4))

    held, returned = (await receipt_of(stage, job)).lines

    assert (held.entry.operation, returned.entry.operation) == ("hold", "release")
    assert returned.entry.reason == code
    assert returned.words == "Not charged: 4 credits returned"
    assert (job.sentence or "").endswith("Its credits were returned.")


@pytest.mark.parametrize(
    ("measured_s", "captured"),
    [(10.0, 50), (10.04, 50), (10.25, 50), (9.25, 45), (9.26, 50), (4.0, 20), (12.0, 50)],
)
async def test_a_second_is_paid_for_when_it_was_delivered(
    stage: Stage, tmp_path: Path, measured_s: float, captured: int
) -> None:
    job = await clip_job(stage, "runway_gen4_turbo", 10)
    deliver_clip(stage, tmp_path, duration_s=measured_s)

    done = await drive(stage, job)

    moved = await spent(stage, done)
    (clip,) = (await receipt_of(stage, done)).outputs
    assert (done.price, done.captured, moved["captured"]) == (50, captured, captured)
    assert moved["available"] == 50 - captured
    assert clip.duration_ms == round(measured_s * 1000)


async def test_a_clip_with_a_price_of_its_own_is_paid_whole(stage: Stage, tmp_path: Path) -> None:
    job = await clip_job(stage, "kling_pro", 5)
    deliver_clip(stage, tmp_path, duration_s=3.0)

    done = await drive(stage, job)

    assert (done.price, done.captured) == (50, 50)


async def test_a_late_success_shows_what_the_operator_paid(stage: Stage) -> None:
    job = await stage.place(images=2)
    await stage.step(job)
    stage.clock.move(hours=2)
    stage.generator.succeed(images=2)
    late = await drive(stage, job)

    found = await receipt_of(stage, late)

    assert [line.entry.operation for line in found.lines] == ["hold", "release", "absorb"]
    assert (late.captured, len(found.outputs)) == (0, 2)
    assert late.sentence == (
        "This came after its credits were given back: it is yours, at no charge."
    )
    assert (await spent(stage, late))["captured"] == 0


async def test_what_comes_back_to_a_lot_that_is_over_lapses_on_the_receipt(stage: Stage) -> None:
    stage.clock.move(days=13, hours=23, minutes=59)
    job = await stage.place(images=4)
    await stage.step(job)
    stage.clock.move(minutes=2)
    stage.generator.fail(state=RenderState.FAILED, code="provider_failed")
    job = await drive(stage, job)

    lines = (await receipt_of(stage, job)).lines

    assert [line.entry.operation for line in lines] == ["hold", "release", "expire"]
    assert {line.job and line.job.job_id for line in lines} == {job.job_id}
    assert job.created_at + timedelta(minutes=2) == stage.clock.now()


async def test_a_receipt_of_another_workspace_is_not_there(stage: Stage) -> None:
    job = await stage.place()
    other = await open_workspace(stage)

    with pytest.raises(UnknownJob):
        await receipt(stage.studio, workspace_id=other, job_id=job.job_id)
