"""Links of the chat, which need no key: an answer to an e-mail, and a calendar's billing dates."""

from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from mutoscope.app import billing_feed, chat_mail
from mutoscope.app.billing_feed import NoPlan
from mutoscope.domain.chat import MessageEmpty, MessageTooLong
from mutoscope.domain.sealed_links import LinkExpired, LinkForged
from mutoscope.domain.team import UnknownMember
from mutoscope.storage.chat import UnknownThread
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.chat import KEYED, said_shape
from mutoscope.web.api.messages import MessagePage, MessageShape, page_shape
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Text
from mutoscope.web.errors import documented

CALENDAR: Final = "text/calendar"
FORGED: Final = (LinkForged, LinkExpired, UnknownWorkspace, UnknownMember, UnknownThread)


class NewAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is answered to an e-mail."""

    body: Text


@get(
    "/chat-links/{token:str}", operation_id="showChatLink", tags=["chat"], security=[{}],
    summary="The last messages of the thread that an e-mail told of",
    responses=documented(*FORGED),
)  # fmt: skip
async def show_chat_link(*, house: HouseHere, token: FromPath[str]) -> Response[MessagePage]:
    """Return the last messages; nothing counts as read by it."""
    _, messages = await chat_mail.shown(house.studio, token=token)
    return Response(page_shape(house.studio, messages), headers=_PRIVATE)


@post(
    "/chat-links/{token:str}", operation_id="answerByLink", tags=["chat"], security=[{}],
    summary="Answer an e-mail: it stands in the thread, by the person it was sent to",
    responses=documented(*FORGED, MessageEmpty, MessageTooLong, *KEYED),
)  # fmt: skip
async def answer_by_link(
    *, house: HouseHere, token: FromPath[str], data: JSONBody[NewAnswer],
    idempotency_key: IdempotencyKey,
) -> Response[MessageShape]:  # fmt: skip
    """Answer; a repeat with the same key returns the same message."""
    said = await chat_mail.answer(house.studio, token=token, body=data.body, key=idempotency_key)
    return said_shape(house, said)


@get(
    "/calendars/{token:str}/billing.ics", operation_id="showCalendar", tags=["chat"],
    summary="The billing dates of a workspace, for a calendar program", security=[{}],
    media_type=CALENDAR, responses=documented(LinkForged, UnknownWorkspace, NoPlan),
)  # fmt: skip
async def show_calendar(*, house: HouseHere, token: FromPath[str]) -> Response[str]:
    """Return the feed."""
    text = await billing_feed.feed(house.studio, token=token)
    return Response(text, media_type=CALENDAR, headers=_PRIVATE)


_PRIVATE: Final[dict[str, Any]] = {"Cache-Control": "private, no-store"}
