"""Projects: storyboards begun, imported, written, cast, and shown whole."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from mutoscope.app import storyboard
from mutoscope.app.downloads import UnknownAsset
from mutoscope.app.storyboard import FrameText, ToolMakesNoClip
from mutoscope.domain.cast import PartKind
from mutoscope.domain.catalog import UnknownTool
from mutoscope.domain.estimate import BadDuration
from mutoscope.domain.final_draft import BadFinalDraft
from mutoscope.domain.fine_tune import ShotSize
from mutoscope.domain.jobs import EmptyPrompt, PromptTooLong
from mutoscope.domain.screenplay import TEXT_MAX, EmptyScreenplay, NotText, ScreenplayTooLong
from mutoscope.domain.screenplay_file import BYTES_MAX, screenplay_of
from mutoscope.domain.storyboard import (
    BadBoardRatio,
    BadText,
    BoardFull,
    Project,
)
from mutoscope.storage import storyboard as rows
from mutoscope.storage.storyboard import UnknownPart, UnknownProject, UnknownScene
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.boards import (
    BoardFrame,
    BoardShape,
    PartShape,
    PictureName,
    ProjectShape,
    Undo,
    board_shape,
    frame_shape,
    part_shape,
    project_shape,
)
from mutoscope.web.api.estimates import Count
from mutoscope.web.api.shape import HouseHere, Text
from mutoscope.web.errors import documented

BODY = ("not_json", "body_too_large")
Archived = Annotated[bool, QueryParameter(description="those that were deleted")]
Script = Annotated[str, msgspec.Meta(max_length=TEXT_MAX * 8)]


class NewProject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A storyboard to begin."""

    name: Text
    ratio: Text = "16:9"


class NewScreenplay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A screenplay to add: plain text, Fountain, or the XML of Final Draft."""

    text: Script


class NewScene(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scene to add at the end of a board."""

    heading: Text


class NewFrame(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frame to add at the end of a scene; without a tool it stays a still."""

    scene_id: UUID
    description: Text
    dialogue: Text = ""
    shot_size: ShotSize | None = None
    tool: Text | None = None
    duration_s: Count | None = None


class NewPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A character or place to add; frames that name it show it."""

    kind: PartKind
    name: Text
    description: Text = ""


class ImportedShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a screenplay became."""

    scenes: int
    shots: int


class SceneMade(msgspec.Struct, frozen=True, kw_only=True):
    """A scene that was added."""

    scene_id: UUID


class ProjectList(msgspec.Struct, frozen=True, kw_only=True):
    """Projects, the newest first."""

    projects: tuple[ProjectShape, ...]


@post(
    "/workspaces/{workspace_id:uuid}/projects", operation_id="createProject", tags=["projects"],
    summary="Begin a storyboard",
    responses=documented(UnknownWorkspace, BadText, BadBoardRatio, BoardFull, *BODY),
)  # fmt: skip
async def create_project(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[NewProject]
) -> ProjectShape:
    """Begin a storyboard."""
    made = await storyboard.create_project(
        house.studio, workspace_id=workspace_id, name=data.name, ratio=data.ratio
    )
    return project_shape(made)


@get(
    "/workspaces/{workspace_id:uuid}/projects", operation_id="listProjects", tags=["projects"],
    summary="The storyboards of a workspace, newest first", responses=documented(),
)  # fmt: skip
async def list_projects(
    *, house: HouseHere, workspace_id: FromPath[UUID], is_archived: Archived = False
) -> ProjectList:
    """Return the projects, or those that were deleted."""
    async with house.studio.reading() as connection:
        found = await rows.projects(connection, workspace_id=workspace_id, is_archived=is_archived)
    return ProjectList(projects=tuple(map(project_shape, found)))


@get(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}", operation_id="showBoard",
    tags=["projects"], summary="A whole board: scenes, frames, versions, clips, cast",
    responses=documented(UnknownProject),
)  # fmt: skip
async def show_board(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID]
) -> BoardShape:
    """Return a board."""
    found = await storyboard.read_board(
        house.studio, workspace_id=workspace_id, project_id=project_id
    )
    return board_shape(found)


@post(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/archive",
    operation_id="archiveProject", tags=["projects"], status_code=200,
    summary="Delete a storyboard, or bring it back", responses=documented(UnknownProject, *BODY),
)  # fmt: skip
async def archive_project(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    data: JSONBody[Undo],
) -> ProjectShape:  # fmt: skip
    """Delete a storyboard, or bring it back."""
    done = await storyboard.archive_project(
        house.studio, workspace_id=workspace_id, project_id=project_id, is_undo=data.is_undo
    )
    return project_shape(done)


@post(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/screenplays",
    operation_id="importScreenplay", tags=["projects"], request_max_body_size=BYTES_MAX,
    summary="Add a screenplay's scenes and shots at the end of a board",
    responses=documented(
        UnknownProject, BoardFull, BadFinalDraft, EmptyScreenplay, NotText, ScreenplayTooLong,
        *BODY,
    ),
)  # fmt: skip
async def import_screenplay(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    data: JSONBody[NewScreenplay],
) -> ImportedShape:  # fmt: skip
    """Add a screenplay, and tell how many scenes and shots it made."""
    project = await project_of(house, workspace_id, project_id)
    made = await storyboard.import_screenplay(
        house.studio, project=project, screenplay=screenplay_of(text=data.text)
    )
    return ImportedShape(scenes=made.scenes, shots=made.shots)


@post(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/scenes", operation_id="addScene",
    tags=["projects"], summary="Add a scene at the end of a board",
    responses=documented(UnknownProject, BadText, BoardFull, *BODY),
)  # fmt: skip
async def add_scene(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    data: JSONBody[NewScene],
) -> SceneMade:  # fmt: skip
    """Add a scene."""
    project = await project_of(house, workspace_id, project_id)
    scene_id = await storyboard.add_scene(house.studio, project=project, heading=data.heading)
    return SceneMade(scene_id=scene_id)


@post(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/frames", operation_id="addFrame",
    tags=["projects"], summary="Add a frame at the end of a scene",
    responses=documented(
        UnknownProject, UnknownScene, UnknownTool, BadText, BadDuration, BoardFull, EmptyPrompt,
        PromptTooLong, ToolMakesNoClip, *BODY,
    ),
)  # fmt: skip
async def add_frame(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    data: JSONBody[NewFrame],
) -> BoardFrame:  # fmt: skip
    """Add a frame."""
    project = await project_of(house, workspace_id, project_id)
    text = FrameText(
        description=data.description, dialogue=data.dialogue, shot_size=data.shot_size,
        tool=data.tool, duration_s=data.duration_s,
    )  # fmt: skip
    frame_id = await storyboard.add_frame(
        house.studio, project=project, scene_id=data.scene_id, text=text
    )
    _, frame = await storyboard.frame_of(house.studio, workspace_id=workspace_id, frame_id=frame_id)
    return frame_shape(frame)


@post(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/cast", operation_id="addPart",
    tags=["projects"], summary="Add a character or place to the cast",
    responses=documented(UnknownProject, BadText, BoardFull, *BODY),
)  # fmt: skip
async def add_part(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    data: JSONBody[NewPart],
) -> PartShape:  # fmt: skip
    """Add a part."""
    project = await project_of(house, workspace_id, project_id)
    part = await storyboard.add_part(
        house.studio, project=project, kind=data.kind, name=data.name,
        description=data.description,
    )  # fmt: skip
    return part_shape(part)


@post(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/cast/{part_id:uuid}/pictures",
    operation_id="addPartPicture", tags=["projects"],
    summary="Give a part a picture that shows it",
    responses=documented(UnknownProject, UnknownPart, UnknownAsset, BoardFull, *BODY),
)  # fmt: skip
async def add_part_picture(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    part_id: FromPath[UUID], data: JSONBody[PictureName],
) -> PartShape:  # fmt: skip
    """Give a part a picture that was brought before."""
    project = await project_of(house, workspace_id, project_id)
    part = await storyboard.add_part_picture(
        house.studio, project=project, part_id=part_id, asset=bytes.fromhex(data.sha256)
    )
    return part_shape(part)


async def project_of(house: HouseHere, workspace_id: UUID, project_id: UUID) -> Project:
    """Return a project that an address names.

    :raises UnknownProject: when the workspace has none of that id.
    """
    async with house.studio.reading() as connection:
        return await rows.project(connection, workspace_id=workspace_id, project_id=project_id)
