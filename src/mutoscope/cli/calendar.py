"""`mutoscope calendar`: billing dates of a workspace, or of an example, as a list or as .ics."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple
from uuid import UUID

import typer
from rich.table import Table

from mutoscope.app.billing_feed import NoPlan
from mutoscope.bootstrap import House
from mutoscope.cli.files import written
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, instant, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, table, told
from mutoscope.domain.calendar import BillingAnchor, charge_is_due, period
from mutoscope.domain.calendar_feed import Dates, Feed, calendar_feed
from mutoscope.storage import workspaces

commands = typer.Typer()


class Billing(NamedTuple):
    """Whose dates they are, and from where they are counted."""

    anchor: BillingAnchor
    feed: Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarOptions:
    """Whose billing dates are listed, and how."""

    workspace: Annotated[UUID | None, typer.Argument(help="A workspace's id.")] = None
    anchor: Annotated[
        str | None, typer.Option(help="Without a workspace: when an example's plan began.")
    ] = None
    zone: Annotated[str, typer.Option(help="The example's billing zone.")] = "UTC"
    is_annual: Annotated[bool, typer.Option("--annual", help="The example is paid yearly.")] = False
    periods: Annotated[int, typer.Option(min=1, max=120, help="How many periods.")] = 12
    ics: Annotated[Path | None, typer.Option(help="Write an .ics file; - for the output.")] = None
    is_json: Json = False


@commands.command(name="calendar")
@takes(CalendarOptions)
def list_dates(asked: CalendarOptions) -> None:
    """List the billing dates of WORKSPACE, or of an example that --anchor and --zone describe."""
    if (asked.workspace is None) == (asked.anchor is None):
        raise typer.BadParameter("give either a WORKSPACE or --anchor")
    billing = _billing(asked)
    indices = range(asked.periods)
    if asked.ics is not None:
        write_feed(billing, indices=indices, stamped_at=billing.anchor.at, path=asked.ics)
    elif asked.is_json:
        print_json([period(anchor=billing.anchor, index=index) for index in indices])
    else:
        console().print(dates_table(billing, indices=indices))


def dates_table(billing: Billing, *, indices: range, title: str = "") -> Table:
    """Return the billing dates in the billing zone and in UTC."""
    made = table(">period", f"begins ({billing.anchor.zone})", "in UTC", "what", title=title)
    for index in indices:
        found = period(anchor=billing.anchor, index=index)
        is_paid = charge_is_due(
            index=index - billing.feed.charge_index,
            months_per_charge=billing.feed.months_per_charge,
        )
        made.add_row(
            str(index),
            told(found.starts_at, zone=billing.anchor.zone),
            told(found.starts_at, zone="UTC"),
            "payment and new credits" if is_paid else "new credits",
        )
    return made


def write_feed(billing: Billing, *, indices: range, stamped_at: datetime, path: Path) -> None:
    """Write the billing dates as an .ics file; the path - is the output stream."""
    dates = Dates(feed=billing.feed, anchor=billing.anchor, indices=indices)
    feed = calendar_feed(name=billing.feed.plan, dates=(dates,), stamped_at=stamped_at)
    written(path, feed)


async def billing_of(house: House, *, workspace_id: UUID) -> Billing:
    """Return the billing dates of a workspace.

    :raises NoPlan: when it has no plan.
    """
    async with house.studio.reading() as connection:
        found = (await workspaces.get(connection, workspace_id=workspace_id)).subscription
    if found is None:
        raise NoPlan(workspace_id=workspace_id)
    plan = house.studio.catalog.version(key=found.version).plan(key=found.plan)
    return Billing(
        found.anchor(),
        Feed(
            plan=plan.name, subscription_id=str(found.subscription_id),
            months_per_charge=found.months_per_charge, charge_index=found.charge_index,
        ),
    )  # fmt: skip


def example(*, at: datetime, zone: str, months_per_charge: int = 1) -> Billing:
    """Return the billing dates of a plan that nobody has."""
    feed = Feed(plan="Example", subscription_id="example", months_per_charge=months_per_charge)
    return Billing(BillingAnchor(at=at, zone=zone), feed)


def _billing(asked: CalendarOptions) -> Billing:
    workspace_id = asked.workspace
    if workspace_id is not None:
        return in_house(lambda house: billing_of(house, workspace_id=workspace_id))
    assert asked.anchor is not None
    at = instant(asked.anchor, zone=asked.zone)
    return example(at=at, zone=asked.zone, months_per_charge=12 if asked.is_annual else 1)
