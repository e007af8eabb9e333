"""`mutoscope catalog`: show what is for sale, or check a file before it is used."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mutoscope.bootstrap import SystemClock, read_catalog
from mutoscope.cli.opening import settings_here
from mutoscope.cli.options import Json
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, money, table
from mutoscope.domain.catalog import Version
from mutoscope.domain.catalog_text import CatalogRefused
from mutoscope.domain.offers import Allowance, Basis, Plan, Tool

commands = typer.Typer()
catalog = typer.Typer(help="Show the plans, tools and packs, or check a file.")
commands.add_typer(catalog, name="catalog", no_args_is_help=True)


@commands.callback()
def studio() -> None:
    """Keep the catalog of the studio."""


@catalog.command()
def show(
    *,
    version: Annotated[str | None, typer.Option(help="A version; else the one in force.")] = None,
    is_json: Json = False,
) -> None:
    """Show the plans, tools and packs in force."""
    found = read_catalog(settings_here().catalog)
    chosen = found.version(key=version) if version else found.version_at(at=SystemClock().now())
    if is_json:
        print_json(chosen)
    else:
        _show(chosen, console())


@catalog.command()
def check(
    file: Annotated[Path, typer.Argument(help="The catalog's file.")], *, is_json: Json = False
) -> None:
    """Check a catalog's file; every problem names its key, value and remedy."""
    try:
        found = read_catalog(file)
    except CatalogRefused as refusal:
        if not is_json:
            for problem in refusal.problems[1:]:
                console(is_error=True).print(f"{file}: {problem}", markup=False)
        raise
    versions = [one.key for one in found.versions]
    if is_json:
        print_json({
            "file": file, "is_sound": True, "versions": versions, "withdrawn": found.withdrawn(),
        })  # fmt: skip
        return
    console().print(f"{file} is sound: {', '.join(versions)}", markup=False)
    for each in found.withdrawn():
        console().print(
            f"{each.version} withdraws the plan {each.plan}: who holds it keeps the terms of "
            f"{each.kept} until staff move them",
            markup=False,
        )


def _show(version: Version, screen: Console) -> None:
    screen.print(f"Version {version.key}, in force since {version.effective_at:%d %b %Y}\n")
    screen.print(_plans(version))
    screen.print(_tools(version))
    packs = table("pack", "kind", ">credits", ">price", title="Packs")
    for pack in version.packs:
        packs.add_row(pack.name, pack.kind, f"{pack.credits:,}", money(pack.price))
    screen.print(packs)
    screen.print(f"The smallest purchase is {version.purchase_credits_min:,} credits.")
    screen.print(_desk(version))


def _plans(version: Version) -> Table:
    kinds = [kind.key for kind in version.kinds]
    made = table("plan", *(f">{kind} a month" for kind in kinds), ">price a month", title="Plans")
    trial = {one.kind: one for one in version.trial.allowances}
    once = [f"{trial[kind].credits:,} once" if kind in trial else "none" for kind in kinds]
    made.add_row("(trial)", *once, "-")
    for plan in version.plans:
        made.add_row(
            plan.name, *(_amount(plan.allowance(kind=kind)) for kind in kinds), _cost(plan)
        )
    return made


def _amount(allowance: Allowance | None) -> str:
    if allowance is None:
        return "none"
    return f"{allowance.credits:,}" if allowance.basis is Basis.FIXED else allowance.basis.value


def _cost(plan: Plan) -> str:
    if plan.price is None:
        return "agreed"
    return money(plan.price.monthly) + (" (example)" if plan.price.is_example else "")


def _tools(version: Version) -> Table:
    made = table("tool", "?name", "?kind", ">rate", "seconds", "?ratios", title="Tools")
    for tool in version.tools:
        made.add_row(
            tool.key, tool.name, tool.kind, _rate(tool),
            " or ".join(map(str, tool.durations_s)) or "-", " ".join(tool.ratios),
        )  # fmt: skip
    return made


def _desk(version: Version) -> str:
    """Tell the rules of the desk."""
    limit = version.desk.four_eyes_above
    second = "One person acts alone at the desk, whatever it moves."
    if limit is not None:
        second = f"At the desk, more than {limit:,} credits at once take two people."
    given = {budget.kind: f"{budget.credits:,}" for budget in version.desk.budgets}
    budgets = (f"{given.get(each.key, 'any')} {each.key}" for each in version.kinds)
    goodwill = ", ".join(budgets) if given else "any"
    return f"{second}\nGoodwill in a month of UTC, in credits: {goodwill}."


def _rate(tool: Tool) -> str:
    return f"{tool.credits:,} {tool.unit.value.replace('_', ' ')}"
