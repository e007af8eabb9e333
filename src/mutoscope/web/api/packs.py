"""What one workspace is sold: the catalog's packs and prices, and those agreed with it alone."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from mutoscope.domain.agreed import OfferChange
from mutoscope.domain.catalog import NoVersionInForce
from mutoscope.domain.offers import Money
from mutoscope.domain.pack_measure import Measure, measure
from mutoscope.storage import workspaces
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented


class PackShape(msgspec.Struct, frozen=True, kw_only=True):
    """A pack as this workspace is sold it, at a net price; `buys` says it in seconds, or images."""

    pack: str
    name: str
    kind: str
    credits: int
    price: Money
    price_per_1000: Money
    buys: Measure | None
    is_agreed: bool


class AmountShape(msgspec.Struct, frozen=True, kw_only=True):
    """The net price of amounts that the buyer chooses."""

    kind: str
    price_per_1000: Money
    is_agreed: bool


class ComingShape(msgspec.Struct, frozen=True, kw_only=True):
    """What changes later of what this workspace alone is sold: a `pack`, or amounts of a `kind`.

    The net `price` is the pack's, or that of 1,000 credits; without one it is sold no more, or as
    the catalog says.
    """

    begins_at: datetime
    pack: str | None
    kind: str | None
    credits: int | None
    price: Money | None


class PackList(msgspec.Struct, frozen=True, kw_only=True):
    """What is for sale; `is_agreed` tells what this workspace alone is sold, `coming` what changes.

    No purchase is smaller than `credits_min`.
    """

    packs: tuple[PackShape, ...]
    free_amounts: tuple[AmountShape, ...]
    credits_min: int
    coming: tuple[ComingShape, ...]


@get(
    "/workspaces/{workspace_id:uuid}/packs", operation_id="listPacks", tags=["purchases"],
    summary="What a workspace may buy: packs and prices of amounts, with those agreed with it",
    responses=documented(UnknownWorkspace, NoVersionInForce),
)  # fmt: skip
async def list_packs(*, house: HouseHere, workspace_id: FromPath[UUID]) -> PackList:
    """List what is for sale."""
    studio, at = house.studio, house.studio.clock.now()
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    catalog, shop = studio.catalog.version_at(at=at), studio.shop_of(workspace, at=at)
    return PackList(
        packs=tuple(
            PackShape(
                pack=each.key, name=each.name, kind=each.kind, credits=each.credits,
                price=each.price, price_per_1000=each.price_per_1000,
                buys=measure(version=shop, kind=each.kind, amount=each.credits),
                is_agreed=each not in catalog.packs,
            )
            for each in shop.packs
        ),
        free_amounts=tuple(
            AmountShape(
                kind=each.kind, price_per_1000=each.price_per_1000,
                is_agreed=each not in catalog.free_amounts,
            )
            for each in shop.free_amounts
        ),
        credits_min=shop.purchase_credits_min,
        coming=tuple(map(_coming, studio.coming_to(workspace, at=at))),
    )  # fmt: skip


def _coming(change: OfferChange) -> ComingShape:
    sold, priced = change.sold, change.priced
    price = priced.price_per_1000 if priced else None
    return ComingShape(
        begins_at=change.begins_at, pack=change.pack, kind=sold.kind if sold else change.kind,
        credits=sold.credits if sold else None, price=sold.price if sold else price,
    )  # fmt: skip
