"""The routes' TOML text, read into values, or refused with all that is wrong with it.

Owns the names of the keys. The invariant: every route that was read can be asked for: its name is
its own, its price fits a unit, and its end comes after its beginning.
"""

import re
from datetime import timedelta

from mutoscope.domain.offers import Unit
from mutoscope.domain.routes import ListPrice, Route, RouteTable
from mutoscope.domain.toml_file import FileRefused, toml_content
from mutoscope.domain.toml_table import KEY, Problem, Table

MICROS_MAX = 1_000_000_000  # a thousand dollars for one unit is a slip of the pen
DAY_MICROS_MAX = 1_000_000_000_000  # a million dollars a day
MINUTES_MAX = 1_440  # a day
JOBS_MAX = 10_000

MODEL = re.compile(r"[!-~]{1,120}")


class RoutesRefused(FileRefused):
    """A routes file's text is bad."""

    code = "bad_routes"


def parse_routes(*, text: str, source: str) -> RouteTable:
    """Read a routes file; `source` names it in the refusal.

    :raises RoutesRefused: when the text is not TOML or anything in it is wrong.
    """
    problems: list[Problem] = []
    content = toml_content(text=text, source=source, shipped="routes.toml", refusal=RoutesRefused)
    root = Table(path="", content=content, problems=problems)
    spend = root.table(key="spend")
    limit = (
        spend.whole(key="daily_micros_max", at_most=DAY_MICROS_MAX)
        if spend.has(key="daily_micros_max")
        else None
    )
    spend.close()
    routes = tuple(_route(table, key) for key, table in root.tables(key="routes"))
    root.close()
    if problems:
        raise RoutesRefused(source=source, problems=tuple(problems))
    return RouteTable(routes=routes, daily_micros_max=limit)


def _route(table: Table, key: str) -> Route:
    cost = table.table(key="cost")
    price = ListPrice(
        unit=cost.choice(key="unit", choices=Unit),
        micros=cost.whole(key="micros", at_least=0, at_most=MICROS_MAX),
    )
    cost.close()
    effective_at = table.instant(key="effective_at")
    ends_at = table.instant(key="ends_at") if table.has(key="ends_at") else None
    if ends_at is not None and ends_at <= effective_at:
        table.complain(key="ends_at", remedy="give an instant after effective_at")
    route = Route(
        key=key,
        tool=table.text(key="tool", example="kling_pro", pattern=KEY),
        provider=table.text(key="provider", example="kling", pattern=KEY),
        model=table.text(key="model", example="kling-v2-1", pattern=MODEL),
        effective_at=effective_at,
        ends_at=ends_at,
        parameters=_parameters(table),
        price=price,
        jobs_max=table.whole(key="jobs_max", at_most=JOBS_MAX),
        deadline=timedelta(minutes=table.whole(key="deadline_minutes", at_most=MINUTES_MAX)),
        label=(
            table.text(key="label", example="gpu", pattern=KEY) if table.has(key="label") else None
        ),
    )
    table.close()
    return route


def _parameters(table: Table) -> dict[str, str | int | float | bool]:
    inner = table.table(key="parameters") if table.has(key="parameters") else None
    found: dict[str, str | int | float | bool] = {}
    for name, value in (inner.content if inner else {}).items():
        if isinstance(value, str | int | float):
            found[name] = value
        elif inner is not None:
            inner.complain(key=name, remedy="give a text, a number, true or false")
    return found
