"""`mutoscope finance`: what is outstanding, deferred, earned and spent; and a draft tried out."""

import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from mutoscope.app import finance as reports
from mutoscope.app import rate_card_replay
from mutoscope.app.books import BadDays, Days, books
from mutoscope.app.finance import (
    Deferred,
    DeferredRow,
    Month,
    Outstanding,
    OutstandingRow,
    Revenue,
)
from mutoscope.app.margin import ToolMonth
from mutoscope.app.rate_card_replay import RateCardReplay, ToolReplay
from mutoscope.bootstrap import House, own_connection, read_catalog
from mutoscope.cli.files import STREAM, place_for
from mutoscope.cli.finance_tables import (
    debts_table,
    deferral_table,
    deferred_table,
    margin_table,
    outstanding_table,
    ran_out_table,
    replay_table,
    revenue_table,
    write_csv,
)
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, instant, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import bars, console, counted, micros, tell
from mutoscope.domain.beancount import Books, beancount_lines
from mutoscope.storage import disputes
from mutoscope.storage.disputes import Debt
from mutoscope.storage.finance import Span

UTC_ZONE: Final = "UTC"

commands = typer.Typer()
finance = typer.Typer(no_args_is_help=True, help="Tell what is owed, earned and spent.")
commands.add_typer(finance, name="finance")

T = TypeVar("T")
At = Annotated[str | None, typer.Option(help="Any instant of the past; else, and after, now.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
Zone = Annotated[str, typer.Option(help="Whose calendar it is.")]


class MonthTable(StrEnum):
    """Which table of a month is printed as CSV."""

    REVENUE = "revenue"
    MARGIN = "margin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """Which jobs are replayed, under what, and how the answer is printed."""

    draft: Annotated[Path, typer.Argument(help="The draft: a catalog's file.")]
    first: Annotated[str, typer.Option("--from", help="Jobs ordered from an instant on.")]
    until: Annotated[str, typer.Option("--to", help="Jobs ordered before an instant.")]
    version: Annotated[str | None, typer.Option(help="A version of the draft; else its last.")] = (
        None
    )
    zone: Zone = UTC_ZONE
    is_csv: Csv = False
    is_json: Json = False


@commands.callback()
def studio() -> None:
    """Keep the books of the studio."""


@finance.command()
def outstanding(*, at: At = None, is_csv: Csv = False, is_json: Json = False) -> None:
    """Tell the credits that are neither spent nor over, by kind, source and age."""

    async def read(house: House) -> Outstanding:
        return await reports.outstanding(house.studio, at=_instant(house, at))

    found = in_house(read)
    if is_json:
        print_json(found)
    elif is_csv:
        write_csv(found.rows, of=OutstandingRow)
    else:
        console().print(outstanding_table(found))


@finance.command()
def deferred(*, at: At = None, is_csv: Csv = False, is_json: Json = False) -> None:
    """Tell what was paid, and what of it is earned, left unused, taken back or still owed."""

    async def read(house: House) -> Deferred:
        return await reports.deferred(house.studio, at=_instant(house, at))

    found = in_house(read)
    if is_json:
        print_json(found)
    elif is_csv:
        write_csv(found.rows, of=DeferredRow)
    else:
        console().print(deferred_table(found))


@finance.command()
def debts(*, is_csv: Csv = False, is_json: Json = False) -> None:
    """Tell what lost disputes left unpaid, of purchases and of plans."""

    async def read(house: House) -> tuple[Debt, ...]:
        async with house.studio.reading() as connection:
            return await disputes.debts(connection, limit=disputes.DEBTS_MAX)

    found = in_house(read)
    if is_json:
        print_json(found)
    elif is_csv:
        write_csv(found, of=Debt)
    else:
        console().print(debts_table(found))


@finance.command()
def month(
    name: Annotated[str, typer.Argument(metavar="MONTH", help="A month, such as 2026-01.")],
    *,
    zone: Zone = UTC_ZONE,
    table: Annotated[MonthTable | None, typer.Option("--csv", help="A table as CSV.")] = None,
    is_json: Json = False,
) -> None:
    """Tell what a month earned, and the cost and margin of each tool."""
    year, number = _month(name)

    async def read(house: House) -> Month:
        return await reports.month(house.studio, year=year, month=number, zone=zone)

    found = in_house(read)
    if is_json:
        print_json(found)
    elif table is MonthTable.REVENUE:
        write_csv(found.revenue, of=Revenue)
    elif table is MonthTable.MARGIN:
        write_csv(found.tools, of=ToolMonth)
    else:
        console().print(revenue_table(found))
        console().print(deferral_table(found))
        console().print(margin_table(found.tools))
        cost, margin = micros(found.cost_micros), micros(found.margin_micros)
        console().print(f"Providers charged {cost}; revenue in USD less that is {margin}.")


@finance.command()
def export(
    file: Annotated[Path, typer.Option("--beancount", help="The file to write; - to print.")],
    *,
    first: Annotated[str, typer.Option("--from", help="The first day, such as 2026-01-01.")],
    until: Annotated[str, typer.Option("--to", help="The day after the last.")],
    zone: Zone = UTC_ZONE,
    is_json: Json = False,
) -> None:
    """Write the books of some days as double entries that Beancount reads."""
    days = Days(_day(first), _day(until), zone)

    async def read(house: House) -> Books:
        return await books(house.studio, days=days)

    found = in_house(read)
    if file == STREAM:
        sys.stdout.writelines(beancount_lines(found))
        return
    with place_for(file) as place, place.open("w", encoding="utf-8") as target:
        target.writelines(beancount_lines(found))
    if is_json:
        print_json({"file": file, "transactions": len(found.transactions)})
    else:
        tell(f"{counted(len(found.transactions), 'transaction')} written to {file}.")


@finance.command()
@takes(ReplayOptions)
def replay(asked: ReplayOptions) -> None:
    """Live through a span's jobs once more under a draft of the catalog; nothing is written."""
    draft = read_catalog(asked.draft)
    span = Span(_when(asked.first, asked.zone), _when(asked.until, asked.zone))
    if span.starts_at >= span.ends_at:
        raise BadDays(first_on=span.starts_at.date(), until_on=span.ends_at.date())

    async def read(house: House) -> RateCardReplay:
        async with own_connection(house) as connection:
            with bars() as progress:
                task = progress.add_task("living through the ledger", total=None)
                return await rate_card_replay.replay(
                    house.studio, connection=connection, draft=draft, span=span,
                    version=asked.version,
                    progress=lambda count: progress.update(
                        task, description=f"{count:,} entries lived through"
                    ),
                )  # fmt: skip

    _show_replay(in_house(read), asked)


def _show_replay(found: RateCardReplay, asked: ReplayOptions) -> None:
    if asked.is_json:
        print_json(found)
        return
    if asked.is_csv:
        write_csv(found.tools, of=ToolReplay)
        return
    console().print(replay_table(found))
    if found.ran_out:
        console().print(ran_out_table(found))
    else:
        console().print("Nobody would run out.")
    if found.withdrawn:
        console().print(f"Not in the draft: {', '.join(found.withdrawn)}.")


def _instant(house: House, text: str | None) -> datetime:
    return house.studio.clock.now() if text is None else _when(text, UTC_ZONE)


def _when(text: str, zone: str) -> datetime:
    return instant(text, zone=zone)


def _month(name: str) -> tuple[int, int]:
    try:
        found = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise typer.BadParameter(f"{name!r} is no month: write 2026-01") from None
    return found.year, found.month


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day: write 2026-01-31") from None
