"""Scenes of a board: renamed, moved, and deleted with undo; the answer is the whole board."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import FromPath, JSONBody

from mutoscope.app import storyboard
from mutoscope.domain.storyboard import BadText, BoardFull, Project
from mutoscope.storage.storyboard import UnknownProject, UnknownScene
from mutoscope.web.api.boards import BoardShape, Undo, board_shape
from mutoscope.web.api.projects import project_of
from mutoscope.web.api.shape import HouseHere, Text
from mutoscope.web.errors import documented

AT: Final = "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/scenes/{scene_id:uuid}"
BODY: Final = ("not_json", "body_too_large")


class Heading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scene is called from now on."""

    heading: Text


class ScenePlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a scene is to stand on its board, from 1."""

    place: Annotated[int, msgspec.Meta(ge=1)]


@post(
    AT + "/heading", operation_id="renameScene", tags=["projects"], status_code=200,
    summary="Give a scene another heading",
    responses=documented(UnknownProject, UnknownScene, BadText, *BODY),
)  # fmt: skip
async def rename_scene(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    scene_id: FromPath[UUID], data: JSONBody[Heading],
) -> BoardShape:  # fmt: skip
    """Rename a scene."""
    project = await project_of(house, workspace_id, project_id)
    await storyboard.change_scene(
        house.studio, project=project, scene_id=scene_id, heading=data.heading
    )
    return await _board(house, project)


@post(
    AT + "/place", operation_id="moveScene", tags=["projects"], status_code=200,
    summary="Move a scene to another place of its board, with its frames",
    responses=documented(UnknownProject, UnknownScene, *BODY),
)  # fmt: skip
async def move_scene(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    scene_id: FromPath[UUID], data: JSONBody[ScenePlace],
) -> BoardShape:  # fmt: skip
    """Move a scene; beyond the end is the end."""
    project = await project_of(house, workspace_id, project_id)
    await storyboard.move_scene(house.studio, project=project, scene_id=scene_id, place=data.place)
    return await _board(house, project)


@post(
    AT + "/archive", operation_id="archiveScene", tags=["projects"], status_code=200,
    summary="Delete a scene with its frames, or bring it back where it stood",
    responses=documented(UnknownProject, UnknownScene, BoardFull, *BODY),
)  # fmt: skip
async def archive_scene(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    scene_id: FromPath[UUID], data: JSONBody[Undo],
) -> BoardShape:  # fmt: skip
    """Delete a scene, or bring it back."""
    project = await project_of(house, workspace_id, project_id)
    await storyboard.archive_scene(
        house.studio, project=project, scene_id=scene_id, is_undo=data.is_undo
    )
    return await _board(house, project)


async def _board(house: HouseHere, project: Project) -> BoardShape:
    found = await storyboard.read_board(
        house.studio, workspace_id=project.workspace_id, project_id=project.project_id
    )
    return board_shape(found)
