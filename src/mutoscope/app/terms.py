"""Terms: what a plan grants and costs, and the requests by which the ledger grants it.

Invariant: what a subscription grants from a period on is known to the ledger before that period
begins; the clock has only to see to the money. A change of terms is a number that only grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from mutoscope.app.demo import DEMO, charged
from mutoscope.domain import actions as ask
from mutoscope.domain.agreed import NO_OFFERS, Agreed
from mutoscope.domain.credits import Refusal, checked_amount
from mutoscope.domain.invoices import InvoiceLine
from mutoscope.domain.lots import Source
from mutoscope.domain.lots import Terms as LotTerms
from mutoscope.domain.offers import Basis, Money
from mutoscope.domain.requests import Request
from mutoscope.domain.standing import StandingGrant

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.domain.catalog import Catalog, Version
    from mutoscope.domain.subscriptions import Event, Subscription

NAMESPACE: Final = "subscription"
NOW: Final = "now"
BILLING_DATE: Final = "billing_date"
"""When what was agreed begins."""

MONTHS: Final = {False: 1, True: 12}
"""Months that a charge pays for, by whether the plan is annual."""

TERMS: Final = {1: "a month", 12: "a year"}


class AllowanceNotAgreed(Refusal):
    """A plan whose credits staff have to set first."""

    code = "allowance_not_agreed"

    def __init__(self, *, plan: str, kind: str) -> None:
        super().__init__(
            f"the {kind} credits of {plan} are agreed with each customer: ask support; staff set "
            "the terms when they start it (`desk start --credits`)"
        )
        self.plan = plan
        self.kind = kind


class PriceNotAgreed(Refusal):
    """A plan whose price staff have to set first."""

    code = "price_not_agreed"

    def __init__(self, *, plan: str) -> None:
        super().__init__(
            f"the price of {plan} is agreed with each customer: ask support; staff set the terms "
            "when they start it (`desk start --price`), or while it runs (`desk terms --price`)"
        )
        self.plan = plan


def monthly(*, version: Version, plan: str, agreed: Mapping[str, int]) -> dict[str, int]:
    """Return the credits that a plan grants each month, by kind; unlimited kinds are not granted.

    :raises UnknownPlan: when this version has no such plan.
    :raises AllowanceNotAgreed: when the plan leaves credits open that `agreed` does not set.
    :raises BadAmount: when what was agreed is no amount of credits.
    """
    found = {}
    for allowance in version.plan(key=plan).allowances:
        if allowance.basis is Basis.FIXED:
            found[allowance.kind] = allowance.credits
        elif allowance.basis is Basis.AGREED:
            if allowance.kind not in agreed:
                raise AllowanceNotAgreed(plan=plan, kind=allowance.kind)
            found[allowance.kind] = checked_amount(agreed[allowance.kind])
    return found


def price_of(
    *, version: Version, plan: str, months_per_charge: int, agreed: Money | None = None
) -> Money | None:
    """Return what a charge costs: what was agreed, or the catalog's price; None when it is open.

    :raises UnknownPlan: when this version has no such plan.
    """
    if agreed is not None:
        return agreed
    price = version.plan(key=plan).price
    if price is None:
        return None
    return price.monthly if months_per_charge == 1 else price.annual


def charge_of(*, version: Version, subscription: Subscription) -> Money | None:
    """Return what a charge of a subscription costs by a version.

    None is a price that nobody agreed on, where nothing is charged anyway.

    :raises UnknownPlan: when this version has no such plan.
    :raises PriceNotAgreed: when the plan leaves its price open, and none was agreed.
    """
    price = price_of(
        version=version, plan=subscription.plan, agreed=subscription.price,
        months_per_charge=subscription.months_per_charge,
    )  # fmt: skip
    if price is None and subscription.gateway != DEMO:
        raise PriceNotAgreed(plan=subscription.plan)
    return None if price is None else charged(price, gateway=subscription.gateway)


def charge_line(*, version: Version, subscription: Subscription, amount: int) -> InvoiceLine:
    """Return the line of a charge that pays for the term which begins with `charge_index`."""
    plan = version.plan(key=subscription.plan)
    months, index = subscription.months_per_charge, subscription.charge_index
    return InvoiceLine(
        code="plan", text=f"{plan.name}, {TERMS[months]}", amount=amount,
        starts_at=subscription.start(index=index),
        ends_at=subscription.start(index=index + months),
    )  # fmt: skip


def standing(
    subscription: Subscription, *, next_index: int, before: Mapping[str, int] | None = None,
) -> tuple[Request, ...]:  # fmt: skip
    """Return the requests that let its terms stand from a period on, as far as it is paid for.

    Kinds that the terms `before` granted, and these do not, end with them.
    """
    granted = {**(before or {}), **subscription.allowances}
    return tuple(
        Request(
            subscription.workspace_id,
            kind,
            NAMESPACE,
            f"{subscription.subscription_id}/{kind}",
            ask.Stand(_standing_grant(subscription, kind, granted[kind], next_index)),
        )
        for kind in sorted(granted)
    )


def restated(
    subscription: Subscription, *, catalog: Catalog, next_index: int
) -> tuple[tuple[Request, ...], int]:
    """Return the requests that let all its terms stand anew, and the number of the last change.

    The current terms begin with a period that they have not granted; what is scheduled follows.
    """
    current = replace(subscription, change=subscription.change + 1)
    requests = standing(current, next_index=next_index)
    scheduled = subscription.scheduled
    if scheduled is None:
        return requests, current.change
    later = replace(current, change=current.change + 1)
    index = subscription.period_at(at=scheduled.at).index
    terms = scheduled_terms(later, catalog=catalog)
    stands = standing(terms, next_index=index, before=subscription.allowances)
    return (*requests, *stands), later.change


def scheduled_terms(subscription: Subscription, *, catalog: Catalog) -> Subscription:
    """Return a subscription with what is scheduled for it in force.

    What was agreed belongs to its plan, a price to its rhythm as well: with another one it ends. A
    zone that begins within a term leaves the term's version and credits as they are (rule 13).

    :raises UnknownPlan: when no version until then had the plan.
    :raises AllowanceNotAgreed: when the plan leaves credits open that were agreed for another.
    """
    scheduled = subscription.scheduled
    if scheduled is None:
        return subscription
    is_same_plan = scheduled.plan == subscription.plan
    is_same = is_same_plan and scheduled.months_per_charge == subscription.months_per_charge
    is_moved = scheduled.zone != subscription.zone
    after = replace(
        subscription, plan=scheduled.plan, months_per_charge=scheduled.months_per_charge,
        zone=scheduled.zone, begins_at=scheduled.at if is_moved else subscription.begins_at,
        scheduled=None, price=subscription.price if is_same else None,
        can_purchase=subscription.can_purchase and is_same_plan,
        offers=subscription.offers if is_same_plan else NO_OFFERS,
    )  # fmt: skip
    if scheduled.agreed is not None:
        after = as_agreed(after, scheduled.agreed)
    if scheduled.at < subscription.start(index=subscription.charge_index):
        return after
    version = catalog.version_of(plan=scheduled.plan, at=scheduled.at)
    agreed = after.allowances if is_same_plan else {}
    allowances = monthly(version=version, plan=scheduled.plan, agreed=agreed)
    return replace(after, version=version.key, allowances=allowances)


def as_agreed(subscription: Subscription, agreed: Agreed) -> Subscription:
    """Return a subscription with what was agreed in the place of what it had."""
    may = agreed.can_purchase
    return replace(
        subscription, allowances={**subscription.allowances, **(agreed.allowances or {})},
        price=agreed.price or subscription.price,
        can_purchase=subscription.can_purchase if may is None else may,
    )  # fmt: skip


def granted_for_rest(
    subscription: Subscription, *, kind: str, amount: int, at: datetime, event: Event
) -> Request:
    """Return the grant of credits at once that lapse with the period which runs."""
    period = subscription.period_at(at=at)
    terms = LotTerms(
        source=Source.PLAN, effective_at=at, expires_at=period.ends_at,
        reference=f"{subscription.subscription_id}/{period.index}",
    )  # fmt: skip
    key = f"{subscription.subscription_id}/{kind}/{event}/{subscription.change}"
    return Request(subscription.workspace_id, kind, NAMESPACE, key, ask.Grant(amount, terms))


def terms_at(subscription: Subscription, *, catalog: Catalog, at: datetime) -> Subscription:
    """Return a subscription with what is scheduled until an instant in force."""
    scheduled = subscription.scheduled
    if scheduled is None or scheduled.at > at:
        return subscription
    return scheduled_terms(subscription, catalog=catalog)


class PaidGrant(NamedTuple):
    """Monthly credits that come with a payment, and from when on."""

    at: datetime
    credits: Mapping[str, int]


def granted_when_paid(subscription: Subscription, *, catalog: Catalog) -> PaidGrant | None:
    """Return what the next payment grants; None where grants come on account, or the plan ends."""
    at = subscription.paid_until()
    ends = (subscription.cancels_at, subscription.ends_at)
    if at is None or any(each is not None and each <= at for each in ends):
        return None
    return PaidGrant(at, terms_at(subscription, catalog=catalog, at=at).allowances)


def version_of(subscription: Subscription, *, catalog: Catalog, at: datetime) -> Version:
    """Return the version whose terms hold for a subscription at an instant (rule 13).

    It is that of the term which runs then, whether or not the clock has charged it yet.
    """
    terms = terms_at(subscription, catalog=catalog, at=at)
    if at < terms.start(index=terms.charge_index):
        return catalog.version(key=terms.version)
    months = terms.months_per_charge
    late = (terms.period_at(at=at).index - terms.charge_index) // months * months
    due_at = terms.start(index=terms.charge_index + late)
    return catalog.version_of(plan=terms.plan, at=due_at)


def _standing_grant(
    subscription: Subscription, kind: str, amount: int, next_index: int
) -> StandingGrant:
    found = StandingGrant(
        subscription.subscription_id, amount,
        subscription.anchor_at, subscription.zone, next_index, subscription.change,
        subscription.grants_until(), subscription.begins_at,
    )  # fmt: skip
    return found if kind in subscription.allowances else found.never()
