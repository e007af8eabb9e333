"""What one workspace alone is sold: packs and prices of amounts that staff agree with it.

Invariant: it belongs to a plan that leaves purchases open, and ends with it. An order keeps the
price that it was made at, whatever is agreed or withdrawn before it is paid (rule 5).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.agree import NotToBeAgreed
from mutoscope.app.current_plan import current, write
from mutoscope.app.terms import version_of
from mutoscope.domain.credits import checked_amount
from mutoscope.domain.estimate import PurchaseTooSmall
from mutoscope.domain.offers import Entitlement
from mutoscope.domain.subscriptions import Event
from mutoscope.storage import subscriptions

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.agreed import OwnOffers
    from mutoscope.domain.offers import FreeAmount, Pack
    from mutoscope.domain.subscriptions import Subscription
    from mutoscope.storage.session import SideRow


async def agree_pack(
    studio: Studio, *, workspace_id: UUID, pack: Pack, act: Act = NOBODYS
) -> Subscription:
    """Sell a workspace a pack of its own, in the place of one of its key.

    :raises BadAmount: when its price is no amount above nothing.
    :raises PurchaseTooSmall: when it lies below the smallest purchase.
    :raises NotToBeAgreed: when the plan leaves no purchases open.
    :raises NotInThisState: when the workspace has no plan that can be changed.
    """
    checked_amount(pack.price.amount, name="price")
    smallest = studio.catalog.version_at(at=studio.clock.now()).purchase_credits_min
    if checked_amount(pack.credits, name="credits") < smallest:
        raise PurchaseTooSmall(amount=pack.credits, smallest=smallest)
    before = await _with_open_purchases(studio, workspace_id)
    rows = act.telling(currency=pack.price.currency)
    return await _sold(studio, before, before.offers.with_pack(pack), rows=rows)


async def withdraw_pack(
    studio: Studio, *, workspace_id: UUID, pack: str, act: Act = NOBODYS
) -> Subscription:
    """Sell a workspace a pack of its own no more; what is ordered stays so.

    :raises UnknownPack: when none of that key was agreed with it.
    :raises NotInThisState: when the workspace has no plan that can be changed.
    """
    before = await current(studio, workspace_id=workspace_id, event=Event.AGREE)
    return await _sold(studio, before, before.offers.without_pack(key=pack), rows=act.telling())


async def agree_free_amount(
    studio: Studio, *, workspace_id: UUID, offer: FreeAmount, act: Act = NOBODYS
) -> Subscription:
    """Sell a workspace amounts of a kind at a price of its own.

    :raises BadAmount: when the price is no amount above nothing.
    :raises NotToBeAgreed: when the plan leaves no purchases open.
    :raises NotInThisState: when the workspace has no plan that can be changed.
    """
    checked_amount(offer.price_per_1000.amount, name="price")
    before = await _with_open_purchases(studio, workspace_id)
    rows = act.telling(currency=offer.price_per_1000.currency)
    return await _sold(studio, before, before.offers.with_free_amount(offer), rows=rows)


async def withdraw_free_amount(
    studio: Studio, *, workspace_id: UUID, kind: str, act: Act = NOBODYS
) -> Subscription:
    """Sell a workspace amounts of a kind as the catalog says again; what is ordered stays so.

    :raises NotForSale: when no price of that kind was agreed with it.
    :raises NotInThisState: when the workspace has no plan that can be changed.
    """
    before = await current(studio, workspace_id=workspace_id, event=Event.AGREE)
    offers = before.offers.without_free_amount(kind=kind)
    return await _sold(studio, before, offers, rows=act.telling())


async def _with_open_purchases(studio: Studio, workspace_id: UUID) -> Subscription:
    found = await current(studio, workspace_id=workspace_id, event=Event.AGREE)
    version = version_of(found, catalog=studio.catalog, at=studio.clock.now())
    if Entitlement.PURCHASES not in version.plan(key=found.plan).agreed:
        raise NotToBeAgreed(what="what is sold to one customer", plan=found.plan)
    return found


async def _sold(
    studio: Studio, before: Subscription, offers: OwnOffers, *, rows: tuple[SideRow, ...]
) -> Subscription:
    at = studio.clock.now()
    after = replace(before.moved(event=Event.AGREE), offers=offers)
    row = subscriptions.changed(before, after, event=Event.AGREE, due_at=at, at=at)
    await write(studio, (), rows=(row, *rows))
    return after
