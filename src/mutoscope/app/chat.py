"""The chat: threads, messages, what was read, and the cards that other journeys post.

Invariant: a message is told to whoever listens in the transaction that writes it, and a card
commits with what it tells of. The surprising choice: whoever says something has read what came
before, so that no answer stands beside a mark of unread messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NotRequired, TypedDict, Unpack
from uuid import UUID

from mutoscope.app import downloads
from mutoscope.domain.chat import (
    NAMESPACE,
    Attachment,
    Author,
    ChatMessage,
    NewMessage,
    Side,
    Words,
    checked_card,
    checked_subject,
    checked_words,
    default_thread_id,
    id_from_key,
    staff,
)
from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk_words import desk_words
from mutoscope.domain.money_words import card_words
from mutoscope.domain.planner import KeyReused
from mutoscope.storage import chat, workspaces
from mutoscope.storage.chat import Thread, UnknownThread
from mutoscope.storage.session import SideRow, write_side_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mutoscope.app.desk_cards import Card
    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection

PAGE_MAX: Final = 200
"""Messages that are read at once."""


class TooManyThreads(Refusal):
    """One more thread for a workspace that has as many as it may."""

    code = "too_many_threads"

    def __init__(self) -> None:
        super().__init__(
            f"a workspace has at most {chat.THREADS_MAX} threads: go on in one that there is"
        )
        self.threads_max = chat.THREADS_MAX


class Said(NamedTuple):
    """A message, and whether it was said before under the same key."""

    message: ChatMessage
    is_replay: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """The threads of a workspace as a person sees them; `serial` is where a live stream goes on."""

    threads: tuple[Thread, ...]
    default_thread_id: UUID
    serial: int


class CardPosting(TypedDict):
    """What a card needs: where it stands, whose it is, and what it tells.

    Without a `thread_id` it stands in the thread that every workspace has; without a `body` people
    read its data.
    """

    workspace_id: UUID
    thread_id: UUID | None
    message_id: UUID
    author: Author
    card: str
    data: Mapping[str, Any]
    at: datetime
    body: NotRequired[str | None]


def card_rows(**posting: Unpack[CardPosting]) -> tuple[SideRow, ...]:
    """Return the side rows that post a card with a submission.

    A card of staff ends the creator's waiting. A thread that the workspace does not have, or a
    message id that was used, refuses the whole submission as `state_moved_on`.

    :raises BadKey: when the card's code is no lower-case word.
    """
    workspace_id, author = posting["workspace_id"], posting["author"]
    message = NewMessage(
        workspace_id=workspace_id,
        thread_id=posting["thread_id"] or default_thread_id(workspace_id=workspace_id),
        message_id=posting["message_id"], author=author, body=posting.get("body"),
        card=checked_card(posting["card"]),
        data=posting["data"], said_at=posting["at"],
        waits=False if author.side is Side.STAFF else None,
    )  # fmt: skip
    return (SideRow(chat.write_messages, chat.row_of(message)),)


def post_card(card: Card) -> tuple[SideRow, ...]:
    """Return what shows an action of staff in a thread; `Studio.post_card` of a house with a chat.

    :raises BadKey: when the card's code is no lower-case word.
    """
    return card_rows(
        workspace_id=card.workspace_id, thread_id=card.thread_id, message_id=card.message_id,
        author=staff(staff_id=card.author), card=card.card, data=card.data, at=card.at,
        body=card_words(card.card, card.data) or desk_words(card.card, card.data, zone=card.zone),
    )  # fmt: skip


async def open_thread(
    studio: Studio, *, workspace_id: UUID, subject: str, author: Author, key: str
) -> tuple[Thread, bool]:
    """Open a thread; tell whether it was opened before under the same key.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises MessageTooLong: when the subject is too long.
    :raises TooManyThreads: when the workspace has as many as it may.
    :raises KeyReused: when the key was used for a thread with another subject.
    """
    thread_id = id_from_key(workspace_id=workspace_id, key=key)
    line = checked_subject(subject)
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        is_new = await chat.open_thread(
            connection, workspace_id=workspace_id, thread_id=thread_id, subject=line,
            at=studio.clock.now(),
        )  # fmt: skip
        try:
            found = await chat.thread(
                connection, workspace_id=workspace_id, thread_id=thread_id,
                reader_id=author.person_id,
            )  # fmt: skip
        except UnknownThread:
            raise TooManyThreads from None
    if found.subject not in (line, None):
        raise KeyReused(namespace=NAMESPACE, key=key)
    return found, not is_new


async def say(
    studio: Studio, *, workspace_id: UUID, thread_id: UUID | None, author: Author, words: Words,
    key: str,
) -> Said:  # fmt: skip
    """Say something in a thread (in that which every workspace has when none is named).

    :raises UnknownWorkspace: when there is no such workspace.
    :raises UnknownThread: when the workspace has no such thread.
    :raises UnknownAsset: when it has not one of the files.
    :raises MessageEmpty: when nothing is said.
    :raises MessageTooLong: when too much is said.
    :raises TooManyAttachments: when a message may not have so many files.
    :raises KeyReused: when the key was used to say something else.
    """
    message = await spoken(
        studio, workspace_id=workspace_id, thread_id=thread_id, author=author, words=words, key=key
    )
    return await said(studio, message, key=key)


async def spoken(
    studio: Studio, *, workspace_id: UUID, thread_id: UUID | None, author: Author, words: Words,
    key: str,
) -> NewMessage:  # fmt: skip
    """Return what is to be said, checked but for its thread; the refusals are those of `say`."""
    message_id = id_from_key(workspace_id=workspace_id, key=key)
    checked = checked_words(words)
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        attachments = await _attached(connection, workspace_id, checked.files)
    return NewMessage(
        workspace_id=workspace_id, message_id=message_id, author=author,
        thread_id=thread_id or default_thread_id(workspace_id=workspace_id),
        body=checked.body or None, attachments=attachments, said_at=studio.clock.now(),
        waits=author.side is Side.CREATOR,
    )  # fmt: skip


async def said(
    studio: Studio, message: NewMessage, *, key: str, rows: tuple[SideRow, ...] = ()
) -> Said:
    """Say it, once under its key, with rows that commit with it.

    :raises UnknownThread: when the workspace has no such thread.
    :raises KeyReused: when the key was used to say something else.
    """
    (found,), is_replay = await post(studio, (message,), rows=rows)
    if is_replay and not _is_same(found, message):
        raise KeyReused(namespace=NAMESPACE, key=key)
    return Said(found, is_replay)


async def post(
    studio: Studio, messages: Sequence[NewMessage], *, rows: tuple[SideRow, ...] = ()
) -> tuple[tuple[ChatMessage, ...], bool]:
    """Write messages of one thread together, once by their ids; tell whether they were there.

    The first is a person's, who has read them all by that; the rows commit with them.

    :raises UnknownThread: when the workspace has no such thread.
    """
    first, last = messages[0], messages[-1]
    async with studio.reading() as connection:
        before = await _found(connection, messages)
        if before:
            return before, True
        if not first.opens:
            await chat.thread(
                connection, workspace_id=first.workspace_id, thread_id=first.thread_id,
                reader_id=first.workspace_id,
            )  # fmt: skip
        transaction = connection.transaction()
        await transaction.start()
        try:
            written = await chat.write_messages(
                connection, [chat.row_of(each) for each in messages]
            )
            is_new = written == len(messages)
            found = await _found(connection, messages) if is_new else ()
            if is_new:
                await chat.mark_read(
                    connection, thread=(first.workspace_id, first.thread_id), reader=first.author,
                    ordinal=found[-1].ordinal, at=last.said_at,
                )  # fmt: skip
                await write_side_rows(connection, rows)
        except BaseException:
            await transaction.rollback()
            raise
        if is_new:
            await transaction.commit()
            return found, False
        await transaction.rollback()  # another of the same key was first
        return await _found(connection, messages), True


async def read_up_to(
    studio: Studio, *, workspace_id: UUID, thread_id: UUID, reader: Author, ordinal: int
) -> Thread:
    """Note how far a person has read a thread; it never goes back.

    :raises UnknownThread: when the workspace has no such thread.
    """
    async with studio.reading() as connection, connection.transaction():
        await chat.mark_read(
            connection, thread=(workspace_id, thread_id), reader=reader, ordinal=ordinal,
            at=studio.clock.now(),
        )  # fmt: skip
        return await chat.thread(
            connection, workspace_id=workspace_id, thread_id=thread_id, reader_id=reader.person_id
        )


async def threads_of(studio: Studio, *, workspace_id: UUID, reader: Author) -> Threads:
    """Return the threads of a workspace as a person sees them.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        serial = await chat.last_serial(connection, workspace_id=workspace_id)
        found = await chat.threads_of(
            connection, workspace_id=workspace_id, reader_id=reader.person_id
        )
    own = default_thread_id(workspace_id=workspace_id)
    return Threads(threads=found, default_thread_id=own, serial=serial)


async def messages_of(
    studio: Studio, *, workspace_id: UUID, thread_id: UUID, before: int | None = None,
    after: int | None = None, limit: int = PAGE_MAX,
) -> tuple[ChatMessage, ...]:  # fmt: skip
    """Return messages of a thread, the oldest first: the last ones, or those before or after one.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises UnknownThread: when it has no such thread.
    """
    place = {"workspace_id": workspace_id, "thread_id": thread_id}
    async with studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        if thread_id != default_thread_id(workspace_id=workspace_id):
            await chat.thread(connection, **place, reader_id=workspace_id)
        if after is not None:
            return await chat.messages_after(connection, **place, ordinal=after, limit=limit)
        end = _END if before is None else before
        found = await chat.messages_before(connection, **place, ordinal=end, limit=limit)
    return found[::-1]


_END: Final = 2**62


async def _attached(
    connection: Connection, workspace_id: UUID, files: Sequence[bytes]
) -> tuple[Attachment, ...]:
    found = [
        await downloads.named(connection, workspace_id=workspace_id, asset=asset) for asset in files
    ]
    return tuple(
        Attachment(
            sha256=file.asset.hex(), name=file.name, media_type=file.media_type,
            size_bytes=file.size_bytes,
        )
        for file in found
    )  # fmt: skip


async def _found(connection: Connection, messages: Sequence[NewMessage]) -> tuple[ChatMessage, ...]:
    """Return the messages of some ids, all of them or none."""
    found = [
        await chat.by_id(connection, workspace_id=each.workspace_id, message_id=each.message_id)
        for each in messages
    ]
    return tuple(each for each in found if each is not None) if all(found) else ()


def _is_same(found: ChatMessage, message: NewMessage) -> bool:
    if (found.thread_id, found.side, found.author_id) != (message.thread_id, *message.author):
        return False
    if found.erased_at is not None:
        return True  # what was said is gone: the key alone tells
    said = {each.sha256 for each in found.attachments}
    return found.body == message.body and said == {each.sha256 for each in message.attachments}
