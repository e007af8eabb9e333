"""Workspaces, their plans, the claims of trials, and the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.subscriptions import HAS_PLAN, State, Subscription
from mutoscope.storage.database import queries
from mutoscope.storage.subscriptions import subscription_from

if TYPE_CHECKING:
    from mutoscope.domain.calendar import Period
    from mutoscope.storage.database import Connection


_SQL: Final = queries("workspaces")


class UnknownWorkspace(Refusal):
    """An id that names no workspace."""

    code = "unknown_workspace"

    def __init__(self, *, workspace_id: UUID) -> None:
        super().__init__(f"there is no workspace {workspace_id}: `workspace list` names them all")
        self.workspace_id = workspace_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One customer of the studio; `zone` is for screens, the subscription has its own.

    `subscription` is the plan that runs; `plan_ended_at` is when the last one that ran out did.
    `has_caps` tells that somebody is capped: without it no hold is judged by caps.
    """

    workspace_id: UUID
    name: str
    email: str | None
    zone: str
    is_demo: bool
    created_at: datetime
    verified_at: datetime | None
    trial_ends_at: datetime | None
    subscription: Subscription | None
    closed_at: datetime | None = None
    purchases_enabled_at: datetime | None = None
    plan_ended_at: datetime | None = None
    has_caps: bool = False

    def state_at(self, *, at: datetime) -> State:
        """Return where it stands with its plan at an instant."""
        if self.closed_at is not None:
            return State.CLOSED
        if self.subscription is not None:
            return self.subscription.state_at(at=at)
        if self.plan_ended_at is not None:
            return State.CANCELLED
        is_in_trial = self.trial_ends_at is not None and at < self.trial_ends_at
        return State.TRIAL if is_in_trial else State.FREE

    def period_at(self, *, at: datetime) -> Period | None:
        """Return the period of its plan that runs at an instant; None while no plan runs."""
        if self.subscription is None or self.state_at(at=at) not in HAS_PLAN:
            return None
        is_to_begin = self.begins_at(at=at) is not None
        return None if is_to_begin else self.subscription.period_at(at=at)

    def begins_at(self, *, at: datetime) -> datetime | None:
        """Return when its plan begins, where that is to come: by a clock that is behind."""
        found = self.subscription
        if found is None or found.anchor_at <= at or self.state_at(at=at) not in HAS_PLAN:
            return None
        return found.anchor_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message in the outbox."""

    message_id: UUID
    recipient: str
    subject: str
    body: str
    created_at: datetime


async def add(connection: Connection, workspace: Workspace) -> bool:
    """Keep a new workspace; the same id again changes nothing, and is told as false."""
    added = await _SQL.add_workspace(
        connection,
        workspace_id=workspace.workspace_id,
        name=workspace.name,
        email=workspace.email,
        zone=workspace.zone,
        is_demo=workspace.is_demo,
        created_at=workspace.created_at,
        verified_at=workspace.verified_at,
    )
    return added is not None


async def get(connection: Connection, *, workspace_id: UUID) -> Workspace:
    """Return a workspace with its current plan.

    :raises UnknownWorkspace: when the id names none.
    """
    row = await _SQL.workspace(connection, workspace_id=workspace_id)
    if row is None:
        raise UnknownWorkspace(workspace_id=workspace_id)
    own = ("workspace_id", "name", "email", "zone", "is_demo", "created_at", "verified_at",
           "trial_ends_at", "closed_at", "purchases_enabled_at", "plan_ended_at")  # fmt: skip
    found = row["subscription"]
    return Workspace(
        **{name: row[name] for name in own},
        subscription=None if found is None else subscription_from(found),
        has_caps=row["has_caps"],
    )


async def page(
    connection: Connection, *, after_at: datetime, after_id: UUID, limit: int
) -> tuple[dict[str, Any], ...]:
    """Return workspaces by age, after the one that is named."""
    rows = _SQL.list_workspaces(connection, after_at=after_at, after_id=after_id, limit=limit)
    return tuple([dict(row) async for row in rows])


async def keep_code(
    connection: Connection, *, workspace_id: UUID, code_digest: bytes, expires_at: datetime,
    tries: int,
) -> None:  # fmt: skip
    """Keep the digest of the code that was sent."""
    await _SQL.add_verification(
        connection, workspace_id=workspace_id, code_digest=code_digest, expires_at=expires_at,
        tries=tries,
    )  # fmt: skip


async def try_code(connection: Connection, *, workspace_id: UUID) -> tuple[bytes, datetime] | None:
    """Use up one try; return the digest and its expiry, or None when no try is left."""
    row = await _SQL.try_verification(connection, workspace_id=workspace_id)
    return None if row is None else (row["code_digest"], row["expires_at"])


async def code_expires_at(connection: Connection, *, workspace_id: UUID) -> datetime | None:
    """Return until when the code that was sent can be entered; None when no try is left."""
    row = await _SQL.open_verification(connection, workspace_id=workspace_id)
    return None if row is None else row["expires_at"]


async def mark_verified(connection: Connection, *, workspace_id: UUID, at: datetime) -> None:
    """Note that the person has proven the address."""
    await _SQL.mark_verified(connection, workspace_id=workspace_id, verified_at=at)


async def claim_trial(
    connection: Connection, *, email_digest: bytes, workspace_id: UUID, at: datetime
) -> tuple[UUID, datetime]:
    """Claim a person's one trial; return the workspace that holds it, and since when."""
    row = await _SQL.claim_trial(
        connection, email_digest=email_digest, workspace_id=workspace_id, claimed_at=at
    )
    return row["workspace_id"], row["claimed_at"]


async def trial_claimed_at(connection: Connection, *, email_digest: bytes) -> datetime | None:
    """Return since when a person has had the trial, if they have."""
    claimed_at: datetime | None = await _SQL.trial_claimed_at(connection, email_digest=email_digest)
    return claimed_at


async def write_trials(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write (workspace id, end of its trial) with the trial's grant."""
    workspaces, ends = zip(*rows, strict=True)
    written: int = await _SQL.write_trials(connection, workspaces=workspaces, ends=ends)
    return written


async def write_message(connection: Connection, *, workspace_id: UUID, message: Message) -> None:
    """Put a message into the outbox."""
    await _SQL.write_message(
        connection,
        workspace_id=workspace_id,
        message_id=message.message_id,
        recipient=message.recipient,
        subject=message.subject,
        body=message.body,
        created_at=message.created_at,
    )


async def outbox(connection: Connection, *, workspace_id: UUID, limit: int) -> tuple[Message, ...]:
    """Return the messages of a workspace, newest first."""
    rows = _SQL.outbox(connection, workspace_id=workspace_id, limit=limit)
    return tuple([Message(**row) async for row in rows])
