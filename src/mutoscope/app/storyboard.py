"""Storyboards: projects, scenes, frames and cast are made, changed, moved and deleted with undo.

Nothing here costs credits. Invariant: a frame is final with the version that it shows; another
choice takes the mark away, since it was given to what was seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mutoscope.app.downloads import UnknownAsset
from mutoscope.app.frames import NoSuchFrame
from mutoscope.domain.cast import PICTURES_MAX, Part, PartKind
from mutoscope.domain.credits import Refusal
from mutoscope.domain.estimate import price
from mutoscope.domain.jobs import FrameName, checked_prompt
from mutoscope.domain.offers import Unit
from mutoscope.domain.shots import shots
from mutoscope.domain.storyboard import (
    Board,
    BoardFull,
    Frame,
    FrameNotMade,
    Project,
    checked_ratio,
    checked_text,
)
from mutoscope.storage import board as boards
from mutoscope.storage import storyboard as rows
from mutoscope.storage import workspaces
from mutoscope.storage.board import Upload
from mutoscope.storage.storyboard import NewFrame, NewScene, UnknownFrame

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.fine_tune import ShotSize
    from mutoscope.domain.screenplay import Screenplay
    from mutoscope.storage.board import StoredPicture
    from mutoscope.storage.database import Connection

DIALOGUE_MAX: Final = 4_000
"""Characters of what is said in a frame: pages of it, for one picture."""

DESCRIPTION_MAX: Final = 1_000
"""Characters that describe a part: they go with each frame's prompt."""


class ToolMakesNoClip(Refusal):
    """A tool for a frame's clip that makes none."""

    code = "tool_makes_no_clip"

    def __init__(self, *, tool: str) -> None:
        super().__init__(f"{tool} makes no clips: choose a tool that does, or leave it out")
        self.tool = tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a screenplay became."""

    scenes: int
    shots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameText:
    """What is said of a frame; one without a tool stays a still."""

    description: str
    dialogue: str = ""
    shot_size: ShotSize | None = None
    tool: str | None = None
    duration_s: int | None = None


async def create_project(
    studio: Studio, *, workspace_id: UUID, name: str, ratio: str = "16:9"
) -> Project:
    """Begin a storyboard.

    :raises Refusal: when the workspace is unknown or full, or the name or ratio is none.
    """
    made = Project(
        workspace_id=workspace_id, project_id=studio.ids.new(),
        name=checked_text(name, name="name"), ratio=_ratio(studio, ratio),
        created_at=studio.clock.now(), archived_at=None,
    )  # fmt: skip
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        await rows.add_project(connection, made)
    return made


async def change_project(
    studio: Studio, *, workspace_id: UUID, project_id: UUID, name: str | None = None,
    ratio: str | None = None,
) -> Project:  # fmt: skip
    """Rename a project, or give it another ratio for what is made from now on."""
    async with studio.reading() as connection:
        found = await rows.project(connection, workspace_id=workspace_id, project_id=project_id)
        changed = replace(
            found, name=found.name if name is None else checked_text(name, name="name"),
            ratio=found.ratio if ratio is None else _ratio(studio, ratio),
        )  # fmt: skip
        await rows.change_project(connection, changed)
    return changed


async def archive_project(
    studio: Studio, *, workspace_id: UUID, project_id: UUID, is_undo: bool = False
) -> Project:
    """Delete a project, or bring it back; its jobs and their receipts stay."""
    at = None if is_undo else studio.clock.now()
    async with studio.reading() as connection:
        await rows.archive_project(
            connection, workspace_id=workspace_id, project_id=project_id, at=at
        )
        return await rows.project(connection, workspace_id=workspace_id, project_id=project_id)


async def import_screenplay(
    studio: Studio, *, project: Project, screenplay: Screenplay
) -> Imported:
    """Add a screenplay's scenes and shots at the end of a board.

    Each shot is to become a clip of the first tool that makes some, at its first duration.

    :raises BoardFull: when they do not all fit; nothing is added.
    """
    scenes = [NewScene(studio.ids.new(), scene.heading) for scene in screenplay.scenes]
    tools = studio.catalog.version_at(at=studio.clock.now()).tools
    tool = next((each for each in tools if each.unit is not Unit.PER_IMAGE), None)
    clip = (None, None) if tool is None else (tool.key, tool.durations_s[0])
    found = shots(screenplay=screenplay)
    frames = [
        NewFrame(
            studio.ids.new(), scenes[shot.scene - 1].scene_id, shot.prompt,
            shot.dialogue[:DIALOGUE_MAX], shot.shot_size, *clip,
        )
        for shot in found
    ]  # fmt: skip
    async with studio.reading() as connection:
        await rows.add_scenes(connection, project=project, scenes=scenes, frames=frames)
    return Imported(scenes=len(scenes), shots=len(found))


async def add_scene(studio: Studio, *, project: Project, heading: str) -> UUID:
    """Add a scene at the end of a board; return its id."""
    scene = NewScene(studio.ids.new(), checked_text(heading, name="heading"))
    async with studio.reading() as connection:
        await rows.add_scenes(connection, project=project, scenes=[scene], frames=())
    return scene.scene_id


async def change_scene(studio: Studio, *, project: Project, scene_id: UUID, heading: str) -> None:
    """Give a scene another heading."""
    text = checked_text(heading, name="heading")
    async with studio.reading() as connection:
        await rows.change_scene(connection, project=project, scene_id=scene_id, heading=text)


async def move_scene(studio: Studio, *, project: Project, scene_id: UUID, place: int) -> None:
    """Move a scene to a place on the board, from 1; beyond the end is the end."""
    async with studio.reading() as connection:
        await rows.move_scene(connection, project=project, scene_id=scene_id, place=place)


async def archive_scene(
    studio: Studio, *, project: Project, scene_id: UUID, is_undo: bool = False
) -> None:
    """Delete a scene with its frames, or bring it back where it stood."""
    at = None if is_undo else studio.clock.now()
    async with studio.reading() as connection:
        await rows.archive_scene(connection, project=project, scene_id=scene_id, at=at)


async def add_frame(studio: Studio, *, project: Project, scene_id: UUID, text: FrameText) -> UUID:
    """Add a frame at the end of a scene; return its id."""
    checked = _checked(studio, text)
    frame = NewFrame(
        studio.ids.new(), scene_id, checked.description, checked.dialogue, checked.shot_size,
        checked.tool, checked.duration_s,
    )  # fmt: skip
    async with studio.reading() as connection:
        await rows.add_scenes(connection, project=project, scenes=(), frames=[frame])
    return frame.frame_id


async def change_frame(
    studio: Studio, *, workspace_id: UUID, frame_id: UUID, text: FrameText
) -> Frame:
    """Write what is said of a frame; what was made of it stays.

    :raises Refusal: when a text, the tool or its duration is none.
    """
    checked = _checked(studio, text)
    _, frame = await frame_of(studio, workspace_id=workspace_id, frame_id=frame_id)
    changed = replace(
        frame, description=checked.description, dialogue=checked.dialogue,
        shot_size=checked.shot_size, tool=checked.tool, duration_s=checked.duration_s,
    )  # fmt: skip
    async with studio.reading() as connection:
        await rows.change_frame(connection, workspace_id=workspace_id, frame=changed)
    return changed


async def choose(
    studio: Studio, *, workspace_id: UUID, frame_id: UUID, version: FrameName
) -> Frame:
    """Let a frame show one of its versions; another one than before is not final.

    :raises NoSuchFrame: when it is none of the frame's versions.
    """
    _, frame = await frame_of(studio, workspace_id=workspace_id, frame_id=frame_id)
    if version not in {each.name for each in frame.versions}:
        raise NoSuchFrame(frame=version)
    is_final = frame.is_final and frame.chosen == version
    return await _choose(studio, workspace_id, frame, version, is_final=is_final)


async def mark_final(
    studio: Studio, *, workspace_id: UUID, frame_id: UUID, is_final: bool
) -> Frame:
    """Mark a frame final with the version that it shows, or take the mark away.

    :raises FrameNotMade: when it has no still.
    """
    _, frame = await frame_of(studio, workspace_id=workspace_id, frame_id=frame_id)
    if frame.still is None:
        raise FrameNotMade(numbers=(frame.number,))
    return await _choose(studio, workspace_id, frame, frame.still.name, is_final=is_final)


async def upload(studio: Studio, *, workspace_id: UUID, frame_id: UUID, asset: bytes) -> Upload:
    """Give a frame a picture that the workspace has, as its newest version.

    :raises UnknownAsset: when the workspace has no picture of that digest.
    """
    found, frame = await frame_of(studio, workspace_id=workspace_id, frame_id=frame_id)
    async with studio.reading() as connection:
        picture = await _picture(connection, workspace_id, asset)
        made = Upload(
            upload_id=studio.ids.new(), frame_id=frame.frame_id, asset=asset,
            media_type=picture.media_type, size_bytes=picture.size_bytes, width=picture.width,
            height=picture.height, created_at=studio.clock.now(),
        )  # fmt: skip
        await boards.add_upload(
            connection, workspace_id=workspace_id, project_id=found.project.project_id,
            upload=made,
        )  # fmt: skip
    return made


async def archive_frame(
    studio: Studio, *, workspace_id: UUID, frame_id: UUID, is_undo: bool = False
) -> None:
    """Delete a frame, or bring it back where it stood.

    :raises UnknownFrame: when there is none of that id.
    """
    at = None if is_undo else studio.clock.now()
    async with studio.reading() as connection:
        project_id = await rows.project_of_frame(
            connection, workspace_id=workspace_id, frame_id=frame_id
        )
        found = await rows.project(connection, workspace_id=workspace_id, project_id=project_id)
        await rows.archive_frame(connection, project=found, frame_id=frame_id, at=at)


async def add_part(
    studio: Studio, *, project: Project, kind: PartKind, name: str, description: str = ""
) -> Part:
    """Add a character or place to the cast; frames that name it show it."""
    part = Part(
        part_id=studio.ids.new(), kind=kind, name=checked_text(name, name="name"),
        description=_optional(description, "description", DESCRIPTION_MAX), pictures=(),
    )  # fmt: skip
    async with studio.reading() as connection:
        await rows.add_part(connection, project=project, part=part, at=studio.clock.now())
    return part


async def change_part(
    studio: Studio, *, project: Project, part_id: UUID, name: str | None = None,
    description: str | None = None,
) -> Part:  # fmt: skip
    """Rename or describe a part anew.

    :raises UnknownPart: when the cast has none of that id.
    """
    new_name = None if name is None else checked_text(name, name="name")
    told = None if description is None else _optional(description, "description", DESCRIPTION_MAX)

    def changed(part: Part) -> Part:
        return replace(
            part, name=part.name if new_name is None else new_name,
            description=part.description if told is None else told,
        )  # fmt: skip

    async with studio.reading() as connection:
        return await rows.change_part(connection, project=project, part_id=part_id, change=changed)


async def add_part_picture(
    studio: Studio, *, project: Project, part_id: UUID, asset: bytes
) -> Part:
    """Give a part a picture of the workspace that shows it; the same again changes nothing.

    :raises UnknownAsset: when the workspace has no picture of that digest.
    :raises BoardFull: when it has as many as providers look at.
    """
    async with studio.reading() as connection:
        await _picture(connection, project.workspace_id, asset)
        return await rows.change_part(
            connection, project=project, part_id=part_id, change=lambda part: _pictured(part, asset)
        )


async def read_board(studio: Studio, *, workspace_id: UUID, project_id: UUID) -> Board:
    """Return a whole board.

    :raises UnknownProject: when the workspace has no such project.
    """
    async with studio.reading() as connection:
        return await boards.board(connection, workspace_id=workspace_id, project_id=project_id)


async def frame_of(studio: Studio, *, workspace_id: UUID, frame_id: UUID) -> tuple[Board, Frame]:
    """Return a frame with the board on which it stands.

    :raises UnknownFrame: when no board has it.
    """
    async with studio.reading() as connection:
        project_id = await rows.project_of_frame(
            connection, workspace_id=workspace_id, frame_id=frame_id
        )
        found = await boards.board(connection, workspace_id=workspace_id, project_id=project_id)
    frame = next((each for each in found.frames if each.frame_id == frame_id), None)
    if frame is None:
        raise UnknownFrame(frame_id=frame_id)
    return found, frame


async def _picture(connection: Connection, workspace_id: UUID, asset: bytes) -> StoredPicture:
    picture = await boards.picture(connection, workspace_id=workspace_id, asset=asset)
    if picture is None:
        raise UnknownAsset(sha256=asset.hex())
    return picture


def _pictured(part: Part, asset: bytes) -> Part:
    pictures = tuple(dict.fromkeys((*part.pictures, asset)))
    if len(pictures) > PICTURES_MAX:
        raise BoardFull(things="pictures of a part", count_max=PICTURES_MAX)
    return replace(part, pictures=pictures)


async def _choose(
    studio: Studio, workspace_id: UUID, frame: Frame, version: FrameName, *, is_final: bool
) -> Frame:
    final_at = studio.clock.now() if is_final else None
    async with studio.reading() as connection:
        await rows.choose_version(
            connection, workspace_id=workspace_id, frame_id=frame.frame_id, name=version,
            final_at=final_at,
        )  # fmt: skip
    return replace(frame, chosen=version, is_final=is_final)


def _checked(studio: Studio, text: FrameText) -> FrameText:
    """Return a frame's text without surrounding space; a tool alone has its first duration."""
    duration_s = None
    if text.tool is not None:
        tool = studio.catalog.version_at(at=studio.clock.now()).tool(key=text.tool)
        if tool.unit is Unit.PER_IMAGE:
            raise ToolMakesNoClip(tool=tool.key)
        duration_s = tool.durations_s[0] if text.duration_s is None else text.duration_s
        price(tool=tool, duration_s=duration_s)
    return replace(
        text, description=checked_prompt(text.description), duration_s=duration_s,
        dialogue=_optional(text.dialogue, "dialogue", DIALOGUE_MAX),
    )  # fmt: skip


def _ratio(studio: Studio, ratio: str) -> str:
    version = studio.catalog.version_at(at=studio.clock.now())
    return checked_ratio(ratio, tools=version.tools)


def _optional(text: str, name: str, length_max: int) -> str:
    return checked_text(text, name=name, length_max=length_max) if text.strip() else ""
