"""A workspace's plan as it stands: the billing date and why, what comes next, what is to be paid.

Invariant: what is scheduled counts from its instant on, whether or not the clock has been at it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mutoscope.app import invoicing
from mutoscope.app.terms import PriceNotAgreed, charge_line, charge_of, terms_at, version_of
from mutoscope.domain.billing_words import why
from mutoscope.domain.calendar import billing_day
from mutoscope.domain.subscriptions import HAS_PLAN, State, Subscription
from mutoscope.storage import payments, workspaces

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.calendar import Period
    from mutoscope.storage.payments import PaymentRequest
    from mutoscope.storage.workspaces import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingDate:
    """The day of the month on which monthly credits come and the plan is charged, and why."""

    day: int
    zone: str
    anchor_at: datetime
    next_at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextCharge:
    """What is charged next, tax and all, in minor units; no amounts where none was agreed yet."""

    at: datetime
    plan: str
    months: int
    net: int | None = None
    tax: int | None = None
    total: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNow:
    """A workspace's plan at an instant; without one the fields of a plan are None.

    `suspends_at` is when a plan that is past due is suspended, unless it is paid before. Until a
    plan begins (`begins_at`, by a clock that is behind) it has no period.
    """

    workspace: Workspace
    state: State
    at: datetime
    requests: tuple[PaymentRequest, ...]
    subscription: Subscription | None = None
    name: str | None = None
    begins_at: datetime | None = None
    billing_date: BillingDate | None = None
    period: Period | None = None
    next_charge: NextCharge | None = None
    suspends_at: datetime | None = None


async def plan_now(studio: Studio, *, workspace_id: UUID) -> PlanNow:
    """Return a workspace's plan as it stands.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        requests = await payments.open_requests(connection, workspace_id=workspace_id)
    state, found = workspace.state_at(at=at), workspace.subscription
    if found is None or state not in HAS_PLAN:
        return PlanNow(workspace=workspace, state=state, at=at, requests=requests)
    terms = terms_at(found, catalog=studio.catalog, at=at)
    begins_at = workspace.begins_at(at=at)
    period = terms.period_at(at=at if begins_at is None else begins_at)
    version = version_of(found, catalog=studio.catalog, at=at)
    return PlanNow(
        workspace=workspace, state=state, at=at, requests=requests, subscription=terms,
        name=version.plan(key=terms.plan).name, begins_at=begins_at,
        period=period if begins_at is None else None,
        billing_date=_billing_date(terms, next_at=begins_at or period.ends_at),
        next_charge=await _next_charge(studio, found),
        suspends_at=_suspends_at(studio, found, at=at),
    )  # fmt: skip


def _billing_date(terms: Subscription, *, next_at: datetime) -> BillingDate:
    anchor = terms.anchor()
    return BillingDate(
        day=billing_day(anchor=anchor), zone=terms.zone, anchor_at=terms.anchor_at,
        next_at=next_at, why=why(anchor=anchor, at=next_at),
    )  # fmt: skip


def _suspends_at(studio: Studio, found: Subscription, *, at: datetime) -> datetime | None:
    if found.state is not State.PAST_DUE or found.past_due_at is None:
        return None
    return studio.catalog.version_at(at=at).billing.suspends_at(missed_at=found.past_due_at)


async def _next_charge(studio: Studio, found: Subscription) -> NextCharge | None:
    """Return what is charged next as things stand; None when the plan ends before."""
    due_at = found.start(index=found.charge_index)
    is_over = found.cancels_at is not None and found.cancels_at <= due_at
    if is_over or found.state is State.SUSPENDED:
        return None
    terms = terms_at(found, catalog=studio.catalog, at=due_at)
    version = studio.catalog.version_of(plan=terms.plan, at=due_at)
    months, price = terms.months_per_charge, None
    with suppress(PriceNotAgreed):  # staff are told at the charge, everybody else here
        price = charge_of(version=version, subscription=terms)
    if price is None:
        return NextCharge(at=due_at, plan=terms.plan, months=months)
    line = charge_line(version=version, subscription=terms, amount=price.amount)
    taxed = await invoicing.taxed(
        studio, workspace_id=terms.workspace_id, lines=(line,), currency=price.currency
    )
    return NextCharge(
        at=due_at, plan=terms.plan, months=months, net=taxed.net, tax=taxed.tax,
        total=taxed.total, currency=taxed.currency,
    )  # fmt: skip
