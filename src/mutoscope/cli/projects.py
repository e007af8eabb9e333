"""`mutoscope project` and `tools`: boards made, imported, priced, ordered, and what tools cost.

Invariant: what is ordered was priced by the same function, and an order that is waited for ends
when each of its jobs has.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from mutoscope.app import storyboard
from mutoscope.app.storyboard import Imported
from mutoscope.app.storyboard_estimate import (
    BoardMix,
    QuotedBoard,
    estimate_board,
    mix_board,
    quote_board,
    tools_for,
)
from mutoscope.app.storyboard_orders import BoardWish, order_board
from mutoscope.bootstrap import House
from mutoscope.cli.board_screen import (
    board_lines,
    estimate_lines,
    mix_table,
    projects_table,
    tool_rows,
)
from mutoscope.cli.files import content_of
from mutoscope.cli.jobs import DID_NOT_DELIVER, Manner
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, id_of, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, counted, job_line
from mutoscope.cli.waiting import watched
from mutoscope.domain.board_price import BoardEstimate
from mutoscope.domain.jobs import JobState
from mutoscope.domain.screenplay_file import read_screenplay
from mutoscope.domain.storyboard import Board, Project, Wanted
from mutoscope.domain.tool_table import ToolRow
from mutoscope.storage import storyboard as rows
from mutoscope.storage import workspaces

ProjectId = Annotated[
    UUID,
    typer.Argument(
        metavar="PROJECT", help="The project's id.",
        parser=id_of("project", remedy="`mutoscope project list` tells them"),
    ),
]  # fmt: skip
SceneId = Annotated[
    UUID,
    typer.Argument(
        metavar="SCENE", help="The scene's id.",
        parser=id_of("scene", remedy="`mutoscope project show` tells them"),
    ),
]  # fmt: skip

commands = typer.Typer()
project = typer.Typer(help="Make storyboards, price and order them.", no_args_is_help=True)
commands.add_typer(project, name="project")


@commands.callback()
def boards() -> None:
    """Keep the storyboards of the studio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOptions(Manner):
    """What of a board is ordered, and how."""

    workspace: WorkspaceId
    project: ProjectId
    wanted: Annotated[Wanted, typer.Argument(help="What is made: stills, or clips.")]
    frame: Annotated[list[UUID] | None, typer.Option(help="A frame alone, again for more.")] = None
    quote: Annotated[UUID | None, typer.Option(help="The quote whose prices hold.")] = None
    not_final: Annotated[
        bool, typer.Option("--not-final", help="Animate frames that are not marked final, too.")
    ] = False


@project.command()
def create(
    workspace: WorkspaceId,
    name: Annotated[str, typer.Argument(help="What the storyboard is called.")],
    *,
    ratio: Annotated[str, typer.Option(help="Width to height of its pictures.")] = "16:9",
    is_json: Json = False,
) -> None:
    """Begin a storyboard."""
    made = in_house(
        lambda house: storyboard.create_project(
            house.studio, workspace_id=workspace, name=name, ratio=ratio
        )
    )
    _show_project(made, is_json=is_json)


@project.command(name="list")
def list_all(
    workspace: WorkspaceId,
    *,
    is_archived: Annotated[bool, typer.Option("--archived", help="Those that were deleted.")] = (
        False
    ),
    is_json: Json = False,
) -> None:
    """List the storyboards of a workspace, the newest first."""

    async def read(house: House) -> tuple[tuple[Project, ...], str]:
        async with house.studio.reading() as connection:
            zone = (await workspaces.get(connection, workspace_id=workspace)).zone
            found = await rows.projects(connection, workspace_id=workspace, is_archived=is_archived)
        return found, zone

    found, zone = in_house(read)
    if is_json:
        print_json(found)
    else:
        console().print(projects_table(projects=found, zone=zone))


@project.command()
def show(workspace: WorkspaceId, project_id: ProjectId, *, is_json: Json = False) -> None:
    """Show a board: its scenes and frames with their ids, versions and clips, and its cast."""
    show_board(in_house(lambda house: _read(house, workspace, project_id)), is_json=is_json)


@project.command(name="import")
def import_file(
    workspace: WorkspaceId,
    project_id: ProjectId,
    file: Annotated[Path, typer.Argument(help="Plain text, Fountain or Final Draft (FDX).")],
    *,
    is_json: Json = False,
) -> None:
    """Add the scenes and shots of a screenplay at the end of a board."""
    screenplay = read_screenplay(content=content_of(file))

    async def imported(house: House) -> Imported:
        found = await project_of(house, workspace, project_id)
        return await storyboard.import_screenplay(
            house.studio, project=found, screenplay=screenplay
        )

    made = in_house(imported)
    if is_json:
        print_json(made)
    else:
        console().print(_added(made))


@project.command()
def scene(
    workspace: WorkspaceId,
    project_id: ProjectId,
    heading: Annotated[str, typer.Argument(help="Such as INT. KITCHEN - NIGHT.")],
    *,
    is_json: Json = False,
) -> None:
    """Add a scene at the end of a board."""

    async def added(house: House) -> UUID:
        found = await project_of(house, workspace, project_id)
        return await storyboard.add_scene(house.studio, project=found, heading=heading)

    scene_id = in_house(added)
    if is_json:
        print_json({"scene_id": scene_id})
    else:
        console().print(f"scene {scene_id}")


@project.command()
def estimate(workspace: WorkspaceId, project_id: ProjectId, *, is_json: Json = False) -> None:
    """Tell what a board lacks, what that costs, who pays, and what would be cheaper."""

    async def told(house: House) -> tuple[BoardEstimate, str]:
        found = await estimate_board(house.studio, workspace_id=workspace, project_id=project_id)
        return found, await _zone(house, workspace)

    found, zone = in_house(told)
    if is_json:
        print_json(found)
    else:
        _print_all(estimate_lines(found, zone=zone))


@project.command()
def quote(workspace: WorkspaceId, project_id: ProjectId, *, is_json: Json = False) -> None:
    """Estimate a board and lock its prices for a time."""

    async def quoted(house: House) -> tuple[QuotedBoard, str]:
        made = await quote_board(house.studio, workspace_id=workspace, project_id=project_id)
        return made, await _zone(house, workspace)

    made, zone = in_house(quoted)
    if is_json:
        print_json(made)
    else:
        _print_all(estimate_lines(made.estimate, zone=zone, expires_at=made.expires_at))
        console().print(f"quote {made.quote_id}")


@project.command()
@takes(OrderOptions)
def order(asked: OrderOptions) -> None:
    """Order the stills or clips that a board lacks: all are held, or none."""

    async def ordered(house: House) -> dict[str, Any]:
        await _ask_first(house, asked)
        wish = BoardWish(
            project_id=asked.project, wanted=asked.wanted, frame_ids=tuple(asked.frame or ()),
            quote_id=asked.quote, is_confirmed=asked.not_final,
        )  # fmt: skip
        placed = await order_board(
            house.studio, workspace_id=asked.workspace, wish=wish,
            key=asked.key or str(house.studio.ids.new()), attribution=asked.whose(),
        )  # fmt: skip
        found = placed.jobs
        if not asked.no_wait:
            found = await watched(house, placed=found)
        return {"order_id": placed.order_id, "is_replay": placed.is_replay, "jobs": found}

    answer = in_house(ordered)
    if asked.is_json:
        print_json(answer)
    else:
        console().print(f"order {answer['order_id']}")
        for job in answer["jobs"]:
            console().print(f"{job.job_id}  {job_line(job=job)}")
    if not asked.no_wait and any(job.state is not JobState.SUCCEEDED for job in answer["jobs"]):
        raise typer.Exit(DID_NOT_DELIVER)


@project.command()
def mix(
    workspace: WorkspaceId,
    project_id: ProjectId,
    *,
    budget: Annotated[int | None, typer.Option(min=0, help="Credits; else the balance.")] = None,
    is_chosen: Annotated[bool, typer.Option("--choose", help="Give the frames these tools.")] = (
        False
    ),
    is_json: Json = False,
) -> None:
    """Find the tools of the best quality that a budget buys for the clips of a board."""

    async def mixed(house: House) -> BoardMix:
        return await mix_board(
            house.studio, workspace_id=workspace, project_id=project_id, budget=budget,
            is_chosen=is_chosen,
        )  # fmt: skip

    found = in_house(mixed)
    if is_json:
        print_json(found)
    else:
        console().print(mix_table(mix=found))


@project.command()
def archive(
    workspace: WorkspaceId,
    project_id: ProjectId,
    *,
    is_undo: Annotated[bool, typer.Option("--undo", help="Bring it back.")] = False,
    is_json: Json = False,
) -> None:
    """Delete a board, or bring it back; its jobs and receipts stay."""
    done = in_house(
        lambda house: storyboard.archive_project(
            house.studio, workspace_id=workspace, project_id=project_id, is_undo=is_undo
        )
    )
    _show_project(done, is_json=is_json)


@commands.command()
def tools(
    workspace: WorkspaceId,
    *,
    available: Annotated[int | None, typer.Option(min=0, help="Instead of the balance.")] = None,
    is_json: Json = False,
) -> None:
    """Compare the tools: what a clip and a second cost, and what the balance buys."""

    async def read(house: House) -> tuple[ToolRow, ...]:
        return await tools_for(house.studio, workspace_id=workspace, available=available)

    found = in_house(read)
    if is_json:
        print_json(found)
    else:
        console().print(tool_rows(tools=found))


async def project_of(house: House, workspace: UUID, project_id: UUID) -> Project:
    """Return a project.

    :raises UnknownProject: when the workspace has none of that id.
    """
    async with house.studio.reading() as connection:
        return await rows.project(connection, workspace_id=workspace, project_id=project_id)


def show_board(board: Board, *, is_json: bool) -> None:
    """Show a board: its scenes and frames, and its cast."""
    if is_json:
        print_json(board)
    else:
        _print_all(board_lines(board))


async def _read(house: House, workspace: UUID, project_id: UUID) -> Board:
    return await storyboard.read_board(house.studio, workspace_id=workspace, project_id=project_id)


async def _zone(house: House, workspace: UUID) -> str:
    async with house.studio.reading() as connection:
        return (await workspaces.get(connection, workspace_id=workspace)).zone


async def _ask_first(house: House, asked: OrderOptions) -> None:
    """Ask at a terminal about an order that takes much of a balance."""
    if not sys.stdin.isatty() or asked.yes:
        return
    found = await estimate_board(
        house.studio, workspace_id=asked.workspace, project_id=asked.project
    )
    kinds = {item.kind for item in found.items if item.wanted is asked.wanted}
    for total in found.totals:
        if total.kind in kinds and total.should_confirm and not total.shortfall:
            question = f"Up to {total.required:,} of {total.available:,} {total.kind} credits. Go"
            typer.confirm(question, abort=True, err=True)


def _show_project(found: Project, *, is_json: bool) -> None:
    if is_json:
        print_json(found)
        return
    state = "archived" if found.archived_at else f"ratio {found.ratio}"
    console().print(f"project {found.project_id}  {found.name} ({state})", markup=False)


def _added(made: Imported) -> str:
    was = "was" if made.scenes == 1 else "were"
    return f"{counted(made.scenes, 'scene')} with {counted(made.shots, 'shot')} {was} added."


def _print_all(parts: tuple[Any, ...]) -> None:
    for part in parts:
        console().print(part, markup=False) if isinstance(part, str) else console().print(part)
