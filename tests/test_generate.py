"""A job is priced, held and queued at once, or refused by name before anything is held."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from mutoscope.app.frames import NoSuchFrame
from mutoscope.app.generate import (
    RouteCannot,
    SourceNeeded,
    ToolUnavailable,
    Wish,
    regenerate,
)
from mutoscope.app.shortage import NotEnoughCredits
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.catalog import UnknownTool
from mutoscope.domain.credits import BadKey, Refusal
from mutoscope.domain.estimate import BadDuration, BadImageCount, BadRatio
from mutoscope.domain.jobs import PROMPT_MAX, EmptyPrompt, FrameName, JobState, PromptTooLong
from mutoscope.domain.planner import KeyReused
from mutoscope.providers.local.engine import ABLE
from mutoscope.storage.jobs import UnknownJob
from mutoscope.storage.workspaces import UnknownWorkspace
from studio_fixture import drive, frame, lines, open_workspace, place, spent
from studio_stage import FRAME, Stage

EDIT = Wish(tool="edit_open_assistant", prompt="", instruction="at night")
CLIP = Wish(tool="kling_pro", prompt="", duration_s=5)


async def queued_steps(stage: Stage) -> int:
    async with stage.studio.reading() as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM pgqueuer")
    return count


async def test_a_job_comes_with_its_hold_and_its_first_step(stage: Stage) -> None:
    job = await stage.place(images=4)

    assert (job.state, job.price, job.version) == (JobState.WAITING, 4, "2025-01")
    assert await stage.read(job) == job
    assert await stage.credits() == (46, 4)
    assert await queued_steps(stage) == 1


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        (replace(FRAME, tool="magic"), UnknownTool),
        (replace(FRAME, prompt=" \n"), EmptyPrompt),
        (replace(FRAME, prompt="x" * (PROMPT_MAX + 1)), PromptTooLong),
        (replace(FRAME, ratio="5:4"), BadRatio),
        (replace(FRAME, images=0), BadImageCount),
        (replace(FRAME, images=51), BadImageCount),
        (replace(FRAME, duration_s=5), BadDuration),
        (EDIT, SourceNeeded),
        (replace(EDIT, source=FrameName("no uuid", 1)), NoSuchFrame),
        (replace(EDIT, source=FrameName("00000000-0000-0000-0000-000000000000", 1)), NoSuchFrame),
    ],
)
async def test_a_wish_that_cannot_be_granted_holds_nothing(
    stage: Stage, wish: Wish, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await place(stage, wish)

    assert await lines(stage) == [("grant", 50)]
    assert await queued_steps(stage) == 0


@pytest.mark.parametrize("duration_s", [None, 0, 6, -5])
async def test_a_clip_of_a_duration_that_the_tool_does_not_make_is_refused(
    stage: Stage, duration_s: int | None
) -> None:
    source = await frame(stage)

    with pytest.raises(BadDuration, match="ask for 5 or 10 s"):
        await place(stage, replace(CLIP, source=source, duration_s=duration_s))


async def test_a_frame_that_the_job_did_not_deliver_is_no_source(stage: Stage) -> None:
    source = await frame(stage)

    with pytest.raises(NoSuchFrame, match="number 2"):
        await place(stage, replace(EDIT, source=source._replace(ordinal=2)))


async def test_a_frame_of_another_workspace_is_no_source(stage: Stage) -> None:
    source = await frame(stage)
    other = await open_workspace(stage)

    with pytest.raises(NoSuchFrame):
        await place(stage, replace(EDIT, source=source), workspace_id=other)

    assert await lines(stage, workspace_id=other) == [("grant", 50)]


async def test_an_edit_keeps_the_ratio_and_the_words_of_its_source(stage: Stage) -> None:
    stage.generator.succeed(images=1)
    tall = await drive(stage, await place(stage, replace(FRAME, ratio="9:16"), key="tall"))

    job = await place(stage, replace(EDIT, source=FrameName(str(tall.job_id), 1)))

    assert (job.spec.ratio, job.spec.prompt) == ("9:16", FRAME.prompt)
    assert (job.spec.width, job.spec.height) == (720, 1280)


async def test_an_edit_is_ordered_with_the_frame_that_was_delivered(stage: Stage) -> None:
    source = await frame(stage)

    await drive(stage, await place(stage, replace(EDIT, source=source)))

    order = stage.generator.orders[-1]
    assert order.source_path is not None
    assert order.source_path.read_bytes().startswith(b"\x89PNG")
    assert (order.instruction, order.is_demo) == ("at night", True)


async def test_video_is_not_in_the_trial_and_the_plans_are_named(stage: Stage) -> None:
    source = await frame(stage)

    with pytest.raises(NotEntitled, match="start a plan") as refused:
        await place(stage, replace(CLIP, source=source))

    assert (refused.value.plan, refused.value.entitlement) == ("trial", "video")
    assert await lines(stage, kind="video") == []


async def test_video_is_not_in_a_workspace_whose_trial_is_over(stage: Stage) -> None:
    source = await frame(stage)
    stage.clock.move(days=14)

    with pytest.raises(NotEntitled, match="the trial is over: start a plan"):
        await place(stage, replace(CLIP, source=source))


async def test_a_trial_that_is_used_up_says_to_start_a_plan(stage: Stage) -> None:
    await stage.place(images=48)

    with pytest.raises(NotEnoughCredits, match="start a plan") as refused:
        await stage.place(images=5, key="too-many")

    found = refused.value
    assert (found.kind, found.required, found.available, found.shortfall) == ("image", 5, 2, 3)
    assert await stage.credits() == (2, 48)


async def test_a_shortage_on_a_plan_names_the_next_grant(stage: Stage) -> None:
    paying = await open_workspace(stage, plan="essential")
    for number in range(4):
        await place(stage, replace(FRAME, images=50), key=f"all-{number}", workspace_id=paying)

    with pytest.raises(NotEnoughCredits, match="200 more arrive on 20 Feb 2025 ") as refused:
        await place(stage, FRAME, workspace_id=paying)

    assert refused.value.next_grant_at == stage.clock.now() + timedelta(days=31)
    assert (refused.value.next_grant_amount, refused.value.shortfall) == (200, 1)


async def test_a_live_workspace_without_a_route_is_refused_before_any_hold(stage: Stage) -> None:
    live = await open_workspace(stage, is_demo=False)

    with pytest.raises(ToolUnavailable) as refused:
        await place(stage, FRAME, workspace_id=live)

    assert (refused.value.tool, refused.value.reason) == ("image_generation", "no_route")
    assert await lines(stage, workspace_id=live) == [("grant", 50)]


TUNE = Wish(tool="edit_fine_tune", prompt="")
REGION: dict[str, str | float] = {
    "region_x": 0.0, "region_y": 0.0, "region_width": 0.5, "region_height": 0.5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (replace(FRAME, images=17), "at most 16 at once"),
        (replace(EDIT, images=2), "at most 1 at once from a still"),
        (replace(EDIT, instruction="add a zeppelin"), "instruction cannot be 'zeppelin'"),
        (replace(TUNE, adjustments={"angle": "low"}), "no change of angle, only contrast"),
        (replace(TUNE, adjustments={"light": "left", "expression": "sad"}), "of expression, only"),
        (replace(TUNE, adjustments={"add_object": "a lamp"}), "no change of add_object"),
        (replace(TUNE, adjustments={"remove_object": "the lamp"}), "no change of remove_object"),
        (replace(TUNE, adjustments={"light": "left", **REGION}), "no change of region_height"),
    ],
)
async def test_what_the_engine_cannot_make_is_refused_before_any_hold(
    stage: Stage, wish: Wish, told: str
) -> None:
    source = None if wish.tool == FRAME.tool else await frame(stage)
    before = await lines(stage)
    stage.generator.able = ABLE

    with pytest.raises(RouteCannot, match=told):
        await place(stage, replace(wish, source=source), key="many")

    assert await lines(stage) == before
    await place(stage, replace(FRAME, images=16), key="as-many")


async def test_the_same_key_from_32_callers_at_once_is_one_job(stage: Stage) -> None:
    placed = await asyncio.gather(*(stage.place(images=2) for _ in range(32)))

    assert len({job.job_id for job in placed}) == 1
    assert await stage.credits() == (48, 2)
    assert await queued_steps(stage) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(FRAME, prompt="a harbour"),
        replace(FRAME, images=2),
        replace(FRAME, ratio="1:1"),
        replace(FRAME, seed=7),
    ],
)
async def test_a_key_that_was_used_for_something_else_is_refused(stage: Stage, other: Wish) -> None:
    await stage.place()

    with pytest.raises(KeyReused):
        await place(stage, other)

    assert await stage.credits() == (49, 1)


async def test_a_repeat_after_the_credits_are_gone_returns_the_first_answer(stage: Stage) -> None:
    first = await stage.place(images=50)

    again = await stage.place(images=50)

    assert again == first


async def test_the_order_of_adjustments_does_not_make_another_request(stage: Stage) -> None:
    source = await frame(stage)
    tune = Wish(tool="edit_fine_tune", prompt="", source=source,
                adjustments={"exposure": 1.0, "contrast": 0.5})  # fmt: skip

    first = await place(stage, tune)
    again = await place(stage, replace(tune, adjustments={"contrast": 0.5, "exposure": 1.0}))

    assert again.job_id == first.job_id


@pytest.mark.parametrize("key", ["", "two words", "x" * 300])
async def test_a_malformed_key_holds_nothing(stage: Stage, key: str) -> None:
    with pytest.raises(BadKey):
        await stage.place(key=key)


async def test_no_workspace_has_no_jobs(stage: Stage) -> None:
    with pytest.raises(UnknownWorkspace):
        await place(stage, FRAME, workspace_id=stage.studio.ids.new())


async def test_making_it_again_costs_as_much_and_looks_different(stage: Stage) -> None:
    stage.generator.succeed(images=3)
    first = await drive(stage, await stage.place(images=3))

    again, _ = await regenerate(
        stage.studio, workspace_id=stage.workspace_id, job_id=first.job_id, key="again"
    )
    again = await drive(stage, again)

    assert (again.price, again.captured) == (3, 3)
    assert again.spec.seed not in {first.spec.seed + number for number in range(3)}
    assert again.spec._replace(seed=first.spec.seed) == first.spec
    assert await stage.credits() == (44, 0)


async def test_a_job_of_another_workspace_is_not_made_again(stage: Stage) -> None:
    job = await stage.place()
    other = await open_workspace(stage)

    with pytest.raises(UnknownJob):
        await regenerate(stage.studio, workspace_id=other, job_id=job.job_id, key="again")


async def test_unlimited_images_are_metered_and_draw_no_lot(stage: Stage) -> None:
    unlimited = await open_workspace(stage, plan="unlimited")
    stage.generator.succeed(images=5)

    job = await place(stage, replace(FRAME, images=5), workspace_id=unlimited)
    done = await drive(stage, job)

    moved = await spent(stage, done)
    assert (done.is_metered, done.price, done.captured) == (True, 5, 5)
    assert set(moved) == {"metering", "metered"}
    assert moved["metered"] == 5


async def test_an_unlimited_failure_counts_nothing(stage: Stage) -> None:
    unlimited = await open_workspace(stage, plan="unlimited")
    stage.generator.succeed(images=0)

    done = await drive(stage, await place(stage, FRAME, workspace_id=unlimited))

    assert done.sentence == "The provider delivered nothing. Nothing was counted."
    assert (await spent(stage, done))["metered"] == 0


async def test_beyond_the_fair_pace_unlimited_jobs_wait_and_say_until_when(stage: Stage) -> None:
    unlimited = await open_workspace(stage, plan="unlimited")
    wish = replace(FRAME, images=40)

    placed = [
        await place(stage, wish, key=f"shot-{number}", workspace_id=unlimited)
        for number in range(7)
    ]

    waits = [round((job.starts_at - job.created_at).total_seconds()) for job in placed]
    assert waits == [0, 0, 0, 3600, 3600, 3600, 7200]
    assert all(job.deadline_at - job.starts_at == timedelta(minutes=30) for job in placed)


async def test_a_job_that_waits_for_its_pace_is_ordered_when_its_time_has_come(
    stage: Stage,
) -> None:
    unlimited = await open_workspace(stage, plan="unlimited")
    for number in range(3):
        await place(stage, replace(FRAME, images=40), key=f"shot-{number}", workspace_id=unlimited)
    paced = await place(stage, FRAME, key="one-more", workspace_id=unlimited)
    stage.workspace_id = unlimited

    assert await stage.step(paced) == 3600
    assert stage.generator.calls == 0
    stage.clock.move(hours=1)
    stage.generator.succeed(images=1)
    assert (await stage.play(paced)).captured == 1
