"""`mutoscope subscription`: a workspace's plan, its billing date, and every change of it."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import typer

from mutoscope.app import change_plan, subscribe, suspend, upgrade
from mutoscope.app.acts import Act
from mutoscope.app.demo import NOT_CHARGED
from mutoscope.app.desk_facts import money_in
from mutoscope.app.subscribe import NewPlan
from mutoscope.app.trial_end import preview_start, trial_ended, trial_left
from mutoscope.app.upgrade import Upgrade
from mutoscope.bootstrap import House
from mutoscope.cli.acting import in_house_acting
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import (
    Allowances,
    Currency,
    Json,
    Price,
    WorkspaceId,
    Yes,
    allowance,
    takes,
)
from mutoscope.cli.plain import print_json
from mutoscope.cli.plan_screen import Shown, show_plan, shown_of
from mutoscope.cli.screen import console, money, table, told
from mutoscope.cli.starting import amounts_told, began_at, confirm_start, start_told, terms_told
from mutoscope.domain.billing_words import happened, happened_at
from mutoscope.domain.offers import Money
from mutoscope.domain.staff import StaffAction
from mutoscope.storage import subscriptions, workspaces
from mutoscope.storage.subscriptions import Change

CHANGES_MAX: Final = 100

ACTIONS: Final = {"start": StaffAction.START_PLAN, "close": StaffAction.CLOSE}
"""What commands do, by their names; the others change a plan that runs."""

commands = typer.Typer()
subscription = typer.Typer(help="Start, change and end a plan.", no_args_is_help=True)
commands.add_typer(subscription, name="subscription")

PlanKey = Annotated[str, typer.Argument(metavar="PLAN", help="A plan's key, such as pro.")]
Key = Annotated[str | None, typer.Option("--key", help="Your own key: a repeat is the same.")]


@commands.callback()
def plans() -> None:
    """Look after plans."""


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
    allowances: Allowances = None
    price: Price = None
    currency: Currency = None
    key: Key = None
    yes: Yes = False
    is_preview: Annotated[
        bool, typer.Option("--preview", help="Only tell the price, and what ends of the trial.")
    ] = False
    is_json: Json = False


@subscription.command()
def show(workspace_id: WorkspaceId, *, is_json: Json = False) -> None:
    """Show the plan: its state, the billing date and why, what is scheduled and to be paid."""
    show_plan(in_house(lambda house: shown_of(house.studio, workspace_id)), is_json=is_json)


@subscription.command()
@takes(StartOptions)
def start(asked: StartOptions) -> None:
    """Start a plan: now and on account, or when its first payment is confirmed."""
    if asked.pays_first and asked.began:
        raise typer.BadParameter("--pay-first begins when it is paid: leave --began out")
    new = NewPlan(
        plan=asked.plan, is_annual=asked.is_annual,
        agreed=dict(map(allowance, asked.allowances or ())), price=_price(asked),
        anchor_at=began_at(asked.began, workspace_id=asked.workspace_id),
    )  # fmt: skip
    if asked.is_preview:
        preview = in_house(
            lambda house: preview_start(house.studio, workspace_id=asked.workspace_id, new=new)
        )
        print_json(preview) if asked.is_json else console().print(
            f"{asked.plan}: {start_told(preview)}"
        )
        return
    confirm_start(asked.workspace_id, new, yes=asked.yes or asked.pays_first)

    async def started(house: House, act: Act) -> Shown:
        if asked.pays_first:
            await subscribe.order_plan(
                house.studio, workspace_id=asked.workspace_id, key=asked.key or str(uuid4()),
                new=replace(new, gateway=house.studio.gateway), act=act,
            )  # fmt: skip
            return replace(
                await shown_of(house.studio, asked.workspace_id),
                trial_ends=await trial_left(house.studio, workspace_id=asked.workspace_id),
            )
        begun = await subscribe.start_on_account(
            house.studio, workspace_id=asked.workspace_id, new=new, act=act
        )
        assert begun.subscription is not None, "its plan was started"
        return replace(
            await shown_of(house.studio, asked.workspace_id),
            trial_ended=await trial_ended(house.studio, subscription=begun.subscription),
        )

    show_plan(_acted(started, asked.workspace_id, f"start {asked.plan}"), is_json=asked.is_json)


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

    async def upgraded(house: House, act: Act) -> Shown:
        await upgrade.upgrade(
            house.studio, workspace_id=workspace_id, plan=plan, key=key or str(uuid4()), act=act
        )
        return await shown_of(house.studio, workspace_id)

    show_plan(_acted(upgraded, workspace_id, f"upgrade {plan}"), is_json=is_json)


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

    async def scheduled(house: House, act: Act) -> Shown:
        await change_plan.schedule(
            house.studio, workspace_id=workspace_id, plan=plan, is_annual=is_annual, zone=zone,
            act=act,
        )  # fmt: skip
        return await shown_of(house.studio, workspace_id)

    show_plan(_acted(scheduled, workspace_id, "schedule"), is_json=is_json)


@subscription.command()
def cancel(workspace_id: WorkspaceId, *, yes: Yes = False, is_json: Json = False) -> None:
    """Let the plan end on the billing date; until then everything stays."""
    _confirm("The plan ends on its billing date, purchased credits freeze then. Go", yes=yes)

    async def cancelled(house: House, act: Act) -> Shown:
        await change_plan.cancel(house.studio, workspace_id=workspace_id, act=act)
        return await shown_of(house.studio, workspace_id)

    show_plan(_acted(cancelled, workspace_id, "cancel"), is_json=is_json)


@subscription.command()
def undo(workspace_id: WorkspaceId, *, is_json: Json = False) -> None:
    """Take back what is scheduled for the billing date; a cancelled plan goes on."""

    async def undone(house: House, act: Act) -> Shown:
        await change_plan.undo(house.studio, workspace_id=workspace_id, act=act)
        return await shown_of(house.studio, workspace_id)

    show_plan(_acted(undone, workspace_id, "undo"), is_json=is_json)


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

    async def closed(house: House, act: Act) -> Shown:
        await suspend.close(house.studio, workspace_id=workspace_id, act=act)
        return await shown_of(house.studio, workspace_id)

    show_plan(_acted(closed, workspace_id, "close"), is_json=is_json)


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
    made = table("when", "what", "plan", "before", "after")
    for each in found:
        at = happened_at(each.event, due_at=each.due_at, changed_at=each.changed_at)
        made.add_row(
            told(at, zone=zone), _happened(each, zone), each.plan,
            each.state_before.replace("_", " "), each.state_after.replace("_", " "),
        )  # fmt: skip
    console().print(made)


def _happened(change: Change, zone: str) -> str:
    """Return what happened to a plan, with the terms that were agreed."""
    words = happened(
        change.event, due_at=change.due_at, zone=zone, scheduled=change.scheduled
    )  # fmt: skip
    terms = "; ".join(terms_told(change.scheduled.agreed if change.scheduled else None))
    return f"{words} ({terms})" if terms else words


def _acted(use: Callable[[House, Act], Awaitable[Shown]], workspace_id: UUID, what: str) -> Shown:
    """Change a plan with its line in the audit; `what` begins with the command's name."""
    action = ACTIONS.get(what.partition(" ")[0], StaffAction.CHANGE_PLAN)
    return in_house_acting(action, use, workspace_id=workspace_id, what=f"subscription {what}")


def _told(preview: Upgrade) -> str:
    costs = f"{money(preview.price)} net"
    if preview.is_demo:
        costs = f"nothing ({NOT_CHARGED})"
    granted = amounts_told(preview.credits) or "no credits"
    lapse = told(preview.lapses_at, zone=preview.zone)
    return (
        f"{preview.plan} costs {costs} for the rest of the term and grants "
        f"{granted} now; they lapse on {lapse}."
    )


def _plain(preview: Upgrade) -> dict[str, Any]:
    return {
        "plan": preview.plan, "price": preview.price, "credits": preview.credits,
        "lapses_at": preview.lapses_at, "share": float(preview.share),
    }  # fmt: skip


def _confirm(question: str, *, yes: bool) -> None:
    if sys.stdin.isatty() and not yes:
        typer.confirm(question, abort=True, err=True)


def _price(asked: StartOptions) -> Money | None:
    """Return the price that was agreed, in the catalog's currency unless one is named."""
    amount = asked.price
    if amount is None:
        if asked.currency is not None:
            raise typer.BadParameter("a currency was given: give the --price, too")
        return None

    async def priced(house: House) -> Money:
        studio = house.studio
        return money_in(studio, amount=amount, currency=asked.currency, at=studio.clock.now())

    return in_house(priced)
