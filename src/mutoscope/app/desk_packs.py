"""Desk actions on what one customer alone is sold: packs of its own, and a price of amounts.

A pack is named after its credits, since nothing of a deed's data is prose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.app import own_offers
from mutoscope.app.desk_facts import credits_of, kind_of, price_of
from mutoscope.app.terms import NOW
from mutoscope.domain.credits import AMOUNT_MAX
from mutoscope.domain.offers import FreeAmount, Pack
from mutoscope.domain.purchases import amount_name

if TYPE_CHECKING:
    from mutoscope.app.desk import Deed
    from mutoscope.app.studio import Studio


async def agree_pack(studio: Studio, deed: Deed) -> None:
    """Sell a workspace a pack of its own.

    :raises BadDeskData: when its kind or currency is none.
    :raises Refusal: as `own_offers.agree_pack`.
    """
    kind, amount = kind_of(studio, deed), credits_of(deed)
    pack = Pack(
        key=str(deed.data["pack"]), name=amount_name(kind=kind, credits=amount), kind=kind,
        credits=amount, price=price_of(studio, deed),
    )  # fmt: skip
    await own_offers.agree_pack(
        studio, workspace_id=deed.workspace_id, pack=pack, begins=_begins(deed),
        act=deed.act(studio),
    )  # fmt: skip


async def withdraw_pack(studio: Studio, deed: Deed) -> None:
    """Sell a workspace a pack of its own no more.

    :raises Refusal: as `own_offers.withdraw_pack`.
    """
    await own_offers.withdraw_pack(
        studio, workspace_id=deed.workspace_id, pack=str(deed.data["pack"]),
        begins=_begins(deed), act=deed.act(studio),
    )  # fmt: skip


async def agree_free_amount(studio: Studio, deed: Deed) -> None:
    """Sell a workspace amounts of a kind at a price of its own.

    :raises BadDeskData: when the kind or currency is none.
    :raises Refusal: as `own_offers.agree_free_amount`.
    """
    price = price_of(studio, deed, field="price_per_1000")
    offer = FreeAmount(kind=kind_of(studio, deed), price_per_1000=price)
    await own_offers.agree_free_amount(
        studio, workspace_id=deed.workspace_id, offer=offer, begins=_begins(deed),
        act=deed.act(studio),
    )  # fmt: skip


async def withdraw_free_amount(studio: Studio, deed: Deed) -> None:
    """Sell a workspace amounts of a kind at its own price no more.

    :raises Refusal: as `own_offers.withdraw_free_amount`.
    """
    await own_offers.withdraw_free_amount(
        studio, workspace_id=deed.workspace_id, kind=str(deed.data["kind"]),
        begins=_begins(deed), act=deed.act(studio),
    )  # fmt: skip


async def undo_offers(studio: Studio, deed: Deed) -> None:
    """Take back all that is yet to begin, or to end, of what a workspace alone is sold.

    :raises Refusal: as `own_offers.undo_offers`.
    """
    await own_offers.undo_offers(studio, workspace_id=deed.workspace_id, act=deed.act(studio))


async def count_any(_studio: Studio, _deed: Deed) -> int:
    """Return the most credits that there can be: a price of amounts is for any number of them."""
    return AMOUNT_MAX


def _begins(deed: Deed) -> str:
    """Return when a deed's change begins, as it was given."""
    return str(deed.data.get("begins", NOW))
