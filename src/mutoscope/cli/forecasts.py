"""`mutoscope forecast` and `advise`: until when credits last, and how to have those of a board."""

import typer

from mutoscope.app.advice import Advice, advise
from mutoscope.app.forecast import Forecast, forecast
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId
from mutoscope.cli.plain import print_json
from mutoscope.cli.projects import ProjectId
from mutoscope.cli.screen import console, money, table

commands = typer.Typer()


@commands.callback()
def guidance() -> None:
    """Look ahead."""


@commands.command(name="forecast")
def tell_forecast(workspace: WorkspaceId, *, is_json: Json = False) -> None:
    """Tell until when each wallet lasts at the present rate, and what would lapse unspent."""

    async def read(house: House) -> tuple[Forecast, ...]:
        return await forecast(house.studio, workspace_id=workspace)

    found = in_house(read)
    if is_json:
        print_json(found)
        return
    for each in found:
        console().print(f"{each.kind}: {each.sentence}", markup=False)
        if each.per_week is not None:
            console().print(f"  {each.per_week:,} a week, confidence {each.confidence}")
        for lapse in each.lapses:
            console().print(f"  {lapse.sentence}", markup=False)


@commands.command(name="advise")
def tell_advice(workspace: WorkspaceId, project_id: ProjectId, *, is_json: Json = False) -> None:
    """Tell what a board lacks in credits, and the cheapest way to have them."""

    async def read(house: House) -> Advice:
        return await advise(house.studio, workspace_id=workspace, project_id=project_id)

    found = in_house(read)
    if is_json:
        print_json(found)
        return
    console().print(found.sentence, markup=False)
    _print_figures(found)


def _print_figures(found: Advice) -> None:
    made = table("kind", ">needed", ">there", ">short", "purchase", ">price")
    for each in found.kinds:
        basket = each.basket
        items = [f"{item.quantity} x {item.name}" for item in basket.items] if basket else ["-"]
        made.add_row(
            each.kind, f"{each.required:,}", f"{each.available:,}", f"{each.shortfall:,}",
            ", ".join(items), money(basket.price) if basket else "-",
        )  # fmt: skip
    if found.kinds:
        console().print(made)
    if found.plan is not None:
        now, monthly = money(found.plan.price_now), money(found.plan.price_monthly)
        console().print(f"{found.plan.name}: {now} now, {monthly} a month", markup=False)
