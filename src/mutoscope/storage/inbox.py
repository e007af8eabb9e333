"""What staff see: threads by how long they wait, and the facts of a workspace beside a thread."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.domain.jobs import JobState
from mutoscope.storage.chat import UnknownThread
from mutoscope.storage.database import queries
from mutoscope.storage.workspaces import UnknownWorkspace

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

LISTENING: Final = timedelta(seconds=60)
"""How long after the last look a person counts as one who listens."""

PURCHASES_MAX: Final = 20
MAIL_MAX: Final = 100
"""E-mails that are looked at in one transaction."""

_SQL: Final = queries("inbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxThread:
    """A thread in the inbox; `unread` counts what creators said since one of staff has read it."""

    workspace_id: UUID
    workspace: str
    thread_id: UUID
    subject: str | None
    messages: int
    waiting_since: datetime | None
    said_at: datetime
    assignee_id: UUID | None
    unread: int
    is_asking_credits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRequest:
    """A creator who asked for more credits, and whom staff have not let buy since."""

    workspace_id: UUID
    workspace: str
    thread_id: UUID
    ordinal: int
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a workspace has agreed: `state` and what follows it are of its plan, if it has one."""

    closed_at: datetime | None
    purchases_enabled_at: datetime | None
    state: str | None
    allowances: dict[str, int]
    can_purchase: bool
    charge_at: datetime | None
    cancels_at: datetime | None
    scheduled_plan: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseFact:
    """A purchase as staff see it beside a thread."""

    purchase_id: UUID
    pack: str | None
    kind: str
    credits: int
    price: int
    currency: str
    state: str
    ordered_at: datetime
    paid_at: datetime | None
    granted_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFact:
    """A job that is not over, as staff see it beside a thread."""

    job_id: UUID
    tool: str
    kind: str
    price: int
    state: JobState
    progress: float
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMail:
    """A thread in which an e-mail may be due; `recipient_id` is who answers by its link."""

    workspace_id: UUID
    thread_id: UUID
    email: str | None
    name: str
    recipient_id: UUID
    unread: int
    is_listening: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxView:
    """For whom the inbox is read, and which part: where a page goes on, whose threads."""

    staff_id: UUID
    at: datetime
    item_id: UUID
    assignee_id: UUID | None = None
    limit: int


async def waiting(connection: Connection, view: InboxView) -> tuple[InboxThread, ...]:
    """Return the threads that wait for staff after a place, the longest waiting first."""
    rows = _SQL.waiting(
        connection, staff_id=view.staff_id, after_at=view.at, after_id=view.item_id,
        assignee_id=view.assignee_id, limit=view.limit,
    )  # fmt: skip
    return tuple([InboxThread(**row) async for row in rows])


async def spoken(connection: Connection, view: InboxView) -> tuple[InboxThread, ...]:
    """Return all threads before a place, that in which somebody spoke last first."""
    rows = _SQL.spoken(
        connection, staff_id=view.staff_id, before_at=view.at, before_id=view.item_id,
        assignee_id=view.assignee_id, limit=view.limit,
    )  # fmt: skip
    return tuple([InboxThread(**row) async for row in rows])


async def credit_requests(connection: Connection, *, limit: int) -> tuple[CreditRequest, ...]:
    """Return the workspaces that wait to be let buy credits, the longest waiting first."""
    rows = _SQL.credit_requests(connection, limit=limit)
    return tuple([CreditRequest(**row) async for row in rows])


async def assign(
    connection: Connection, *, workspace_id: UUID, thread_id: UUID, assignee_id: UUID | None,
    at: datetime,
) -> None:  # fmt: skip
    """Note who looks after a thread, or that nobody does.

    :raises UnknownThread: when the workspace has no such thread.
    """
    row = await _SQL.assign(
        connection, workspace_id=workspace_id, thread_id=thread_id, assignee_id=assignee_id, at=at
    )
    if row is None:
        raise UnknownThread(thread_id=thread_id)


async def end_waiting(connection: Connection, *, workspace_id: UUID, thread_id: UUID) -> None:
    """Note that a thread needs no answer.

    :raises UnknownThread: when the workspace has no such thread.
    """
    row = await _SQL.end_waiting(connection, workspace_id=workspace_id, thread_id=thread_id)
    if row is None:
        raise UnknownThread(thread_id=thread_id)


async def standing(connection: Connection, *, workspace_id: UUID) -> Standing:
    """Return what a workspace has agreed.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    row = await _SQL.standing(connection, workspace_id=workspace_id)
    if row is None:
        raise UnknownWorkspace(workspace_id=workspace_id)
    fields = dict(row)
    allowances = json.loads(fields.pop("allowances") or "{}")
    can_purchase = bool(fields.pop("can_purchase"))
    return Standing(**fields, allowances=allowances, can_purchase=can_purchase)


async def purchases(connection: Connection, *, workspace_id: UUID) -> tuple[PurchaseFact, ...]:
    """Return the latest purchases of a workspace, newest first."""
    rows = _SQL.purchases(connection, workspace_id=workspace_id, limit=PURCHASES_MAX)
    return tuple([PurchaseFact(**row) async for row in rows])


async def open_jobs(connection: Connection, *, workspace_id: UUID) -> tuple[JobFact, ...]:
    """Return the jobs of a workspace that are not over, newest first."""
    rows = _SQL.open_jobs(connection, workspace_id=workspace_id)
    return tuple([JobFact(**dict(row) | {"state": JobState(row["state"])}) async for row in rows])


async def take_mail(connection: Connection, *, at: datetime) -> tuple[DueMail, ...]:
    """Take the threads in which an e-mail may be due; they are locked to the transaction's end."""
    rows = _SQL.take_mail(connection, at=at, listening_since=at - LISTENING, limit=MAIL_MAX)
    return tuple([DueMail(**row) async for row in rows])


async def note_mail(
    connection: Connection, due: DueMail, *, mailed_at: datetime | None, mail_at: datetime | None
) -> None:
    """Note that an e-mail was written, or when it is looked again whether one is due."""
    await _SQL.note_mail(
        connection, workspace_id=due.workspace_id, thread_id=due.thread_id, mailed_at=mailed_at,
        mail_at=mail_at,
    )  # fmt: skip
