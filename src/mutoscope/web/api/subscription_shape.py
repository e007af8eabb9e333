"""A workspace's plan as the API tells it."""

from datetime import datetime
from uuid import UUID

import msgspec

from mutoscope.app.billing_feed import feed_url
from mutoscope.app.plan_now import BillingDate, NextCharge, PlanNow, plan_now
from mutoscope.app.studio import Studio
from mutoscope.domain.calendar import Period
from mutoscope.domain.subscriptions import RenewalGrant, Scheduled, State, Subscription
from mutoscope.web.api.payment_requests import RequestShape, request_shape


class PlanShape(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that runs; `allowances` are the credits that it grants each month, by kind."""

    subscription_id: UUID
    plan: str
    name: str
    version: str
    months_per_charge: int
    allowances: dict[str, int]
    gateway: str
    renewal_grant: RenewalGrant


class SubscriptionShape(msgspec.Struct, frozen=True, kw_only=True):
    """Where a workspace stands with its plan; what belongs to a plan is None without one.

    `period` is half-open: what is left of its credits lapses at `ends_at`. A plan that is past due
    is suspended at `suspends_at`, unless it is paid before. `to_pay` are the open payment requests,
    the eldest first. A plan that has yet to begin does so at `begins_at`: it has no period till
    then. `calendar_url` needs no key. What is `scheduled` for `cancels_at` or later begins only if
    the end is taken back.
    """

    workspace_id: UUID
    state: State
    trial_ends_at: datetime | None
    closed_at: datetime | None
    purchases_enabled_at: datetime | None
    plan: PlanShape | None
    begins_at: datetime | None
    billing_date: BillingDate | None
    period: Period | None
    next_charge: NextCharge | None
    scheduled: Scheduled | None
    cancels_at: datetime | None
    past_due_at: datetime | None
    suspends_at: datetime | None
    suspended_at: datetime | None
    to_pay: tuple[RequestShape, ...]
    calendar_url: str


async def subscription_shape(studio: Studio, *, workspace_id: UUID) -> SubscriptionShape:
    """Return a workspace's plan as it stands.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    return _shape(studio, await plan_now(studio, workspace_id=workspace_id))


def _shape(studio: Studio, now: PlanNow) -> SubscriptionShape:
    workspace, terms = now.workspace, now.subscription
    return SubscriptionShape(
        workspace_id=workspace.workspace_id, state=now.state,
        trial_ends_at=workspace.trial_ends_at, closed_at=workspace.closed_at,
        purchases_enabled_at=workspace.purchases_enabled_at,
        plan=None if terms is None else _plan(terms, name=now.name or terms.plan),
        begins_at=now.begins_at, billing_date=now.billing_date, period=now.period,
        next_charge=now.next_charge, scheduled=terms.scheduled if terms else None,
        cancels_at=terms.cancels_at if terms else None,
        past_due_at=terms.past_due_at if terms else None, suspends_at=now.suspends_at,
        suspended_at=terms.suspended_at if terms else None,
        to_pay=tuple(request_shape(studio, each) for each in now.requests),
        calendar_url=feed_url(studio, workspace_id=workspace.workspace_id),
    )  # fmt: skip


def _plan(terms: Subscription, *, name: str) -> PlanShape:
    return PlanShape(
        subscription_id=terms.subscription_id, plan=terms.plan, name=name, version=terms.version,
        months_per_charge=terms.months_per_charge, allowances=dict(terms.allowances),
        gateway=terms.gateway, renewal_grant=terms.renewal_grant,
    )  # fmt: skip
