"""`mutoscope cast`: the characters and places of a board, with pictures that show them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from mutoscope.app import storyboard
from mutoscope.assets.uploads import upload as bring
from mutoscope.bootstrap import House
from mutoscope.cli.files import content_of
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.projects import ProjectId, project_of
from mutoscope.cli.screen import console
from mutoscope.domain.cast import Part, PartKind
from mutoscope.storage import storyboard as rows

PartId = Annotated[UUID, typer.Argument(metavar="PART", help="The part's id.")]

commands = typer.Typer()
cast = typer.Typer(help="Keep the characters and places of a board.", no_args_is_help=True)
commands.add_typer(cast, name="cast")


@commands.callback()
def boards() -> None:
    """Keep the casts of storyboards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """Who or where it is."""

    workspace: WorkspaceId
    project: ProjectId
    name: Annotated[str, typer.Argument(help="As the frames' descriptions name it.")]
    kind: Annotated[PartKind, typer.Option(help="What it is.")] = PartKind.CHARACTER
    description: Annotated[str, typer.Option(help="What it looks like.")] = ""
    picture: Annotated[
        list[Path] | None, typer.Option(help="A picture that shows it, again for more.")
    ] = None
    is_json: Json = False


@cast.command()
@takes(Add)
def add(asked: Add) -> None:
    """Add a character or place; frames that name it are made with its looks and pictures."""
    contents = [content_of(file) for file in asked.picture or ()]

    async def added(house: House) -> Part:
        project = await project_of(house, asked.workspace, asked.project)
        brought = [
            await bring(house.studio, workspace_id=asked.workspace, content=content)
            for content in contents
        ]
        part = await storyboard.add_part(
            house.studio, project=project, kind=asked.kind, name=asked.name,
            description=asked.description,
        )  # fmt: skip
        for picture in brought:
            part = await storyboard.add_part_picture(
                house.studio, project=project, part_id=part.part_id, asset=picture.asset
            )
        return part

    _show((in_house(added),), is_json=asked.is_json)


@cast.command(name="list")
def list_all(workspace: WorkspaceId, project_id: ProjectId, *, is_json: Json = False) -> None:
    """List the cast of a board."""

    async def read(house: House) -> tuple[Part, ...]:
        project = await project_of(house, workspace, project_id)
        async with house.studio.reading() as connection:
            return await rows.cast(connection, project=project)

    _show(in_house(read), is_json=is_json)


@cast.command()
def archive(
    workspace: WorkspaceId,
    project_id: ProjectId,
    part_id: PartId,
    *,
    is_undo: Annotated[bool, typer.Option("--undo", help="Bring it back.")] = False,
    is_json: Json = False,
) -> None:
    """Take a part out of the cast, or bring it back."""

    async def archived(house: House) -> None:
        project = await project_of(house, workspace, project_id)
        at = None if is_undo else house.studio.clock.now()
        async with house.studio.reading() as connection:
            await rows.archive_part(connection, project=project, part_id=part_id, at=at)

    in_house(archived)
    if is_json:
        print_json({"part_id": part_id, "is_archived": not is_undo})
    else:
        console().print(f"part {part_id} {'is back' if is_undo else 'was taken out'}")


def _show(parts: tuple[Part, ...], *, is_json: bool) -> None:
    if is_json:
        print_json(parts)
        return
    for part in parts:
        console().print(
            f"{part.part_id}  {part.kind} {part.name} (pictures: {len(part.pictures)})  "
            f"{part.description}",
            markup=False,
        )  # fmt: skip
