"""`mutoscope providers`: the companies behind the tools, their routes, and orders in doubt."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final

import typer
from rich.markup import escape

from mutoscope.app import routing
from mutoscope.app.acts import act_of
from mutoscope.app.doubts import what_to_do
from mutoscope.app.ports import Provider, ProviderError
from mutoscope.app.resolve import Finding, resolve
from mutoscope.bootstrap import House
from mutoscope.cli.as_staff import As, PasswordFile, Reason, Who, in_house_as
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import JobId, Json, WorkspaceId, takes
from mutoscope.cli.plain import plain, print_json
from mutoscope.cli.screen import console, micros, table, tell, told
from mutoscope.domain.routes import Route
from mutoscope.domain.staff import Actor, StaffAction
from mutoscope.storage import attempts, routes
from mutoscope.storage.attempts import Attempt
from mutoscope.storage.routes import Alert

SHOWN_MAX: Final = 500

commands = typer.Typer()
providers = typer.Typer(no_args_is_help=True, help="The companies behind the tools.")
commands.add_typer(providers, name="providers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a company told when it was asked, just now."""

    provider: str
    is_well: bool
    funds: str
    micros: int | None


@providers.command()
def check(*, is_json: Json = False) -> None:
    """Ask every company that is set up for its health and balance, and tell what is open."""

    async def ask(house: House) -> tuple[list[Checked], list[Alert]]:
        studio = house.studio
        asked = [_asked(name, company) for name, company in studio.providers.items()]
        found = await asyncio.gather(*asked)
        async with studio.reading() as connection:
            alerts = await routes.open_alerts(connection, limit=SHOWN_MAX)
        return list(found), list(alerts)

    found, alerts = in_house(ask)
    if is_json:
        print_json({"providers": plain(tuple(found)), "alerts": plain(tuple(alerts))})
        return
    if not found:
        tell("No company is set up: set a key, such as MUTOSCOPE_RUNWAY_KEY; `settings` has all.")
    made = table("provider", "health", "balance")
    for each in found:
        made.add_row(each.provider, "well" if each.is_well else "not well", escape(each.funds))
    console().print(made)
    for alert in alerts:
        console().print(f"{told(alert.raised_at)} {alert.sentence}", markup=False)


@providers.command(name="routes")
def list_routes(*, is_json: Json = False) -> None:
    """List the routes of every tool in order, which are in force, and what is held against them."""

    async def read(house: House) -> list[tuple[Route, str]]:
        studio, at = house.studio, house.studio.clock.now()
        async with studio.reading() as connection:
            known = await routes.health(connection)
        return [
            (route, routing.state_of(studio, route, known.get(route.key), at=at))
            for route in studio.routes.routes
        ]

    found = in_house(read)
    if is_json:
        print_json([plain(route) | {"state": state} for route, state in found])
        return
    made = table("tool", "route", "?provider", "?model", "list price", "state")
    for route, state in found:
        price = f"{micros(route.price.micros)} {route.price.unit}"
        made.add_row(route.tool, route.key, route.provider, route.model, price, state)
    console().print(made)


@providers.command()
def unpark(
    route: Annotated[str, typer.Argument(help="A route that is parked.")], *, reason: Reason,
    acting: As = None, password_file: PasswordFile = None, is_json: Json = False,
) -> None:  # fmt: skip
    """Let orders over a parked route again, once its key, money or model is put right."""

    async def unparked(house: House, actor: Actor) -> None:
        act = act_of(
            house.studio, actor, action=StaffAction.UNPARK_ROUTE, workspace_id=None, reason=reason
        )
        await routing.unpark(house.studio, route=route, act=act)

    who = Who(name=acting, password_file=password_file)
    in_house_as(who, unparked)
    if is_json:
        print_json({"route": route, "is_parked": False})
        return
    tell(f"Orders go over {route} again.")


@providers.command()
def unknown(*, is_json: Json = False) -> None:
    """List the orders of which nobody knows what became of them, the longest waiting first."""

    async def read(house: House) -> list[tuple[Attempt, str]]:
        async with house.studio.reading() as connection:
            waiting = await attempts.unknown_attempts(connection, limit=SHOWN_MAX)
        return [(each, what_to_do(house.studio, each)) for each in waiting]

    found = in_house(read)
    if is_json:
        print_json([plain(each) | {"what_to_do": told} for each, told in found])
        return
    if not found:
        tell("No order is in doubt.")
        return
    made = table("!workspace", "!job", "provider", "model", "ordered", "list price", "why")
    for each, _ in found:
        price = micros(each.list_micros)
        ordered = told(each.intended_at)
        made.add_row(
            str(each.workspace_id), str(each.job_id), each.provider, each.model, ordered, price,
            each.reason or "",
        )  # fmt: skip
    console().print(made)
    known = dict.fromkeys(f"{each.provider}, {each.model}: {what}" for each, what in found)
    for line in known:
        console().print(line, markup=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What became of which order, and who looked it up."""

    workspace: WorkspaceId
    job: JobId
    reason: Reason
    acting: As = None
    password_file: PasswordFile = None
    created: Annotated[
        str | None, typer.Option(help="It is at work or done at the provider, under this id.")
    ] = None
    cost_micros: Annotated[
        int, typer.Option(min=0, help="What it cost in millionths of a dollar; 0: never taken.")
    ] = 0
    is_json: Json = False


@providers.command(name="resolve")
@takes(Resolved)
def resolve_order(asked: Resolved) -> None:
    """Tell what became of an order in doubt, after a look at the provider's own pages."""

    async def resolved(house: House, actor: Actor) -> Finding:
        finding = Finding(
            staff=actor.name, provider_job_id=asked.created, cost_micros=asked.cost_micros
        )
        act = act_of(
            house.studio, actor, action=StaffAction.RESOLVE_ORDER, workspace_id=asked.workspace,
            reason=asked.reason,
        )  # fmt: skip
        await resolve(
            house.studio, workspace_id=asked.workspace, job_id=asked.job, finding=finding, act=act
        )
        return finding

    who = Who(name=asked.acting, password_file=asked.password_file)
    finding = in_house_as(who, resolved)
    if asked.is_json:
        print_json({"job_id": str(asked.job), **plain(finding)})
        return
    tell("It is followed now." if asked.created else "It is closed.")


async def _asked(name: str, company: Provider) -> Checked:
    try:
        funds = await company.funds()
    except ProviderError as error:
        return Checked(provider=name, is_well=False, funds=str(error), micros=None)
    return Checked(provider=name, is_well=True, funds=funds.sentence, micros=funds.micros)
