"""`mutoscope subscription`: a workspace's plan, its billing date, and every change of it."""

import sys
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import typer
from rich.markup import escape

from mutoscope.app import change_plan, pay_links, subscribe, suspend, upgrade
from mutoscope.app.subscribe import NewPlan
from mutoscope.app.upgrade import Upgrade
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, Yes, instant, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, money, table, tell, told
from mutoscope.domain.calendar import billing_day
from mutoscope.domain.money import amount_text, money_text
from mutoscope.domain.subscriptions import State, Subscription
from mutoscope.storage import parked, payments, subscriptions, workspaces
from mutoscope.storage.payments import Payment, PaymentRequest
from mutoscope.storage.subscriptions import Change
from mutoscope.storage.workspaces import Workspace

CHANGES_MAX: Final = 100
SHORTEST_MONTH: Final = 28

commands = typer.Typer()
subscription = typer.Typer(help="Start, change and end a plan.", no_args_is_help=True)
commands.add_typer(subscription, name="subscription")

PlanKey = Annotated[str, typer.Argument(metavar="PLAN", help="A plan's key, such as pro.")]
Key = Annotated[str | None, typer.Option("--key", help="Your own key: a repeat is the same.")]


@commands.callback()
def plans() -> None:
    """Look after plans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A workspace's plan as it stands: its state, what is to pay and how, and what came for it."""

    state: State
    workspace: Workspace
    requests: tuple[PaymentRequest, ...]
    links: tuple[str, ...]
    parked: tuple[Payment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """Which plan is started, on account or once it is paid."""

    workspace_id: WorkspaceId
    plan: PlanKey
    is_annual: Annotated[bool, typer.Option("--annual", help="Charged once a year.")] = False
    pays_first: Annotated[
        bool, typer.Option("--pay-first", help="It starts when its first payment is confirmed.")
    ] = False
    began: Annotated[
        str | None, typer.Option(help="On account: the instant on which it was agreed to begin.")
    ] = None
    agreed: Annotated[
        list[str] | None, typer.Option(help="KIND=CREDITS a month, where the plan leaves it open.")
    ] = None
    key: Key = None
    yes: Yes = False
    is_json: Json = False


@subscription.command()
def show(workspace_id: WorkspaceId, *, is_json: Json = False) -> None:
    """Show the plan: its state, the billing date and why, what is scheduled and to be paid."""
    _show(in_house(lambda house: _shown(house, workspace_id)), is_json=is_json)


@subscription.command()
@takes(StartOptions)
def start(asked: StartOptions) -> None:
    """Start a plan: now and on account, or when its first payment is confirmed."""
    question = f"{asked.plan} starts on account now, and what is left of the trial lapses. Go"
    if not asked.pays_first:
        _confirm(question, yes=asked.yes)
    new = NewPlan(
        plan=asked.plan, is_annual=asked.is_annual, agreed=dict(map(_agreed, asked.agreed or ())),
        anchor_at=instant(asked.began, zone="UTC") if asked.began else None,
    )  # fmt: skip

    async def started(house: House) -> Shown:
        if asked.pays_first:
            await subscribe.order_plan(
                house.studio, workspace_id=asked.workspace_id, key=asked.key or str(uuid4()),
                new=replace(new, gateway=house.studio.gateway),
            )  # fmt: skip
        else:
            await subscribe.start_on_account(house.studio, workspace_id=asked.workspace_id, new=new)
        return await _shown(house, asked.workspace_id)

    _show(in_house(started), is_json=asked.is_json)


@subscription.command(name="upgrade")
def upgrade_plan(
    workspace_id: WorkspaceId,
    plan: PlanKey,
    *,
    key: Key = None,
    yes: Yes = False,
    is_preview: Annotated[bool, typer.Option("--preview", help="Only tell the price.")] = False,
    is_json: Json = False,
) -> None:
    """Change to a larger plan now; price and credits are prorated alike."""
    preview = in_house(
        lambda house: upgrade.preview_upgrade(house.studio, workspace_id=workspace_id, plan=plan)
    )
    if is_preview:
        print_json(_plain(preview)) if is_json else console().print(_told(preview))
        return
    _confirm(f"{_told(preview)} Go", yes=yes)

    async def upgraded(house: House) -> Shown:
        await upgrade.upgrade(
            house.studio, workspace_id=workspace_id, plan=plan, key=key or str(uuid4())
        )
        return await _shown(house, workspace_id)

    _show(in_house(upgraded), is_json=is_json)


@subscription.command()
def schedule(
    workspace_id: WorkspaceId,
    *,
    plan: Annotated[str | None, typer.Option(help="Another plan.")] = None,
    is_annual: Annotated[
        bool | None, typer.Option("--annual/--monthly", help="How it is charged.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Another billing zone.")] = None,
    is_json: Json = False,
) -> None:
    """Let a smaller plan, payment by the year, or a zone begin on the billing date."""
    if plan is None and is_annual is None and zone is None:
        raise typer.BadParameter("name what begins: --plan, --annual, --monthly or --zone")

    async def scheduled(house: House) -> Shown:
        await change_plan.schedule(
            house.studio, workspace_id=workspace_id, plan=plan, is_annual=is_annual, zone=zone
        )
        return await _shown(house, workspace_id)

    _show(in_house(scheduled), is_json=is_json)


@subscription.command()
def cancel(workspace_id: WorkspaceId, *, yes: Yes = False, is_json: Json = False) -> None:
    """Let the plan end on the billing date; until then everything stays."""
    _confirm("The plan ends on its billing date, purchased credits freeze then. Go", yes=yes)

    async def cancelled(house: House) -> Shown:
        await change_plan.cancel(house.studio, workspace_id=workspace_id)
        return await _shown(house, workspace_id)

    _show(in_house(cancelled), is_json=is_json)


@subscription.command()
def undo(workspace_id: WorkspaceId, *, is_json: Json = False) -> None:
    """Take back what is scheduled for the billing date; a cancelled plan goes on."""

    async def undone(house: House) -> Shown:
        await change_plan.undo(house.studio, workspace_id=workspace_id)
        return await _shown(house, workspace_id)

    _show(in_house(undone), is_json=is_json)


@subscription.command()
def close(workspace_id: WorkspaceId, *, yes: Yes = False, is_json: Json = False) -> None:
    """Close the workspace for ever: no new jobs, open ones settle, all credits are forfeited."""
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("closing forfeits every credit: repeat it with --yes")
        question = "Every credit is forfeited for ever. Type the workspace's id"
        named = typer.prompt(question, err=True)
        if named.strip() != str(workspace_id):
            raise typer.Abort

    async def closed(house: House) -> Shown:
        await suspend.close(house.studio, workspace_id=workspace_id)
        return await _shown(house, workspace_id)

    _show(in_house(closed), is_json=is_json)


@subscription.command()
def history(workspace_id: WorkspaceId, *, is_json: Json = False) -> None:
    """List every change of the plan, the newest first."""

    async def read(house: House) -> tuple[tuple[Change, ...], str]:
        async with house.studio.reading() as connection:
            workspace = await workspaces.get(connection, workspace_id=workspace_id)
            found = await subscriptions.changes(
                connection, workspace_id=workspace_id, limit=CHANGES_MAX
            )
        return found, workspace.zone

    found, zone = in_house(read)
    if is_json:
        print_json(found)
        return
    made = table("took effect", "what", "plan", "before", "after")
    for each in found:
        made.add_row(
            told(each.due_at, zone=zone), each.event, each.plan, each.state_before,
            each.state_after,
        )  # fmt: skip
    console().print(made)


async def _shown(house: House, workspace_id: UUID) -> Shown:
    at = house.studio.clock.now()
    async with house.studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        requests = await payments.open_requests(connection, workspace_id=workspace_id)
        came = await parked.of_requests(
            connection, workspace_id=workspace_id, requests=[each.request_id for each in requests]
        )
    links = tuple(pay_links.pay_link(house.studio, each, at=at) for each in requests)
    return Shown(
        state=workspace.state_at(at=at),
        workspace=workspace,
        requests=requests,
        links=links,
        parked=came,
    )


def _show(shown: Shown, *, is_json: bool) -> None:
    if is_json:
        print_json(shown)
        return
    screen = console()
    for name, text in _facts(shown):
        screen.print(f"{name:<13} {text}", markup=False)
    if not shown.requests:
        return
    made = table("!to pay", "what", ">amount", ">credited", "due", "pay at")
    for request, link in zip(shown.requests, shown.links, strict=True):
        made.add_row(
            str(request.request_id), escape(request.title), money(request.money()),
            amount_text(request.credited, request.taxed.currency) if request.credited else "",
            told(request.due_at, zone=shown.workspace.zone), link,
        )  # fmt: skip
    screen.print(made)
    for each in shown.parked:
        sum_told = money_text(each.amount, each.currency)
        tell(f"{sum_told} came for {each.request_id} and waits for staff, since it does not fit.")


def _facts(shown: Shown) -> list[tuple[str, Any]]:
    workspace, found = shown.workspace, shown.workspace.subscription
    facts: list[tuple[str, Any]] = [
        ("workspace", f"{workspace.name} ({workspace.workspace_id})"),
        ("state", shown.state),
    ]
    if found is None:
        return facts
    facts += [("plan", f"{found.plan}, {_paid(found)}"), ("billing date", _billing_date(found))]
    if found.charge_at is not None:
        facts.append(("next charge", told(found.charge_at, zone=found.zone)))
    if found.scheduled is not None:
        scheduled = found.scheduled
        begins = told(scheduled.at, zone=found.zone)
        facts.append(("scheduled", f"{scheduled.plan} ({scheduled.zone}) from {begins}"))
    if found.cancels_at is not None:
        facts.append(("ends", f"{told(found.cancels_at, zone=found.zone)} (undo takes it back)"))
    return facts


def _paid(found: Subscription) -> str:
    return "paid monthly" if found.months_per_charge == 1 else "paid yearly, credits monthly"


def _billing_date(found: Subscription) -> str:
    day = billing_day(anchor=found.anchor())
    began = told(found.anchor_at, zone=found.zone)
    short = ", or the month's last day where it is shorter" if day > SHORTEST_MONTH else ""
    return f"day {day} of each month{short}, since the plan began on {began}"


def _told(preview: Upgrade) -> str:
    granted = " and ".join(f"{amount:,} {kind}" for kind, amount in preview.credits.items())
    lapse = told(preview.lapses_at, zone=preview.zone)
    return (
        f"{preview.plan} costs {money(preview.price)} net for the rest of the term and grants "
        f"{granted or 'no'} credits now; they lapse on {lapse}."
    )


def _plain(preview: Upgrade) -> dict[str, Any]:
    return {
        "plan": preview.plan, "price": preview.price, "credits": preview.credits,
        "lapses_at": preview.lapses_at, "share": float(preview.share),
    }  # fmt: skip


def _confirm(question: str, *, yes: bool) -> None:
    if sys.stdin.isatty() and not yes:
        typer.confirm(question, abort=True, err=True)


def _agreed(text: str) -> tuple[str, int]:
    kind, _, amount = text.partition("=")
    if not amount.isdecimal():
        raise typer.BadParameter(f"{text!r} is no allowance: write KIND=CREDITS")
    return kind, int(amount)
