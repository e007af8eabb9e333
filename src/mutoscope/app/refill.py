"""Refills: credits that buy themselves when few are left; off unless somebody sets one.

Invariant: what is ordered and not granted yet counts towards the threshold, and what a period spent
towards its limit, so that no run buys twice for one shortage. The n-th refill has one key, so that
two runs at once order the same one. After a decline a refill rests, longer each time. A charge that
nobody knows the outcome of is sent again under its own key, for as long as gateways remember keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from mutoscope.app import buy
from mutoscope.app.acts import NOBODYS, Act, write_rows
from mutoscope.app.buy import Orderer, Wish
from mutoscope.app.demo import require_charged
from mutoscope.app.gateway import KEY_KEPT, Demand, GatewayError, PaymentState
from mutoscope.app.receive import receive
from mutoscope.domain.credits import Refusal, checked_amount
from mutoscope.domain.money import money_text
from mutoscope.domain.purchases import pack_wares
from mutoscope.storage import offers, payments, workspaces
from mutoscope.storage.offers import LowRefill, Refill

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.offers import Money
    from mutoscope.storage.offers import UnpaidRefill
    from mutoscope.storage.payments import PaymentRequest

LIMIT: Final = 200
"""Refills that a pass looks at."""

RESTS: Final = timedelta(hours=1)
RESTS_MAX: Final = timedelta(days=7)
LONGER_MAX: Final = 4
"""How long a refill rests after its first decline, and at most; each of the next four rests is four
times as long as the one before. Who is declined for years rests no longer."""

_log = structlog.get_logger()


class NoMethodKept(Refusal):
    """A refill of a workspace that has left no means of payment."""

    code = "no_method_kept"

    def __init__(self) -> None:
        super().__init__(
            "there is no card on file to be charged: pay once with a card and keep it, then set "
            "the refill"
        )


class PackOfAnotherKind(Refusal):
    """A refill by a pack that gives credits of another kind."""

    code = "pack_of_another_kind"

    def __init__(self, *, pack: str, kind: str) -> None:
        super().__init__(f"the pack {pack} gives {kind} credits: set it for that kind")
        self.pack = pack
        self.kind = kind


class RefillTooSmall(Refusal):
    """A monthly limit that does not pay for one pack."""

    code = "refill_too_small"

    def __init__(self, *, monthly_max: int, price: Money) -> None:
        limit = money_text(monthly_max, price.currency)
        super().__init__(
            f"a limit of {limit} a month does not pay for one pack of "
            f"{money_text(price.amount, price.currency)}: raise it"
        )
        self.monthly_max = monthly_max
        self.price = price.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class RefillWish:
    """What is to buy itself: a pack (of a kind, where one is named), below what, for how much."""

    pack: str
    threshold: int
    monthly_max: int
    kind: str | None = None


async def set_refill(
    studio: Studio, *, workspace_id: UUID, wish: RefillWish, act: Act = NOBODYS
) -> Refill:
    """Let a pack be bought whenever fewer credits than the threshold are left.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises DemoWorkspace: when nothing is charged in it.
    :raises UnknownPack: when there is no such pack.
    :raises PackOfAnotherKind: when a kind is named, and the pack is of another.
    :raises BadAmount: when the threshold or the limit is no amount.
    :raises RefillTooSmall: when the limit does not pay for one pack.
    :raises NoMethodKept: when there is nothing to charge.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    require_charged(workspace)
    wares = pack_wares(version=studio.shop_of(workspace, at=at), pack=wish.pack)
    if wish.kind is not None and wish.kind != wares.kind:
        raise PackOfAnotherKind(pack=wish.pack, kind=wares.kind)
    checked_amount(wish.threshold, name="threshold")
    checked_amount(wish.monthly_max, name="monthly_max")
    if wish.monthly_max < wares.price.amount:
        raise RefillTooSmall(monthly_max=wish.monthly_max, price=wares.price)
    refill = Refill(
        workspace_id=workspace_id, kind=wares.kind, pack=wish.pack, threshold=wish.threshold,
        monthly_max=wish.monthly_max, declines=0, rests_until=None, set_at=at,
    )  # fmt: skip
    async with studio.reading() as connection, connection.transaction():
        kept = await payments.method(connection, workspace_id=workspace_id, gateway=studio.gateway)
        if kept is None or kept[1] is None:
            raise NoMethodKept
        await offers.set_refill(connection, refill)
        told = act.telling(
            kind=wares.kind, threshold=wish.threshold, amount=wish.monthly_max,
            currency=wares.price.currency,
        )  # fmt: skip
        await write_rows(connection, told)
    return refill


async def drop_refill(studio: Studio, *, workspace_id: UUID, kind: str, act: Act = NOBODYS) -> bool:
    """Let nothing be bought by itself any more; false when nothing was."""
    async with studio.reading() as connection, connection.transaction():
        is_dropped = await offers.drop_refill(connection, workspace_id=workspace_id, kind=kind)
        if is_dropped:
            await write_rows(connection, act.telling(kind=kind))
    return is_dropped


async def run(studio: Studio) -> int:
    """Charge refills that were ordered and not charged, buy what has run low; return those paid."""
    if not studio.can_charge(studio.gateway):
        return 0
    at = studio.clock.now()
    async with studio.reading() as connection:
        unpaid = await offers.unpaid_refills(connection, since=at - KEY_KEPT, limit=LIMIT)
    paid = sum([await _paid(studio, each.refill, _again(studio, each)) for each in unpaid])
    async with studio.reading() as connection:
        low = await offers.low_refills(connection, at=at, limit=LIMIT)
    return paid + sum([await _paid(studio, each.refill, _refilled(studio, each)) for each in low])


async def _paid(studio: Studio, refill: Refill, charging: Awaitable[bool]) -> bool:
    """Tell whether a refill was paid; one that is refused rests."""
    try:
        return await charging
    except Refusal as refusal:  # the plan ended, purchases were disabled, the pack is gone
        _log.warning("refill_refused", workspace_id=str(refill.workspace_id), code=refusal.code)
        await _rest(studio, refill)
        return False


async def _again(studio: Studio, unpaid: UnpaidRefill) -> bool:
    return studio.can_charge(unpaid.request.gateway) and await _charged(
        studio, unpaid.refill, unpaid.request
    )


async def _refilled(studio: Studio, low: LowRefill) -> bool:
    refill = low.refill
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=refill.workspace_id)
    version = studio.shop_of(workspace, at=studio.clock.now())
    wares = pack_wares(version=version, pack=refill.pack)
    if low.spent + wares.price.amount > refill.monthly_max:
        return False
    order = await buy.buy(
        studio, workspace_id=refill.workspace_id, wish=Wish(pack=refill.pack),
        key=f"{refill.kind}/{low.refills}", by=Orderer(is_refill=True),
    )  # fmt: skip
    return await _charged(studio, refill, order.request)


async def _charged(studio: Studio, refill: Refill, request: PaymentRequest) -> bool:
    async with studio.reading() as connection:
        kept = await payments.method(
            connection, workspace_id=refill.workspace_id, gateway=request.gateway
        )
    demand = Demand(
        request_id=request.request_id, workspace_id=refill.workspace_id, total=request.money(),
        title=request.title, customer=kept and kept[0],
    )  # fmt: skip
    try:
        paid = await studio.gateways[request.gateway].charge(
            demand=demand, method=(kept and kept[1]) or "", key=f"{request.request_id}/1"
        )
    except GatewayError as error:
        _log.warning("payment_in_doubt", request_id=str(request.request_id), code=error.code)
        return False  # it stays ordered, and counts: the next run sends the same charge again
    if paid.state is PaymentState.SUCCEEDED:
        await receive(studio, gateway=request.gateway, payment=paid)
        async with studio.reading() as connection:
            await offers.rest_refill(connection, refill, declines=0, rests_until=None)
        return True
    await buy.cancel(studio, workspace_id=refill.workspace_id, purchase_id=request.subject_id)
    await _rest(studio, refill)
    return False


async def _rest(studio: Studio, refill: Refill) -> None:
    span = min(RESTS * 4 ** min(refill.declines, LONGER_MAX), RESTS_MAX)
    async with studio.reading() as connection:
        await offers.rest_refill(
            connection, refill, declines=refill.declines + 1,
            rests_until=studio.clock.now() + span,
        )  # fmt: skip
