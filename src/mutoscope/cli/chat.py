"""`mutoscope chat`: say something to support, read, list threads, and ask quick questions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, NamedTuple
from uuid import UUID, uuid4

import typer
from rich.markup import escape
from rich.table import Table

from mutoscope.app import chat as chatting
from mutoscope.app import quick_cards
from mutoscope.app.chat import Said, Threads
from mutoscope.app.quick_cards import Asked, Question
from mutoscope.assets.uploads import upload
from mutoscope.bootstrap import House
from mutoscope.cli import chat_follow
from mutoscope.cli.chat_follow import MemberId
from mutoscope.cli.files import content_of
from mutoscope.cli.jobs import frame_name
from mutoscope.cli.opening import in_house, zone_of
from mutoscope.cli.options import Json, WorkspaceId, id_of, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, table, told
from mutoscope.cli.talk import tell_messages
from mutoscope.domain.chat import Author, ChatMessage, Words, creator, default_thread_id
from mutoscope.domain.jobs import FrameName
from mutoscope.storage import jobs

SHOWN: Final = 30
"""Messages that are shown when nobody says how many."""

ThreadId = Annotated[
    UUID | None,
    typer.Option(
        "--thread", metavar="THREAD", help="A thread's id; else the one every workspace has.",
        parser=id_of("thread", remedy="`mutoscope chat list WORKSPACE` tells them"),
    ),
]  # fmt: skip
Key = Annotated[str | None, typer.Option(help="The same key again is the same message or thread.")]

Before = Annotated[int | None, typer.Option(min=1, help="Only messages before this number.")]
Limit = Annotated[int, typer.Option(min=1, max=chatting.PAGE_MAX, help="How many.")]

commands = typer.Typer()
chat = typer.Typer(help="Talk to support, and ask quick questions.", no_args_is_help=True)
commands.add_typer(chat, name="chat")
chat_follow.attach(chat)


@commands.callback()
def talk() -> None:
    """Talk to support."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What is said, where, by whom."""

    workspace: WorkspaceId
    body: Annotated[str, typer.Argument(metavar="TEXT", help="What you want to say.")] = ""
    attach: Annotated[
        list[str] | None,
        typer.Option(
            help="A picture's file, or JOB or JOB/2 for what it delivered; again for more."
        ),
    ] = None
    thread: ThreadId = None
    member: MemberId = None
    key: Key = None
    is_json: Json = False


@chat.command()
@takes(Say)
def say(asked: Say) -> None:
    """Say something to support; staff answer in the same thread."""
    named = [_named(text) for text in asked.attach or ()]

    async def spoken(house: House) -> Said:
        files = [await _attached(house, asked.workspace, each) for each in named]
        return await chatting.say(
            house.studio, workspace_id=asked.workspace, thread_id=asked.thread,
            author=creator(workspace_id=asked.workspace, member_id=asked.member),
            words=Words(body=asked.body, files=tuple(files)), key=asked.key or str(uuid4()),
        )  # fmt: skip

    said = in_house(spoken)
    if asked.is_json:
        print_json(said)
    else:
        what = "was said before, as" if said.is_replay else "is"
        console().print(
            f"Your message {what} number {said.message.ordinal} of the thread; support sees it now."
        )


def _named(text: str) -> bytes | FrameName:
    """Return the content of a picture's file, or the name of what a job delivered."""
    try:
        return frame_name(text)
    except typer.BadParameter:
        return content_of(Path(text))


async def _attached(house: House, workspace_id: UUID, named: bytes | FrameName) -> bytes:
    """Return the digest of a file of the workspace: brought now, or delivered before."""
    if isinstance(named, bytes):
        return (await upload(house.studio, workspace_id=workspace_id, content=named)).asset
    async with house.studio.reading() as connection:
        found = await jobs.output(
            connection, workspace_id=workspace_id, job_id=UUID(named.job_id),
            ordinal=named.ordinal,
        )  # fmt: skip
    return found.asset


@chat.command(name="open")
def open_one(
    workspace: WorkspaceId,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="What it is about.")],
    *,
    key: Key = None,
    is_json: Json = False,
) -> None:
    """Open a thread for another matter."""
    thread, is_replay = in_house(
        lambda house: chatting.open_thread(
            house.studio, workspace_id=workspace, subject=subject, key=key or str(uuid4()),
            author=creator(workspace_id=workspace),
        )
    )  # fmt: skip
    if is_json:
        print_json({"thread": thread, "is_replay": is_replay})
    else:
        what = "was opened before" if is_replay else "is open"
        console().print(f"Thread {thread.thread_id} {what}: name it with --thread.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Which messages are read, and by whom."""

    workspace: WorkspaceId
    thread: ThreadId = None
    before: Before = None
    limit: Limit = SHOWN
    member: MemberId = None
    is_json: Json = False


class Page(NamedTuple):
    """Messages, and the zone to tell their instants in."""

    messages: tuple[ChatMessage, ...]
    zone: str


@chat.command()
@takes(Read)
def read(asked: Read) -> None:
    """Read the last messages of a thread; they count as read from then on."""
    reader = creator(workspace_id=asked.workspace, member_id=asked.member)
    page = in_house(
        lambda house: page_read(
            house, (asked.workspace, asked.thread), before=asked.before, limit=asked.limit,
            reader=reader,
        )
    )  # fmt: skip
    if asked.is_json:
        print_json(page.messages)
    elif not page.messages:
        console().print("Nobody has said anything yet: `mutoscope chat say` begins.")
    else:
        tell_messages(page.messages, zone=page.zone)


async def page_read(
    house: House, place: tuple[UUID, UUID | None], *, before: int | None, limit: int, reader: Author
) -> Page:
    """Return the last messages of a thread (workspace id, thread id), or of the general one.

    `reader` has read them now.
    """
    workspace_id = place[0]
    chosen = place[1] or default_thread_id(workspace_id=workspace_id)
    messages = await chatting.messages_of(
        house.studio, workspace_id=workspace_id, thread_id=chosen, before=before, limit=limit
    )
    if messages:
        await chatting.read_up_to(
            house.studio, workspace_id=workspace_id, thread_id=chosen, reader=reader,
            ordinal=messages[-1].ordinal,
        )  # fmt: skip
    return Page(messages, await zone_of(house, workspace_id))


@chat.command(name="list")
def list_all(workspace: WorkspaceId, *, member: MemberId = None, is_json: Json = False) -> None:
    """List the threads of a workspace, with how much of each is unread."""

    async def found(house: House) -> tuple[Threads, str]:
        threads = await chatting.threads_of(
            house.studio, workspace_id=workspace,
            reader=creator(workspace_id=workspace, member_id=member),
        )  # fmt: skip
        return threads, await zone_of(house, workspace)

    threads, zone = in_house(found)
    if is_json:
        print_json(threads)
        return
    if threads.threads:
        console().print(threads_table(threads, zone=zone))
    else:
        console().print("Nobody has said anything yet: `mutoscope chat say` begins.")


def threads_table(threads: Threads, *, zone: str) -> Table:
    """Return the threads of a workspace, with how much of each is unread."""
    made = table("!thread", "subject", "?>messages", ">unread", "?last said", "waiting since")
    for each in threads.threads:
        is_own = each.thread_id == threads.default_thread_id
        made.add_row(
            str(each.thread_id), escape(each.subject or ("(general)" if is_own else "-")),
            f"{each.messages:,}", f"{each.unread:,}", told(each.said_at, zone=zone),
            told(each.waiting_since, zone=zone),
        )  # fmt: skip
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked, where, by whom."""

    workspace: WorkspaceId
    question: Annotated[Question, typer.Argument(help="What you want to know.")]
    thread: ThreadId = None
    member: MemberId = None
    key: Key = None
    is_json: Json = False


@chat.command()
@takes(Ask)
def ask(asked: Ask) -> None:
    """Ask when the billing date is, or for more credits; the answer comes at once."""

    async def answered(house: House) -> tuple[Asked, str]:
        found = await quick_cards.ask(
            house.studio, workspace_id=asked.workspace, thread_id=asked.thread,
            author=creator(workspace_id=asked.workspace, member_id=asked.member),
            question=asked.question, key=asked.key or str(uuid4()),
        )  # fmt: skip
        return found, await zone_of(house, asked.workspace)

    found, zone = in_house(answered)
    if asked.is_json:
        print_json(found)
    else:
        tell_messages((found.question, found.answer), zone=zone)
