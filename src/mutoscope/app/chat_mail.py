"""E-mail to the person who is away, and the answer that is given by its link.

Invariant: of a burst of messages one e-mail tells, and none when the person has read them or has a
live stream open. The surprising choice: the e-mail does not repeat what was said, since it could
not be erased there; its link shows the thread, and takes an answer. It goes to the member who spoke
last and is still in the team, and to the owner when there is none; who leaves the team can neither
read nor answer by an elder link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.app import chat as chatting
from mutoscope.app.chat import Said
from mutoscope.domain.chat import Author, ChatMessage, Words, creator
from mutoscope.domain.chat_links import (
    ANSWER_LASTS,
    PAGES,
    AnswerLink,
    answer_link,
    opened_answer,
)
from mutoscope.domain.team import MemberState, UnknownMember
from mutoscope.storage import inbox, team, workspaces
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
    :raises UnknownMember: when the person has left the team.
    :raises UnknownThread: when the thread is gone.
    """
    link = await _opened(studio, token)
    messages = await chatting.messages_of(
        studio, workspace_id=link.workspace_id, thread_id=link.thread_id, limit=SHOWN_MAX
    )
    return link, messages


async def answer(studio: Studio, *, token: str, body: str, key: str) -> Said:
    """Say something by a link, as the person whom it was sent to.

    :raises LinkForged: when this house has not signed it.
    :raises LinkExpired: when its time is over.
    :raises UnknownMember: when the person has left the team.
    :raises UnknownThread: when the thread is gone.
    :raises MessageEmpty: when nothing is said.
    :raises MessageTooLong: when too much is said.
    :raises KeyReused: when the key was used to say something else.
    """
    link = await _opened(studio, token)
    return await chatting.say(
        studio, workspace_id=link.workspace_id, thread_id=link.thread_id, author=_person(link),
        words=Words(body=body), key=key,
    )  # fmt: skip


async def read(studio: Studio, *, token: str, ordinal: int) -> None:
    """Note by a link how far the person whom it was sent to has read.

    :raises LinkForged: when this house has not signed it.
    :raises LinkExpired: when its time is over.
    :raises UnknownMember: when the person has left the team.
    :raises UnknownThread: when the thread is gone.
    """
    link = await _opened(studio, token)
    await chatting.read_up_to(
        studio, workspace_id=link.workspace_id, thread_id=link.thread_id, reader=_person(link),
        ordinal=ordinal,
    )  # fmt: skip


async def _opened(studio: Studio, token: str) -> AnswerLink:
    link = opened_answer(token, key=studio.asset_rules.link_key, at=studio.clock.now())
    if link.person_id == link.workspace_id:
        return link  # the owner, whoever that is now
    async with studio.reading() as connection:
        found = await team.member(
            connection, workspace_id=link.workspace_id, member_id=link.person_id
        )
    if found.state is not MemberState.ACTIVE:
        raise UnknownMember(member_id=link.person_id)
    return link


def _person(link: AnswerLink) -> Author:
    return creator(workspace_id=link.workspace_id, member_id=link.person_id)


def _letter(studio: Studio, due: DueMail, at: datetime) -> Message:
    assert due.email is not None
    what = "a message" if due.unread == 1 else f"{due.unread} messages"
    return Message(
        message_id=studio.ids.new(), recipient=due.email,
        subject=f"Support has written to {due.name}",
        body=f"Support has left {what} for {due.name} in the chat.\n\n{_way(studio, due, at)}",
        created_at=at,
    )  # fmt: skip


def _way(studio: Studio, due: DueMail, at: datetime) -> str:
    """Return how to read and answer: by a link, or where there is no address by a command."""
    if not studio.call_backs.url:
        return f"Read: mutoscope chat read {due.workspace_id} --thread {due.thread_id}"
    link = AnswerLink(
        workspace_id=due.workspace_id, thread_id=due.thread_id, person_id=due.recipient_id,
        expires_at=(at + ANSWER_LASTS).replace(microsecond=0),
    )  # fmt: skip
    place = f"{studio.call_backs.url}{PAGES}/{answer_link(link, key=studio.asset_rules.link_key)}"
    return (
        f"Read and answer: {place}\n\n"
        f"The link is yours alone and works for {ANSWER_LASTS.days} days."
    )
