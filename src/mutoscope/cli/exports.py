"""`mutoscope export`: a storyboard as PDF, animatic or ZIP, written to a file.

The surprising choice: this process makes the export itself, whether a worker runs or not; when it
is killed, a worker ends what it began.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from mutoscope.app.export import order
from mutoscope.app.export_board import ExportOptions, ExportWish, Form, read_options
from mutoscope.app.export_run import run
from mutoscope.bootstrap import House
from mutoscope.cli.files import OutUnwritable, copied
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import bars, console
from mutoscope.domain.credits import Refusal
from mutoscope.storage.exports import Export, ExportState

commands = typer.Typer()
export = typer.Typer(help="Export a storyboard as PDF, film or ZIP.", no_args_is_help=True)
commands.add_typer(export, name="export")


class ExportFailed(Refusal):
    """An export that could not be made."""

    code = "export_failed"

    def __init__(self, *, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which storyboard is exported, and where to."""

    workspace: WorkspaceId
    project: Annotated[UUID, typer.Argument(metavar="PROJECT", help="The project's id.")]
    out: Annotated[Path, typer.Option(help="The file to write; it is replaced.")]
    is_json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPdf(Asked):
    """How the pages look."""

    grid: Annotated[str, typer.Option(help="2x2, 2x3, 3x3 (rows by columns), or list.")] = "2x3"
    fields: Annotated[
        str | None,
        typer.Option(help="Of number,description,dialogue,duration,tool,cost; all as shipped."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAnimatic(Asked):
    """How the film looks."""

    titles: Annotated[bool, typer.Option("--titles", help="Each frame's words over it.")] = False


@commands.callback()
def storyboards() -> None:
    """Export storyboards."""


@export.command()
@takes(AskedPdf)
def pdf(asked: AskedPdf) -> None:
    """Print a storyboard: a grid of pictures, or a list with every word."""
    found: dict[str, object] = {"grid": asked.grid}
    if asked.fields is not None:
        found["fields"] = [each.strip() for each in asked.fields.split(",")]
    _export(asked, ExportWish(form=Form.PDF, options=read_options(found)))


@export.command()
@takes(AskedAnimatic)
def animatic(asked: AskedAnimatic) -> None:
    """Film a storyboard: clips where there are any, moving stills elsewhere."""
    options = ExportOptions(has_titles=asked.titles)
    _export(asked, ExportWish(form=Form.ANIMATIC, options=options))


@export.command(name="zip")
@takes(Asked)
def archive(asked: Asked) -> None:
    """Pack a storyboard: stills, clips, shot list, and a timeline for editing programs."""
    _export(asked, ExportWish(form=Form.ZIP))


def _export(asked: Asked, wish: ExportWish) -> None:
    if not asked.out.absolute().parent.is_dir():
        raise OutUnwritable(path=asked.out, reason="there is no such folder")
    done = in_house(lambda house: _made(house, asked, wish))
    if asked.is_json:
        print_json({"export": done, "file": asked.out})
    else:
        console().print(f"{asked.out}: {asked.out.stat().st_size:,} bytes")


async def _made(house: House, asked: Asked, wish: ExportWish) -> Export:
    studio = house.studio
    ordered, _ = await order(
        studio, workspace_id=asked.workspace, project_id=asked.project,
        wish=wish,
        key=f"cli/{studio.ids.new()}", is_queued=False,
    )  # fmt: skip
    with bars() as progress:
        task = progress.add_task(wish.form, total=1.0)
        done = await run(
            studio, workspace_id=asked.workspace, export_id=ordered.export_id,
            hear=lambda share: progress.update(task, completed=share),
        )  # fmt: skip
    if done.state is not ExportState.SUCCEEDED or done.asset is None:
        raise ExportFailed(reason=done.reason or done.state, sentence=done.sentence or done.state)
    copied(studio.assets.path(digest=done.asset), asked.out)
    return done
