"""`mutoscope serve`, `worker`, `renew` and `settings`: the studio as a running thing."""

import asyncio
import logging
from datetime import datetime
from typing import Annotated, Final

import typer
from rich.markup import escape

from mutoscope.app import charge
from mutoscope.app import renew as renewals
from mutoscope.app.charge import Charged
from mutoscope.app.renew import PROCESSES_MAX, Renewal
from mutoscope.bootstrap import House, calm_collector
from mutoscope.cli.logs import configure
from mutoscope.cli.opening import in_house, settings_here, shown_settings, until_interrupted
from mutoscope.cli.options import Json, instant
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import bars, console, table, tell, told
from mutoscope.domain.credits import Refusal
from mutoscope.web import application
from mutoscope.worker.steps import work

PARTLY_DONE: Final = 8

commands = typer.Typer()


class RenewalAhead(Refusal):
    """A run of renewals up to an instant that has not come."""

    code = "renewal_ahead"

    def __init__(self, *, at: datetime) -> None:
        super().__init__(
            f"{told(at)} has not come: nothing is posted ahead of its time; "
            "`mutoscope balance WORKSPACE --at` tells what will be"
        )
        self.at = at


@commands.command()
def serve() -> None:
    """Serve the API and a status page, and work, until interrupted.

    It prints no data, so there is no --json.
    """
    settings = settings_here()

    async def until_stopped(house: House) -> None:
        configure(level=logging.INFO)
        calm_collector()
        await application.serve(house=house, settings=settings, work=work, ready=_tell_ready)

    in_house(until_stopped, is_long=True)
    tell("Stopped.")


@commands.command()
def worker() -> None:
    """Work on jobs and renewals until interrupted.

    It prints no data, so there is no --json.
    """

    async def until_stopped(house: House) -> None:
        configure(level=logging.INFO)
        calm_collector()
        tell("Working; Ctrl-C stops.")
        await until_interrupted(asyncio.create_task(work(house)))

    in_house(until_stopped, is_long=True)
    tell("Stopped.")


@commands.command()
def renew(
    *,
    at: Annotated[str | None, typer.Option(help="Up to an instant of the past.")] = None,
    processes: Annotated[
        int, typer.Option(min=0, max=PROCESSES_MAX, help="0 works in this process.")
    ] = 0,
    is_json: Json = False,
) -> None:
    """Post every grant, lapse and deadline, and charge every plan that is due, as workers do.

    It exits with 8 when some wallets could not be renewed; all others are.
    """

    async def renewed(house: House) -> tuple[Renewal, Charged]:
        now = house.studio.clock.now()
        due_by = instant(at, zone="UTC") if at else now
        if due_by > now:
            raise RenewalAhead(at=due_by)
        with bars() as progress:
            task = progress.add_task("renewing", total=None)

            def hear(so_far: Renewal) -> None:
                progress.update(task, description=f"{so_far.wallets:,} wallets renewed")

            def hear_charges(so_far: Charged) -> None:
                what = f"{so_far.charges:,} charged, {so_far.ends:,} ended"
                progress.update(task, description=f"{what}, {so_far.per_s:,.0f} a second")

            renewal = await renewals.run(
                url=house.database_url, at=due_by, processes=processes, progress=hear
            )
            return renewal, await charge.run(house.studio, progress=hear_charges)

    done, charged = in_house(renewed, is_long=True)
    if is_json:
        print_json({"renewal": done, "charges": charged})
    else:
        console().print(f"{done.wallets:,} wallets renewed, {done.entries:,} lines written.")
        console().print(f"{charged.charges:,} plans charged, {charged.ends:,} ended.")
    for failure in (*done.failures, *charged.failures):
        tell(f"failed: {failure}")
    if done.failures or charged.failures:
        raise typer.Exit(PARTLY_DONE)


@commands.command()
def settings(*, is_json: Json = False) -> None:
    """List the settings in force, where each comes from, and its meaning; secrets are masked.

    NAME_FILE names a file with the value.
    """
    found = shown_settings()
    if is_json:
        print_json(found)
        return
    made = table("setting", "value", "from", "default", "meaning")
    for one in found:
        origin = one.origin if one.file is None else f"{one.origin} {one.file}"
        texts = (one.value or "-", origin, one.default or "-", one.help)
        made.add_row(one.name, *map(escape, texts))
    console().print(made)


def _tell_ready(url: str) -> None:
    tell(f"Listening on {url}; Ctrl-C stops.")
