"""What one workspace alone is sold: packs and prices of amounts that staff agree with it.

Invariant: it belongs to a plan that leaves purchases open, and ends with it. An order keeps the
price that it was made at, whatever is agreed or withdrawn before it is paid (rule 5). What begins
or ends at a later instant is kept beside what is in force, and is taken back until then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.agree import NotToBeAgreed
from mutoscope.app.change_plan import NothingScheduled
from mutoscope.app.current_plan import current, write
from mutoscope.app.terms import BILLING_DATE, NOW, version_of
from mutoscope.domain.agreed import OfferChange
from mutoscope.domain.credits import checked_amount
from mutoscope.domain.desk import BadDeskData, text_of
from mutoscope.domain.estimate import PurchaseTooSmall
from mutoscope.domain.offers import Entitlement
from mutoscope.domain.subscriptions import Event
from mutoscope.domain.wall_clock import instant_of, zone_named
from mutoscope.storage import subscriptions

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.agreed import OwnOffers
    from mutoscope.domain.audit import Value
    from mutoscope.domain.offers import FreeAmount, Pack
    from mutoscope.domain.subscriptions import Subscription
    from mutoscope.storage.session import SideRow


AHEAD_MAX: Final = timedelta(days=1_830)
"""How far ahead an offer may begin: five years, which no agreement outlasts."""

_BEGINS: Final = (
    "write now, billing_date, a date to come such as 2026-01-31, or an instant with its offset"
)


async def agree_pack(
    studio: Studio, *, workspace_id: UUID, pack: Pack, begins: str = NOW, act: Act = NOBODYS
) -> Subscription:
    """Sell a workspace a pack of its own, in the place of one of its key.

    :raises BadAmount: when its price is no amount above nothing.
    :raises PurchaseTooSmall: when it lies below the smallest purchase.
    :raises NotToBeAgreed: when the plan leaves no purchases open.
    :raises NotInThisState: when the workspace has no plan that can be changed.
    :raises BadDeskData: when it is to begin at what is no date to come.
    """
    checked_amount(pack.price.amount, name="price")
    smallest = studio.catalog.version_at(at=studio.clock.now()).purchase_credits_min
    if checked_amount(pack.credits, name="credits") < smallest:
        raise PurchaseTooSmall(amount=pack.credits, smallest=smallest)
    before = await _with_open_purchases(studio, workspace_id)
    change = OfferChange(begins_at=_instant(studio, before, begins), pack=pack.key, sold=pack)
    return await _sold(studio, before, change, act=act, currency=pack.price.currency)


async def withdraw_pack(
    studio: Studio, *, workspace_id: UUID, pack: str, begins: str = NOW, act: Act = NOBODYS
) -> Subscription:
    """Sell a workspace a pack of its own no more; what is ordered stays so.

    :raises UnknownPack: when none of that key was agreed with it.
    :raises NotInThisState: when the workspace has no plan that can be changed.
    :raises BadDeskData: when it is to end at what is no date to come.
    """
    before = await current(studio, workspace_id=workspace_id, event=Event.AGREE)
    change = OfferChange(begins_at=_instant(studio, before, begins), pack=pack)
    return await _sold(studio, before, change, act=act)


async def agree_free_amount(
    studio: Studio, *, workspace_id: UUID, offer: FreeAmount, begins: str = NOW,
    act: Act = NOBODYS,
) -> Subscription:  # fmt: skip
    """Sell a workspace amounts of a kind at a price of its own.

    :raises BadAmount: when the price is no amount above nothing.
    :raises NotToBeAgreed: when the plan leaves no purchases open.
    :raises NotInThisState: when the workspace has no plan that can be changed.
    :raises BadDeskData: when it is to begin at what is no date to come.
    """
    checked_amount(offer.price_per_1000.amount, name="price")
    before = await _with_open_purchases(studio, workspace_id)
    change = OfferChange(begins_at=_instant(studio, before, begins), kind=offer.kind, priced=offer)
    return await _sold(studio, before, change, act=act, currency=offer.price_per_1000.currency)


async def withdraw_free_amount(
    studio: Studio, *, workspace_id: UUID, kind: str, begins: str = NOW, act: Act = NOBODYS
) -> Subscription:
    """Sell a workspace amounts of a kind as the catalog says again; what is ordered stays so.

    :raises NotForSale: when no price of that kind was agreed with it.
    :raises NotInThisState: when the workspace has no plan that can be changed.
    :raises BadDeskData: when it is to end at what is no date to come.
    """
    before = await current(studio, workspace_id=workspace_id, event=Event.AGREE)
    change = OfferChange(begins_at=_instant(studio, before, begins), kind=kind)
    return await _sold(studio, before, change, act=act)


async def undo_offers(studio: Studio, *, workspace_id: UUID, act: Act = NOBODYS) -> Subscription:
    """Take back all that is yet to begin, or to end, of what a workspace alone is sold.

    :raises NothingScheduled: when nothing is.
    :raises NotInThisState: when the workspace has no plan that can be changed.
    """
    at = studio.clock.now()
    before = await current(studio, workspace_id=workspace_id, event=Event.AGREE)
    if not before.offers.at(at=at).coming:
        raise NothingScheduled
    offers = before.offers.without_coming(at=at)
    return await _written(studio, before, offers, due_at=at, rows=act.telling())


def _instant(studio: Studio, subscription: Subscription, begins: str) -> datetime:
    """Return when a change begins: now, on the next billing date, on a date, or at an instant.

    A date begins in the zone in which the billing dates are counted.

    :raises BadDeskData: when it is none of these, or has passed.
    """
    at = studio.clock.now()
    if begins == NOW:
        return at
    if begins == BILLING_DATE:
        return subscription.period_at(at=at).ends_at
    try:
        found = datetime.fromisoformat(begins)
        if len(begins) == len("2026-01-31"):
            found = instant_of(zone_named(subscription.zone), found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):  # no date, or one at the end of all years
        found = at
    if found.tzinfo is None or not at < found <= at + AHEAD_MAX:
        raise BadDeskData(field="begins", remedy=_BEGINS)
    return found.astimezone(UTC)


async def _with_open_purchases(studio: Studio, workspace_id: UUID) -> Subscription:
    found = await current(studio, workspace_id=workspace_id, event=Event.AGREE)
    version = version_of(found, catalog=studio.catalog, at=studio.clock.now())
    if Entitlement.PURCHASES not in version.plan(key=found.plan).agreed:
        raise NotToBeAgreed(what="what is sold to one customer", plan=found.plan)
    return found


async def _sold(
    studio: Studio, before: Subscription, change: OfferChange, *, act: Act, **told: Value
) -> Subscription:
    """Write a change of what is sold; `told` is what the line says of it beside its data."""
    at = studio.clock.now()
    offers = before.offers.changed(change, at=at)
    if change.begins_at > at:
        told["begins_at"] = text_of(change.begins_at)
    rows = act.telling(**told)
    return await _written(studio, before, offers, due_at=change.begins_at, rows=rows)


async def _written(
    studio: Studio, before: Subscription, offers: OwnOffers, *, due_at: datetime,
    rows: tuple[SideRow, ...],
) -> Subscription:  # fmt: skip
    after = replace(before.moved(event=Event.AGREE), offers=offers)
    row = subscriptions.changed(
        before, after, event=Event.AGREE, due_at=due_at, at=studio.clock.now()
    )
    await write(studio, (), rows=(row, *rows))
    return after
