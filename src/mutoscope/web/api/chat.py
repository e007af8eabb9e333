"""The chat of a workspace: threads, messages, quick questions, and what was read."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from mutoscope.app import chat, quick_cards
from mutoscope.app.chat import TooManyThreads
from mutoscope.app.downloads import UnknownAsset
from mutoscope.app.quick_cards import Question
from mutoscope.domain.chat import (
    MessageEmpty,
    MessageTooLong,
    TooManyAttachments,
    Words,
    creator,
)
from mutoscope.domain.credits import BadKey
from mutoscope.domain.planner import KeyReused
from mutoscope.storage.chat import UnknownThread
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.messages import (
    AfterOrdinal,
    Before,
    MemberId,
    MessagePage,
    MessageShape,
    NewWords,
    Number,
    PageLimit,
    ThreadList,
    ThreadShape,
    message_shape,
    page_shape,
    thread_shape,
)
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Text
from mutoscope.web.api.workspaces import replay_headers
from mutoscope.web.errors import IdempotencyKeyMissing, documented

AT = "/workspaces/{workspace_id:uuid}/threads/{thread_id:uuid}"
KEYED = (BadKey, KeyReused, IdempotencyKeyMissing, "not_json", "body_too_large")
SAYING = (
    UnknownWorkspace, UnknownThread, UnknownAsset, MessageEmpty, MessageTooLong,
    TooManyAttachments, *KEYED,
)  # fmt: skip
PlainText = Annotated[Text, msgspec.Meta(description="on one line")]


class NewThread(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A thread of its own for another matter."""

    subject: PlainText = ""


class NewQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quick question."""

    question: Question
    member_id: UUID | None = None


class ReadMark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a person has read; it never goes back."""

    ordinal: Number
    member_id: UUID | None = None


class AskedShape(msgspec.Struct, frozen=True, kw_only=True):
    """A question and the card that answers it."""

    question: MessageShape
    answer: MessageShape


@post(
    "/workspaces/{workspace_id:uuid}/threads", operation_id="openThread", tags=["chat"],
    summary="Open a thread for another matter",
    responses=documented(UnknownWorkspace, MessageTooLong, TooManyThreads, *KEYED),
)  # fmt: skip
async def open_thread(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[NewThread],
    idempotency_key: IdempotencyKey,
) -> Response[ThreadShape]:  # fmt: skip
    """Open a thread; a repeat with the same key returns the same one."""
    thread, is_replay = await chat.open_thread(
        house.studio, workspace_id=workspace_id, subject=data.subject, key=idempotency_key,
        author=creator(workspace_id=workspace_id),
    )  # fmt: skip
    return Response(thread_shape(thread), headers=replay_headers(is_replay=is_replay))


@get(
    "/workspaces/{workspace_id:uuid}/threads", operation_id="listThreads", tags=["chat"],
    summary="The threads of a workspace with what a person has not read, the last spoken in first",
    responses=documented(UnknownWorkspace),
)  # fmt: skip
async def list_threads(
    *, house: HouseHere, workspace_id: FromPath[UUID], member_id: MemberId = None
) -> ThreadList:
    """Return the threads."""
    found = await chat.threads_of(
        house.studio, workspace_id=workspace_id,
        reader=creator(workspace_id=workspace_id, member_id=member_id),
    )  # fmt: skip
    return threads_shape(found)


@get(
    AT + "/messages", operation_id="listMessages", tags=["chat"],
    summary="Messages of a thread: the last ones, or those before or after one",
    responses=documented(UnknownWorkspace, UnknownThread),
)  # fmt: skip
async def list_messages(
    *, house: HouseHere, workspace_id: FromPath[UUID], thread_id: FromPath[UUID],
    before: Before = None, after: AfterOrdinal = None, limit: PageLimit = 50,
) -> MessagePage:  # fmt: skip
    """Return a page of messages, the oldest first."""
    found = await chat.messages_of(
        house.studio, workspace_id=workspace_id, thread_id=thread_id, before=before,
        after=after, limit=limit,
    )  # fmt: skip
    return page_shape(house.studio, found)


@post(
    AT + "/messages", operation_id="sayInThread", tags=["chat"],
    summary="Say something: it is told to whoever follows, at once",
    responses=documented(*SAYING),
)  # fmt: skip
async def say_in_thread(
    *, house: HouseHere, workspace_id: FromPath[UUID], thread_id: FromPath[UUID],
    data: JSONBody[NewWords], idempotency_key: IdempotencyKey,
) -> Response[MessageShape]:  # fmt: skip
    """Say something; a repeat with the same key returns the same message."""
    said = await chat.say(
        house.studio, workspace_id=workspace_id, thread_id=thread_id, key=idempotency_key,
        author=creator(workspace_id=workspace_id, member_id=data.member_id),
        words=Words(body=data.body, files=tuple(map(bytes.fromhex, data.attachments))),
    )  # fmt: skip
    return said_shape(house, said)


@post(
    AT + "/questions", operation_id="askQuestion", tags=["chat"],
    summary="Ask a quick question: a card answers it at once, or opens a request to staff",
    responses=documented(UnknownWorkspace, UnknownThread, *KEYED),
)  # fmt: skip
async def ask_question(
    *, house: HouseHere, workspace_id: FromPath[UUID], thread_id: FromPath[UUID],
    data: JSONBody[NewQuestion], idempotency_key: IdempotencyKey,
) -> Response[AskedShape]:  # fmt: skip
    """Ask; a repeat with the same key returns the same answer."""
    asked = await quick_cards.ask(
        house.studio, workspace_id=workspace_id, thread_id=thread_id, key=idempotency_key,
        author=creator(workspace_id=workspace_id, member_id=data.member_id),
        question=data.question,
    )  # fmt: skip
    shape = AskedShape(
        question=message_shape(house.studio, asked.question),
        answer=message_shape(house.studio, asked.answer),
    )
    return Response(shape, headers=replay_headers(is_replay=asked.is_replay))


@post(
    AT + "/read", operation_id="readThread", tags=["chat"], status_code=200,
    summary="Note how far a person has read a thread",
    responses=documented(UnknownThread, "not_json", "body_too_large"),
)  # fmt: skip
async def read_thread(
    *, house: HouseHere, workspace_id: FromPath[UUID], thread_id: FromPath[UUID],
    data: JSONBody[ReadMark],
) -> ThreadShape:  # fmt: skip
    """Move a person's mark on; it never goes back."""
    thread = await chat.read_up_to(
        house.studio, workspace_id=workspace_id, thread_id=thread_id, ordinal=data.ordinal,
        reader=creator(workspace_id=workspace_id, member_id=data.member_id),
    )  # fmt: skip
    return thread_shape(thread)


def threads_shape(found: chat.Threads) -> ThreadList:
    """Return threads as they are told."""
    return ThreadList(
        threads=tuple(map(thread_shape, found.threads)), serial=found.serial,
        default_thread_id=found.default_thread_id,
    )  # fmt: skip


def said_shape(house: HouseHere, said: chat.Said) -> Response[MessageShape]:
    """Return a message that was said, and whether it was said before."""
    headers = replay_headers(is_replay=said.is_replay)
    return Response(message_shape(house.studio, said.message), headers=headers)
