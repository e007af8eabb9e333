"""`mutoscope calendar`: billing dates of a workspace, or of an example, as a list or as .ics."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from mutoscope.app.billing_feed import billing_dates, workspace_feed
from mutoscope.cli.files import STREAM, written
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, instant, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, table, tell, told
from mutoscope.domain.calendar import BillingAnchor, period, period_start
from mutoscope.domain.calendar_feed import Dates, Feed, calendar_feed

commands = typer.Typer()


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarOptions:
    """Whose billing dates are listed, and how."""

    workspace: Annotated[UUID | None, typer.Argument(help="A workspace's id.")] = None
    anchor: Annotated[
        str | None, typer.Option(help="Without a workspace: when an example's plan began.")
    ] = None
    zone: Annotated[str, typer.Option(help="The example's billing zone.")] = "UTC"
    is_annual: Annotated[bool, typer.Option("--annual", help="The example is paid yearly.")] = False
    periods: Annotated[
        int, typer.Option(min=1, max=120, help="How many periods, from the one that runs on.")
    ] = 12
    ics: Annotated[Path | None, typer.Option(help="Write an .ics file; - for the output.")] = None
    is_json: Json = False


@commands.command(name="calendar")
@takes(CalendarOptions)
def list_dates(asked: CalendarOptions) -> None:
    """List the billing dates of WORKSPACE, or of an example that --anchor and --zone describe."""
    if (asked.workspace is None) == (asked.anchor is None):
        raise typer.BadParameter("give either a WORKSPACE or --anchor")
    if asked.ics is not None:
        _write(asked.ics, _feed(asked), is_json=asked.is_json)
        return
    dates = _dates(asked)
    if asked.is_json:
        print_json([
            period(anchor=each.anchor, index=index) for each in dates for index in each.indices
        ])  # fmt: skip
    else:
        console().print(dates_table(dates))


def _write(path: Path, feed: str, *, is_json: bool) -> None:
    """Write the feed, and tell how many dates a file has; a device may be the output itself."""
    written(path, feed)
    if path == STREAM or not path.is_file():
        return
    dates = feed.count("BEGIN:VEVENT")
    if is_json:
        print_json({"file": path, "dates": dates})
    else:
        tell(escape(f"{path}: {dates} billing dates"))


def dates_table(dates: Sequence[Dates], *, title: str = "") -> Table:
    """Return the billing dates in the billing zone and in UTC."""
    made = table(">period", f"begins ({dates[0].anchor.zone})", "in UTC", "what", title=title)
    for each in dates:
        for index, what in each.told():
            starts_at = period_start(anchor=each.anchor, index=index)
            made.add_row(
                str(index), told(starts_at, zone=each.anchor.zone), told(starts_at, zone="UTC"),
                what,
            )  # fmt: skip
    return made


def example(*, at: datetime, zone: str, periods: int, months_per_charge: int = 1) -> Dates:
    """Return the billing dates of a plan that nobody has."""
    feed = Feed(plan="Example", subscription_id="example", months_per_charge=months_per_charge)
    return Dates(feed=feed, anchor=BillingAnchor(at=at, zone=zone), indices=range(periods))


def _dates(asked: CalendarOptions) -> Sequence[Dates]:
    workspace_id = asked.workspace
    if workspace_id is None:
        return (_example(asked),)
    return in_house(
        lambda house: billing_dates(house.studio, workspace_id=workspace_id, ahead=asked.periods)
    )


def _feed(asked: CalendarOptions) -> str:
    workspace_id = asked.workspace
    if workspace_id is None:
        dates = _example(asked)
        return calendar_feed(name=dates.feed.plan, dates=(dates,), stamped_at=dates.anchor.at)
    return in_house(
        lambda house: workspace_feed(house.studio, workspace_id=workspace_id, ahead=asked.periods)
    )


def _example(asked: CalendarOptions) -> Dates:
    assert asked.anchor is not None
    return example(
        at=instant(asked.anchor, zone=asked.zone), zone=asked.zone, periods=asked.periods,
        months_per_charge=12 if asked.is_annual else 1,
    )  # fmt: skip
