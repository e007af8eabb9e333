"""Storyboards: made from screenplays, changed, moved, deleted with undo, and what a frame shows."""

from uuid import uuid4

import pytest

from mutoscope.app import storyboard
from mutoscope.app.frames import NoSuchFrame
from mutoscope.app.storyboard import FrameText, ToolMakesNoClip
from mutoscope.domain.cast import PICTURES_MAX, PartKind
from mutoscope.domain.catalog import UnknownTool
from mutoscope.domain.estimate import BadDuration
from mutoscope.domain.fine_tune import ShotSize
from mutoscope.domain.jobs import EmptyPrompt, FrameName
from mutoscope.domain.screenplay_file import screenplay_of
from mutoscope.domain.storyboard import (
    FRAMES_MAX,
    BadBoardRatio,
    BadText,
    BoardFull,
    FrameNotFinal,
    FrameNotMade,
)
from mutoscope.storage import storyboard as rows
from mutoscope.storage.storyboard import UnknownFrame, UnknownPart, UnknownProject, UnknownScene
from mutoscope.storage.workspaces import UnknownWorkspace
from storyboard_stage import begin, look, picture, with_stills
from studio_stage import Stage


async def test_a_screenplay_becomes_scenes_and_frames_in_order(stage: Stage) -> None:
    board = await look(stage, await begin(stage))

    headings = [scene.heading for scene in board.scenes]
    assert headings == ["INT. KITCHEN - NIGHT", "EXT. HARBOUR - DAWN"]
    assert [frame.number for frame in board.frames] == [1, 2, 3]
    assert [frame.dialogue for frame in board.frames] == ["MARA: It is raining.", "", ""]
    assert [frame.shot_size for frame in board.frames] == [
        ShotSize.MEDIUM, ShotSize.MEDIUM, ShotSize.WIDE,
    ]  # fmt: skip
    assert {(frame.tool, frame.duration_s) for frame in board.frames} == {("runway_gen4_turbo", 5)}
    assert board.frames[2].description == "Harbour, dawn. Wide shot. A boat leaves."


async def test_a_second_screenplay_goes_after_the_first(stage: Stage) -> None:
    project = await begin(stage)
    await storyboard.add_scene(stage.studio, project=project, heading="INT. ATTIC")

    board = await look(stage, project)

    assert [scene.heading for scene in board.scenes][-1] == "INT. ATTIC"
    assert [len(scene.frames) for scene in board.scenes] == [2, 1, 0]


async def test_a_screenplay_that_does_not_fit_adds_nothing(stage: Stage) -> None:
    project = await begin(stage)

    screenplay = screenplay_of(text="EXT. SEA\n\n" + "A wave.\n\n" * (FRAMES_MAX - 2))

    with pytest.raises(BoardFull):
        await storyboard.import_screenplay(stage.studio, project=project, screenplay=screenplay)

    assert len((await look(stage, project)).scenes) == 2


@pytest.mark.parametrize(
    ("name", "ratio", "refusal"),
    [
        (" ", "16:9", BadText),
        ("x" * 201, "16:9", BadText),
        ("a\0b", "16:9", BadText),
        ("Rain", "16x9", BadBoardRatio),
        ("Rain", "0:9", BadBoardRatio),
        ("Rain", "7:3", BadBoardRatio),
    ],
)
async def test_a_project_without_a_name_or_ratio_is_refused(
    stage: Stage, name: str, ratio: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await storyboard.create_project(
            stage.studio, workspace_id=stage.workspace_id, name=name, ratio=ratio
        )


async def test_a_project_needs_its_workspace(stage: Stage) -> None:
    with pytest.raises(UnknownWorkspace):
        await storyboard.create_project(stage.studio, workspace_id=uuid4(), name="Rain")


async def test_a_project_of_another_workspace_is_not_there(stage: Stage) -> None:
    project = await begin(stage)

    with pytest.raises(UnknownProject):
        await storyboard.read_board(
            stage.studio, workspace_id=uuid4(), project_id=project.project_id
        )


async def test_a_project_is_renamed_archived_and_brought_back(stage: Stage) -> None:
    project = await begin(stage)
    name = {"workspace_id": stage.workspace_id, "project_id": project.project_id}

    renamed = await storyboard.change_project(stage.studio, **name, name="Snow", ratio="9:16")
    gone = await storyboard.archive_project(stage.studio, **name)
    async with stage.studio.reading() as connection:
        listed = await rows.projects(connection, workspace_id=stage.workspace_id)
    back = await storyboard.archive_project(stage.studio, **name, is_undo=True)

    assert (renamed.name, renamed.ratio) == ("Snow", "9:16")
    assert gone.archived_at is not None
    assert listed == ()
    assert back == renamed


async def test_a_frame_moves_within_its_scene_and_to_another(stage: Stage) -> None:
    project = await begin(stage)
    board = await look(stage, project)
    first, second, third = board.frames
    async with stage.studio.reading() as connection:
        await rows.move_frame(
            connection, project=project, frame_id=second.frame_id, place=1,
            scene_id=second.scene_id,
        )  # fmt: skip
        await rows.move_frame(
            connection, project=project, frame_id=first.frame_id, place=9, scene_id=third.scene_id
        )

    moved = await look(stage, project)

    assert [frame.frame_id for frame in moved.frames] == [
        second.frame_id, third.frame_id, first.frame_id,
    ]  # fmt: skip


async def test_a_scene_moves_with_its_frames(stage: Stage) -> None:
    project = await begin(stage)
    board = await look(stage, project)
    async with stage.studio.reading() as connection:
        await rows.move_scene(
            connection, project=project, scene_id=board.scenes[1].scene_id, place=1
        )

    moved = await look(stage, project)

    assert [scene.scene_id for scene in moved.scenes] == [
        board.scenes[1].scene_id, board.scenes[0].scene_id,
    ]  # fmt: skip
    assert moved.frames[0].frame_id == board.frames[2].frame_id


async def test_what_is_deleted_comes_back_where_it_stood(stage: Stage) -> None:
    project = await begin(stage)
    board = await look(stage, project)
    at = stage.clock.now()
    async with stage.studio.reading() as connection:
        frame_id, scene_id = board.frames[0].frame_id, board.scenes[1].scene_id
        await rows.archive_frame(connection, project=project, frame_id=frame_id, at=at)
        await rows.archive_scene(connection, project=project, scene_id=scene_id, at=at)
        left = [frame.description for frame in (await look(stage, project)).frames]
        await rows.archive_frame(connection, project=project, frame_id=frame_id, at=None)
        await rows.archive_scene(connection, project=project, scene_id=scene_id, at=None)

    assert left == [board.frames[1].description]
    assert await look(stage, project) == board


async def test_what_is_not_on_the_board_cannot_be_moved_or_deleted(stage: Stage) -> None:
    project = await begin(stage)
    frame = (await look(stage, project)).frames[0]
    unknown = uuid4()
    async with stage.studio.reading() as connection:
        with pytest.raises(UnknownFrame):
            await rows.archive_frame(connection, project=project, frame_id=unknown, at=None)
        with pytest.raises(UnknownScene):
            await rows.move_frame(
                connection, project=project, frame_id=frame.frame_id, scene_id=unknown, place=1
            )
        with pytest.raises(UnknownScene):
            await rows.change_scene(connection, project=project, scene_id=unknown, heading="X")
        with pytest.raises(UnknownPart):
            await rows.archive_part(connection, project=project, part_id=unknown, at=None)


async def test_a_frame_is_told_anew(stage: Stage) -> None:
    project = await begin(stage)
    frame = (await look(stage, project)).frames[0]
    text = FrameText(description=" A lamp. ", tool="kling_pro", duration_s=10)
    await storyboard.change_frame(
        stage.studio, workspace_id=stage.workspace_id, frame_id=frame.frame_id, text=text
    )

    told = (await look(stage, project)).frames[0]

    assert (told.description, told.dialogue, told.shot_size) == ("A lamp.", "", None)
    assert (told.tool, told.duration_s) == ("kling_pro", 10)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (FrameText(description=" "), EmptyPrompt),
        (FrameText(description="A lamp.", dialogue="x" * 4_001), BadText),
        (FrameText(description="A lamp.", tool="magic"), UnknownTool),
        (FrameText(description="A lamp.", tool="image_generation"), ToolMakesNoClip),
        (FrameText(description="A lamp.", tool="veo3", duration_s=5), BadDuration),
    ],
)
async def test_a_frame_that_could_not_be_made_is_refused(
    stage: Stage, text: FrameText, refusal: type[Exception]
) -> None:
    project = await begin(stage)
    scene_id = (await look(stage, project)).scenes[0].scene_id

    with pytest.raises(refusal):
        await storyboard.add_frame(stage.studio, project=project, scene_id=scene_id, text=text)

    assert len((await look(stage, project)).frames) == 3


async def test_a_frame_is_final_with_the_version_that_it_shows(stage: Stage) -> None:
    project = await with_stills(stage)
    made = (await look(stage, project)).frames[0]
    name = {"workspace_id": stage.workspace_id, "frame_id": made.frame_id}
    await storyboard.mark_final(stage.studio, **name, is_final=True)
    await storyboard.upload(stage.studio, **name, asset=await picture(stage))

    final = (await look(stage, project)).frames[0]
    chosen = await storyboard.choose(stage.studio, **name, version=final.versions[1].name)

    assert final.is_final
    assert final.still == made.still
    assert (final.versions[1].tool, final.versions[1].charged) == (None, 0)
    assert not chosen.is_final
    assert chosen.still == final.versions[1]


async def test_a_frame_without_a_still_is_not_final(stage: Stage) -> None:
    project = await begin(stage)
    frame = (await look(stage, project)).frames[1]
    name = {"workspace_id": stage.workspace_id, "frame_id": frame.frame_id}

    with pytest.raises(FrameNotMade, match="frame 2 "):
        await storyboard.mark_final(stage.studio, **name, is_final=True)
    with pytest.raises(NoSuchFrame):
        await storyboard.choose(stage.studio, **name, version=FrameName(str(uuid4()), 1))


async def test_the_same_picture_of_a_part_is_kept_once(stage: Stage) -> None:
    project = await begin(stage)
    mara = await storyboard.add_part(
        stage.studio, project=project, kind=PartKind.CHARACTER, name="Mara", description="A cook."
    )
    for _ in range(2):
        part = await storyboard.add_part_picture(
            stage.studio, project=project, part_id=mara.part_id, asset=await picture(stage)
        )

    assert (await look(stage, project)).cast == (part,)
    assert len(part.pictures) == 1


async def test_a_part_has_no_more_pictures_than_are_looked_at(stage: Stage) -> None:
    project = await begin(stage)
    port = await storyboard.add_part(
        stage.studio, project=project, kind=PartKind.PLACE, name="Harbour"
    )
    name = {"project": project, "part_id": port.part_id}
    for side in range(20, 20 + PICTURES_MAX):
        await storyboard.add_part_picture(
            stage.studio, **name, asset=await picture(stage, side=side)
        )

    with pytest.raises(BoardFull):
        await storyboard.add_part_picture(stage.studio, **name, asset=await picture(stage, side=99))


async def test_a_part_is_described_anew_and_leaves_the_cast(stage: Stage) -> None:
    project = await begin(stage)
    mara = await storyboard.add_part(
        stage.studio, project=project, kind=PartKind.CHARACTER, name="Mara"
    )
    told = await storyboard.change_part(
        stage.studio, project=project, part_id=mara.part_id, description="A cook."
    )
    named = (await look(stage, project)).cast
    async with stage.studio.reading() as connection:
        await rows.archive_part(
            connection, project=project, part_id=mara.part_id, at=stage.clock.now()
        )

    assert (told.name, told.description) == ("Mara", "A cook.")
    assert named == (told,)
    assert (await look(stage, project)).cast == ()


def test_frames_are_told_by_their_numbers() -> None:
    assert str(FrameNotFinal(numbers=(1,))).startswith("frame 1 is not marked final")
    assert str(FrameNotFinal(numbers=(1, 3))).startswith("frames 1, 3 are not marked final")
