"""Links of the chat: one answers in a thread, one shows the billing dates; neither needs a key.

The surprising choice: a calendar's link has no end, since a calendar program asks it for years; it
tells dates and the plan's name, and nothing can be done with it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Final
from uuid import UUID

from mutoscope.domain.sealed_links import LinkExpired, sealed, unsealed

ANSWER_LASTS: Final = timedelta(days=7)
"""How long an answer may be given by the link of an e-mail."""

ANSWERS: Final = "/v1/chat-links"
"""Where a program reads and answers by a link."""

PAGES: Final = "/chat"
"""Where a person does."""

CALENDARS: Final = "/v1/calendars"

_ANSWER: Final = b"mutoscope/chat-link/1\n"
_CALENDAR: Final = b"mutoscope/calendar-link/1\n"
_FIELDS: Final = Struct(">16s16s16sQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLink:
    """One person's way to answer in one thread, until an instant (whole seconds)."""

    workspace_id: UUID
    thread_id: UUID
    person_id: UUID
    expires_at: datetime


def answer_link(link: AnswerLink, *, key: bytes) -> str:
    """Return a link to answer as text for an address."""
    content = _FIELDS.pack(
        link.workspace_id.bytes, link.thread_id.bytes, link.person_id.bytes,
        int(link.expires_at.timestamp()),
    )  # fmt: skip
    return sealed(content, context=_ANSWER, key=key)


def opened_answer(text: str, *, key: bytes, at: datetime) -> AnswerLink:
    """Return who may answer where by a link.

    :raises LinkForged: when it was not signed with the key.
    :raises LinkExpired: when its time is over.
    """
    content = unsealed(text, context=_ANSWER, key=key)
    workspace, thread, person, expires = _FIELDS.unpack(content)
    expires_at = datetime.fromtimestamp(expires, UTC)
    if at >= expires_at:
        raise LinkExpired(expires_at=expires_at)
    return AnswerLink(
        workspace_id=UUID(bytes=workspace), thread_id=UUID(bytes=thread),
        person_id=UUID(bytes=person), expires_at=expires_at,
    )  # fmt: skip


def calendar_link(*, workspace_id: UUID, key: bytes) -> str:
    """Return the address of a workspace's billing dates, without the house's own."""
    return f"{CALENDARS}/{sealed(workspace_id.bytes, context=_CALENDAR, key=key)}/billing.ics"


def opened_calendar(text: str, *, key: bytes) -> UUID:
    """Return the workspace whose billing dates a link shows.

    :raises LinkForged: when it was not signed with the key.
    """
    return UUID(bytes=unsealed(text, context=_CALENDAR, key=key))
