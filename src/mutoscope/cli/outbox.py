"""`mutoscope outbox`: messages on their way, and what became of them."""

import re
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.markup import escape

from mutoscope.app import post
from mutoscope.app.acts import Act
from mutoscope.bootstrap import House
from mutoscope.cli.acting import in_house_acting
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, counted, table, told
from mutoscope.domain.staff import StaffAction
from mutoscope.storage import outbox as messages
from mutoscope.storage.outbox import MessageState, StoredMessage

LISTED_MAX: Final = 200
ZONE: Final = "UTC"
_UUID: Final = re.compile(r"<?([0-9a-f-]{36})(?:@[^>\s]*)?>?")

commands = typer.Typer()
outbox = typer.Typer(help="Show and send messages, and record bounces.", no_args_is_help=True)
commands.add_typer(outbox, name="outbox")


def message_id_of(text: str) -> UUID:
    """Return the id of a message, as it is listed or as its Message-ID has it.

    :raises typer.BadParameter: when it is neither.
    """
    found = _UUID.fullmatch(text.strip().lower())
    try:
        return UUID(found[1] if found else text)
    except ValueError:
        remedy = f"{text!r} is no id of a message: `mutoscope outbox list` tells them"
        raise typer.BadParameter(remedy) from None


MessageId = Annotated[
    UUID,
    typer.Argument(metavar="MESSAGE", help="Its id, or the Message-ID.", parser=message_id_of),
]


@commands.callback()
def studio() -> None:
    """Keep the messages of the studio."""


@outbox.command(name="list")
def list_all(
    *,
    state: Annotated[
        list[MessageState] | None, typer.Option(help="Only those in a state; again for more.")
    ] = None,
    is_json: Json = False,
) -> None:
    """List the latest messages, with what the mail server said last."""

    async def read(house: House) -> tuple[StoredMessage, ...]:
        async with house.studio.reading() as connection:
            return await messages.latest(
                connection, states=state or list(MessageState), limit=LISTED_MAX
            )

    found = in_house(read)
    if is_json:
        print_json(found)
        return
    shown = table("!message", "written", "to", "subject", "state", "?>tries", "?said")
    for each in found:
        shown.add_row(
            str(each.message_id), told(each.created_at, zone=ZONE), escape(each.recipient or "-"),
            escape(each.subject), each.state.replace("_", " "), str(each.tries),
            escape(each.failure or "-"),
        )  # fmt: skip
    console().print(shown)


@outbox.command()
def show(message: MessageId, *, is_json: Json = False) -> None:
    """Show a message whole."""

    async def read(house: House) -> StoredMessage:
        async with house.studio.reading() as connection:
            return await messages.get(connection, message_id=message)

    _show(in_house(read), is_json=is_json)


@outbox.command()
def send(
    message: Annotated[
        UUID | None,
        typer.Argument(
            metavar="[MESSAGE]", help="One to queue again; without it only what is due goes.",
            parser=message_id_of,
        ),
    ] = None,
    *,
    is_json: Json = False,
) -> None:  # fmt: skip
    """Send what is due now, as a worker does by itself."""

    async def queued(house: House, act: Act) -> None:
        assert message is not None
        await post.send_again(house.studio, message_id=message, act=act)

    async def sent(house: House) -> int:
        tried = 0
        while found := await post.send_due(house.studio):
            tried += found
        return tried

    if message is not None:
        in_house_acting(StaffAction.SEND_MESSAGE, queued, workspace_id=None, what="outbox send")
    tried = in_house(sent)
    if is_json:
        print_json({"tried": tried})
    else:
        console().print(f"{counted(tried, 'message')} tried; `outbox list` tells what came of it")


@outbox.command()
def bounced(
    message: MessageId,
    *,
    reason: Annotated[str, typer.Option(help="What the answer says.")],
    is_json: Json = False,
) -> None:
    """Record that a message came back: the next invoices stay here until the address changes."""
    found = in_house_acting(
        StaffAction.NOTE_BOUNCE,
        lambda house, act: post.bounced(
            house.studio, message_id=message, reason=reason, act=act
        ),
        workspace_id=None, what="outbox bounced",
    )  # fmt: skip
    _show(found, is_json=is_json)


def _show(found: StoredMessage, *, is_json: bool) -> None:
    if is_json:
        print_json(found)
        return
    screen = console()
    facts = [
        ("to", found.recipient or "-"), ("subject", found.subject),
        ("state", found.state.replace("_", " ")), ("tries", str(found.tries)),
        ("written", told(found.created_at, zone=ZONE)), ("sent", told(found.sent_at, zone=ZONE)),
        ("next try", told(found.next_try_at, zone=ZONE)), ("said", found.failure or "-"),
    ]  # fmt: skip
    if found.attached is not None:
        facts.append(("attached", f"{found.attached} {found.attached_id}".replace("_", " ")))
    if found.is_repeat:
        facts.append(("repeat", "a try was cut off: it may arrive twice, under one Message-ID"))
    for name, text in facts:
        screen.print(f"{name:<10} {text}", markup=False)
    screen.print(f"\n{found.body}", markup=False)
