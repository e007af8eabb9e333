"""The desk's side of the chat: staff answer, look after threads, and erase what has to go.

Invariant: each of it commits with its line in the audit, under who signed in; nobody says whom they
act as. The surprising choice: an answer and who looks after a thread need no reason, since the
thread itself tells it; what is erased does, since nothing else is left to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from mutoscope.app import chat as chatting
from mutoscope.app.audit import audit_rows, why
from mutoscope.domain.chat import staff
from mutoscope.domain.staff import Actor, StaffAction, require
from mutoscope.storage import chat, inbox
from mutoscope.storage import staff as people
from mutoscope.storage.chat import UnknownChatMessage
from mutoscope.storage.session import write_side_rows

if TYPE_CHECKING:
    from mutoscope.app.chat import Said
    from mutoscope.app.studio import Studio
    from mutoscope.domain.chat import Words


async def answer(
    studio: Studio, actor: Actor, *, workspace_id: UUID, thread_id: UUID | None, words: Words,
    key: str,
) -> Said:  # fmt: skip
    """Answer as staff (in the thread that every workspace has when none is named).

    :raises NotAllowed: when none of the actor's roles may talk.
    :raises Refusal: when it cannot be said, as `chat.say` tells.
    """
    require(actor, StaffAction.CHAT)
    message = await chatting.spoken(
        studio, workspace_id=workspace_id, thread_id=thread_id,
        author=staff(staff_id=actor.staff_id), words=words, key=key,
    )  # fmt: skip
    data = {"thread_id": str(message.thread_id), "message_id": str(message.message_id)}
    rows = audit_rows(
        actor=actor, action=StaffAction.CHAT, workspace_id=workspace_id, reason=None, data=data,
        at=message.said_at,
    )  # fmt: skip
    return await chatting.said(studio, message, key=key, rows=rows)


async def assign(
    studio: Studio, actor: Actor, *, workspace_id: UUID, thread_id: UUID, assignee_id: UUID | None
) -> None:
    """Let one of staff look after a thread, or nobody.

    :raises NotAllowed: when none of the actor's roles may.
    :raises UnknownThread: when the workspace has no such thread.
    :raises UnknownStaff: when nobody on the staff is the one that is named.
    """
    require(actor, StaffAction.ASSIGN_THREAD)
    at = studio.clock.now()
    told = None if assignee_id is None else str(assignee_id)
    rows = audit_rows(
        actor=actor, action=StaffAction.ASSIGN_THREAD, workspace_id=workspace_id, reason=None,
        data={"thread_id": str(thread_id), "assignee_id": told}, at=at,
    )  # fmt: skip
    async with studio.reading() as connection, connection.transaction():
        if assignee_id is not None:
            await people.require_active(connection, staff_id=assignee_id)
        await inbox.assign(
            connection, workspace_id=workspace_id, thread_id=thread_id, assignee_id=assignee_id,
            at=at,
        )  # fmt: skip
        await write_side_rows(connection, rows)


async def settle(studio: Studio, actor: Actor, *, workspace_id: UUID, thread_id: UUID) -> None:
    """Take a thread out of those that wait: it needs no answer.

    :raises NotAllowed: when none of the actor's roles may.
    :raises UnknownThread: when the workspace has no such thread.
    """
    require(actor, StaffAction.SETTLE_THREAD)
    rows = audit_rows(
        actor=actor, action=StaffAction.SETTLE_THREAD, workspace_id=workspace_id, reason=None,
        data={"thread_id": str(thread_id)}, at=studio.clock.now(),
    )  # fmt: skip
    async with studio.reading() as connection, connection.transaction():
        await inbox.end_waiting(connection, workspace_id=workspace_id, thread_id=thread_id)
        await write_side_rows(connection, rows)


async def erase(
    studio: Studio, actor: Actor, *, workspace_id: UUID, place: tuple[UUID, int | None], reason: str
) -> int:
    """Erase what a message says (thread id, ordinal), or a whole thread without an ordinal.

    Return how many messages. The rows stay with their numbers; files that were brought for them
    alone are given up.

    :raises NotAllowed: when none of the actor's roles may.
    :raises BadReason: when the reason is none.
    :raises UnknownThread: when the workspace has no such thread.
    :raises UnknownChatMessage: when the thread has no such message, or it was erased before.
    """
    require(actor, StaffAction.ERASE_MESSAGES)
    because, at = why(studio, reason), studio.clock.now()
    thread_id, ordinal = place
    async with studio.reading() as connection, connection.transaction():
        await chat.thread(
            connection, workspace_id=workspace_id, thread_id=thread_id, reader_id=workspace_id
        )
        erased = await chat.erase(
            connection, workspace_id=workspace_id, thread_id=thread_id, ordinal=ordinal, at=at
        )
        if ordinal is not None and not erased:
            raise UnknownChatMessage(thread_id=thread_id, ordinal=ordinal)
        data = {"thread_id": str(thread_id), "ordinal": ordinal, "messages": erased}
        rows = audit_rows(
            actor=actor, action=StaffAction.ERASE_MESSAGES, workspace_id=workspace_id,
            reason=because, data=data, at=at,
        )  # fmt: skip
        await write_side_rows(connection, rows)
    return erased
