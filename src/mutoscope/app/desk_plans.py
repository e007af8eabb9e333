"""Desk actions on plans: one started on account, what was agreed with one customer, the end of all.

Credits that are agreed stand in data as one word (`image=500,video=2000`), a price in minor units
of the currency beside it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from mutoscope.app import agree as agreeing
from mutoscope.app import change_plan, subscribe, suspend
from mutoscope.app.desk_facts import open_workspace, price_of
from mutoscope.app.subscribe import NewPlan
from mutoscope.app.terms import BILLING_DATE, monthly
from mutoscope.domain.agreed import Agreed
from mutoscope.domain.desk import BadDeskData, amounts_of
from mutoscope.storage import balances

if TYPE_CHECKING:
    from mutoscope.app.acts import Act
    from mutoscope.app.desk import Deed
    from mutoscope.app.studio import Studio
    from mutoscope.domain.offers import Money


async def agree(studio: Studio, deed: Deed) -> None:
    """Set the terms of a plan that leaves them open: credits a month, the price, the right to buy.

    They begin now, as far as they can, or all together on the next billing date.

    :raises BadDeskData: when nothing is set, or a price has no currency.
    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotInThisState: when it has no plan that can be changed.
    :raises NotToBeAgreed: when the catalog sets it for everybody.
    :raises BadAmount: when an allowance is no amount.
    :raises PeriodBegan: when the next period began in between.
    :raises AlreadyScheduled: when it is to begin later, and something else is scheduled.
    """
    if not {"allowances", "price", "can_purchase"} & deed.data.keys():
        remedy = "set at least one of allowances, price and can_purchase"
        raise BadDeskData(field="allowances", remedy=remedy)
    is_later = deed.data.get("begins") == BILLING_DATE
    begin = change_plan.schedule_agreed if is_later else agreeing.agree
    agreed = _agreed(studio, deed)
    await begin(
        studio, workspace_id=deed.workspace_id, agreed=agreed, act=_act(studio, deed, agreed)
    )


async def change_zone(studio: Studio, deed: Deed) -> None:
    """Let the billing dates be counted in another zone from the next one on.

    :raises BadDeskData: when they are counted in that zone already.
    :raises UnknownZone: when the zone is not in the zone database.
    :raises Refusal: as `change_plan.schedule`.
    """
    workspace, zone = await open_workspace(studio, deed.workspace_id), str(deed.data["zone"])
    if workspace.subscription is not None and workspace.subscription.zone == zone:
        raise BadDeskData(field="zone", remedy=f"{zone} is the zone of its billing already")
    await change_plan.schedule(
        studio, workspace_id=deed.workspace_id, zone=zone, act=deed.act(studio)
    )


async def undo_change(studio: Studio, deed: Deed) -> None:
    """Take back what is scheduled for the billing date: terms, a zone, a plan, an end.

    :raises Refusal: as `change_plan.undo`.
    """
    await change_plan.undo(studio, workspace_id=deed.workspace_id, act=deed.act(studio))


async def start_plan(studio: Studio, deed: Deed) -> None:
    """Start a plan on account: its first term is invoiced, to be paid within the seller's days.

    :raises BadDeskData: when a price has no currency.
    :raises NotToBeAgreed: when the catalog sets for everybody what was agreed.
    :raises Refusal: as `subscribe.start_on_account`.
    """
    plan, anchor = str(deed.data["plan"]), deed.data.get("anchor_at")
    agreed = _agreed(studio, deed)
    new = NewPlan(
        plan=plan, is_annual=bool(deed.data.get("is_annual")), agreed=agreed.allowances or {},
        price=agreed.price, can_purchase=bool(agreed.can_purchase),
        anchor_at=None if anchor is None else datetime.fromisoformat(str(anchor)),
    )  # fmt: skip
    await subscribe.start_on_account(
        studio, workspace_id=deed.workspace_id, new=new, act=_act(studio, deed, agreed)
    )


async def close(studio: Studio, deed: Deed) -> None:
    """Close a workspace for ever: open jobs settle, all credits are forfeited.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotInThisState: when it is closed already.
    """
    await suspend.close(studio, workspace_id=deed.workspace_id, act=deed.act(studio))


async def count_agreed(_studio: Studio, deed: Deed) -> int:
    """Return the most credits of a kind that are agreed for a month."""
    return max(_allowances(deed).values(), default=0)


async def count_plan(studio: Studio, deed: Deed) -> int:
    """Return the most credits of a kind that the plan to be started grants in a month."""
    found = monthly(
        version=studio.catalog.version_at(at=deed.at), plan=str(deed.data["plan"]),
        agreed=_allowances(deed),
    )  # fmt: skip
    return max(found.values(), default=0)


async def count_left(studio: Studio, deed: Deed) -> int:
    """Return the most credits of a kind that a workspace has."""
    async with studio.reading() as connection:
        found = await balances.balances(
            connection, workspace_id=deed.workspace_id, at=deed.at, now=deed.at
        )
    return max((each.available for each in found), default=0)


def _allowances(deed: Deed) -> dict[str, int]:
    return amounts_of(str(deed.data.get("allowances") or ""))


def _agreed(studio: Studio, deed: Deed) -> Agreed:
    can_purchase = deed.data.get("can_purchase")
    return Agreed(
        allowances=_allowances(deed) or None, price=_price(studio, deed),
        can_purchase=None if can_purchase is None else bool(can_purchase),
    )  # fmt: skip


def _act(studio: Studio, deed: Deed, agreed: Agreed) -> Act:
    """Return what commits with terms: what is told of a price has its currency."""
    act = deed.act(studio)
    if agreed.price is None:
        return act
    return replace(act, tell=partial(deed.rows, studio, currency=agreed.price.currency))


def _price(studio: Studio, deed: Deed) -> Money | None:
    """Return the price that was agreed, if one was."""
    if deed.data.get("price") is None:
        if deed.data.get("currency") is not None:
            raise BadDeskData(field="price", remedy="a currency was given: give the price, too")
        return None
    return price_of(studio, deed)
