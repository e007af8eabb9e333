"""`mutoscope workspace`: open workspaces, prove addresses, start plans on account."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from mutoscope.app import sign_up, subscribe
from mutoscope.app.acts import Act
from mutoscope.app.demo import NOT_CHARGED
from mutoscope.app.subscribe import NewPlan
from mutoscope.app.trial_end import TrialEnd, trial_ended
from mutoscope.bootstrap import House
from mutoscope.cli.acting import in_house_acting
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, Yes, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import balances_table, console, told, workspaces_table
from mutoscope.cli.starting import confirm_start, ended_told
from mutoscope.domain.balance import Balance
from mutoscope.domain.staff import StaffAction
from mutoscope.storage import balances, workspaces
from mutoscope.storage.workspaces import Message, Workspace

LISTED_MAX: Final = 500
MESSAGES_MAX: Final = 5
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

commands = typer.Typer()
workspace = typer.Typer(help="Open workspaces and start their plans.", no_args_is_help=True)
commands.add_typer(workspace, name="workspace")


@commands.callback()
def studio() -> None:
    """Keep the workspaces of the studio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A workspace with its balances, the latest messages to it, and what its trial just lost."""

    workspace: Workspace
    balances: tuple[Balance, ...]
    unlimited: tuple[str, ...]
    messages: tuple[Message, ...]
    trial_ended: tuple[TrialEnd, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOptions:
    """Whose workspace is opened, and how."""

    name: Annotated[str, typer.Argument(help="What the workspace is called.")]
    zone: Annotated[str, typer.Option(help="The time zone of screens and billing dates.")] = "UTC"
    email: Annotated[str | None, typer.Option(help="Whose one trial this is.")] = None
    is_demo: Annotated[
        bool, typer.Option("--demo", help="The built-in engine stands in for every tool.")
    ] = False
    is_sign_up: Annotated[
        bool, typer.Option("--sign-up", help="The trial waits until the address is proven.")
    ] = False
    is_json: Json = False


@workspace.command()
@takes(CreateOptions)
def create(asked: CreateOptions) -> None:
    """Open a workspace with its trial; one that the operator opens is verified."""

    async def made(house: House, act: Act) -> Shown:
        if not asked.is_sign_up:
            found = await sign_up.create(
                house.studio, name=asked.name, zone=asked.zone, email=asked.email,
                is_demo=asked.is_demo, act=act,
            )  # fmt: skip
        elif asked.email is None:
            raise typer.BadParameter("--sign-up needs --email")
        else:
            found = await sign_up.sign_up(
                house.studio, name=asked.name, email=asked.email, zone=asked.zone, act=act
            )
        return await shown_of(house, found.workspace_id)

    shown = in_house_acting(
        StaffAction.OPEN_WORKSPACE, made, workspace_id=None, what="workspace create"
    )
    _show(shown, is_json=asked.is_json)


@workspace.command()
def show(workspace_id: WorkspaceId, *, is_json: Json = False) -> None:
    """Show a workspace: plan, billing date, balances, and the latest messages to it."""
    _show(in_house(lambda house: shown_of(house, workspace_id)), is_json=is_json)


@workspace.command(name="list")
def list_all(*, is_json: Json = False) -> None:
    """List the workspaces by age."""

    async def read(house: House) -> tuple[Workspace, ...]:
        async with house.studio.reading() as connection:
            rows = await workspaces.page(
                connection, after_at=BEGINNING, after_id=UUID(int=0), limit=LISTED_MAX
            )
            return tuple(
                [await workspaces.get(connection, workspace_id=row["workspace_id"]) for row in rows]
            )

    found = in_house(read)
    if is_json:
        print_json(found)
    else:
        console().print(workspaces_table(workspaces=found))


@workspace.command()
def plan(
    workspace_id: WorkspaceId,
    plan_key: Annotated[str, typer.Argument(metavar="PLAN", help="A plan's key, such as pro.")],
    *,
    is_annual: Annotated[bool, typer.Option("--annual", help="Charged once a year.")] = False,
    agreed: Annotated[
        list[str] | None, typer.Option(help="KIND=CREDITS a month, where the plan leaves it open.")
    ] = None,
    yes: Yes = False,
    is_json: Json = False,
) -> None:
    """Start a plan on account, now: the trial's credits lapse, the billing date is fixed."""
    new = NewPlan(plan=plan_key, is_annual=is_annual, agreed=dict(map(_agreed, agreed or ())))
    confirm_start(workspace_id, new, yes=yes)

    async def started(house: House, act: Act) -> Shown:
        found = await subscribe.start_on_account(
            house.studio, workspace_id=workspace_id, new=new, act=act
        )
        assert found.subscription is not None, "its plan was started"
        ended = await trial_ended(house.studio, subscription=found.subscription)
        return replace(await shown_of(house, workspace_id), trial_ended=ended)

    made = in_house_acting(
        StaffAction.START_PLAN,
        started,
        workspace_id=workspace_id,
        what=f"workspace plan {plan_key}",
    )
    _show(made, is_json=is_json)


@workspace.command(name="verify-email")
def verify_email(
    workspace_id: WorkspaceId,
    code: Annotated[str, typer.Argument(help="The six digits that were sent.")],
    *,
    is_json: Json = False,
) -> None:
    """Take the code that was sent to a person, and begin the trial."""

    async def verified(house: House) -> Shown:
        await sign_up.verify_email(house.studio, workspace_id=workspace_id, code=code)
        return await shown_of(house, workspace_id)

    _show(in_house(verified), is_json=is_json)


async def shown_of(house: House, workspace_id: UUID, *, messages_max: int = MESSAGES_MAX) -> Shown:
    """Return a workspace with its balances and the latest messages to it."""
    now = house.studio.clock.now()
    async with house.studio.reading() as connection:
        found = await workspaces.get(connection, workspace_id=workspace_id)
        wallets = await balances.balances(connection, workspace_id=workspace_id, at=now, now=now)
    return Shown(
        workspace=found, balances=wallets,
        messages=await sign_up.messages_to(house.studio, found, limit=messages_max),
        unlimited=house.studio.unlimited_of(found, at=now, now=now),
    )  # fmt: skip


def _show(shown: Shown, *, is_json: bool) -> None:
    if is_json:
        print_json(shown)
    else:
        tell_workspace(shown)


def tell_workspace(shown: Shown) -> None:
    """Print a workspace: its plan, its balances and the latest messages to it."""
    screen, found = console(), shown.workspace
    screen.print(f"workspace  {found.workspace_id}")
    for name, text in _facts(found):
        screen.print(f"{name:<10} {text}", markup=False)
    for ended in shown.trial_ended:
        screen.print(ended_told(ended), markup=False)
    screen.print(
        balances_table(balances=shown.balances, zone=found.zone, unlimited=shown.unlimited)
    )
    for message in shown.messages:
        body = message.body.strip()
        told = f"{message.subject}. {body}" if "\n" not in body else message.subject
        screen.print(f"to {message.recipient or 'nobody'}: {told}", markup=False)


def _facts(found: Workspace) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [
        ("name", found.name), ("kind", "demo" if found.is_demo else "live"), ("zone", found.zone)
    ]  # fmt: skip
    if found.subscription is not None:
        anchor_at = told(found.subscription.anchor_at, zone=found.subscription.zone)
        facts += [("plan", found.subscription.plan), ("since", anchor_at)]
        facts += [("charged", NOT_CHARGED)] if found.is_demo else []
    elif found.trial_ends_at is not None:
        facts.append(("trial", f"until {told(found.trial_ends_at, zone=found.zone)}"))
    return facts


def _agreed(text: str) -> tuple[str, int]:
    kind, _, amount = text.partition("=")
    if not amount.isdecimal():
        raise typer.BadParameter(f"{text!r} is no allowance: write KIND=CREDITS")
    return kind, int(amount)
