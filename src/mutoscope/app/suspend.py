"""Suspending a plan that is not paid, resuming it when it is, and closing a workspace for ever.

Invariant: open holds run on through all of it; what comes back to a frozen lot is frozen, what
comes back to a forfeited one is forfeited. On account, the unspent rest of the unpaid period is
voided when the grace days end, and granted again when the payment comes before the period is over
(rules 4 and 11 of the product).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mutoscope.app.acts import NOBODYS, Act, submit_new
from mutoscope.app.billing import rows_paid
from mutoscope.app.buy import cancelled
from mutoscope.app.packs import forfeits, freezes, thaws
from mutoscope.app.terms import NAMESPACE, restated, standing
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import checked_key
from mutoscope.domain.lots import LotState, Source, Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request, checked
from mutoscope.domain.subscriptions import (
    Event,
    NotInThisState,
    RenewalGrant,
    State,
    Subscription,
    after,
)
from mutoscope.storage import payments, subscriptions, workspaces
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.payments import PaymentRequest
    from mutoscope.storage.subscriptions import Granted
    from mutoscope.storage.workspaces import Workspace


async def suspend(
    studio: Studio, before: Subscription, *, rows: tuple[SideRow, ...], at: datetime
) -> None:
    """Suspend a plan whose grace days have ended unpaid; it ends with its period.

    :raises NotInThisState: when it is not past due.
    :raises SideRowRefused: when it has been changed in the meantime.
    """
    period = before.period_at(at=at)
    suspended = replace(
        before.moved(event=Event.SUSPEND), suspended_at=at, charge_at=period.ends_at,
        change=before.change + 1,
    )  # fmt: skip
    key = f"suspend/{before.subscription_id}/{suspended.change}"
    stands = standing(replace(suspended, cancels_at=period.ends_at), next_index=period.index + 1)
    voids: tuple[Request, ...] = ()
    if before.renewal_grant is RenewalGrant.WHEN_DUE:
        voids = tuple(
            Request(before.workspace_id, lot.kind, NAMESPACE, f"{key}/{lot.kind}/{lot.lot}",
                    ask.Void(lot.grant))
            for lot in await _lots_of(studio, before, period.index)
            if lot.left_over
        )  # fmt: skip
    frozen = await freezes(studio, workspace_id=before.workspace_id, key=key)
    row = subscriptions.changed(before, suspended, event=Event.SUSPEND, due_at=at, at=at)
    requests = (*stands, *voids, *frozen)
    await studio.journal.submit(Submission(tuple(map(checked, requests))), side_rows=(row, *rows))


async def paid(
    studio: Studio, before: Subscription, *, until: int, at: datetime
) -> tuple[tuple[Request, ...], SideRow]:
    """Return what follows when a plan is paid up to a period: grants go on, packs thaw.

    :raises NotInThisState: when the plan is over.
    """
    resumed = replace(
        before.moved(event=Event.PAY), paid_index=max(before.paid_index, until),
        past_due_at=None, suspended_at=None,
    )  # fmt: skip
    index = before.period_at(at=at).index
    is_waiting = before.renewal_grant is RenewalGrant.WHEN_PAID
    next_index = before.next_granted(at=at)
    requests: tuple[Request, ...] = ()
    if is_waiting:
        requests = standing(resumed, next_index=next_index)  # the same terms, paid for longer
    if before.state is State.SUSPENDED or (is_waiting and before.scheduled is not None):
        requests, change = restated(resumed, catalog=studio.catalog, next_index=next_index)
        resumed = replace(resumed, change=change)
    if before.state is State.SUSPENDED:
        resumed = replace(resumed, charge_at=before.next_look())
        key = f"resume/{before.subscription_id}/{resumed.change}"
        requests = (
            *requests,
            *await thaws(studio, workspace_id=before.workspace_id, key=key),
            *await _granted_again(studio, before, index, key),
        )
    row = subscriptions.changed(before, resumed, event=Event.PAY, due_at=at, at=at)
    return requests, row


async def settle(
    studio: Studio, request: PaymentRequest, *, rows: tuple[SideRow, ...], act: Act, at: datetime
) -> None:
    """Note that nothing is left to pay of what was invoiced, and let the grants of its plan go on.

    Of a plan that is over only the debt is paid.

    :raises SideRowRefused: when its matter has moved on meanwhile.
    """
    async with studio.reading() as connection:
        subscription = await subscriptions.get(
            connection, workspace_id=request.workspace_id, subscription_id=request.subject_id
        )
    paid_rows = rows_paid(studio, request, at=at, subscription=None, gateway=request.gateway)
    own = (*rows, *paid_rows)
    if subscription is None or subscription.state_at(at=at) is State.CANCELLED:
        await studio.journal.submit(Submission(()), side_rows=own)
        return
    until = request.wish.get("until", subscription.paid_index)
    requests, row = await paid(studio, subscription, until=until, at=at)
    submission = Submission(tuple(map(checked, act.noted(requests))))
    await studio.journal.submit(submission, side_rows=(row, *own))


async def close_once(studio: Studio, *, workspace_id: UUID, key: str) -> bool:
    """Close a workspace under a key; tell whether it was closed under that key before.

    :raises BadKey: when the key is malformed.
    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotInThisState: when it was closed otherwise.
    :raises SideRowRefused: when it has been changed at this moment.
    """
    try:
        await close(studio, workspace_id=workspace_id, key=checked_key(key))
    except NotInThisState:
        async with studio.reading() as connection:
            if not await subscriptions.is_closed_by(connection, workspace_id=workspace_id, key=key):
                raise
        return True
    return False


async def close(
    studio: Studio, *, workspace_id: UUID, act: Act = NOBODYS, key: str | None = None
) -> Workspace:
    """Close a workspace for ever: no new jobs, open ones settle, all credits are forfeited.

    Orders that nobody has paid are cancelled; what is paid and not granted waits for its refund.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotInThisState: when it is closed already.
    :raises SideRowRefused: when it has been changed at this moment.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        open_requests = await payments.open_requests(connection, workspace_id=workspace_id)
    after(state=workspace.state_at(at=at), event=Event.CLOSE)
    own: list[SideRow] = [SideRow(subscriptions.close_workspaces, (workspace_id, at, key))]
    subscription = workspace.subscription
    if subscription is not None:
        ended = replace(
            subscription, state=State.CANCELLED, ends_at=at, charge_at=None, scheduled=None,
            past_due_at=None, suspended_at=None,
        )  # fmt: skip
        own.insert(0, subscriptions.changed(
            subscription, ended, event=Event.CLOSE, due_at=at, at=at
        ))  # fmt: skip
    for each in open_requests:
        if each.invoice_id is None:
            own += await cancelled(studio, each, at=at)
    lost = await forfeits(studio, workspace_id=workspace_id, key="close")
    try:
        await submit_new(studio, act.noted(lost), rows=(*own, *act.telling()))
    except SideRowRefused:
        workspace = await _read(studio, workspace_id)
        after(state=workspace.state_at(at=at), event=Event.CLOSE)
        raise
    return await _read(studio, workspace_id)


async def _read(studio: Studio, workspace_id: UUID) -> Workspace:
    async with studio.reading() as connection:
        return await workspaces.get(connection, workspace_id=workspace_id)


async def _lots_of(studio: Studio, subscription: Subscription, index: int) -> tuple[Granted, ...]:
    async with studio.reading() as connection:
        return await subscriptions.grants_for(
            connection, workspace_id=subscription.workspace_id, source=Source.PLAN,
            reference=f"{subscription.subscription_id}/{index}",
        )  # fmt: skip


async def _granted_again(
    studio: Studio, before: Subscription, index: int, key: str
) -> tuple[Request, ...]:
    """Return the grants of what was voided of the period that runs."""
    ends_at = before.start(index=index + 1)
    terms = Terms(
        source=Source.PLAN, effective_at=before.start(index=index), expires_at=ends_at,
        reference=f"{before.subscription_id}/{index}",
    )  # fmt: skip
    return tuple(
        Request(before.workspace_id, lot.kind, NAMESPACE, f"{key}/{lot.kind}/{lot.lot}",
                ask.Grant(lot.voided, terms))
        for lot in await _lots_of(studio, before, index)
        if lot.voided and lot.state is LotState.VOIDED
    )  # fmt: skip
