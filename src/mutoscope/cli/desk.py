"""`mutoscope desk`: the inbox, threads, answers and facts, for staff; and what they do beside."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID, uuid4

import typer
from rich.markup import escape

from mutoscope.app import chat as chatting
from mutoscope.app import inbox as waiting
from mutoscope.app.chat import Said
from mutoscope.app.inbox import Facts
from mutoscope.bootstrap import House
from mutoscope.cli import desk_actions, desk_money, desk_waiting
from mutoscope.cli.chat import SHOWN, Before, Key, Limit, page_read
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, id_of, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import (
    balances_table,
    console,
    counted,
    lots_table,
    money,
    table,
    told,
)
from mutoscope.cli.talk import tell_messages
from mutoscope.domain.chat import Words, default_thread_id, staff
from mutoscope.domain.offers import Money
from mutoscope.storage.inbox import InboxThread, InboxView

LISTED_MAX: Final = 200
_DAY: Final = timedelta(days=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SOON: Final = timedelta(seconds=60)

StaffId = Annotated[
    UUID,
    typer.Option(
        "--as", metavar="STAFF", help="Who of staff you are.",
        parser=id_of("staff member", remedy="give your own id"),
    ),
]  # fmt: skip
ThreadId = Annotated[
    UUID | None,
    typer.Option(
        "--thread", metavar="THREAD", help="A thread's id; else the one every workspace has.",
        parser=id_of("thread", remedy="`mutoscope desk inbox --as STAFF` tells them"),
    ),
]  # fmt: skip

commands = typer.Typer()
desk = typer.Typer(help="Answer the chat, and do what a customer asked for.", no_args_is_help=True)
commands.add_typer(desk, name="desk")
for part in (desk_actions, desk_money, desk_waiting):
    part.attach(desk)


@commands.callback()
def support() -> None:
    """Work at the desk."""


@desk.command()
def inbox(
    staff_id: StaffId,
    *,
    is_mine: Annotated[bool, typer.Option("--mine", help="Only threads assigned to you.")] = False,
    is_all: Annotated[bool, typer.Option("--all", help="All threads, the newest first.")] = False,
    is_json: Json = False,
) -> None:
    """List the threads that wait for an answer, the longest waiting first."""

    async def found(house: House) -> tuple[tuple[InboxThread, ...], datetime]:
        now = house.studio.clock.now()
        view = InboxView(
            staff_id=staff_id, at=now + _DAY if is_all else _BEGINNING,
            item_id=UUID(int=0), assignee_id=staff_id if is_mine else None, limit=LISTED_MAX,
        )  # fmt: skip
        return await waiting.inbox_page(house.studio, view=view, is_all=is_all), now

    threads, now = in_house(found)
    if is_json:
        print_json(threads)
        return
    if not threads:
        console().print("No thread is here." if is_all else "Nobody waits for an answer.")
        return
    made = table(
        "!workspace", "name", "!thread", "subject", ">unread", ">waits", "assigned to", "asks"
    )
    for each in threads:
        since = each.waiting_since
        made.add_row(
            str(each.workspace_id), escape(each.workspace), str(each.thread_id),
            escape(each.subject or "-"), f"{each.unread:,}",
            "-" if since is None else age(now - since),
            _who(each.assignee_id, staff_id), "credits" if each.is_asking_credits else "-",
        )  # fmt: skip
    console().print(made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Which thread is read."""

    workspace: WorkspaceId
    staff_id: StaffId
    thread: ThreadId = None
    before: Before = None
    limit: Limit = SHOWN
    is_json: Json = False


@desk.command()
@takes(Read)
def thread(asked: Read) -> None:
    """Read the last messages of a thread; they count as read by you."""
    page = page_read(
        asked.workspace, asked.thread, before=asked.before, limit=asked.limit,
        reader=staff(staff_id=asked.staff_id),
    )  # fmt: skip
    if asked.is_json:
        print_json(page.messages)
    elif not page.messages:
        console().print("Nobody has said anything in this thread.")
    else:
        tell_messages(page.messages, zone=page.zone, is_for_staff=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What is answered."""

    workspace: WorkspaceId
    body: Annotated[str, typer.Argument(metavar="TEXT", help="What you answer.")]
    staff_id: StaffId
    thread: ThreadId = None
    key: Key = None
    is_json: Json = False


@desk.command()
@takes(Say)
def say(asked: Say) -> None:
    """Answer as staff: the thread waits no more."""

    async def spoken(house: House) -> Said:
        return await chatting.say(
            house.studio, workspace_id=asked.workspace, thread_id=asked.thread,
            author=staff(staff_id=asked.staff_id), words=Words(body=asked.body),
            key=asked.key or str(uuid4()),
        )  # fmt: skip

    said = in_house(spoken)
    if asked.is_json:
        print_json(said)
    else:
        console().print(f"Your answer is number {said.message.ordinal} of the thread.")


@desk.command()
def assign(
    workspace: WorkspaceId,
    staff_id: StaffId,
    *,
    thread_id: ThreadId = None,
    is_nobody: Annotated[bool, typer.Option("--nobody", help="Let go of it.")] = False,
    is_json: Json = False,
) -> None:
    """Take a thread on, or let go of it."""
    asked = thread_id or default_thread_id(workspace_id=workspace)
    assignee_id = None if is_nobody else staff_id
    in_house(
        lambda house: waiting.assign(
            house.studio, workspace_id=workspace, thread_id=asked, assignee_id=assignee_id
        )
    )
    if is_json:
        print_json({"thread_id": asked, "assignee_id": assignee_id})
    else:
        console().print(f"Thread {asked} is {'nobody' if is_nobody else 'yours'}.")


@desk.command()
def settle(workspace: WorkspaceId, *, thread_id: ThreadId = None, is_json: Json = False) -> None:
    """Take a thread out of the inbox that needs no answer."""
    asked = thread_id or default_thread_id(workspace_id=workspace)
    in_house(
        lambda house: waiting.settle_thread(house.studio, workspace_id=workspace, thread_id=asked)
    )
    if is_json:
        print_json({"thread_id": asked, "waiting_since": None})
    else:
        console().print(f"Thread {asked} waits no more.")


@desk.command()
def erase(
    workspace: WorkspaceId,
    ordinal: Annotated[
        int | None, typer.Argument(metavar="[NUMBER]", help="A message; else the whole thread.")
    ] = None,
    *,
    thread_id: ThreadId = None,
    is_json: Json = False,
) -> None:
    """Erase what a message says, or a whole thread; places and instants stay."""
    asked = thread_id or default_thread_id(workspace_id=workspace)
    erased = in_house(
        lambda house: chatting.erase(
            house.studio, workspace_id=workspace, thread_id=asked, ordinal=ordinal
        )
    )
    if is_json:
        print_json({"messages": erased})
    else:
        console().print(f"{counted(erased, 'message')} erased.")


@desk.command()
def facts(workspace: WorkspaceId, *, is_json: Json = False) -> None:
    """Show what you need beside a thread: plan, billing date, credits, jobs, purchases."""
    found = in_house(lambda house: waiting.facts_of(house.studio, workspace_id=workspace))
    if is_json:
        print_json(found)
        return
    screen = console()
    for name, text in _facts(found):
        screen.print(f"{name:<14} {text}", markup=False)
    zone = found.workspace.zone
    screen.print(balances_table(balances=found.balances, zone=zone, title="Credits"))
    screen.print(lots_table(balances=found.balances, zone=zone))
    if found.jobs:
        made = table("!job", "tool", "state", ">credits held", "since", title="Open jobs")
        for job in found.jobs:
            since = told(job.created_at, zone=zone)
            made.add_row(str(job.job_id), job.tool, job.state, f"{job.price:,}", since)
        screen.print(made)
    if found.purchases:
        made = table("!purchase", "state", ">credits", "kind", ">price", "ordered")
        for each in found.purchases:
            price = money(Money(amount=each.price, currency=each.currency))
            ordered = told(each.ordered_at, zone=zone)
            made.add_row(
                str(each.purchase_id), each.state, f"{each.credits:,}", each.kind, price, ordered
            )
        screen.print(made)


def age(span: timedelta) -> str:
    """Return how long something has lasted, in its two largest units."""
    if span < _SOON:
        return "moments"
    minutes = int(span.total_seconds()) // 60
    days, hours, rest = minutes // 1_440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _facts(found: Facts) -> list[tuple[str, str]]:
    workspace, standing = found.workspace, found.standing
    zone = workspace.zone
    enabled_at = standing.purchases_enabled_at
    facts = [
        ("workspace", f"{workspace.workspace_id}  {workspace.name}"),
        ("e-mail", workspace.email or "-"),
        ("plan", found.plan if standing.state is None else f"{found.plan}, {standing.state}"),
    ]
    if found.period is not None:
        facts.append(("billing date", told(found.period.ends_at, zone=zone)))
    if standing.cancels_at is not None:
        facts.append(("plan ends", told(standing.cancels_at, zone=zone)))
    if standing.closed_at is not None:
        facts.append(("closed", told(standing.closed_at, zone=zone)))
    since = "not enabled" if enabled_at is None else f"enabled {told(enabled_at, zone=zone)}"
    return [*facts, ("may buy", since)]


def _who(assignee_id: UUID | None, staff_id: UUID) -> str:
    if assignee_id is None:
        return "nobody"
    return "you" if assignee_id == staff_id else str(assignee_id)
