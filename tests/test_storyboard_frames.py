"""Jobs for a frame: placed with their link, told with the cast, repeated as the same request."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from mutoscope.app import storyboard
from mutoscope.app.shortage import NotEnoughCredits
from mutoscope.app.storyboard import ToolMakesNoClip
from mutoscope.app.storyboard_frames import (
    Clip,
    NoClipWanted,
    NothingToRegenerate,
    animate_frame,
    edit_frame,
    fine_tune_frame,
    generate_frame,
    regenerate_frame,
)
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.cast import PartKind
from mutoscope.domain.credits import Refusal
from mutoscope.domain.estimate import BadDuration, BadRatio
from mutoscope.domain.fine_tune import BadAdjustment
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.storyboard import Frame, FrameNotFinal, FrameNotMade, Project, Wanted
from mutoscope.domain.versions import differences
from mutoscope.storage import board as boards
from mutoscope.storage import history, jobs
from mutoscope.storage.jobs import Job
from mutoscope.storage.storyboard import UnknownFrame
from overtaking import overtake
from storyboard_stage import begin, finished, look, picture, slot, start, with_stills
from studio_fixture import deliver_clip, drive, lines
from studio_stage import Stage


async def first(stage: Stage, project: Project) -> Frame:
    return (await look(stage, project)).frames[0]


async def project_ids(stage: Stage) -> list[UUID | None]:
    async with stage.studio.reading() as connection:
        page = await history.page(
            connection, workspace_id=stage.workspace_id, kind="image", window=history.Window()
        )
    return [line.entry.attribution.project_id for line in page.lines]


async def test_a_job_of_a_frame_brings_a_version_and_is_attributed(stage: Stage) -> None:
    project = await begin(stage)
    frame = await first(stage, project)
    placed = await generate_frame(stage.studio, slot(stage, frame, "a"), images=2)
    waiting = await first(stage, project)
    await finished(stage, placed)

    made = await first(stage, project)

    assert (waiting.pending, waiting.versions) == (frozenset({Wanted.STILL}), ())
    assert [version.name.ordinal for version in made.versions] == [1, 2]
    assert made.still == made.versions[1]
    assert not made.pending
    assert project.project_id in await project_ids(stage)


async def test_the_cast_goes_with_the_frames_that_name_it(stage: Stage) -> None:
    project = await begin(stage)
    for kind, name in ((PartKind.CHARACTER, "Mara"), (PartKind.PLACE, "harbour")):
        part = await storyboard.add_part(
            stage.studio, project=project, kind=kind, name=name, description=f"The {name}."
        )
        shown = await picture(stage, side=20 + len(name))
        await storyboard.add_part_picture(
            stage.studio, project=project, part_id=part.part_id, asset=shown
        )
        stage.clock.move(seconds=1)
    board = await look(stage, project)

    job, _ = await generate_frame(stage.studio, slot(stage, board.frames[0], "a"))

    assert job.spec.prompt.endswith("Mara opens the window. Mara: The Mara.")
    assert job.spec.references == (board.cast[0].pictures[0].hex(),)
    assert (await stage.read(job)).spec == job.spec


async def test_a_conversation_is_kept_along_the_versions(stage: Stage) -> None:
    project = await with_stills(stage)
    for key, instruction in (("a", "at night"), ("b", "with rain"), ("c", "from above")):
        frame = await first(stage, project)
        placed = await edit_frame(stage.studio, slot(stage, frame, key), instruction=instruction)
        await finished(stage, placed)

    aside = await edit_frame(
        stage.studio, slot(stage, frame, "d"), instruction="darker", source=frame.versions[1].name
    )

    assert placed[0].spec.history == ("at night", "with rain")
    assert aside[0].spec.history == ("at night",)


async def test_a_fine_tune_is_checked_before_anything_is_held(stage: Stage) -> None:
    project = await with_stills(stage)
    frame = await first(stage, project)
    before = await lines(stage)

    with pytest.raises(BadAdjustment, match="left, centre, right"):
        await fine_tune_frame(
            stage.studio, slot(stage, frame, "a"), adjustments={"light": "behind"}
        )
    assert await lines(stage) == before

    job, _ = await fine_tune_frame(
        stage.studio, slot(stage, frame, "a"), adjustments={"light": "left", "exposure": 1}
    )
    assert job.spec.adjustments == {"exposure": 1.0, "light": "left"}


async def test_a_frame_that_is_not_final_is_animated_only_when_confirmed(
    stage: Stage, tmp_path: Path
) -> None:
    await start(stage)
    project = await with_stills(stage)
    frame = await first(stage, project)
    at = slot(stage, frame, "a")
    with pytest.raises(FrameNotFinal, match="frame 1 is not marked final"):
        await animate_frame(stage.studio, at, clip=Clip())

    deliver_clip(stage, tmp_path, duration_s=5)
    job, _ = await animate_frame(stage.studio, at, clip=Clip(is_confirmed=True))
    done = await drive(stage, job)

    made = await first(stage, project)
    assert (done.captured, done.tool, done.spec.duration_s) == (25, "runway_gen4_turbo", 5)
    assert made.clip is not None
    assert (made.clip.source, made.clip.duration_ms) == (frame.versions[0].name, 5_000)


async def test_a_final_frame_is_animated_as_asked(stage: Stage) -> None:
    await start(stage)
    project = await with_stills(stage)
    frame = await first(stage, project)
    await storyboard.mark_final(
        stage.studio, workspace_id=stage.workspace_id, frame_id=frame.frame_id, is_final=True
    )

    job, _ = await animate_frame(
        stage.studio, slot(stage, frame, "a"), clip=Clip(tool="veo3", prompt="waves", seed=9)
    )

    assert (job.tool, job.spec.duration_s, job.price) == ("veo3", 8, 250)
    assert (job.spec.prompt, job.spec.seed) == ("waves", 9)


@pytest.mark.parametrize(
    ("clip", "refusal"),
    [
        (Clip(tool="kling_pro", duration_s=7), BadDuration),
        (Clip(tool="image_generation"), ToolMakesNoClip),
        (Clip(tool="veo3"), BadRatio),
    ],
)
async def test_a_clip_that_the_tool_does_not_make_holds_nothing(
    stage: Stage, clip: Clip, refusal: type[Refusal]
) -> None:
    await start(stage)
    project = await with_stills(stage)
    await storyboard.change_project(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id, ratio="21:9"
    )
    frame = await first(stage, project)

    with pytest.raises(refusal):
        await animate_frame(
            stage.studio, slot(stage, frame, "a"), clip=replace(clip, is_confirmed=True)
        )

    assert await lines(stage, kind="video") == [("grant", 1_500)]


async def test_a_frame_without_a_still_or_a_tool_has_no_clip(stage: Stage) -> None:
    await start(stage)
    project = await begin(stage)
    frame = await first(stage, project)
    with pytest.raises(FrameNotMade):
        await animate_frame(stage.studio, slot(stage, frame, "a"), clip=Clip(is_confirmed=True))

    text = storyboard.FrameText(description="A lamp.")
    await storyboard.change_frame(
        stage.studio, workspace_id=stage.workspace_id, frame_id=frame.frame_id, text=text
    )
    with pytest.raises(NoClipWanted):
        await animate_frame(stage.studio, slot(stage, frame, "a"), clip=Clip(is_confirmed=True))


async def test_a_repeat_is_the_same_job_whatever_became_of_the_frame(stage: Stage) -> None:
    project = await with_stills(stage)
    frame = await first(stage, project)
    at = slot(stage, frame, "edit")
    job, _ = await edit_frame(stage.studio, at, instruction="at night")
    await finished(stage, (job, False))
    await storyboard.change_frame(
        stage.studio, workspace_id=stage.workspace_id, frame_id=frame.frame_id,
        text=storyboard.FrameText(description="A lamp."),
    )  # fmt: skip

    again, is_replay = await edit_frame(stage.studio, at, instruction="at night")

    assert (again.job_id, is_replay) == (job.job_id, True)
    with pytest.raises(KeyReused):
        await edit_frame(stage.studio, at, instruction="at dawn")
    other = (await look(stage, project)).frames[1]
    with pytest.raises(KeyReused):
        await edit_frame(stage.studio, slot(stage, other, "edit"), instruction="at night")


async def test_regenerating_takes_a_seed_that_the_frame_has_not_had(stage: Stage) -> None:
    project = await with_stills(stage)
    seeds = []
    for key in ("a", "b"):
        at = slot(stage, await first(stage, project), key)
        job, _ = await regenerate_frame(stage.studio, at)
        again, is_replay = await regenerate_frame(stage.studio, at)
        assert (again.job_id, is_replay) == (job.job_id, True)
        await finished(stage, (job, False))
        seeds.append(job.spec.seed)

    frame = await first(stage, project)
    told = differences(first=frame.versions[0], second=frame.versions[2])

    assert seeds == [2, 3]
    assert [(each.name, each.first, each.second) for each in told] == [("seed", 1, 3)]


async def test_an_upload_is_edited_and_cannot_be_regenerated(stage: Stage) -> None:
    project = await begin(stage)
    frame = await first(stage, project)
    name = {"workspace_id": stage.workspace_id, "frame_id": frame.frame_id}
    upload = await storyboard.upload(stage.studio, **name, asset=await picture(stage))

    with pytest.raises(NothingToRegenerate):
        await regenerate_frame(stage.studio, slot(stage, frame, "a"))
    placed = await edit_frame(stage.studio, slot(stage, frame, "b"), instruction="at night")
    await finished(stage, placed)

    path = stage.generator.orders[-1].source_path
    assert path is not None
    assert path == stage.studio.assets.path(digest=upload.asset)
    assert placed[0].spec.source == (str(upload.upload_id), 1)
    assert len((await first(stage, project)).versions) == 2


async def test_what_the_balance_does_not_pay_leaves_no_link(stage: Stage) -> None:
    project = await begin(stage)
    frame = await first(stage, project)
    await generate_frame(stage.studio, slot(stage, frame, "a"), images=50)

    with pytest.raises(NotEnoughCredits) as refusal:
        await generate_frame(stage.studio, slot(stage, frame, "b"), images=2)

    assert (refusal.value.required, refusal.value.available, refusal.value.shortfall) == (2, 0, 2)


async def test_a_deleted_frame_takes_no_job(stage: Stage) -> None:
    project = await begin(stage)
    frame = await first(stage, project)
    async with stage.studio.reading() as connection:
        await storyboard.rows.archive_frame(
            connection, project=project, frame_id=frame.frame_id, at=stage.clock.now()
        )

    with pytest.raises(UnknownFrame):
        await generate_frame(stage.studio, slot(stage, frame, "a"))


@pytest.mark.parametrize("read_name", ["seed_after", "by_request"])
@pytest.mark.parametrize("is_read_first", [True, False])
async def test_a_still_that_overtakes_itself_is_placed_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, read_name: str, *, is_read_first: bool
) -> None:
    project = await begin(stage)
    frame = await first(stage, project)
    read_from = {"seed_after": boards, "by_request": jobs}[read_name]

    async def generated() -> tuple[Job, bool]:
        return await generate_frame(stage.studio, slot(stage, frame, "a"))

    winner = overtake(monkeypatch, read_from, read_name, generated, is_read_first=is_read_first)

    assert await generated() == (winner[0][0], True)


async def test_the_trial_is_told_of_the_plan_before_it_marks_a_frame(stage: Stage) -> None:
    frame = await first(stage, await with_stills(stage))

    with pytest.raises(NotEntitled, match="video is not included in trial: start a plan"):
        await animate_frame(stage.studio, slot(stage, frame, "a"), clip=Clip())
