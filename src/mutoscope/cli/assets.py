"""`mutoscope assets`: how much the files take, pictures that are brought, and the sweep."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mutoscope.app.asset_sweep import Swept, sweep_assets
from mutoscope.assets.uploads import upload
from mutoscope.bootstrap import House
from mutoscope.cli.files import content_of
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, table
from mutoscope.storage import assets as rows
from mutoscope.storage import workspaces
from mutoscope.storage.assets import Asset

commands = typer.Typer()
assets = typer.Typer(help="Show, bring and sweep files.", no_args_is_help=True)
commands.add_typer(assets, name="assets")

Place = Annotated[Path, typer.Argument(metavar="FILE", help="A picture: JPEG, PNG, WebP and such.")]


@commands.callback()
def files() -> None:
    """Keep the files of the studio."""


@assets.command()
def show(*, is_json: Json = False) -> None:
    """Tell how many files there are, and how many of them nobody names."""
    _tell(in_house(lambda house: sweep_assets(house.studio, is_dry_run=True)), is_json=is_json)


@assets.command()
def used(workspace: WorkspaceId, *, is_json: Json = False) -> None:
    """Tell what the files of WORKSPACE take, and how much they may."""

    async def asked(house: House) -> tuple[int, int]:
        async with house.studio.reading() as connection:
            await workspaces.get(connection, workspace_id=workspace)
            taken = await rows.used_bytes(connection, workspace_id=workspace)
        return taken, house.studio.asset_rules.quota_bytes

    used_bytes, quota_bytes = in_house(asked)
    if is_json:
        print_json({"used_bytes": used_bytes, "quota_bytes": quota_bytes or None})
        return
    limit = f"of {quota_bytes:,} " if quota_bytes else ""
    console().print(f"{used_bytes:,} {limit}bytes are in use.")


@assets.command()
def sweep(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, and remove nothing.")] = False,
    is_json: Json = False,
) -> None:
    """Remove exported files past their time, and files that nobody has named for a day."""
    _tell(in_house(lambda house: sweep_assets(house.studio, is_dry_run=dry_run)), is_json=is_json)


@assets.command()
def bring(workspace: WorkspaceId, file: Place, *, is_json: Json = False) -> None:
    """Take a picture into WORKSPACE: upright, in sRGB, without what its camera noted."""
    content = content_of(file)

    async def brought(house: House) -> Asset:
        return await upload(house.studio, workspace_id=workspace, content=content)

    asset = in_house(brought)
    if is_json:
        print_json(asset)
        return
    console().print(f"{asset.asset.hex()}  {asset.width} x {asset.height}, {asset.size_bytes:,} B")


def _tell(swept: Swept, *, is_json: bool) -> None:
    if is_json:
        print_json(asdict(swept))
        return
    made = table("files", ">how many", ">bytes")
    made.add_row("in the store", f"{swept.files:,}", f"{swept.size_bytes:,}")
    made.add_row("named by nobody", f"{swept.orphans:,}", f"{swept.orphans_bytes:,}")
    made.add_row("exports past their time", f"{swept.exports:,}", "-")
    console().print(made)
    if not swept.is_dry_run:
        console().print("Those that nobody names were removed.")
