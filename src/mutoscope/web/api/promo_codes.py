"""Promo codes for staff: what was offered, and how often each was redeemed."""

import msgspec
from litestar import get

from mutoscope.domain.staff import NotAllowed, StaffAction, require
from mutoscope.storage import offers
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.offers import PromoCode
from mutoscope.storage.place import cursor_of, named_place_of
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import StaffNeeded, documented


class PromoCodePage(msgspec.Struct, frozen=True, kw_only=True):
    """Promo codes, the newest first; `next` is the cursor of the page after, None on the last."""

    promo_codes: tuple[PromoCode, ...]
    next: str | None


@get(
    "/desk/promo-codes", operation_id="listPromoCodes", tags=["desk"],
    summary="The promo codes with how often each was redeemed, the newest first",
    responses=documented(StaffNeeded, NotAllowed, BadCursor),
)  # fmt: skip
async def list_promo_codes(
    *, house: HouseHere, actor: ActorHere, limit: Limit = 50, after: After = None
) -> PromoCodePage:
    """Return a page of promo codes."""
    require(actor, StaffAction.VIEW)
    async with house.studio.reading() as connection:
        found = await offers.promo_codes(connection, limit=limit + 1, before=named_place_of(after))
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(at=last.created_at, item_id=last.code) if last else None
    return PromoCodePage(promo_codes=found[:limit], next=following)
