"""Terms: what a plan grants and costs, and the requests by which the ledger grants it.

Invariant: what a subscription grants from a period on is known to the ledger before that period
begins; the clock has only to see to the money. A change of terms is a number that only grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mutoscope.app.demo import charged
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal, checked_amount
from mutoscope.domain.invoices import InvoiceLine
from mutoscope.domain.offers import Basis, Money
from mutoscope.domain.requests import Request
from mutoscope.domain.standing import StandingGrant

if TYPE_CHECKING:
    from mutoscope.domain.catalog import Version
    from mutoscope.domain.subscriptions import Subscription

NAMESPACE: Final = "subscription"
MONTHS: Final = {False: 1, True: 12}
"""Months that a charge pays for, by whether the plan is annual."""

TERMS: Final = {1: "a month", 12: "a year"}


class AllowanceNotAgreed(Refusal):
    """A plan whose credits staff have to set first."""

    code = "allowance_not_agreed"

    def __init__(self, *, plan: str, kind: str) -> None:
        super().__init__(
            f"the {kind} credits of {plan} are agreed with each customer: set them to start it"
        )
        self.plan = plan
        self.kind = kind


class PriceNotAgreed(Refusal):
    """A plan whose price staff have to set first."""

    code = "price_not_agreed"

    def __init__(self, *, plan: str) -> None:
        super().__init__(
            f"the price of {plan} is agreed with each customer: ask support, who set it"
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
    """Return what a charge of a subscription costs by a version; None when that is open.

    :raises UnknownPlan: when this version has no such plan.
    """
    price = price_of(
        version=version, plan=subscription.plan, agreed=subscription.price,
        months_per_charge=subscription.months_per_charge,
    )  # fmt: skip
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
    subscription: Subscription, *, next_index: int, allowances: Mapping[str, int] | None = None,
) -> tuple[Request, ...]:  # fmt: skip
    """Return the requests that let its terms stand from a period on, as far as it is paid for.

    `allowances` are those of terms that are scheduled; kinds that the terms before granted, and
    these do not, end with them.
    """
    granted = subscription.allowances if allowances is None else allowances
    return tuple(
        Request(
            subscription.workspace_id, kind, NAMESPACE, f"{subscription.subscription_id}/{kind}",
            ask.Stand(_standing_grant(subscription, kind, granted, next_index)),
        )
        for kind in sorted({*granted, *subscription.allowances})
    )  # fmt: skip


def restated(
    subscription: Subscription, *, version: Version, next_index: int
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
    allowances = monthly(version=version, plan=scheduled.plan, agreed=subscription.allowances)
    stands = standing(scheduled_terms(later), next_index=index, allowances=allowances)
    return (*requests, *stands), later.change


def scheduled_terms(subscription: Subscription) -> Subscription:
    """Return a subscription with what is scheduled for it in force; its allowances stay."""
    scheduled = subscription.scheduled
    if scheduled is None:
        return subscription
    is_moved = scheduled.zone != subscription.zone
    return replace(
        subscription, plan=scheduled.plan, months_per_charge=scheduled.months_per_charge,
        zone=scheduled.zone, begins_at=scheduled.at if is_moved else subscription.begins_at,
        scheduled=None,
    )  # fmt: skip


def _standing_grant(
    subscription: Subscription, kind: str, granted: Mapping[str, int], next_index: int
) -> StandingGrant:
    found = StandingGrant(
        subscription.subscription_id, granted.get(kind) or subscription.allowances[kind],
        subscription.anchor_at, subscription.zone, next_index, subscription.change,
        subscription.grants_until(), subscription.begins_at,
    )  # fmt: skip
    return found if kind in granted else found.never()
