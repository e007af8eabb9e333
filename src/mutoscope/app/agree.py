"""Enterprise terms: what staff agree with one customer (allowances, price, purchases).

Invariant: only what the catalog leaves open for the plan can be agreed. At once begin the right to
buy, and larger allowances for their share of the period; smaller ones begin with the next period, a
price with the next charge. All of it can be scheduled for the billing date (`app.change_plan`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.current_plan import current, write
from mutoscope.app.terms import as_agreed, granted_for_rest, monthly, restated, version_of
from mutoscope.domain.credits import Refusal, checked_amount
from mutoscope.domain.lots import Source
from mutoscope.domain.offers import Basis, Entitlement
from mutoscope.domain.proration import prorated_credits, remaining
from mutoscope.domain.subscriptions import Event, Subscription
from mutoscope.storage import subscriptions

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.agreed import Agreed
    from mutoscope.domain.catalog import Version
    from mutoscope.domain.requests import Request


class NotToBeAgreed(Refusal):
    """Terms that the catalog sets for everybody."""

    code = "not_to_be_agreed"

    def __init__(self, *, what: str, plan: str) -> None:
        super().__init__(
            f"{what} of {plan} is the catalog's for everybody: change the catalog, or give the "
            "workspace a plan that leaves it open"
        )
        self.what = what
        self.plan = plan


async def agree(
    studio: Studio, *, workspace_id: UUID, agreed: Agreed, act: Act = NOBODYS
) -> Subscription:
    """Set what was agreed with a workspace, from now on.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotInThisState: when it has no plan that can be changed.
    :raises NotToBeAgreed: when the catalog does not leave it open.
    :raises BadAmount: when an allowance or the price is no amount.
    """
    at = studio.clock.now()
    before = await current(studio, workspace_id=workspace_id, event=Event.AGREE)
    after = agreed_terms(studio, before.moved(event=Event.AGREE), agreed=agreed, at=at)
    index = before.next_granted(at=at)
    stands, change = restated(after, catalog=studio.catalog, next_index=index)
    after = replace(after, change=change)
    grants = await _for_the_rest(studio, before, after, at=at)
    row = subscriptions.changed(before, after, event=Event.AGREE, due_at=at, at=at)
    await write(studio, act.noted((*stands, *grants)), rows=(row, *act.telling()))
    return await current(studio, workspace_id=workspace_id, event=Event.AGREE)


def agreed_terms(
    studio: Studio, subscription: Subscription, *, agreed: Agreed, at: datetime
) -> Subscription:
    """Return a subscription with what was agreed in force.

    :raises NotToBeAgreed: when the catalog does not leave it open.
    :raises BadAmount: when an allowance or the price is no amount.
    """
    version = version_of(subscription, catalog=studio.catalog, at=at)
    check_open(version=version, plan=subscription.plan, agreed=agreed)
    after = as_agreed(subscription, agreed)
    allowances = monthly(version=version, plan=after.plan, agreed=after.allowances)
    return replace(after, allowances=allowances)


def check_open(*, version: Version, plan: str, agreed: Agreed) -> None:
    """Pass when the catalog leaves open for a plan what is to be agreed.

    :raises UnknownPlan: when this version has no such plan.
    :raises NotToBeAgreed: when it sets that for everybody.
    :raises BadAmount: when the price is no amount.
    """
    found = version.plan(key=plan)
    if agreed.price is not None:
        checked_amount(agreed.price.amount, name="price", least=0)
        if found.price is not None:
            raise NotToBeAgreed(what="the price", plan=plan)
    for kind in agreed.allowances or {}:
        allowance = found.allowance(kind=kind)
        if allowance is None or allowance.basis is not Basis.AGREED:
            raise NotToBeAgreed(what=f"the {kind} credits", plan=plan)
    if agreed.can_purchase is not None and Entitlement.PURCHASES not in found.agreed:
        raise NotToBeAgreed(what="the right to buy credits", plan=plan)


async def _for_the_rest(
    studio: Studio, before: Subscription, after: Subscription, *, at: datetime
) -> tuple[Request, ...]:
    """Return the grants of what is more for the rest of the period that runs.

    With what it was granted before, a period never gets more than the allowance. One that waits
    for its payment is granted nothing yet.
    """
    until = before.grants_until()
    if until is not None and until <= at:
        return ()
    period = before.period_at(at=at)
    share = remaining(starts_at=period.starts_at, ends_at=period.ends_at, at=at)
    granted: Counter[str] = Counter()
    async with studio.reading() as connection:
        for lot in await subscriptions.grants_for(
            connection, workspace_id=after.workspace_id, source=Source.PLAN,
            reference=f"{after.subscription_id}/{period.index}",
        ):  # fmt: skip
            granted[lot.kind] += lot.granted
    found = {
        kind: min(
            prorated_credits(before=before.allowances.get(kind, 0), after=amount, share=share),
            amount - granted[kind],
        )
        for kind, amount in after.allowances.items()
    }
    return tuple(
        granted_for_rest(after, kind=kind, amount=amount, at=at, event=Event.AGREE)
        for kind, amount in found.items()
        if amount > 0
    )
