"""The outbox: messages that commit with what they are about, and their way to a mail server."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.storage.database import queries
from mutoscope.storage.place import LAST, Place

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("outbox")


class Attached(StrEnum):
    """What is printed for a message when it is sent."""

    DOCUMENT = "document"
    PAYMENT_REQUEST = "payment_request"


class MessageState(StrEnum):
    """Where a message is on its way."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    BOUNCED = "bounced"
    UNDELIVERABLE = "undeliverable"
    GIVEN_UP = "given_up"


class NewMessage(NamedTuple):
    """A message that commits with a submission; the columns of the type `new_message`.

    A message to nobody is kept as undeliverable, with the reason.
    """

    workspace_id: UUID
    message_id: UUID
    recipient: str
    subject: str
    body: str
    created_at: datetime
    attached: str | None = None
    attached_id: UUID | None = None
    state: str = MessageState.QUEUED
    ended_at: datetime | None = None
    failure: str | None = None


class UnknownMessage(Refusal):
    """An id that names no message of the outbox."""

    code = "unknown_message"

    def __init__(self, *, message_id: UUID) -> None:
        super().__init__(f"there is no message {message_id}: `outbox list` tells them")
        self.message_id = message_id


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message and where it is on its way; `failure` is what the last server said."""

    workspace_id: UUID
    message_id: UUID
    recipient: str
    subject: str
    body: str
    created_at: datetime
    state: MessageState
    tries: int
    next_try_at: datetime | None
    tried_at: datetime | None
    sent_at: datetime | None
    ended_at: datetime | None
    failure: str | None
    is_repeat: bool
    attached: Attached | None
    attached_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What becomes of a message after a try."""

    state: MessageState
    failure: str | None = None
    next_try_at: datetime | None = None
    is_repeat: bool = False


async def write_messages(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Put messages (`NewMessage`) into the outbox; the same id again changes nothing."""
    written: int = await _SQL.write_messages(connection, messages=list(rows))
    return written


async def take_back(
    connection: Connection, *, before: datetime, at: datetime, tries_max: int
) -> None:
    """Queue again what was claimed before an instant and never finished, or give it up."""
    await _SQL.take_back(connection, before=before, at=at, tries_max=tries_max)


async def claim(
    connection: Connection, *, at: datetime, oldest: datetime, limit: int
) -> tuple[StoredMessage, ...]:
    """Take messages that became due after `oldest`, for this worker alone."""
    rows = _SQL.claim(connection, at=at, oldest=oldest, limit=limit)
    return tuple([_message(row) async for row in rows])


async def finish(
    connection: Connection, *, message: StoredMessage, ending: Ending, at: datetime
) -> bool:
    """Keep the outcome of a try; false when the try was taken back meanwhile."""
    written = await _SQL.finish(
        connection, workspace_id=message.workspace_id, message_id=message.message_id,
        tries=message.tries, state=ending.state, failure=ending.failure,
        next_try_at=ending.next_try_at, is_repeat=ending.is_repeat, at=at,
    )  # fmt: skip
    return bool(written)


async def queue_again(
    connection: Connection, *, message: StoredMessage, recipient: str, at: datetime
) -> bool:
    """Queue a message anew; false when it is being sent just now."""
    written = await _SQL.queue_again(
        connection, workspace_id=message.workspace_id, message_id=message.message_id,
        recipient=recipient, at=at,
    )  # fmt: skip
    return bool(written)


async def mark_bounced(
    connection: Connection, *, message: StoredMessage, reason: str, at: datetime
) -> bool:
    """Note that a message came back; false when it was not handed over."""
    written = await _SQL.mark_bounced(
        connection, workspace_id=message.workspace_id, message_id=message.message_id,
        reason=reason, at=at,
    )  # fmt: skip
    return bool(written)


async def get(connection: Connection, *, message_id: UUID) -> StoredMessage:
    """Return a message.

    :raises UnknownMessage: when there is no such message.
    """
    row = await _SQL.message(connection, message_id=message_id)
    if row is None:
        raise UnknownMessage(message_id=message_id)
    return _message(row)


async def latest(
    connection: Connection, *, states: Collection[MessageState], limit: int, before: Place = LAST
) -> tuple[StoredMessage, ...]:
    """Return messages of the house in some states, newest first, before what was reached."""
    rows = _SQL.latest(
        connection, states=list(states), limit=limit, before_at=before.at, before_id=before.item_id
    )
    return tuple([_message(row) async for row in rows])


def _message(row: Any) -> StoredMessage:  # noqa: ANN401  # a row of asyncpg
    known = dict(row)
    attached = known.pop("attached")
    return StoredMessage(
        **known | {"state": MessageState(known["state"])},
        attached=None if attached is None else Attached(attached),
    )
