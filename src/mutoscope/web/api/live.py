"""Live streams over HTTP: server-sent events of a workspace, and of the inbox.

Events of a workspace: `ready`, `message`, `read`, `thread`, `balance`, `job`, `reset`. Those with
an id are places to go on from: a browser sends the last one as `Last-Event-ID` when it is back.
"""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from mutoscope.app.follow import Event, begin, follow, follow_inbox
from mutoscope.app.glances import BalanceMoved
from mutoscope.app.live import TooManyStreams
from mutoscope.app.studio import Studio
from mutoscope.domain.chat import ChatMessage
from mutoscope.domain.staff import NotAllowed, StaffAction, require
from mutoscope.storage.live import JobGlance
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.messages import LATEST, MemberId, message_shape
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import StaffNeeded, documented

MEDIA_TYPE: Final = "text/event-stream"
RETRY_MS: Final = 1_000
"""After so long a browser comes back when a stream broke."""

LastEventId = Annotated[
    int | None,
    HeaderParameter(name="Last-Event-ID", ge=0, le=LATEST, description="the last id that was told"),
]
AfterSerial = Annotated[
    int | None,
    QueryParameter(ge=0, le=LATEST, description="the serial to go on after, at the first time"),
]


@get(
    "/workspaces/{workspace_id:uuid}/live", operation_id="followWorkspace", tags=["chat"],
    summary="Follow a workspace: messages, what was read, balances and jobs, as they change",
    media_type=MEDIA_TYPE, responses=documented(UnknownWorkspace, TooManyStreams),
)  # fmt: skip
async def follow_workspace(
    *, house: HouseHere, workspace_id: FromPath[UUID], member_id: MemberId = None,
    after: AfterSerial = None, last_event_id: LastEventId = None,
) -> ServerSentEvent:  # fmt: skip
    """Stream what happens, until the caller goes away."""
    beginning = await begin(
        house.studio, house.live, workspace_id=workspace_id, member_id=member_id,
        after=after if last_event_id is None else last_event_id,
    )  # fmt: skip
    events = follow(house.studio, house.live, beginning=beginning)
    return _stream(house.studio, events)


@get(
    "/desk/live", operation_id="followInbox", tags=["desk"], media_type=MEDIA_TYPE,
    summary="Follow the inbox: which threads have changed",
    responses=documented(StaffNeeded, NotAllowed, TooManyStreams),
)  # fmt: skip
async def follow_the_inbox(*, house: HouseHere, actor: ActorHere) -> ServerSentEvent:
    """Stream what happens in all threads, until the caller goes away."""
    require(actor, StaffAction.VIEW)
    house.live.require_room(workspace_id=None)
    return _stream(house.studio, follow_inbox(house.live, staff_id=actor.staff_id))


def _stream(studio: Studio, events: AsyncIterator[Event | None]) -> ServerSentEvent:
    async def told() -> AsyncIterator[ServerSentEventMessage]:
        async for event in events:
            yield _told(studio, event)

    return ServerSentEvent(told())


def _told(studio: Studio, event: Event | None) -> ServerSentEventMessage:
    if event is None:
        return ServerSentEventMessage(data=None, comment="nothing new")
    data = event.data
    if isinstance(data, ChatMessage):
        text = msgspec.json.encode(message_shape(studio, data))
    elif isinstance(data, BalanceMoved | JobGlance):
        text = msgspec.json.encode(asdict(data))
    else:
        text = msgspec.json.encode(data)
    retry = RETRY_MS if event.name == "ready" else None
    return ServerSentEventMessage(
        data=text.decode(), event=event.name, id=event.serial, retry=retry
    )
