"""Advice about a board that costs more than there is: wait, buy, take a larger plan, or start one.

Reads alone, and advises what the workspace may do: a trial and a free workspace start a plan, for
they cannot buy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from mutoscope.app.storyboard_estimate import estimate_board
from mutoscope.domain.forecast_wording import credits_of, on
from mutoscope.domain.offers import Entitlement, Plan
from mutoscope.domain.pack_advice import Basket, PlanOffer, cheapest, starts, upgrades
from mutoscope.domain.proration import remaining
from mutoscope.domain.subscriptions import Subscription
from mutoscope.storage import workspaces

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mutoscope.app.studio import Studio
    from mutoscope.domain.board_price import KindTotal
    from mutoscope.domain.catalog import Version
    from mutoscope.storage.workspaces import Workspace


class Action(StrEnum):
    """What is advised."""

    NOTHING = "nothing"
    BUY = "buy"
    UPGRADE = "upgrade"
    START_PLAN = "start_plan"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindAdvice:
    """What is short of a kind now and after the next grant, and the cheapest way to buy it."""

    kind: str
    required: int
    available: int
    shortfall: int
    next_grant_at: datetime | None
    next_grant_amount: int
    shortfall_then: int
    basket: Basket | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do about a board: `plan` is the one to take, `kinds` are those that it needs."""

    project_id: UUID
    version: str
    action: Action
    kinds: tuple[KindAdvice, ...]
    plan: PlanOffer | None
    sentence: str


async def advise(studio: Studio, *, workspace_id: UUID, project_id: UUID) -> Advice:
    """Tell what a board lacks in credits, and the cheapest way to have them.

    :raises Refusal: when the project is unknown, or a frame's tool cannot make its clip.
    """
    at = studio.clock.now()
    estimate = await estimate_board(studio, workspace_id=workspace_id, project_id=project_id)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    version = studio.catalog.version(key=estimate.version)
    access = studio.access_of(workspace, at=at)
    can_buy = Entitlement.PURCHASES in access.entitlements
    shop = studio.shop_of(workspace, at=at)
    kinds = tuple(_kind(shop, total, can_buy=can_buy) for total in estimate.totals)
    action, plan = _choice(studio, version, workspace, kinds)
    return Advice(
        project_id=project_id, version=version.key, action=action, kinds=kinds, plan=plan,
        sentence=_sentence(action, kinds, plan, workspace.zone),
    )  # fmt: skip


def _kind(version: Version, total: KindTotal, *, can_buy: bool) -> KindAdvice:
    basket = None
    if total.shortfall and can_buy:
        basket = cheapest(version=version, kind=total.kind, shortfall=total.shortfall)
    coming = total.next_grant_amount
    return KindAdvice(
        kind=total.kind, required=total.required, available=total.available,
        shortfall=total.shortfall, next_grant_at=total.next_at if coming else None,
        next_grant_amount=coming, shortfall_then=max(0, total.shortfall - coming), basket=basket,
    )  # fmt: skip


def _choice(
    studio: Studio, version: Version, workspace: Workspace, kinds: tuple[KindAdvice, ...]
) -> tuple[Action, PlanOffer | None]:
    short = {each.kind: each.shortfall for each in kinds if each.shortfall}
    if not short:
        return Action.NOTHING, None
    at, subscription = studio.clock.now(), workspace.subscription
    current = studio.plan_of(workspace, at=at)
    if subscription is None or current is None:
        offers = starts(version=version, required={each.kind: each.required for each in kinds})
        return (Action.START_PLAN, offers[0]) if offers else (Action.ASK, None)
    larger = _cheapest_upgrade(version, current, subscription, (short, at))
    baskets = [each.basket for each in kinds if each.shortfall]
    bought = [each for each in baskets if each is not None]
    if len(bought) < len(baskets):
        return (Action.ASK if larger is None else Action.UPGRADE), larger
    if larger is not None and _is_cheaper(larger, bought):
        return Action.UPGRADE, larger
    return Action.BUY, None


def _cheapest_upgrade(
    version: Version, current: Plan, subscription: Subscription,
    lack: tuple[dict[str, int], datetime],
) -> PlanOffer | None:  # fmt: skip
    """Return the cheapest larger plan, for who pays the catalog's price by the month."""
    short, at = lack
    if subscription.months_per_charge != 1 or subscription.price is not None:
        return None
    span = subscription.period_at(at=at)
    rest = remaining(starts_at=span.starts_at, ends_at=span.ends_at, at=at)
    offers = upgrades(version=version, current=current, shortfalls=short, rest=rest)
    return next(iter(offers), None)


def _is_cheaper(larger: PlanOffer, baskets: Iterable[Basket]) -> bool:
    prices = [each.price for each in baskets]
    is_comparable = {each.currency for each in prices} == {larger.price_now.currency}
    return is_comparable and larger.price_now.amount < sum(each.amount for each in prices)


def _sentence(
    action: Action, kinds: tuple[KindAdvice, ...], plan: PlanOffer | None, zone: str
) -> str:
    if action is Action.NOTHING:
        return "Nothing is needed: the balance covers the board."
    short = [each for each in kinds if each.shortfall]
    lack = " and ".join(credits_of(each.shortfall, kind=each.kind) for each in short)
    told = f"{lack} are short."
    if all(each.next_grant_at and not each.shortfall_then for each in short):
        latest_at = max(each.next_grant_at for each in short if each.next_grant_at)
        told += f" What comes on {on(latest_at, zone=zone)} covers the rest."
    return f"{told} {_remedy(action, short, plan)}"


def _remedy(action: Action, short: list[KindAdvice], plan: PlanOffer | None) -> str:
    if action is Action.BUY:
        return f"The cheapest purchase is {_shopping(short)}."
    if plan is None:
        return "Ask support for more."
    if action is Action.UPGRADE:
        return f"The plan {plan.name} is the cheapest way to have them now."
    if plan.covers:
        return f"Start the plan {plan.name}: its monthly credits cover the board."
    return f"Start the plan {plan.name}: it gives the most, and more may be bought with it."


def _shopping(short: list[KindAdvice]) -> str:
    items = [item for each in short if each.basket is not None for item in each.basket.items]
    return " and ".join(
        f"{item.quantity} x {item.name}" if item.quantity > 1 else item.name for item in items
    )
