"""The chat: who speaks, what a message may be, and the ids that follow from a workspace or a key.

Invariant: a message says something, in words, as a card, or by a file. The surprising choice: each
workspace has one thread from the beginning whose id follows from its own, so that a card can be
posted without asking whether anybody has ever spoken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from mutoscope.domain.credits import Refusal, checked_code, checked_key

NAMESPACE: Final = "chat"
BODY_MAX: Final = 4_000
"""Characters of a message: a page and a half."""

SUBJECT_MAX: Final = 120
ATTACHMENTS_MAX: Final = 10
"""Files of a message: as many as fit on a screen."""

_IDS: Final = UUID("0f5c2f3e-7f9d-4c55-8f0e-6a2d1a1c9b54")
_DEFAULT: Final = "thread"


class Side(StrEnum):
    """On whose side a message stands."""

    CREATOR = "creator"
    STAFF = "staff"
    HOUSE = "house"


class Card(StrEnum):
    """What a message can be beside words; stored, and never changed."""

    QUESTION = "question"
    BILLING_DATE = "billing_date"
    MORE_CREDITS = "more_credits"
    PURCHASES_ENABLED = "purchases_enabled"
    PAYMENT_CONFIRMED = "payment_confirmed"
    CREDITS_ADDED = "credits_added"
    GOODWILL = "goodwill"
    REFUND = "refund"
    TERMS = "terms"
    ALERT = "alert"


class MessageEmpty(Refusal):
    """A message without words and without a file."""

    code = "message_empty"

    def __init__(self) -> None:
        super().__init__("this message says nothing: write something, or attach a file")


class MessageTooLong(Refusal):
    """A message or a subject with more characters than it may have."""

    code = "message_too_long"

    def __init__(self, *, name: str, length: int, length_max: int) -> None:
        super().__init__(
            f"the {name} has {length:,} characters of {length_max:,}: send the rest in another"
        )
        self.name = name
        self.length = length
        self.length_max = length_max


class TooManyAttachments(Refusal):
    """More files than a message may have."""

    code = "too_many_attachments"

    def __init__(self, *, given: int) -> None:
        super().__init__(
            f"a message has at most {ATTACHMENTS_MAX} files, not {given}: send the rest in another"
        )
        self.given = given
        self.attachments_max = ATTACHMENTS_MAX


class Author(NamedTuple):
    """Who speaks or reads: a side, and the person; the house itself has no person."""

    side: Side
    author_id: UUID | None

    @property
    def person_id(self) -> UUID:
        """Return the id of an author who is a person."""
        assert self.author_id is not None
        return self.author_id


HOUSE: Final = Author(Side.HOUSE, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a person says: text, and files of the workspace by their digests."""

    body: str = ""
    files: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a message, as it was called when it was sent."""

    sha256: str
    name: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message: `ordinal` counts in its thread, `serial` in its workspace, both without a gap.

    What was erased has no body, no data and no files any more.
    """

    workspace_id: UUID
    thread_id: UUID
    ordinal: int
    serial: int
    message_id: UUID
    side: Side
    author_id: UUID | None
    body: str | None
    card: str | None
    data: Mapping[str, Any] | None
    attachments: tuple[Attachment, ...]
    said_at: datetime
    erased_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message that is about to be written.

    `waits` is true when it begins the creator's waiting for staff, false when it ends it; None
    leaves it as it is.
    """

    workspace_id: UUID
    thread_id: UUID
    message_id: UUID
    author: Author
    said_at: datetime
    body: str | None = None
    card: str | None = None
    data: Mapping[str, Any] | None = None
    attachments: tuple[Attachment, ...] = ()
    waits: bool | None = None

    @property
    def opens(self) -> bool:
        """Tell whether the message begins its thread where there is none."""
        return self.thread_id == default_thread_id(workspace_id=self.workspace_id)


def creator(*, workspace_id: UUID, member_id: UUID | None = None) -> Author:
    """Return a person of a workspace: a member, or its owner when none is named."""
    return Author(Side.CREATOR, member_id or workspace_id)


def staff(*, staff_id: UUID) -> Author:
    """Return one of the operator's people."""
    return Author(Side.STAFF, staff_id)


def default_thread_id(*, workspace_id: UUID) -> UUID:
    """Return the id of the thread that every workspace has."""
    return uuid5(_IDS, f"{workspace_id}/{_DEFAULT}")


def id_from_key(*, workspace_id: UUID, key: str) -> UUID:
    """Return the id of what is made under a key: the same key of a workspace, the same id.

    :raises BadKey: when it is no key.
    """
    return uuid5(_IDS, f"{workspace_id}/key/{checked_key(key)}")


def checked_words(words: Words) -> Words:
    """Return what a person says, without space around it.

    :raises MessageEmpty: when it is nothing.
    :raises MessageTooLong: when it has more than `BODY_MAX` characters.
    :raises TooManyAttachments: when it has more than `ATTACHMENTS_MAX` files.
    """
    body = words.body.replace("\x00", "").strip()
    files = tuple(dict.fromkeys(words.files))
    if not body and not files:
        raise MessageEmpty
    if len(body) > BODY_MAX:
        raise MessageTooLong(name="message", length=len(body), length_max=BODY_MAX)
    if len(files) > ATTACHMENTS_MAX:
        raise TooManyAttachments(given=len(files))
    return Words(body=body, files=files)


def checked_subject(subject: str) -> str | None:
    """Return a thread's subject on one line, None for an empty one.

    :raises MessageTooLong: when it has more than `SUBJECT_MAX` characters.
    """
    line = " ".join(subject.replace("\x00", "").split())
    if len(line) > SUBJECT_MAX:
        raise MessageTooLong(name="subject", length=len(line), length_max=SUBJECT_MAX)
    return line or None


def checked_card(card: str) -> str:
    """Return the code of a card.

    :raises BadKey: when it is no lower-case word.
    """
    return checked_code(card, name="card")
