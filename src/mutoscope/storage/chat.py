"""Threads and their messages as rows, and how far each person has read.

Invariant: ordinals in a thread and serials in a workspace have no gap, since both are taken under
the lock of the workspace's chat. `write_messages` commits with whatever the messages tell of; when
one of them is there already it writes fewer, and nothing of the transaction may stay.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.chat import Attachment, Author, ChatMessage, NewMessage, Side
from mutoscope.domain.credits import Refusal
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

AWAY: Final = timedelta(minutes=5)
"""How long a message of staff stays unread before an e-mail tells of it."""

BURST: Final = timedelta(hours=1)
"""How long after an e-mail that was not followed the next one may come."""

THREADS_MAX: Final = 50
"""Threads of a workspace: all of them fit on one page."""

_SQL: Final = queries("chat")


class UnknownThread(Refusal):
    """An id that names no thread of the workspace."""

    code = "unknown_thread"

    def __init__(self, *, thread_id: UUID) -> None:
        super().__init__(
            f"there is no thread {thread_id} in this workspace: the list of threads names them"
        )
        self.thread_id = thread_id


class UnknownChatMessage(Refusal):
    """A number that names no message of the thread."""

    code = "unknown_chat_message"

    def __init__(self, *, thread_id: UUID, ordinal: int) -> None:
        super().__init__(f"thread {thread_id} has no message {ordinal}, or it was erased before")
        self.thread_id = thread_id
        self.ordinal = ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """One thread as a person sees it: `messages` is the last one's ordinal.

    `unread` counts what others said since; beyond a hundred it is counted no further.
    """

    workspace_id: UUID
    thread_id: UUID
    subject: str | None
    messages: int
    waiting_since: datetime | None
    assignee_id: UUID | None
    opened_at: datetime
    said_at: datetime
    read_up_to: int
    unread: int = 0


async def write_messages(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write messages as `row_of` gives them; return how many were written."""
    await _SQL.lock_chats(connection, messages=rows)
    await _SQL.open_threads(connection, messages=rows)
    found = _SQL.write_messages(connection, messages=rows, away=AWAY, burst=BURST)
    return len([row async for row in found])


def row_of(message: NewMessage) -> tuple[Any, ...]:
    """Return a message as a row for `write_messages`."""
    return (
        message.workspace_id, message.thread_id, message.message_id, message.author.side,
        message.author.author_id, message.body, message.card,
        None if message.data is None else json.dumps(message.data),
        json.dumps([asdict(each) for each in message.attachments]), message.said_at,
        message.opens, message.waits,
    )  # fmt: skip


async def open_thread(
    connection: Connection, *, workspace_id: UUID, thread_id: UUID, subject: str | None,
    at: datetime,
) -> bool:  # fmt: skip
    """Open a thread; false when it is there already, or there are too many."""
    row = await _SQL.open_thread(
        connection, workspace_id=workspace_id, thread_id=thread_id, subject=subject, at=at,
        threads_max=THREADS_MAX,
    )  # fmt: skip
    return row is not None


async def thread(
    connection: Connection, *, workspace_id: UUID, thread_id: UUID, reader_id: UUID
) -> Thread:
    """Return a thread as a person sees it.

    :raises UnknownThread: when the workspace has none of that id.
    """
    row = await _SQL.thread(
        connection, workspace_id=workspace_id, thread_id=thread_id, reader_id=reader_id
    )
    if row is None:
        raise UnknownThread(thread_id=thread_id)
    return Thread(**row)


async def threads_of(
    connection: Connection, *, workspace_id: UUID, reader_id: UUID
) -> tuple[Thread, ...]:
    """Return the threads of a workspace, that in which somebody spoke last first."""
    rows = _SQL.threads_of(connection, workspace_id=workspace_id, reader_id=reader_id)
    return tuple([Thread(**row) async for row in rows])


async def by_id(
    connection: Connection, *, workspace_id: UUID, message_id: UUID
) -> ChatMessage | None:
    """Return a message by its id, or None when the workspace has none of it."""
    row = await _SQL.message_by_id(connection, workspace_id=workspace_id, message_id=message_id)
    return None if row is None else _message(row)


async def messages_after(
    connection: Connection, *, workspace_id: UUID, thread_id: UUID, ordinal: int, limit: int
) -> tuple[ChatMessage, ...]:
    """Return messages of a thread after one, the oldest first."""
    rows = _SQL.messages_after(
        connection, workspace_id=workspace_id, thread_id=thread_id, ordinal=ordinal, limit=limit
    )
    return tuple([_message(row) async for row in rows])


async def messages_before(
    connection: Connection, *, workspace_id: UUID, thread_id: UUID, ordinal: int, limit: int
) -> tuple[ChatMessage, ...]:
    """Return messages of a thread before one, the newest first."""
    rows = _SQL.messages_before(
        connection, workspace_id=workspace_id, thread_id=thread_id, ordinal=ordinal, limit=limit
    )
    return tuple([_message(row) async for row in rows])


async def messages_since(
    connection: Connection, *, workspace_id: UUID, serial: int, limit: int
) -> tuple[ChatMessage, ...]:
    """Return messages of a workspace after a serial, in the order in which they were written."""
    rows = _SQL.messages_since(connection, workspace_id=workspace_id, serial=serial, limit=limit)
    return tuple([_message(row) async for row in rows])


async def last_serial(connection: Connection, *, workspace_id: UUID) -> int:
    """Return the serial of the last message of a workspace, 0 for none."""
    found: int | None = await _SQL.serial(connection, workspace_id=workspace_id)
    return found or 0


async def open_request(
    connection: Connection, *, workspace_id: UUID
) -> tuple[UUID, int, datetime] | None:
    """Return thread, ordinal and instant of a request for credits that staff have not granted."""
    row = await _SQL.open_request(connection, workspace_id=workspace_id)
    return None if row is None else (row["thread_id"], row["ordinal"], row["said_at"])


async def mark_read(
    connection: Connection, *, thread: tuple[UUID, UUID], reader: Author, ordinal: int, at: datetime
) -> bool:
    """Note how far a person has read a thread (workspace id, thread id); false for no further."""
    workspace_id, thread_id = thread
    row = await _SQL.mark_read(
        connection, workspace_id=workspace_id, thread_id=thread_id, reader_id=reader.author_id,
        side=reader.side, ordinal=ordinal, at=at,
    )  # fmt: skip
    if row is not None and reader.side is Side.CREATOR:
        await _SQL.end_burst(
            connection, workspace_id=workspace_id, thread_id=thread_id, ordinal=row["ordinal"],
            reader_id=reader.author_id,
        )  # fmt: skip
    return row is not None


async def erase(
    connection: Connection, *, workspace_id: UUID, thread_id: UUID, ordinal: int | None,
    at: datetime,
) -> int:  # fmt: skip
    """Erase a message, or a whole thread with its subject; return how many messages."""
    rows = [
        row
        async for row in _SQL.erase_messages(
            connection, workspace_id=workspace_id, thread_id=thread_id, ordinal=ordinal, at=at
        )
    ]
    if ordinal is None:
        await _SQL.erase_subject(connection, workspace_id=workspace_id, thread_id=thread_id)
    files = [bytes.fromhex(each["sha256"]) for row in rows for each in json.loads(row["files"])]
    if files:
        await _SQL.forget_files(connection, workspace_id=workspace_id, files=files)
    return len(rows)


def _message(row: Any) -> ChatMessage:  # noqa: ANN401  # a row of asyncpg
    fields = dict(row)
    data, attachments = fields.pop("data"), json.loads(fields.pop("attachments"))
    return ChatMessage(
        **fields | {"side": Side(fields["side"])},
        data=None if data is None else json.loads(data),
        attachments=tuple(Attachment(**each) for each in attachments),
    )
