"""The shapes of the chat: messages as creators and staff read them, and pages of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from mutoscope.app.chat import PAGE_MAX
from mutoscope.app.downloads import LASTS
from mutoscope.app.studio import Studio
from mutoscope.domain.asset_links import AssetLink, signed
from mutoscope.domain.chat import ATTACHMENTS_MAX, Attachment, ChatMessage, Side
from mutoscope.storage.chat import Thread
from mutoscope.web.api.callers import LINKS
from mutoscope.web.api.shape import Text

LATEST: Final = 2**53
"""What any client can count to."""

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Files = Annotated[Sequence[Sha256], msgspec.Meta(max_length=ATTACHMENTS_MAX)]
Number = Annotated[int, msgspec.Meta(ge=0, le=LATEST)]
Before = Annotated[
    int | None, QueryParameter(ge=1, le=LATEST, description="messages before this ordinal")
]
AfterOrdinal = Annotated[
    int | None,
    QueryParameter(ge=0, le=LATEST, description="messages after this ordinal"),
]
PageLimit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX, description="messages on a page")]
MemberId = Annotated[
    UUID | None, QueryParameter(description="the member who reads; else the owner")
]


class AttachmentShape(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message; `url` shows it without a key, for a while."""

    sha256: str
    name: str
    media_type: str
    size_bytes: int
    url: str


class MessageShape(msgspec.Struct, frozen=True, kw_only=True):
    """A message: words, a card with its data, files, or nothing any more when it was erased."""

    message_id: UUID
    workspace_id: UUID
    thread_id: UUID
    ordinal: int
    serial: int
    side: Side
    author_id: UUID | None
    body: str | None
    card: str | None
    data: dict[str, Any] | None
    attachments: tuple[AttachmentShape, ...]
    said_at: datetime
    erased_at: datetime | None


class MessagePage(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a thread, the oldest first; `before` goes on to older ones, None at the first."""

    messages: tuple[MessageShape, ...]
    before: int | None


class ThreadShape(msgspec.Struct, frozen=True, kw_only=True):
    """A thread as a person sees it; `messages` is the last ordinal, `unread` counts up to 100."""

    workspace_id: UUID
    thread_id: UUID
    subject: str | None
    messages: int
    unread: int
    read_up_to: int
    waiting_since: datetime | None
    assignee_id: UUID | None
    opened_at: datetime
    said_at: datetime


class ThreadList(msgspec.Struct, frozen=True, kw_only=True):
    """The threads of a workspace; one more can be spoken in at once: `default_thread_id`.

    A live stream that begins after `serial` misses nothing that is not in this list.
    """

    threads: tuple[ThreadShape, ...]
    default_thread_id: UUID
    serial: int


class NewWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person of a workspace says: words, and files of it by their digests."""

    body: Text = ""
    attachments: Files = ()
    member_id: UUID | None = None


def message_shape(studio: Studio, message: ChatMessage) -> MessageShape:
    """Return a message as it is told, with links to its files."""
    own = [name for name in MessageShape.__struct_fields__ if name not in {"attachments", "data"}]
    return MessageShape(
        **{name: getattr(message, name) for name in own},
        data=None if message.data is None else dict(message.data),
        attachments=tuple(
            _attachment(studio, message.workspace_id, each) for each in message.attachments
        ),
    )


def page_shape(studio: Studio, messages: Sequence[ChatMessage]) -> MessagePage:
    """Return messages as a page."""
    first = messages[0].ordinal if messages else 1
    return MessagePage(
        messages=tuple(message_shape(studio, each) for each in messages),
        before=first if first > 1 else None,
    )


def thread_shape(thread: Thread) -> ThreadShape:
    """Return a thread as it is told."""
    return ThreadShape(**{name: getattr(thread, name) for name in ThreadShape.__struct_fields__})


def _attachment(studio: Studio, workspace_id: UUID, attachment: Attachment) -> AttachmentShape:
    link = AssetLink(
        workspace_id=workspace_id, asset=bytes.fromhex(attachment.sha256), is_download=False,
        expires_at=(studio.clock.now() + LASTS).replace(microsecond=0),
    )  # fmt: skip
    return AttachmentShape(
        sha256=attachment.sha256, name=attachment.name, media_type=attachment.media_type,
        size_bytes=attachment.size_bytes,
        url=f"{LINKS}{signed(link, key=studio.asset_rules.link_key)}",
    )  # fmt: skip
