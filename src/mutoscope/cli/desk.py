"""`mutoscope desk`: the inbox, threads, answers and facts, for staff; and what they do beside."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NamedTuple
from uuid import UUID, uuid4

import typer
from rich.markup import escape
from rich.table import Table

from mutoscope.app import desk_chat
from mutoscope.app import inbox as waiting
from mutoscope.app.chat import Said
from mutoscope.bootstrap import House
from mutoscope.cli import (
    desk_actions,
    desk_disputes,
    desk_facts,
    desk_money,
    desk_offers,
    desk_transfers,
    desk_view,
    desk_waiting,
)
from mutoscope.cli.as_staff import As, PasswordFile, Reason, Who, in_house_as
from mutoscope.cli.chat import SHOWN, Before, Key, Limit, Page, page_read
from mutoscope.cli.desk_acting import ThreadId, tell_offer
from mutoscope.cli.options import Json, WorkspaceId, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, counted, table
from mutoscope.cli.talk import tell_messages
from mutoscope.domain.chat import Words, default_thread_id, staff
from mutoscope.domain.staff import Actor, StaffAction, require
from mutoscope.storage.inbox import InboxThread, InboxView

LISTED_MAX: Final = 200
_DAY: Final = timedelta(days=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SOON: Final = timedelta(seconds=60)

commands = typer.Typer()
desk = typer.Typer(help="Answer the chat, and do what a customer asked for.", no_args_is_help=True)
commands.add_typer(desk, name="desk")
for part in (
    desk_actions, desk_transfers, desk_money, desk_disputes, desk_offers, desk_waiting, desk_facts,
    desk_view,
):  # fmt: skip
    part.attach(desk)


@commands.callback()
def support() -> None:
    """Work at the desk."""


class Inbox(NamedTuple):
    """Threads, who of staff sees them, and when."""

    threads: tuple[InboxThread, ...]
    staff_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What threads are of, and as whom they are seen."""

    acting: As = None
    password_file: PasswordFile = None
    is_mine: Annotated[bool, typer.Option("--mine", help="Only threads assigned to you.")] = False
    is_all: Annotated[bool, typer.Option("--all", help="All threads, the newest first.")] = False
    is_json: Json = False


@desk.command()
@takes(Seen)
def inbox(asked: Seen) -> None:
    """List the threads that wait for an answer, the longest waiting first."""
    found = in_house_as(_who(asked), lambda house, actor: _inbox(house, actor, asked))
    if asked.is_json:
        print_json(found.threads)
    elif not found.threads:
        console().print("No thread is here." if asked.is_all else "Nobody waits for an answer.")
    else:
        console().print(_inbox_table(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Which thread is read, and as whom."""

    workspace: WorkspaceId
    acting: As = None
    password_file: PasswordFile = None
    thread: ThreadId = None
    before: Before = None
    limit: Limit = SHOWN
    is_json: Json = False


@desk.command()
@takes(Read)
def thread(asked: Read) -> None:
    """Read the last messages of a thread; they count as read by you."""

    async def read(house: House, actor: Actor) -> Page:
        require(actor, StaffAction.VIEW)
        return await page_read(
            house, (asked.workspace, asked.thread), before=asked.before, limit=asked.limit,
            reader=staff(staff_id=actor.staff_id),
        )  # fmt: skip

    page = in_house_as(_who(asked), read)
    if asked.is_json:
        print_json(page.messages)
    elif not page.messages:
        console().print("Nobody has said anything in this thread.")
    else:
        tell_messages(page.messages, zone=page.zone, is_for_staff=True)
        for message in page.messages:
            if message.card == StaffAction.REFUND_JOB:
                tell_offer(message.data or {}, workspace_id=asked.workspace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What is answered, and as whom."""

    workspace: WorkspaceId
    body: Annotated[str, typer.Argument(metavar="TEXT", help="What you answer.")]
    acting: As = None
    password_file: PasswordFile = None
    thread: ThreadId = None
    key: Key = None
    is_json: Json = False


@desk.command()
@takes(Say)
def say(asked: Say) -> None:
    """Answer as staff: the thread waits no more."""

    async def spoken(house: House, actor: Actor) -> Said:
        return await desk_chat.answer(
            house.studio, actor, workspace_id=asked.workspace, thread_id=asked.thread,
            words=Words(body=asked.body), key=asked.key or str(uuid4()),
        )  # fmt: skip

    said = in_house_as(_who(asked), spoken)
    if asked.is_json:
        print_json(said)
    else:
        console().print(f"Your answer is number {said.message.ordinal} of the thread.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign:
    """Which thread is taken on or let go of, and by whom."""

    workspace: WorkspaceId
    acting: As = None
    password_file: PasswordFile = None
    thread: ThreadId = None
    is_nobody: Annotated[bool, typer.Option("--nobody", help="Let go of it.")] = False
    is_json: Json = False


@desk.command()
@takes(Assign)
def assign(asked: Assign) -> None:
    """Take a thread on, or let go of it."""
    thread_id = asked.thread or default_thread_id(workspace_id=asked.workspace)

    async def assigned(house: House, actor: Actor) -> UUID | None:
        assignee_id = None if asked.is_nobody else actor.staff_id
        await desk_chat.assign(
            house.studio, actor, workspace_id=asked.workspace, thread_id=thread_id,
            assignee_id=assignee_id,
        )  # fmt: skip
        return assignee_id

    assignee_id = in_house_as(_who(asked), assigned)
    if asked.is_json:
        print_json({"thread_id": thread_id, "assignee_id": assignee_id})
    else:
        console().print(f"Thread {thread_id} is {'nobody' if asked.is_nobody else 'yours'}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Which thread needs no answer, and who says so."""

    workspace: WorkspaceId
    acting: As = None
    password_file: PasswordFile = None
    thread: ThreadId = None
    is_json: Json = False


@desk.command()
@takes(Settle)
def settle(asked: Settle) -> None:
    """Take a thread out of the inbox that needs no answer."""
    thread_id = asked.thread or default_thread_id(workspace_id=asked.workspace)

    async def settled(house: House, actor: Actor) -> None:
        await desk_chat.settle(
            house.studio, actor, workspace_id=asked.workspace, thread_id=thread_id
        )

    in_house_as(_who(asked), settled)
    if asked.is_json:
        print_json({"thread_id": thread_id, "waiting_since": None})
    else:
        console().print(f"Thread {thread_id} waits no more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase:
    """What is erased, why, and by whom."""

    workspace: WorkspaceId
    reason: Reason
    ordinal: Annotated[
        int | None, typer.Argument(metavar="[NUMBER]", help="A message; else the whole thread.")
    ] = None
    acting: As = None
    password_file: PasswordFile = None
    thread: ThreadId = None
    is_json: Json = False


@desk.command()
@takes(Erase)
def erase(asked: Erase) -> None:
    """Erase what a message says, or a whole thread; places and instants stay."""
    thread_id = asked.thread or default_thread_id(workspace_id=asked.workspace)

    async def erased(house: House, actor: Actor) -> int:
        return await desk_chat.erase(
            house.studio, actor, workspace_id=asked.workspace, place=(thread_id, asked.ordinal),
            reason=asked.reason,
        )  # fmt: skip

    found = in_house_as(_who(asked), erased)
    if asked.is_json:
        print_json({"messages": found})
    else:
        console().print(f"{counted(found, 'message')} erased.")


def age(span: timedelta) -> str:
    """Return how long something has lasted, in its two largest units."""
    if span < _SOON:
        return "moments"
    minutes = int(span.total_seconds()) // 60
    days, hours, rest = minutes // 1_440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _who(asked: Seen | Read | Say | Assign | Settle | Erase) -> Who:
    return Who(name=asked.acting, password_file=asked.password_file)


async def _inbox(house: House, actor: Actor, asked: Seen) -> Inbox:
    require(actor, StaffAction.VIEW)
    now = house.studio.clock.now()
    view = InboxView(
        staff_id=actor.staff_id, at=now + _DAY if asked.is_all else _BEGINNING,
        item_id=UUID(int=0), assignee_id=actor.staff_id if asked.is_mine else None,
        limit=LISTED_MAX,
    )  # fmt: skip
    threads = await waiting.inbox_page(house.studio, view=view, is_all=asked.is_all)
    return Inbox(threads, actor.staff_id, now)


def _inbox_table(found: Inbox) -> Table:
    made = table(
        "!workspace", "name", "??!thread", "?subject", ">unread", ">waits", "?assigned to", "?asks"
    )  # fmt: skip
    for each in found.threads:
        since = each.waiting_since
        made.add_row(
            str(each.workspace_id), escape(each.workspace), str(each.thread_id),
            escape(each.subject or "-"), f"{each.unread:,}",
            "-" if since is None else age(found.at - since),
            _assignee(each.assignee_id, found.staff_id),
            "credits" if each.is_asking_credits else "-",
        )  # fmt: skip
    return made


def _assignee(assignee_id: UUID | None, staff_id: UUID) -> str:
    if assignee_id is None:
        return "nobody"
    return "you" if assignee_id == staff_id else str(assignee_id)
