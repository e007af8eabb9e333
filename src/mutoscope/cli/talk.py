"""How messages of the chat look in a terminal: who, when, what, and what a card tells."""

from collections.abc import Iterable
from typing import Final

from rich.markup import escape

from mutoscope.cli.screen import console, told
from mutoscope.domain.card_facts import card_facts
from mutoscope.domain.chat import ChatMessage, Side

SPEAKERS: Final = {Side.CREATOR: "you", Side.STAFF: "support", Side.HOUSE: "Mutoscope"}
SPEAKERS_FOR_STAFF: Final = {
    Side.CREATOR: "creator", Side.STAFF: "staff", Side.HOUSE: "Mutoscope",
}  # fmt: skip


def tell_messages(
    messages: Iterable[ChatMessage], *, zone: str, is_for_staff: bool = False
) -> None:
    """Print messages, the oldest first."""
    speakers = SPEAKERS_FOR_STAFF if is_for_staff else SPEAKERS
    for message in messages:
        who = speakers[message.side]
        if is_for_staff and message.author_id is not None:
            is_owner = message.author_id == message.workspace_id
            who = f"{who} {'(owner)' if is_owner else message.author_id}"
        head = f"{message.ordinal:>4}  {told(message.said_at, zone=zone)}  [bold]{who}[/]"
        console().print(head, soft_wrap=True)
        for line in _lines(message):
            console().print(f"      {escape(line)}")


def _lines(message: ChatMessage) -> Iterable[str]:
    if message.erased_at is not None:
        yield "(erased)"
        return
    if message.body:
        yield from message.body.splitlines()
    elif message.card is not None:
        facts = ", ".join(card_facts(message.data or {}))
        yield f"[{message.card.replace('_', ' ')}] {facts}".rstrip()
    for each in message.attachments:
        yield f"file {each.name}, {each.media_type}, {each.size_bytes:,} B, {each.sha256}"
