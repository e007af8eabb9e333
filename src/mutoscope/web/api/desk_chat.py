"""The desk's side of the chat: the inbox, messages of staff, assignment, and the facts beside.

Invariant: whoever asks is the one who acts; no body and no query names somebody else for it.
"""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from mutoscope.app import chat, desk_chat, inbox
from mutoscope.domain.audit import BadReason
from mutoscope.domain.balance import Balance
from mutoscope.domain.calendar import Period
from mutoscope.domain.chat import Words, staff
from mutoscope.domain.staff import NotAllowed, StaffAction, require
from mutoscope.storage.chat import UnknownChatMessage, UnknownThread
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.disputes import Debt, Dispute
from mutoscope.storage.inbox import InboxThread, InboxView, JobFact, PurchaseFact, Standing
from mutoscope.storage.place import FIRST, LAST, cursor_of, place_of
from mutoscope.storage.staff import UnknownStaff
from mutoscope.storage.workspaces import UnknownWorkspace, Workspace
from mutoscope.web.api.callers import ActorHere, judge_viewer
from mutoscope.web.api.chat import SAYING, said_shape, threads_shape
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.desk_requests import AskedShape, asked_shape
from mutoscope.web.api.desk_waiting import ParkedPayment, parked_shape
from mutoscope.web.api.messages import (
    LATEST,
    AfterOrdinal,
    Before,
    Files,
    MessagePage,
    MessageShape,
    Number,
    PageLimit,
    ThreadList,
    ThreadShape,
    page_shape,
    thread_shape,
)
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Text, Why
from mutoscope.web.errors import StaffNeeded, documented

AT: Final = "/desk/workspaces/{workspace_id:uuid}/threads/{thread_id:uuid}"
ORDINAL_MAX: Final = LATEST
ASKED: Final = (StaffNeeded, NotAllowed)
AssigneeId = Annotated[
    UUID | None, QueryParameter(description="only threads that this one of staff looks after")
]
IsAll = Annotated[
    bool, QueryParameter(description="all threads, the last spoken in first, not only waiting ones")
]


class StaffWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the one who asks says."""

    body: Text = ""
    attachments: Files = ()


class StaffMark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the one who asks has read."""

    ordinal: Number


class Assignment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who looks after a thread; null for nobody."""

    assignee_id: UUID | None


class InboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """Threads with what was not read, and since when they wait; `next` is the page after's."""

    threads: tuple[InboxThread, ...]
    at: datetime
    next: str | None


class FactsShape(msgspec.Struct, frozen=True, kw_only=True):
    """What staff see of a workspace beside its threads: `period.ends_at` is the billing date.

    A plan that has yet to begin does so at `begins_at`. `requests` are open, and `parked` are
    payments that wait for staff: why somebody who paid waits. `disputes` are all of theirs, the
    newest first.
    """

    workspace: Workspace
    plan: str
    standing: Standing
    begins_at: datetime | None
    period: Period | None
    balances: tuple[Balance, ...]
    unlimited: tuple[str, ...]
    jobs: tuple[JobFact, ...]
    purchases: tuple[PurchaseFact, ...]
    debts: tuple[Debt, ...]
    disputes: tuple[Dispute, ...]
    requests: tuple[AskedShape, ...]
    parked: tuple[ParkedPayment, ...]


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages were erased."""

    messages: int


@get(
    "/desk/inbox", operation_id="showInbox", tags=["desk"],
    summary="Threads that wait for staff, the longest waiting first",
    responses=documented(*ASKED, BadCursor),
)  # fmt: skip
async def show_inbox(
    *, house: HouseHere, actor: ActorHere, assignee_id: AssigneeId = None,
    is_all: IsAll = False, limit: Limit = 50, after: After = None,
) -> InboxPage:  # fmt: skip
    """Return a page of the inbox."""
    require(actor, StaffAction.VIEW)
    place = place_of(after, begin=LAST if is_all else FIRST)
    view = InboxView(
        staff_id=actor.staff_id, at=place.at, item_id=place.item_id, assignee_id=assignee_id,
        limit=limit + 1,
    )  # fmt: skip
    found = await inbox.inbox_page(house.studio, view=view, is_all=is_all)
    return InboxPage(
        threads=found[:limit], at=house.studio.clock.now(),
        next=_cursor(found[limit - 1], is_all=is_all) if len(found) > limit else None,
    )  # fmt: skip


@get(
    "/desk/workspaces/{workspace_id:uuid}/facts", operation_id="showFacts", tags=["desk"],
    summary="What staff see of a workspace: plan, billing date, credits, jobs, money that is open",
    responses=documented(*ASKED, UnknownWorkspace), guards=[judge_viewer],
)  # fmt: skip
async def show_facts(*, house: HouseHere, workspace_id: FromPath[UUID]) -> FactsShape:
    """Return the facts."""
    facts = await inbox.facts_of(house.studio, workspace_id=workspace_id)
    told = {name: getattr(facts, name) for name in FactsShape.__struct_fields__}
    told["requests"] = tuple(map(asked_shape, facts.requests))
    told["parked"] = tuple(map(parked_shape, facts.parked))
    return FactsShape(**told)


@get(
    "/desk/workspaces/{workspace_id:uuid}/threads", operation_id="listThreadsForStaff",
    tags=["desk"], summary="The threads of a workspace with what one of staff has not read",
    responses=documented(*ASKED, UnknownWorkspace),
)  # fmt: skip
async def list_threads_for_staff(
    *, house: HouseHere, actor: ActorHere, workspace_id: FromPath[UUID]
) -> ThreadList:
    """Return the threads."""
    require(actor, StaffAction.VIEW)
    found = await chat.threads_of(
        house.studio, workspace_id=workspace_id, reader=staff(staff_id=actor.staff_id)
    )
    return threads_shape(found)


@get(
    AT + "/messages", operation_id="listMessagesForStaff", tags=["desk"],
    summary="Messages of a thread, as staff read them",
    responses=documented(*ASKED, UnknownWorkspace, UnknownThread), guards=[judge_viewer],
)  # fmt: skip
async def list_messages_for_staff(
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
    AT + "/messages", operation_id="answerThread", tags=["desk"],
    summary="Answer as staff: the thread waits no more", responses=documented(*ASKED, *SAYING),
)  # fmt: skip
async def answer_thread(
    *, house: HouseHere, actor: ActorHere, workspace_id: FromPath[UUID], thread_id: FromPath[UUID],
    data: JSONBody[StaffWords], idempotency_key: IdempotencyKey,
) -> Response[MessageShape]:  # fmt: skip
    """Answer; a repeat with the same key returns the same message."""
    said = await desk_chat.answer(
        house.studio, actor, workspace_id=workspace_id, thread_id=thread_id, key=idempotency_key,
        words=Words(body=data.body, files=tuple(map(bytes.fromhex, data.attachments))),
    )  # fmt: skip
    return said_shape(house, said)


@post(
    AT + "/read", operation_id="readThreadAsStaff", tags=["desk"], status_code=200,
    summary="Note how far one of staff has read a thread",
    responses=documented(*ASKED, UnknownThread, "not_json", "body_too_large"),
)  # fmt: skip
async def read_thread_as_staff(
    *, house: HouseHere, actor: ActorHere, workspace_id: FromPath[UUID], thread_id: FromPath[UUID],
    data: JSONBody[StaffMark],
) -> ThreadShape:  # fmt: skip
    """Move a mark of staff on; it never goes back."""
    require(actor, StaffAction.VIEW)
    thread = await chat.read_up_to(
        house.studio, workspace_id=workspace_id, thread_id=thread_id, ordinal=data.ordinal,
        reader=staff(staff_id=actor.staff_id),
    )  # fmt: skip
    return thread_shape(thread)


@put(
    AT + "/assignee", operation_id="assignThread", tags=["desk"], status_code=204,
    summary="Let one of staff look after a thread, or nobody",
    responses=documented(*ASKED, UnknownThread, UnknownStaff, "not_json", "body_too_large"),
)  # fmt: skip
async def assign_thread(
    *, house: HouseHere, actor: ActorHere, workspace_id: FromPath[UUID], thread_id: FromPath[UUID],
    data: JSONBody[Assignment],
) -> None:  # fmt: skip
    """Assign a thread."""
    await desk_chat.assign(
        house.studio, actor, workspace_id=workspace_id, thread_id=thread_id,
        assignee_id=data.assignee_id,
    )  # fmt: skip


@post(
    AT + "/settled", operation_id="settleThread", tags=["desk"], status_code=204,
    summary="Take a thread out of those that wait: it needs no answer",
    responses=documented(*ASKED, UnknownThread),
)  # fmt: skip
async def settle_thread(
    *, house: HouseHere, actor: ActorHere, workspace_id: FromPath[UUID], thread_id: FromPath[UUID]
) -> None:
    """End the waiting of a thread."""
    await desk_chat.settle(house.studio, actor, workspace_id=workspace_id, thread_id=thread_id)


@post(
    AT + "/messages/{ordinal:int}/erase", operation_id="eraseMessage", tags=["desk"],
    status_code=200, summary="Erase what a message says; its place in the thread stays",
    responses=documented(
        *ASKED, UnknownThread, UnknownChatMessage, BadReason, "not_json", "body_too_large"
    ),
)  # fmt: skip
async def erase_message(
    *, house: HouseHere, actor: ActorHere, workspace_id: FromPath[UUID], thread_id: FromPath[UUID],
    ordinal: FromPath[int], data: JSONBody[Why],
) -> Erased:  # fmt: skip
    """Erase a message.

    :raises UnknownChatMessage: when the thread can have none of that number.
    """
    if not 0 < ordinal <= ORDINAL_MAX:
        raise UnknownChatMessage(thread_id=thread_id, ordinal=ordinal)
    erased = await desk_chat.erase(
        house.studio, actor, workspace_id=workspace_id, place=(thread_id, ordinal),
        reason=data.reason,
    )  # fmt: skip
    return Erased(messages=erased)


@post(
    AT + "/erase", operation_id="eraseThread", tags=["desk"], status_code=200,
    summary="Erase what all messages of a thread say, and its subject",
    responses=documented(*ASKED, UnknownThread, BadReason, "not_json", "body_too_large"),
)  # fmt: skip
async def erase_thread(
    *, house: HouseHere, actor: ActorHere, workspace_id: FromPath[UUID], thread_id: FromPath[UUID],
    data: JSONBody[Why],
) -> Erased:  # fmt: skip
    """Erase a thread."""
    erased = await desk_chat.erase(
        house.studio, actor, workspace_id=workspace_id, place=(thread_id, None),
        reason=data.reason,
    )  # fmt: skip
    return Erased(messages=erased)


def _cursor(thread: InboxThread, *, is_all: bool) -> str:
    at = thread.said_at if is_all else thread.waiting_since
    assert at is not None
    return cursor_of(at=at, item_id=thread.thread_id)
