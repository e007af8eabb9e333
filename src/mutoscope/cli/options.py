"""What the commands' arguments and options share: their spelling, and options as one value.

The surprising choice: where a command takes more than a handful, the fields of a dataclass are its
options. Typer reads a function's signature, so the command is given that of the dataclass.
"""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Annotated, Any, Final, TypeVar, get_type_hints
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from mutoscope.domain.calendar import local_date
from mutoscope.domain.credits import checked_instant
from mutoscope.domain.offers import CURRENCY

T = TypeVar("T")

MONEY_DIGITS_MAX: Final = 15
"""Digits of an amount of money: more are a slip, and sums stay far below 64 bits."""


def id_of(thing: str, *, remedy: str) -> Callable[[str], UUID]:
    """Return what reads an id from the command line.

    :raises typer.BadParameter: when the text is no id, from what is returned.
    """

    def read(text: str) -> UUID:
        try:
            return UUID(text)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is no id of a {thing}: {remedy}") from None

    return read


def money_of(what: str, *, least: int = 1) -> dict[str, Any]:
    """Return how money is written on the command line: in minor units, and never with a point.

    What is returned names a `typer.Option` or `typer.Argument`; the currency stands elsewhere.
    """

    def read(text: str) -> int:
        is_whole = text.isascii() and text.isdecimal() and len(text) <= MONEY_DIGITS_MAX
        if not is_whole or int(text) < least:
            raise typer.BadParameter(
                f"{text!r} is no amount of money: write minor units, {least} or more, such as 4797 "
                "for 47.97"
            )
        return int(text)

    return {"metavar": "AMOUNT", "parser": read, "help": f"{what}, in minor units: 4797 for 47.97."}


def currency_code(text: str) -> str:
    """Return the code of a currency, also where it is written small.

    :raises typer.BadParameter: when it is none.
    """
    if not CURRENCY.fullmatch(text.upper()):
        raise typer.BadParameter(f"{text!r} is no currency: give its code, such as EUR")
    return text.upper()


def allowance(text: str) -> tuple[str, int]:
    """Return a kind and its credits a month, as KIND=CREDITS.

    :raises typer.BadParameter: when it is something else.
    """
    kind, _, amount = text.partition("=")
    if not (amount.isascii() and amount.isdecimal()):
        raise typer.BadParameter(f"{text!r} is no allowance: write KIND=CREDITS")
    return kind, int(amount)


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WorkspaceId = Annotated[
    UUID,
    typer.Argument(
        metavar="WORKSPACE", help="The workspace's id.",
        parser=id_of("workspace", remedy="`mutoscope workspace list` tells them"),
    ),
]  # fmt: skip
JobId = Annotated[
    UUID,
    typer.Argument(
        metavar="JOB", help="The job's id.",
        parser=id_of("job", remedy="`mutoscope jobs WORKSPACE` tells them"),
    ),
]  # fmt: skip
Yes = Annotated[bool, typer.Option("--yes", help="Do it without being asked.")]
Allowances = Annotated[
    list[str] | None,
    typer.Option("--credits", help="KIND=CREDITS a month, where the plan leaves it open."),
]
Price = Annotated[int | None, typer.Option(**money_of("What a charge costs, net", least=0))]
Currency = Annotated[
    str | None,
    typer.Option(
        metavar="CODE",
        help="Of the price, such as USD; the catalog's without it.",
        parser=currency_code,
    ),
]


def takes(options: type[T]) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """Give a command an argument or option for each field of a dataclass."""

    def decorate(command: Callable[[T], None]) -> Callable[..., None]:
        @wraps(command)
        def with_options(**given: Any) -> None:  # noqa: ANN401 -- Typer has checked them
            command(options(**given))

        vars(with_options)["__signature__"] = inspect.signature(options)
        with_options.__annotations__ = get_type_hints(options, include_extras=True)
        return with_options

    return decorate


def instant(text: str, *, zone: str) -> datetime:
    """Return the instant that a person wrote: ISO 8601; without an offset it is in the zone.

    :raises typer.BadParameter: when it is no instant.
    :raises UnknownZone: when the zone is not in the zone database.
    :raises InstantOutOfReach: when it lies in a year that no ledger is kept in.
    """
    try:
        written = datetime.fromisoformat(text.strip())
    except ValueError:
        remedy = f"{text!r} is no instant: write 2026-01-31, or 2026-01-31T10:00+01:00"
        raise typer.BadParameter(remedy) from None
    aware = written if written.tzinfo else written.replace(tzinfo=_zone(zone))
    return checked_instant(aware, name="the instant")


def _zone(name: str) -> ZoneInfo:
    local_date(at=datetime.now(UTC), zone=name)  # refuses a zone that nobody knows
    return ZoneInfo(name)
