"""Refills: a pack that buys itself when few credits of a kind are left, off unless it is set."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import delete, get, put
from litestar.params import FromPath, JSONBody

from mutoscope.app import refill
from mutoscope.app.demo import DemoWorkspace
from mutoscope.app.refill import NoMethodKept, PackOfAnotherKind, RefillTooSmall, RefillWish
from mutoscope.domain.catalog import UnknownPack
from mutoscope.domain.credits import AMOUNT_MAX, BadAmount, BadKey, checked_code
from mutoscope.storage import offers, workspaces
from mutoscope.storage.offers import Refill, UnknownRefill
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.shape import HouseHere, Text
from mutoscope.web.errors import documented

REFILLS: Final = "/workspaces/{workspace_id:uuid}/refills/{kind:str}"
Amount = Annotated[int, msgspec.Meta(ge=1, le=AMOUNT_MAX)]


class NewRefill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pack that is bought when fewer credits than `threshold` are left.

    `monthly_max` is the most that a month may cost, in minor units, net.
    """

    pack: Text
    threshold: Amount
    monthly_max: Amount


@get(
    REFILLS, operation_id="showRefill", tags=["purchases"],
    summary="What buys itself when few credits of a kind are left",
    responses=documented(UnknownWorkspace, UnknownRefill, BadKey),
)  # fmt: skip
async def show_refill(
    *, house: HouseHere, workspace_id: FromPath[UUID], kind: FromPath[str]
) -> Refill:
    """Return a refill; after declines it rests until `rests_until`.

    :raises UnknownRefill: when nothing of the kind buys itself.
    """
    wanted = checked_code(kind, name="kind")
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        found = await offers.refills(connection, workspace_id=workspace_id)
    for each in found:
        if each.kind == wanted:
            return each
    raise UnknownRefill(kind=wanted)


@put(
    REFILLS, operation_id="setRefill", tags=["purchases"],
    summary="Let a pack buy itself when few credits of a kind are left; needs a card that is kept",
    responses=documented(
        UnknownWorkspace, DemoWorkspace, UnknownPack, PackOfAnotherKind, BadAmount,
        RefillTooSmall, NoMethodKept, BadKey, "not_json", "body_too_large",
    ),
)  # fmt: skip
async def set_refill(
    *, house: HouseHere, workspace_id: FromPath[UUID], kind: FromPath[str],
    data: JSONBody[NewRefill],
) -> Refill:  # fmt: skip
    """Set a refill; a repeat says the same."""
    wish = RefillWish(
        kind=checked_code(kind, name="kind"), pack=data.pack, threshold=data.threshold,
        monthly_max=data.monthly_max,
    )  # fmt: skip
    return await refill.set_refill(house.studio, workspace_id=workspace_id, wish=wish)


@delete(
    REFILLS, operation_id="dropRefill", tags=["purchases"],
    summary="Let nothing of a kind buy itself any more",
    responses=documented(UnknownWorkspace, UnknownRefill, BadKey),
)  # fmt: skip
async def drop_refill(
    *, house: HouseHere, workspace_id: FromPath[UUID], kind: FromPath[str]
) -> None:
    """Drop a refill.

    :raises UnknownRefill: when nothing of the kind buys itself.
    """
    wanted = checked_code(kind, name="kind")
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
    if not await refill.drop_refill(house.studio, workspace_id=workspace_id, kind=wanted):
        raise UnknownRefill(kind=wanted)
