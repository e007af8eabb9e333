"""E-mail to the person who is away, and the answer that is given by its link.

Invariant: of a burst of messages one e-mail tells, and none when the person has read them or has a
live stream open. The surprising choice: the e-mail does not repeat what was said, since it could
not be erased there; its link shows the thread, and takes an answer. The address is the owner's, so
the owner answers by it, whoever spoke last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.app import chat as chatting
from mutoscope.app.chat import Said
from mutoscope.domain.chat import ChatMessage, Words, creator
from mutoscope.domain.chat_links import (
    ANSWER_LASTS,
    ANSWERS,
    AnswerLink,
    answer_link,
    opened_answer,
)
from mutoscope.storage import inbox, workspaces
from mutoscope.storage.chat import AWAY
from mutoscope.storage.workspaces import Message

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.app.studio import Studio
    from mutoscope.storage.inbox import DueMail

SHOWN_MAX = 20
"""Messages that a link shows: enough to answer, not the whole history."""


async def tell_absent(studio: Studio) -> int:
    """Write the e-mails that are due to those who are away; return how many."""
    at = studio.clock.now()
    written = 0
    async with studio.reading() as connection, connection.transaction():
        for due in await inbox.take_mail(connection, at=at):
            if not due.unread or due.email is None:
                continue
            if due.is_listening:
                await inbox.note_mail(connection, due, mailed_at=None, mail_at=at + AWAY)
                continue
            await workspaces.write_message(
                connection, workspace_id=due.workspace_id, message=_letter(studio, due, at)
            )
            await inbox.note_mail(connection, due, mailed_at=at, mail_at=None)
            written += 1
    return written


async def shown(studio: Studio, *, token: str) -> tuple[AnswerLink, tuple[ChatMessage, ...]]:
    """Return where a link answers, and the last messages there.

    :raises LinkForged: when this house has not signed it.
    :raises LinkExpired: when its time is over.
    :raises UnknownWorkspace: when the workspace is gone.
    :raises UnknownThread: when the thread is gone.
    """
    link = _opened(studio, token)
    messages = await chatting.messages_of(
        studio, workspace_id=link.workspace_id, thread_id=link.thread_id, limit=SHOWN_MAX
    )
    return link, messages


async def answer(studio: Studio, *, token: str, body: str, key: str) -> Said:
    """Say something by a link, as the person whom it was sent to.

    :raises LinkForged: when this house has not signed it.
    :raises LinkExpired: when its time is over.
    :raises UnknownThread: when the thread is gone.
    :raises MessageEmpty: when nothing is said.
    :raises MessageTooLong: when too much is said.
    :raises KeyReused: when the key was used to say something else.
    """
    link = _opened(studio, token)
    return await chatting.say(
        studio, workspace_id=link.workspace_id, thread_id=link.thread_id,
        author=creator(workspace_id=link.workspace_id, member_id=link.person_id),
        words=Words(body=body), key=key,
    )  # fmt: skip


def _opened(studio: Studio, token: str) -> AnswerLink:
    return opened_answer(token, key=studio.asset_rules.link_key, at=studio.clock.now())


def _letter(studio: Studio, due: DueMail, at: datetime) -> Message:
    assert due.email is not None
    link = AnswerLink(
        workspace_id=due.workspace_id, thread_id=due.thread_id, person_id=due.workspace_id,
        expires_at=(at + ANSWER_LASTS).replace(microsecond=0),
    )  # fmt: skip
    place = f"{studio.call_backs.url}{ANSWERS}/{answer_link(link, key=studio.asset_rules.link_key)}"
    what = "a message" if due.unread == 1 else f"{due.unread} messages"
    return Message(
        message_id=studio.ids.new(), recipient=due.email,
        subject=f"Support has written to {due.name}",
        body=(
            f"Support has left {what} for {due.name} in the chat.\n\nRead and answer: {place}\n\n"
            f"The link is yours alone and works for {ANSWER_LASTS.days} days."
        ),
        created_at=at,
    )  # fmt: skip
