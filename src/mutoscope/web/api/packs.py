"""What one workspace is sold: the catalog's packs and prices, and those agreed with it alone."""

from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from mutoscope.domain.catalog import NoVersionInForce
from mutoscope.domain.offers import Money
from mutoscope.storage import workspaces
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented


class PackShape(msgspec.Struct, frozen=True, kw_only=True):
    """A pack as this workspace is sold it, at a net price."""

    pack: str
    name: str
    kind: str
    credits: int
    price: Money
    price_per_1000: Money
    is_agreed: bool


class AmountShape(msgspec.Struct, frozen=True, kw_only=True):
    """The net price of amounts that the buyer chooses."""

    kind: str
    price_per_1000: Money
    is_agreed: bool


class PackList(msgspec.Struct, frozen=True, kw_only=True):
    """What is for sale; `is_agreed` tells what this workspace alone is sold.

    No purchase is smaller than `credits_min`.
    """

    packs: tuple[PackShape, ...]
    free_amounts: tuple[AmountShape, ...]
    credits_min: int


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
    )  # fmt: skip
