"""`mutoscope backup` and `restore`: one file that a lost machine can be brought back from."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from mutoscope.app import backup as archives
from mutoscope.app.backup import Manifest, Place
from mutoscope.app.verify import Verification
from mutoscope.bootstrap import House, data_folder, open_house
from mutoscope.cli.logs import configure
from mutoscope.cli.opening import in_house, settings_here
from mutoscope.cli.options import Json, Yes
from mutoscope.cli.plain import print_json
from mutoscope.cli.proof import FOUND, show_verification, verification
from mutoscope.cli.screen import console
from mutoscope.settings import Settings
from mutoscope.storage.embedded import EmbeddedPostgres
from mutoscope.storage.verification import Scope

commands = typer.Typer()
ArchiveFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup's file.")]


@commands.command()
def backup(file: ArchiveFile, *, yes: Yes = False, is_json: Json = False) -> None:
    """Write the database, the assets and the keys to one FILE; the keys in it are secret."""
    settings, path = settings_here(), file.absolute()

    async def written(house: House) -> Manifest:
        place = Place(url=house.database_url, data=settings.data, binaries=settings.postgres_bin)
        at = house.studio.clock.now()
        return await archives.back_up(place, path=path, at=at, may_replace=yes)

    manifest = in_house(written)
    if is_json:
        print_json({"file": path, **json.loads(manifest.text())})
        return
    console().print(f"{len(manifest.files):,} files, {manifest.size_bytes:,} bytes in {file}")


@commands.command()
def restore(file: ArchiveFile, *, is_json: Json = False) -> None:
    """Restore FILE into an empty data folder and an empty database, then verify every credit."""
    configure()
    manifest, answer = asyncio.run(_restored(settings_here(), file.absolute()))
    if is_json:
        verified = json.loads(answer.text())
        print_json({"files": len(manifest.files), "made_at": manifest.made_at, "verify": verified})
    else:
        console().print(f"{len(manifest.files):,} files of {manifest.made_at} restored.")
        show_verification(answer)
    if not answer.is_clean:
        raise typer.Exit(FOUND)


async def _restored(settings: Settings, path: Path) -> tuple[Manifest, Verification]:
    await asyncio.to_thread(data_folder, settings.data)
    async with _server(settings) as url:
        place = Place(url=url, data=settings.data, binaries=settings.postgres_bin)
        manifest = await archives.restore(place, path=path)
        async with open_house(settings) as house:
            return manifest, await verification(house, scope=Scope())


@asynccontextmanager
async def _server(settings: Settings) -> AsyncIterator[str]:
    """Give the operator's database, or the server inside without any tables."""
    if settings.database_url:
        yield settings.database_url
        return
    folder = settings.data / "postgres"
    async with EmbeddedPostgres(folder=folder, binaries=settings.postgres_bin) as server:
        yield server.dsn
