"""The inbox of staff: who waits, and the facts beside a thread; everything here only reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from mutoscope.app import desk_waiting
from mutoscope.app.desk_waiting import WaitingPayment
from mutoscope.domain.balance import Balance
from mutoscope.storage import balances, disputes, inbox, payments, workspaces
from mutoscope.storage.disputes import Debt, Dispute
from mutoscope.storage.inbox import InboxThread, InboxView, JobFact, PurchaseFact, Standing
from mutoscope.storage.payments import PaymentRequest
from mutoscope.storage.workspaces import Workspace

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.domain.calendar import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What staff see of a workspace beside its threads.

    `plan` is the plan's key, or trial, or free; `period` is the one that runs, if a plan does: its
    end is the next billing date. A plan that has yet to begin does so at `begins_at`. Use of the
    kinds in `unlimited` is metered at no charge. `debts` are what lost disputes left unpaid, and
    `disputes` all of theirs, the newest first. `requests` are open, and `parked` are payments that
    wait for staff: why somebody who paid waits.
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
    requests: tuple[PaymentRequest, ...]
    parked: tuple[WaitingPayment, ...]


async def inbox_page(
    studio: Studio, *, view: InboxView, is_all: bool = False
) -> tuple[InboxThread, ...]:
    """Return threads that wait for staff, the longest first; or all, the last spoken in first."""
    async with studio.reading() as connection:
        if is_all:
            return await inbox.spoken(connection, view)
        return await inbox.waiting(connection, view)


async def facts_of(studio: Studio, *, workspace_id: UUID) -> Facts:
    """Return what staff see of a workspace beside its threads, in one snapshot.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    now = studio.clock.now()
    async with (
        studio.reading() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        return Facts(
            workspace=workspace, plan=studio.access_of(workspace, at=now).plan,
            standing=await inbox.standing(connection, workspace_id=workspace_id),
            begins_at=workspace.begins_at(at=now), period=workspace.period_at(at=now),
            balances=await balances.balances(
                connection, workspace_id=workspace_id, at=now, now=now
            ),
            unlimited=studio.unlimited_of(workspace, at=now, now=now),
            jobs=await inbox.open_jobs(connection, workspace_id=workspace_id),
            purchases=await inbox.purchases(connection, workspace_id=workspace_id),
            debts=await disputes.debts(
                connection, workspace_id=workspace_id, limit=disputes.DEBTS_MAX
            ),
            disputes=await disputes.of_workspace(connection, workspace_id=workspace_id),
            requests=await payments.open_requests(connection, workspace_id=workspace_id),
            parked=await desk_waiting.parked(
                connection, limit=desk_waiting.LISTED_MAX, workspace_id=workspace_id
            ),
        )  # fmt: skip
