"""`mutoscope frame`: what is made of one frame of a board, and which version it shows.

Each command that makes something places a job, waits for it and tells what it delivered, as the
commands for jobs do.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from mutoscope.app import storyboard, storyboard_frames
from mutoscope.app.generate import Wish
from mutoscope.app.storyboard import FrameText
from mutoscope.app.storyboard_frames import Clip, Slot
from mutoscope.assets.uploads import upload as bring
from mutoscope.bootstrap import House
from mutoscope.cli.files import content_of
from mutoscope.cli.frame_versions import FrameId, frame, read_frame, show_frame, version_of
from mutoscope.cli.jobs import Adjustments, Manner, adjustment, ask_first, carry_out
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.projects import ProjectId, SceneId
from mutoscope.cli.screen import console
from mutoscope.domain.fine_tune import ShotSize
from mutoscope.domain.storyboard import Frame, Wanted
from mutoscope.storage import storyboard as rows
from mutoscope.storage.board import Upload
from mutoscope.storage.jobs import Job

Version = Annotated[
    str | None,
    typer.Option(help="A version to start from, by number or as JOB/2; else what shows."),
]

commands = typer.Typer()
commands.add_typer(frame, name="frame")


@commands.callback()
def boards() -> None:
    """Keep the frames of storyboards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfFrame(Manner):
    """Which frame it is about."""

    workspace: WorkspaceId
    frame: FrameId


@dataclass(frozen=True, slots=True, kw_only=True)
class Generate(OfFrame):
    """What is generated."""

    prompt: Annotated[str | None, typer.Option(help="Instead of the frame's description.")] = None
    images: Annotated[int, typer.Option(min=1, help="How many versions.")] = 1
    seed: Annotated[int | None, typer.Option(min=0, help="Else one that is new.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(OfFrame):
    """What is changed, in words."""

    instruction: Annotated[str, typer.Argument(help="The change; earlier ones go with it.")]
    version: Version = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTune(OfFrame):
    """What is changed, by named values."""

    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE...", help="The same as --adjust, without its name."),
    ] = None
    adjust: Adjustments = None
    version: Version = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Animate(OfFrame):
    """What the clip is to be."""

    tool: Annotated[str | None, typer.Option(help="Instead of the frame's tool.")] = None
    seconds: Annotated[int | None, typer.Option(help="Instead of the frame's duration.")] = None
    prompt: Annotated[str | None, typer.Option(help="What happens.")] = None
    version: Version = None
    not_final: Annotated[
        bool, typer.Option("--not-final", help="Animate it though it is not marked final.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerate(OfFrame):
    """What is made again."""

    is_clip: Annotated[bool, typer.Option("--clip", help="Its newest clip, not its still.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """What a new frame shows."""

    workspace: WorkspaceId
    project: ProjectId
    scene: SceneId
    description: Annotated[str, typer.Argument(help="What the frame shows.")]
    dialogue: Annotated[str, typer.Option(help="What is said.")] = ""
    shot_size: Annotated[ShotSize | None, typer.Option(help="How near the camera is.")] = None
    tool: Annotated[str | None, typer.Option(help="The tool for its clip; else a still.")] = None
    seconds: Annotated[int | None, typer.Option(help="How long its clip is.")] = None
    is_json: Json = False


@frame.command()
@takes(Add)
def add(asked: Add) -> None:
    """Add a frame at the end of a scene."""
    text = FrameText(
        description=asked.description, dialogue=asked.dialogue, shot_size=asked.shot_size,
        tool=asked.tool, duration_s=asked.seconds,
    )  # fmt: skip

    async def added(house: House) -> Frame:
        async with house.studio.reading() as connection:
            project = await rows.project(
                connection, workspace_id=asked.workspace, project_id=asked.project
            )
        frame_id = await storyboard.add_frame(
            house.studio, project=project, scene_id=asked.scene, text=text
        )
        return await read_frame(house, asked.workspace, frame_id)

    show_frame(in_house(added), is_json=asked.is_json)


@frame.command()
def show(workspace: WorkspaceId, frame_id: FrameId, *, is_json: Json = False) -> None:
    """Show a frame with its versions and clips."""
    show_frame(in_house(lambda house: read_frame(house, workspace, frame_id)), is_json=is_json)


@frame.command()
@takes(Generate)
def generate(asked: Generate) -> None:
    """Make stills of a frame from its description and cast: 1 image credit each."""

    async def placed(house: House, key: str) -> tuple[Job, bool]:
        wish = Wish(tool=storyboard_frames.GENERATE, prompt="", images=asked.images)
        await ask_first(house, asked, workspace=asked.workspace, wish=wish)
        return await storyboard_frames.generate_frame(
            house.studio, _slot(asked, key), prompt=asked.prompt, images=asked.images,
            seed=asked.seed,
        )  # fmt: skip

    carry_out(asked, placed, adding=partial(_unshown, asked))


@frame.command()
@takes(Edit)
def edit(asked: Edit) -> None:
    """Change what a frame shows by an INSTRUCTION: 1 image credit."""

    async def placed(house: House, key: str) -> tuple[Job, bool]:
        return await storyboard_frames.edit_frame(
            house.studio, _slot(asked, key), instruction=asked.instruction,
            source=await version_of(house, asked.workspace, asked.frame, asked.version),
        )  # fmt: skip

    carry_out(asked, placed, adding=partial(_unshown, asked))


@frame.command(name="fine-tune")
@takes(FineTune)
def fine_tune(asked: FineTune) -> None:
    """Change what a frame shows by named values: 1 image credit."""
    adjustments = dict(map(adjustment, [*(asked.adjust or ()), *(asked.named or ())]))

    async def placed(house: House, key: str) -> tuple[Job, bool]:
        return await storyboard_frames.fine_tune_frame(
            house.studio, _slot(asked, key), adjustments=adjustments,
            source=await version_of(house, asked.workspace, asked.frame, asked.version),
        )  # fmt: skip

    carry_out(asked, placed, adding=partial(_unshown, asked))


@frame.command()
@takes(Animate)
def animate(asked: Animate) -> None:
    """Turn what a frame shows into a clip; the price depends on the tool."""

    async def placed(house: House, key: str) -> tuple[Job, bool]:
        clip = Clip(
            tool=asked.tool, duration_s=asked.seconds, prompt=asked.prompt,
            source=await version_of(house, asked.workspace, asked.frame, asked.version),
            is_confirmed=asked.not_final,
        )  # fmt: skip
        found = await read_frame(house, asked.workspace, asked.frame)
        tool, seconds = asked.tool or found.tool, asked.seconds or found.duration_s
        if tool is not None and tool == found.tool:
            wish = Wish(tool=tool, prompt="", duration_s=seconds)
            await ask_first(house, asked, workspace=asked.workspace, wish=wish)
        return await storyboard_frames.animate_frame(house.studio, _slot(asked, key), clip=clip)

    carry_out(asked, placed)


@frame.command()
@takes(Regenerate)
def regenerate(asked: Regenerate) -> None:
    """Make again what a frame shows, with a new seed; it costs as much again."""

    async def placed(house: House, key: str) -> tuple[Job, bool]:
        return await storyboard_frames.regenerate_frame(
            house.studio, _slot(asked, key), wanted=Wanted.CLIP if asked.is_clip else Wanted.STILL
        )

    carry_out(asked, placed, adding=partial(_unshown, asked))


@frame.command()
def move(
    workspace: WorkspaceId,
    frame_id: FrameId,
    place: Annotated[int, typer.Argument(min=1, help="Where in the scene it stands, from 1.")],
    *,
    scene: Annotated[UUID | None, typer.Option(help="Another scene; else its own.")] = None,
    is_json: Json = False,
) -> None:
    """Move a frame to another place of its scene, or to another scene."""

    async def moved(house: House) -> Frame:
        board, found = await storyboard.frame_of(
            house.studio, workspace_id=workspace, frame_id=frame_id
        )
        async with house.studio.reading() as connection:
            await rows.move_frame(
                connection, project=board.project, frame_id=frame_id, place=place,
                scene_id=scene or found.scene_id,
            )  # fmt: skip
        return await read_frame(house, workspace, frame_id)

    show_frame(in_house(moved), is_json=is_json)


@frame.command()
def upload(
    workspace: WorkspaceId,
    frame_id: FrameId,
    file: Annotated[Path, typer.Argument(help="A picture.")],
    *,
    is_json: Json = False,
) -> None:
    """Give a frame a picture of your own as its newest version."""
    content = content_of(file)

    async def uploaded(house: House) -> Upload:
        brought = await bring(house.studio, workspace_id=workspace, content=content)
        return await storyboard.upload(
            house.studio, workspace_id=workspace, frame_id=frame_id, asset=brought.asset
        )

    made = in_house(uploaded)
    if is_json:
        print_json(made)
    else:
        console().print(f"{made.upload_id}/1  {made.width}x{made.height} {made.media_type}")


@frame.command()
def archive(
    workspace: WorkspaceId,
    frame_id: FrameId,
    *,
    is_undo: Annotated[bool, typer.Option("--undo", help="Bring it back.")] = False,
    is_json: Json = False,
) -> None:
    """Delete a frame, or bring it back where it stood."""
    in_house(
        lambda house: storyboard.archive_frame(
            house.studio, workspace_id=workspace, frame_id=frame_id, is_undo=is_undo
        )
    )
    if is_json:
        print_json({"frame_id": frame_id, "is_archived": not is_undo})
    else:
        console().print(f"frame {frame_id} {'is back' if is_undo else 'was deleted'}")


def _slot(asked: OfFrame, key: str) -> Slot:
    return Slot(
        workspace_id=asked.workspace, frame_id=asked.frame, key=key, attribution=asked.whose()
    )


async def _unshown(asked: OfFrame, house: House) -> str:
    """Tell that a frame goes on showing the version that was chosen, beside a newer one."""
    found = await read_frame(house, asked.workspace, asked.frame)
    names = [each.name for each in found.versions]
    if found.chosen is None or found.chosen not in names or found.chosen == names[-1]:
        return ""
    return (
        f"The frame goes on showing version {names.index(found.chosen) + 1}, which was chosen: "
        f"`mutoscope frame choose {asked.workspace} {asked.frame} {len(names)}` shows this one."
    )
