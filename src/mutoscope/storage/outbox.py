"""The outbox: messages that commit with what they are about, and their way to a mail server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.storage.database import queries

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


async def write_messages(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Put messages (`NewMessage`) into the outbox; the same id again changes nothing."""
    written: int = await _SQL.write_messages(connection, messages=list(rows))
    return written
