"""`mutoscope demo`: the whole promise on real input, in a folder of its own.

Owns the folder and the order of the chapters. Invariant: every figure on the screen was read from
the ledger, and nothing outside the folder is touched. The surprising choice: the folder of a former
demo is replaced without being asked, because it bears a mark that only a demo leaves.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Annotated, Final
from uuid import uuid4

import typer

from mutoscope.bootstrap import open_house
from mutoscope.cli import demo_business, demo_providers
from mutoscope.cli import demo_story as story
from mutoscope.cli.contact_sheet import contact_sheet
from mutoscope.cli.demo_outputs import write_outputs
from mutoscope.cli.demo_stage import Stage
from mutoscope.cli.logs import configure
from mutoscope.cli.options import Json, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.proof import FOUND
from mutoscope.cli.screen import console
from mutoscope.cli.simulate import environment
from mutoscope.cli.waiting import working
from mutoscope.domain.credits import Refusal
from mutoscope.domain.fountain import parse_screenplay
from mutoscope.domain.shots import Shot, shots
from mutoscope.settings import read_settings
from mutoscope.simulators.server import running
from mutoscope.storage.cluster import ELSEWHERE, postmaster
from mutoscope.storage.embedded import EmbeddedPostgres


class Providers(StrEnum):
    """Who makes the pictures of the demo."""

    ENGINE = "engine"
    SIMULATED = "simulated"


MARK: Final = ".mutoscope-demo"
SHOTS_MAX: Final = 6
SEED: Final = 2024
"""The business demo is the same story each time."""


commands = typer.Typer()


class FolderNotADemo(Refusal):
    """A folder with files that no demo has written."""

    code = "folder_not_a_demo"

    def __init__(self, *, folder: Path) -> None:
        super().__init__(
            f"{folder} holds files that no demo has written: name another folder with --out"
        )
        self.folder = folder


class DemoRunning(Refusal):
    """A folder in which another demo runs."""

    code = "demo_running"

    def __init__(self, *, folder: Path) -> None:
        super().__init__(f"another demo runs in {folder}: wait for it, or name another folder")
        self.folder = folder


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What is shown, and where it is written."""

    out: Annotated[Path, typer.Option(help="The folder to write; a former demo is replaced.")]
    shots_max: Annotated[
        int, typer.Option("--shots", min=2, max=SHOTS_MAX, help="Shots of the screenplay.")
    ] = SHOTS_MAX
    providers: Annotated[
        Providers, typer.Option(help="Who makes the pictures: the built-in engine, or companies.")
    ] = Providers.ENGINE
    is_business: Annotated[
        bool, typer.Option("--business", help="Two years of plans, payments and disputes.")
    ] = False
    customers: Annotated[int, typer.Option(min=1, max=2_000, help="With --business.")] = 200
    days: Annotated[int, typer.Option(min=10, max=1_500, help="With --business.")] = 731
    is_json: Json = False


@commands.command()
@takes(DemoOptions)
def demo(asked: DemoOptions) -> None:
    """See it all: a screenplay becomes frames and a clip, and every credit is proved.

    With `--providers simulated` all nine tools run over their providers' protocols, against
    simulators on this machine, with faults. With `--business` a played clock runs through two years
    of 200 customers, and the books are proved.
    """
    configure()
    folder = asked.out.absolute()
    try:
        _prepare(folder)
        if asked.is_business:
            _play_business(folder, asked)
        else:
            _play_story(folder, asked)
    except OSError as error:
        raise FolderUnwritable(folder=folder, reason=error.strerror or str(error)) from error


def _play_story(folder: Path, asked: DemoOptions) -> None:
    """Play the screenplay; it exits like `verify` when anything was not proved."""
    began_s = monotonic()
    is_simulated = asked.providers is Providers.SIMULATED
    perform = _perform_simulated if is_simulated else _perform
    stage = asyncio.run(perform(folder, _shots()[: asked.shots_max], is_quiet=asked.is_json))
    took = f"{monotonic() - began_s:.0f} s"
    if asked.is_json:
        print_json(stage.summary())
    elif is_simulated:
        stage.say(f"\nDone in {took}, with simulated providers.")
    else:
        stage.say(f"\nDone in {took}. Open {asked.out / 'index.html'} first.")
    if not stage.is_clean:
        raise typer.Exit(FOUND)


def _play_business(folder: Path, asked: DemoOptions) -> None:
    """Play the years of business; it exits like `verify` when anything was not proved."""
    began_s = monotonic()
    screen = console(is_error=asked.is_json)
    proof = asyncio.run(
        demo_business.perform(
            folder, customers=asked.customers, days=asked.days, seed=SEED, screen=screen,
            programs=_programs(),
        )
    )  # fmt: skip
    if asked.is_json:
        print_json(proof.summary())
    screen.print(
        f"Done in {monotonic() - began_s:.0f} s, with a played clock and a simulated Stripe."
    )
    if not proof.is_clean:
        raise typer.Exit(FOUND)


class FolderUnwritable(Refusal):
    """A folder in which a demo cannot write."""

    code = "folder_unwritable"

    def __init__(self, *, folder: Path, reason: str) -> None:
        super().__init__(f"{folder} cannot be written ({reason}): name another with --out")
        self.folder = folder


def _shots() -> tuple[Shot, ...]:
    text = files("mutoscope").joinpath("demo.fountain").read_text(encoding="utf-8")
    return shots(screenplay=parse_screenplay(text=text))


async def _perform(folder: Path, chosen: tuple[Shot, ...], *, is_quiet: bool) -> Stage:
    settings = replace(read_settings({}), data=folder / "data", postgres_bin=_programs())
    async with open_house(settings) as house, working(house):
        screen = console(is_error=is_quiet)
        stage = Stage(house=house, screen=screen, folder=folder, shots=chosen)
        for chapter in story.CHAPTERS:
            await chapter(stage)
        await write_outputs(stage)
        await asyncio.to_thread(contact_sheet, stage)
        stage.list_files()
        await story.prove(stage)
    return stage


async def _perform_simulated(folder: Path, chosen: tuple[Shot, ...], *, is_quiet: bool) -> Stage:
    async with running(port=0, now=lambda: datetime.now(UTC), new_id=uuid4) as world:
        settings = replace(
            read_settings(environment(world)), data=folder / "data", postgres_bin=_programs()
        )
        async with open_house(settings) as house, working(house):
            screen = console(is_error=is_quiet)
            stage = Stage(
                house=house, screen=screen, folder=folder, shots=chosen,
                simulators=world.address,
            )  # fmt: skip
            for chapter in demo_providers.CHAPTERS:
                await chapter(stage)
    return stage


def _programs() -> Path | None:
    return read_settings(os.environ).postgres_bin


def _prepare(folder: Path) -> None:
    """Make the folder, in the place of a former demo's.

    :raises FolderNotADemo: when it holds anything else.
    :raises DemoRunning: when a demo is still at work in it.
    """
    if folder.exists() and not folder.is_dir():
        raise FolderNotADemo(folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / MARK).exists():
        _discard(folder)
    elif any(folder.iterdir()):
        raise FolderNotADemo(folder=folder)
    (folder / MARK).write_text("This folder is replaced by the next demo.\n", encoding="utf-8")


def _discard(folder: Path) -> None:
    """Remove what a former demo wrote, a server that outlived it and its database included."""
    postgres = folder / "data" / "postgres"
    cluster = postgres / "cluster"
    if cluster.exists() and postmaster(data=cluster.resolve()) is not None:
        asyncio.run(_stop(postgres))
        if postmaster(data=cluster.resolve()) is not None:
            raise DemoRunning(folder=folder)
    home = cluster.resolve().parent
    if cluster.is_symlink() and home.parent == ELSEWHERE:
        shutil.rmtree(home)
    for path in folder.iterdir():
        remove: Callable[[Path], object] = shutil.rmtree if path.is_dir() else Path.unlink
        remove(path)


async def _stop(postgres: Path) -> None:
    """Join a server and leave it: whoever is the last to leave stops it."""
    async with EmbeddedPostgres(folder=postgres, binaries=_programs()):
        return
