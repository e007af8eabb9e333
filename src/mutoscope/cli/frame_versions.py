"""`mutoscope frame compare`, `choose` and `final`: the versions of a frame, by number or by job.

Invariant: a version's number is its place among the frame's, the one that was asked for first being
1, as `frame show` lists them.
"""

from typing import Annotated
from uuid import UUID

import typer

from mutoscope.app import storyboard
from mutoscope.app.frames import NoSuchFrame
from mutoscope.bootstrap import House
from mutoscope.cli.board_screen import differences_table, versions_table
from mutoscope.cli.jobs import frame_name
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, id_of
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, tell
from mutoscope.domain.jobs import FrameName
from mutoscope.domain.storyboard import Frame, FrameVersion
from mutoscope.domain.versions import Difference, differences, numbered

FrameId = Annotated[
    UUID,
    typer.Argument(
        metavar="FRAME", help="The frame's id.",
        parser=id_of("frame", remedy="`mutoscope project show` tells them"),
    ),
]  # fmt: skip

frame = typer.Typer(help="Make, choose and compare versions of a frame.", no_args_is_help=True)


@frame.command()
def compare(
    workspace: WorkspaceId,
    frame_id: FrameId,
    first: Annotated[
        str, typer.Argument(help="A version by its number, or a version or clip as JOB/2.")
    ],
    second: Annotated[str, typer.Argument(help="Another one.")],
    *,
    is_json: Json = False,
) -> None:
    """Tell in what two versions of a frame differ: tool, words, seed, cost."""

    async def compared(house: House) -> tuple[Difference, ...]:
        found = await read_frame(house, workspace, frame_id)
        return differences(first=_among(found, first), second=_among(found, second))

    told = in_house(compared)
    if is_json:
        print_json(told)
    else:
        console().print(differences_table(found=told))


@frame.command()
def choose(
    workspace: WorkspaceId,
    frame_id: FrameId,
    version: Annotated[str, typer.Argument(help="A version by its number, or as JOB/2.")],
    *,
    is_json: Json = False,
) -> None:
    """Let a frame show another of its versions."""

    async def chosen(house: House) -> tuple[Frame, Frame]:
        before = await read_frame(house, workspace, frame_id)
        name = _named(before, version)
        return before, await storyboard.choose(
            house.studio, workspace_id=workspace, frame_id=frame_id, version=name
        )

    before, found = in_house(chosen)
    show_frame(found, is_json=is_json)
    if before.is_final and not found.is_final:
        tell("It is no longer marked final.")


@frame.command()
def final(
    workspace: WorkspaceId,
    frame_id: FrameId,
    *,
    is_undo: Annotated[bool, typer.Option("--undo", help="Take the mark away.")] = False,
    is_json: Json = False,
) -> None:
    """Mark a frame final with the version that it shows: it is ready to be animated."""
    found = in_house(
        lambda house: storyboard.mark_final(
            house.studio, workspace_id=workspace, frame_id=frame_id, is_final=not is_undo
        )
    )
    show_frame(found, is_json=is_json)


async def read_frame(house: House, workspace: UUID, frame_id: UUID) -> Frame:
    """Return a frame as it stands."""
    _, found = await storyboard.frame_of(house.studio, workspace_id=workspace, frame_id=frame_id)
    return found


async def version_of(
    house: House, workspace: UUID, frame_id: UUID, text: str | None
) -> FrameName | None:
    """Return the version of a frame that a number or JOB/2 names, if one is named."""
    if text is None or not text.isdecimal():
        return None if text is None else frame_name(text)
    return _named(await read_frame(house, workspace, frame_id), text)


def show_frame(found: Frame, *, is_json: bool) -> None:
    """Show a frame with its versions and clips."""
    if is_json:
        print_json(found)
        return
    mark = " (final)" if found.is_final else ""
    console().print(f"frame {found.frame_id}  {found.number}{mark}: {found.description}",
                    markup=False)  # fmt: skip
    console().print(versions_table(frame=found))


def _named(found: Frame, text: str) -> FrameName:
    if not text.isdecimal():
        return frame_name(text)
    return numbered(versions=found.versions, number=int(text)).name


def _among(found: Frame, text: str) -> FrameVersion:
    name = _named(found, text)
    for each in (*found.versions, *found.clips):
        if each.name == name:
            return each
    raise NoSuchFrame(frame=name)
