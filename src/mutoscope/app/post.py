"""The post: sends what lies in the outbox, once a try, and keeps what the server said.

Invariant: a message is claimed before it is handed over and finished after it, in transactions of
their own; so two workers never hand over the same one, and a crash leaves it claimed. The
surprising choice: what was claimed and never finished is sent again under the same Message-ID and
marked `is_repeat`, because an invoice that may come twice is better than one that may not come.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.acts import NOBODYS, Act, write_rows
from mutoscope.app.letter import Letter, MailError
from mutoscope.app.print_invoice import printed_invoice, printed_request
from mutoscope.domain.credits import Refusal
from mutoscope.storage import billing_details, outbox
from mutoscope.storage.outbox import Attached, Ending, MessageState

if TYPE_CHECKING:
    from mutoscope.app.ports import Mailer
    from mutoscope.app.studio import Studio
    from mutoscope.storage.outbox import StoredMessage

AT_ONCE_MAX: Final = 8
"""Letters on their way at once: each has a connection of its own."""

WAITS: Final = tuple(timedelta(minutes=each) for each in (1, 5, 15, 60, 180, 420, 780))
"""Waits between tries, about a day in all; after the last one the message is given up."""

CUT_OFF_AFTER: Final = timedelta(minutes=15)
"""A try that takes longer was cut off: a mailer allows itself a few minutes."""

STALE_AFTER: Final = timedelta(days=3)
"""What could not even be tried for so long is sent by staff alone: a code in it is dead."""

REASON_MAX: Final = 500


class NoMailServer(Refusal):
    """Messages are to be sent, and no server is set up."""

    code = "no_mail_server"

    def __init__(self) -> None:
        super().__init__(
            "no mail server is set up: name one in MUTOSCOPE_SMTP_URL; until then messages lie in "
            "the outbox, where `outbox list` shows them"
        )


class NoAddress(Refusal):
    """A message to a workspace that has no address."""

    code = "no_address"

    def __init__(self) -> None:
        super().__init__(
            "the workspace has no address for invoices: set one with `billing set --email`"
        )


class MessageUnderWay(Refusal):
    """A message that is being sent just now, or was never handed over."""

    code = "message_under_way"

    def __init__(self, *, message_id: UUID, state: str) -> None:
        super().__init__(
            f"message {message_id} is {state}: wait until it is sent, `outbox show` tells when"
        )
        self.message_id = message_id
        self.state = state


async def send_due(studio: Studio) -> int:
    """Send some of what is due; return how many messages were tried.

    :raises NoMailServer: when none is set up.
    """
    mailer = studio.mailer
    if mailer is None:
        raise NoMailServer
    at = studio.clock.now()
    async with studio.reading() as connection:
        await outbox.take_back(
            connection, before=at - CUT_OFF_AFTER, at=at, tries_max=len(WAITS) + 1
        )
        claimed = await outbox.claim(connection, at=at, oldest=at - STALE_AFTER, limit=AT_ONCE_MAX)
    await asyncio.gather(*(_send(studio, mailer, message) for message in claimed))
    return len(claimed)


async def send_again(studio: Studio, *, message_id: UUID, act: Act = NOBODYS) -> StoredMessage:
    """Queue a message anew; one with a document goes to where invoices go now.

    :raises UnknownMessage: when there is no such message.
    :raises NoAddress: when there is nobody to send it to.
    :raises MessageUnderWay: when it is being sent just now.
    """
    async with studio.reading() as connection, connection.transaction():
        message = await outbox.get(connection, message_id=message_id)
        recipient = message.recipient
        if message.attached is not None:
            details = await billing_details.get(connection, workspace_id=message.workspace_id)
            recipient = details.party.email or recipient
        if not recipient:
            raise NoAddress
        if not await outbox.queue_again(
            connection, message=message, recipient=recipient, at=studio.clock.now()
        ):
            raise MessageUnderWay(message_id=message_id, state=message.state)
        await write_rows(connection, act.telling(message_id=str(message_id)))
        return await outbox.get(connection, message_id=message_id)


async def bounced(
    studio: Studio, *, message_id: UUID, reason: str, act: Act = NOBODYS
) -> StoredMessage:
    """Note that a message which a server took came back; a repeat changes nothing.

    :raises UnknownMessage: when there is no such message.
    :raises MessageUnderWay: when it was not handed over.
    """
    at = studio.clock.now()
    words = " ".join(reason.split())[:REASON_MAX] or "it came back"
    async with studio.reading() as connection, connection.transaction():
        message = await outbox.get(connection, message_id=message_id)
        if message.state is MessageState.BOUNCED:
            return message
        if not await outbox.mark_bounced(connection, message=message, reason=words, at=at):
            raise MessageUnderWay(message_id=message_id, state=message.state)
        await billing_details.mark_bounced(
            connection, workspace_id=message.workspace_id, email=message.recipient, reason=words,
            at=at,
        )  # fmt: skip
        await write_rows(connection, act.telling(message_id=str(message_id)))
        return await outbox.get(connection, message_id=message_id)


async def _send(studio: Studio, mailer: Mailer, message: StoredMessage) -> None:
    """Try one message and keep the outcome."""
    try:
        letter = await _letter(studio, message)
        await mailer.send(letter=letter)
    except Refusal as refusal:  # it cannot be printed: the operator mends that
        error = MailError(str(refusal))
    except MailError as failed:
        error = failed
    else:
        await _finish(studio, message, Ending(state=MessageState.SENT))
        return
    await _finish(studio, message, _ending(studio, message, error), error)


def _ending(studio: Studio, message: StoredMessage, error: MailError) -> Ending:
    """Return what becomes of a message after a try that failed."""
    words = str(error)[:REASON_MAX]
    if error.permanent:
        return Ending(state=MessageState.BOUNCED, failure=words)
    if message.tries > len(WAITS):
        return Ending(state=MessageState.GIVEN_UP, failure=words)
    return Ending(
        state=MessageState.QUEUED, failure=words, is_repeat=error.is_doubtful,
        next_try_at=studio.clock.now() + WAITS[message.tries - 1],
    )  # fmt: skip


async def _finish(
    studio: Studio, message: StoredMessage, ending: Ending, error: MailError | None = None
) -> None:
    at = studio.clock.now()
    workspace_id, email = message.workspace_id, message.recipient
    async with studio.reading() as connection, connection.transaction():
        is_ours = await outbox.finish(connection, message=message, ending=ending, at=at)
        if is_ours and ending.state is MessageState.SENT:
            await billing_details.clear_bounce(connection, workspace_id=workspace_id, email=email)
        elif is_ours and error is not None and error.is_of_address:
            await billing_details.mark_bounced(
                connection, workspace_id=workspace_id, email=email, reason=str(error), at=at
            )


async def _letter(studio: Studio, message: StoredMessage) -> Letter:
    name, page = await _page(studio, message)
    return Letter(
        message_id=message.message_id, recipient=message.recipient, subject=message.subject,
        body=message.body, created_at=message.created_at, page=page, page_name=name,
    )  # fmt: skip


async def _page(studio: Studio, message: StoredMessage) -> tuple[str, bytes | None]:
    if message.attached is None:
        return "", None
    assert message.attached_id is not None
    if message.attached is Attached.DOCUMENT:
        return await printed_invoice(
            studio, workspace_id=message.workspace_id, invoice_id=message.attached_id
        )
    return await printed_request(
        studio, workspace_id=message.workspace_id, request_id=message.attached_id
    )
