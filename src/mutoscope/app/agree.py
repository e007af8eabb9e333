"""Enterprise terms: what staff agree with one customer (allowances, price, purchases).

Invariant: only what the catalog leaves open for the plan can be agreed. Allowances begin with the
next period, a price with the next charge, the right to buy at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.current_plan import current, write
from mutoscope.app.terms import monthly, restated, version_of
from mutoscope.domain.credits import Refusal, checked_amount
from mutoscope.domain.offers import Basis, Entitlement, Money
from mutoscope.domain.subscriptions import Event, Subscription
from mutoscope.storage import subscriptions

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.catalog import Version


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What was agreed; what is None stays as it is. `price` is that of a charge, net."""

    allowances: Mapping[str, int] | None = None
    price: Money | None = None
    can_purchase: bool | None = None


async def agree(
    studio: Studio, *, workspace_id: UUID, agreed: Agreed, act: Act = NOBODYS
) -> Subscription:
    """Set what was agreed with a workspace.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotInThisState: when it has no plan that can be changed.
    :raises NotToBeAgreed: when the catalog does not leave it open.
    :raises BadAmount: when an allowance or the price is no amount.
    """
    at = studio.clock.now()
    before = await current(studio, workspace_id=workspace_id, event=Event.AGREE)
    version = version_of(before, catalog=studio.catalog, at=at)
    check_open(version=version, plan=before.plan, agreed=agreed)
    allowances = monthly(
        version=version, plan=before.plan,
        agreed={**before.allowances, **(agreed.allowances or {})},
    )  # fmt: skip
    after = replace(
        before.moved(event=Event.AGREE), allowances=allowances,
        price=agreed.price or before.price,
        can_purchase=before.can_purchase if agreed.can_purchase is None else agreed.can_purchase,
    )  # fmt: skip
    index = before.period_at(at=at).index + 1
    stands, change = restated(after, catalog=studio.catalog, next_index=index)
    after = replace(after, change=change)
    row = subscriptions.changed(before, after, event=Event.AGREE, due_at=at, at=at)
    await write(studio, act.noted(stands), rows=(row, *act.telling()))
    return await current(studio, workspace_id=workspace_id, event=Event.AGREE)


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
