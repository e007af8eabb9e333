"""`mutoscope scene`: the scenes of a board are renamed, moved, and deleted with undo."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import typer

from mutoscope.app import storyboard
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId
from mutoscope.cli.projects import ProjectId, SceneId, project_of, show_board
from mutoscope.domain.storyboard import Board, Project

commands = typer.Typer()
scene = typer.Typer(help="Rename, move and delete the scenes of a board.", no_args_is_help=True)
commands.add_typer(scene, name="scene")


@commands.callback()
def boards() -> None:
    """Keep the scenes of storyboards."""


@scene.command()
def rename(
    workspace: WorkspaceId,
    project_id: ProjectId,
    scene_id: SceneId,
    heading: Annotated[str, typer.Argument(help="Such as INT. KITCHEN - NIGHT.")],
    *,
    is_json: Json = False,
) -> None:
    """Give a scene another heading."""

    async def renamed(house: House, project: Project) -> None:
        await storyboard.change_scene(
            house.studio, project=project, scene_id=scene_id, heading=heading
        )

    show_board(_changed(workspace, project_id, renamed), is_json=is_json)


@scene.command()
def move(
    workspace: WorkspaceId,
    project_id: ProjectId,
    scene_id: SceneId,
    place: Annotated[int, typer.Argument(min=1, help="Where on the board it stands, from 1.")],
    *,
    is_json: Json = False,
) -> None:
    """Move a scene to another place of the board, with its frames."""

    async def moved(house: House, project: Project) -> None:
        await storyboard.move_scene(house.studio, project=project, scene_id=scene_id, place=place)

    show_board(_changed(workspace, project_id, moved), is_json=is_json)


@scene.command()
def archive(
    workspace: WorkspaceId,
    project_id: ProjectId,
    scene_id: SceneId,
    *,
    is_undo: Annotated[bool, typer.Option("--undo", help="Bring it back.")] = False,
    is_json: Json = False,
) -> None:
    """Delete a scene with its frames, or bring it back where it stood."""

    async def archived(house: House, project: Project) -> None:
        await storyboard.archive_scene(
            house.studio, project=project, scene_id=scene_id, is_undo=is_undo
        )

    show_board(_changed(workspace, project_id, archived), is_json=is_json)


def _changed(
    workspace: UUID, project_id: UUID, change: Callable[[House, Project], Awaitable[None]]
) -> Board:
    """Change a board, and return it as it stands then."""

    async def changed(house: House) -> Board:
        await change(house, await project_of(house, workspace, project_id))
        return await storyboard.read_board(
            house.studio, workspace_id=workspace, project_id=project_id
        )

    return in_house(changed)
