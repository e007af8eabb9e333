"""The outbox for staff: messages on their way, what became of them, and what came back.

Invariant: nobody of the staff reads here what opens something of a person's: links, tokens and
codes are left out of what a message says.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get
from litestar import post as write
from litestar.params import FromPath, JSONBody, QueryParameter

from mutoscope.app import post
from mutoscope.app.acts import act_of
from mutoscope.app.letter import without_keys
from mutoscope.domain.audit import BadReason
from mutoscope.domain.staff import NotAllowed, StaffAction, require
from mutoscope.storage import outbox
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.outbox import Attached, MessageState, StoredMessage, UnknownMessage
from mutoscope.storage.place import LAST, cursor_of, place_of
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import HouseHere, Text, Why
from mutoscope.web.errors import StaffNeeded, documented

AT = "/desk/outbox/{message_id:uuid}"
SENDING = (
    StaffNeeded, NotAllowed, UnknownMessage, post.MessageUnderWay, BadReason, "not_json",
    "body_too_large",
)  # fmt: skip
InState = Annotated[
    list[MessageState] | None, QueryParameter(name="state", description="only those in a state")
]


class NewBounce(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the answer to a message says, and how staff know of it."""

    said: Text
    reason: Text


class OutboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """A message and where it is on its way; `failure` is what the mail server said last.

    One that `is_repeat` may arrive twice, since a try was cut off.
    """

    workspace_id: UUID
    message_id: UUID
    recipient: str
    subject: str
    state: MessageState
    created_at: datetime
    tries: int
    next_try_at: datetime | None
    tried_at: datetime | None
    sent_at: datetime | None
    ended_at: datetime | None
    failure: str | None
    is_repeat: bool
    attached: Attached | None
    attached_id: UUID | None


class OutboxMessage(OutboxItem, frozen=True, kw_only=True):
    """A message as a whole; of what it says, links, tokens and codes are left out."""

    body: str


class OutboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """Messages, the newest first; `next` is the cursor of the page after, None on the last."""

    messages: tuple[OutboxItem, ...]
    next: str | None


@get(
    "/desk/outbox", operation_id="listOutbox", tags=["desk"],
    summary="Messages of the house with where they are on their way, the newest first",
    responses=documented(StaffNeeded, NotAllowed, BadCursor),
)  # fmt: skip
async def list_outbox(
    *, house: HouseHere, actor: ActorHere, limit: Limit = 50, after: After = None,
    states: InState = None,
) -> OutboxPage:  # fmt: skip
    """Return a page of messages."""
    require(actor, StaffAction.VIEW)
    async with house.studio.reading() as connection:
        found = await outbox.latest(
            connection, states=states or tuple(MessageState), limit=limit + 1,
            before=place_of(after, begin=LAST),
        )  # fmt: skip
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(at=last.created_at, item_id=last.message_id) if last else None
    return OutboxPage(
        messages=tuple(OutboxItem(**_own(each)) for each in found[:limit]), next=following
    )


@get(
    AT, operation_id="showOutboxMessage", tags=["desk"],
    summary="A message of the outbox with what it says, without links, tokens and codes",
    responses=documented(StaffNeeded, NotAllowed, UnknownMessage),
)  # fmt: skip
async def show_message(
    *, house: HouseHere, actor: ActorHere, message_id: FromPath[UUID]
) -> OutboxMessage:
    """Return a message."""
    require(actor, StaffAction.VIEW)
    async with house.studio.reading() as connection:
        return _shape(await outbox.get(connection, message_id=message_id))


@write(
    AT + "/send", operation_id="sendMessageAgain", tags=["desk"], status_code=200,
    summary="Queue a message anew; a worker sends it, one with a document to where these go now",
    responses=documented(post.NoAddress, *SENDING),
)  # fmt: skip
async def send_again(
    *, house: HouseHere, actor: ActorHere, message_id: FromPath[UUID], data: JSONBody[Why]
) -> OutboxMessage:
    """Queue it."""
    act = act_of(
        house.studio, actor, action=StaffAction.SEND_MESSAGE, workspace_id=None, reason=data.reason
    )
    return _shape(await post.send_again(house.studio, message_id=message_id, act=act))


@write(
    AT + "/bounced", operation_id="noteBounce", tags=["desk"], status_code=200,
    summary="Note that a message came back: documents stay here until the address changes",
    responses=documented(*SENDING),
)  # fmt: skip
async def note_bounce(
    *, house: HouseHere, actor: ActorHere, message_id: FromPath[UUID], data: JSONBody[NewBounce]
) -> OutboxMessage:
    """Note it; a repeat changes nothing."""
    act = act_of(
        house.studio, actor, action=StaffAction.NOTE_BOUNCE, workspace_id=None, reason=data.reason
    )
    return _shape(
        await post.bounced(house.studio, message_id=message_id, reason=data.said, act=act)
    )


def _shape(message: StoredMessage) -> OutboxMessage:
    return OutboxMessage(**_own(message), body=without_keys(message.body))


def _own(message: StoredMessage) -> dict[str, Any]:
    return {name: getattr(message, name) for name in OutboxItem.__struct_fields__}
