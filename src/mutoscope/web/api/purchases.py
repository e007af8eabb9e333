"""Purchases: credits ordered, listed and cancelled before they are paid; and promo codes.

The surprising choice: a promo code takes no key, since it is one: a workspace redeems it once, and
a repeat is told when that was.
"""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from mutoscope.app import buy, members, promo
from mutoscope.app.billing import billed
from mutoscope.app.buy import Orderer, PurchasesNotEnabled, Wish
from mutoscope.app.demo import DemoWorkspace
from mutoscope.app.gateway import Checkout, GatewayAway, GatewayFailed
from mutoscope.app.pay_links import GatewayMissing
from mutoscope.app.promo import AlreadyRedeemed, PromoOver
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.catalog import UnknownPack
from mutoscope.domain.credits import AMOUNT_MAX, BadAmount, BadKey
from mutoscope.domain.estimate import NotForSale, PurchaseTooSmall
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.purchases import Purchase, PurchaseNotInThisState
from mutoscope.domain.subscriptions import MayNotSpend
from mutoscope.domain.team import RoleCannot, UnknownMember
from mutoscope.storage import purchases, workspaces
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.offers import UnknownCode
from mutoscope.storage.place import LAST, cursor_of, place_of
from mutoscope.storage.purchases import UnknownPurchase
from mutoscope.storage.session import SideRowRefused
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.payment_requests import RequestShape, checkout_of, request_shape
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Text
from mutoscope.web.api.workspaces import replay_headers
from mutoscope.web.errors import IdempotencyKeyMissing, Malformed, documented

PURCHASES: Final = "/workspaces/{workspace_id:uuid}/purchases"
BODY: Final = ("not_json", "body_too_large")


class NewPurchase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is bought: a pack, or an amount of a kind; `by` is the owner who orders it."""

    pack: Text | None = None
    kind: Text | None = None
    credits: Annotated[int, msgspec.Meta(ge=1, le=AMOUNT_MAX)] | None = None
    by: UUID | None = None


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """An order, what is to be paid for it, and how; `checkout` is None when it is over."""

    purchase: Purchase
    request: RequestShape
    checkout: Checkout | None


class PurchasePage(msgspec.Struct, frozen=True, kw_only=True):
    """Purchases, newest first; `next` is the cursor of the page after, None on the last."""

    purchases: tuple[Purchase, ...]
    next: str | None


class RedeemedCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A promo code, in capital letters or not."""

    code: Text


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """The credits that a code gave, and until when they last."""

    kind: str
    credits: int
    expires_at: datetime | None


@get(
    PURCHASES, operation_id="listPurchases", tags=["purchases"],
    summary="The purchases of a workspace, newest first",
    responses=documented(UnknownWorkspace, BadCursor),
)  # fmt: skip
async def list_purchases(
    *, house: HouseHere, workspace_id: FromPath[UUID], limit: Limit = 50, after: After = None
) -> PurchasePage:
    """Return a page of purchases."""
    begin = place_of(after, begin=LAST)
    async with house.studio.reading() as connection:
        await workspaces.get(connection, workspace_id=workspace_id)
        found = await purchases.page(
            connection, workspace_id=workspace_id, limit=limit + 1, before=begin
        )
    items = found[:limit]
    last = items[-1] if len(found) > limit else None
    following = cursor_of(at=last.ordered_at, item_id=last.purchase_id) if last else None
    return PurchasePage(purchases=items, next=following)


@post(
    PURCHASES, operation_id="orderCredits", tags=["purchases"],
    summary="Order credits: a pack, or an amount; they come once it is paid",
    responses=documented(
        UnknownWorkspace, DemoWorkspace, NotEntitled, MayNotSpend, PurchasesNotEnabled,
        UnknownPack, NotForSale, PurchaseTooSmall, BadAmount, UnknownMember, RoleCannot,
        GatewayMissing, GatewayFailed, GatewayAway, BadKey, KeyReused, IdempotencyKeyMissing, *BODY,
    ),
)  # fmt: skip
async def order_credits(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[NewPurchase],
    idempotency_key: IdempotencyKey,
) -> Response[Ordered]:  # fmt: skip
    """Order credits; a repeat returns the same order."""
    studio = house.studio
    wish = _wish(data)
    request_key = buy.purchase_key(idempotency_key)
    before = await billed(studio, workspace_id=workspace_id, request_key=request_key)
    await members.require_manager(studio, workspace_id=workspace_id, by=data.by)
    made = await buy.buy(
        studio,
        workspace_id=workspace_id,
        wish=wish,
        key=idempotency_key,
        by=Orderer(member_id=data.by),
    )
    ordered = Ordered(
        purchase=made.purchase, request=request_shape(studio, made.request),
        checkout=await checkout_of(studio, made.request),
    )  # fmt: skip
    place = f"/v1/workspaces/{workspace_id}/purchases/{made.purchase.purchase_id}"
    headers = {**replay_headers(is_replay=before is not None), "Location": place}
    return Response(ordered, headers=headers)


@get(
    PURCHASES + "/{purchase_id:uuid}", operation_id="showPurchase", tags=["purchases"],
    summary="A purchase, from its order to its end", responses=documented(UnknownPurchase),
)  # fmt: skip
async def show_purchase(
    *, house: HouseHere, workspace_id: FromPath[UUID], purchase_id: FromPath[UUID]
) -> Purchase:
    """Return a purchase."""
    async with house.studio.reading() as connection:
        return await purchases.get(connection, workspace_id=workspace_id, purchase_id=purchase_id)


@post(
    PURCHASES + "/{purchase_id:uuid}/cancel", operation_id="cancelPurchase", tags=["purchases"],
    summary="Cancel an order that is not paid", status_code=200,
    responses=documented(UnknownPurchase, PurchaseNotInThisState, SideRowRefused),
)  # fmt: skip
async def cancel_purchase(
    *, house: HouseHere, workspace_id: FromPath[UUID], purchase_id: FromPath[UUID]
) -> Purchase:
    """Cancel an order; its payment request need not be paid any more."""
    return await buy.cancel(house.studio, workspace_id=workspace_id, purchase_id=purchase_id)


@post(
    "/workspaces/{workspace_id:uuid}/promo-codes", operation_id="redeemCode", tags=["purchases"],
    summary="Redeem a promo code, once a workspace",
    responses=documented(
        UnknownWorkspace, UnknownCode, AlreadyRedeemed, PromoOver, NotEntitled, *BODY
    ),
)  # fmt: skip
async def redeem_code(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[RedeemedCode]
) -> Redeemed:
    """Redeem a code: its credits come as a lot of their own."""
    answer = await promo.redeem(house.studio, workspace_id=workspace_id, code=data.code)
    assert answer.entry is not None, "a grant is an entry"
    (posting,) = answer.entry.postings
    terms = answer.entry.terms
    return Redeemed(kind=answer.kind, credits=posting.amount, expires_at=terms and terms.expires_at)


def _wish(data: NewPurchase) -> Wish:
    """Return what is bought.

    :raises Malformed: when it is neither a pack nor an amount of a kind, or both.
    """
    is_pack = data.pack is not None and data.kind is None and data.credits is None
    is_amount = data.pack is None and data.kind is not None and data.credits is not None
    if not is_pack and not is_amount:
        remedy = "name a `pack`, or a `kind` and its `credits`"
        raise Malformed(errors=({"at": "/", "message": remedy},))
    return Wish(pack=data.pack, kind=data.kind, credits=data.credits)
