"""Buying credits: an order, its payment request, and its end when nobody pays (rule 5).

Invariant: an order moves no credits. The price and the catalog's version are those of the order,
also when the pack is withdrawn before it is paid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.billing import Bill, asked, rows_to_pay_first
from mutoscope.app.demo import require_charged
from mutoscope.app.repeats import once
from mutoscope.domain.catalog import Fulfilment
from mutoscope.domain.credits import Refusal, checked_key
from mutoscope.domain.invoices import InvoiceLine
from mutoscope.domain.offers import Entitlement
from mutoscope.domain.planner import KeyReused, Submission
from mutoscope.domain.purchases import (
    Purchase,
    PurchaseState,
    Wares,
    free_wares,
    pack_wares,
)
from mutoscope.domain.subscriptions import MayNotSpend, State
from mutoscope.storage import payments, purchases, workspaces
from mutoscope.storage.payments import PaymentRequest, Purpose
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.workspaces import Workspace


class PurchasesNotEnabled(Refusal):
    """An order of a workspace for which support has not enabled purchases."""

    code = "purchases_not_enabled"

    def __init__(self) -> None:
        super().__init__(
            "buying credits is not enabled for this workspace yet: ask for more credits in the "
            "chat, support enables it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be bought: a pack, or an amount of a kind that the buyer chooses."""

    pack: str | None = None
    kind: str | None = None
    credits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A purchase and the payment request that it waits for."""

    purchase: Purchase
    request: PaymentRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Orderer:
    """Who orders: a member, a refill by itself, or staff, who bring an act along."""

    member_id: UUID | None = None
    is_refill: bool = False
    act: Act = NOBODYS


ANYBODY: Final = Orderer()


async def buy(
    studio: Studio, *, workspace_id: UUID, wish: Wish, key: str, by: Orderer = ANYBODY
) -> Order:
    """Order credits; a repeat with the same key returns the same order.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises DemoWorkspace: when nothing is charged in it.
    :raises NotEntitled: when its plan does not include purchases.
    :raises MayNotSpend: when its plan is suspended.
    :raises PurchasesNotEnabled: when support has not enabled them.
    :raises UnknownPack: when there is no such pack.
    :raises NotForSale: when amounts of that kind are not sold.
    :raises PurchaseTooSmall: when the amount lies below the smallest purchase.
    :raises BadAmount: when it is no amount of credits.
    """
    request_key = purchase_key(key, is_refill=by.is_refill)
    made = await once(
        before=partial(_ordered, studio, workspace_id, request_key),
        make=partial(_order, studio, workspace_id, wish, request_key, by=by),
    )
    return _same(made, wish, key)


async def _order(
    studio: Studio, workspace_id: UUID, wish: Wish, request_key: str, *, by: Orderer
) -> Order:
    at = studio.clock.now()
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    _check_allowed(studio, workspace, at=at)
    version = studio.shop_of(workspace, at=at)
    if wish.pack is not None:
        wares = pack_wares(version=version, pack=wish.pack)
    else:
        wares = free_wares(version=version, kind=wish.kind or "", credits=wish.credits or 0)
    purchase_id = studio.ids.new()
    request = await asked(
        studio, _bill(studio, workspace_id, purchase_id, wares, key=request_key), at=at
    )
    purchase = Purchase(
        workspace_id=workspace_id, purchase_id=purchase_id, request_id=request.request_id,
        pack=wares.pack, kind=wares.kind, credits=wares.credits, price=wares.price,
        version=version.key, state=PurchaseState.ORDERED, is_refill=by.is_refill,
        ordered_by=by.member_id, ordered_at=at, paid_at=None, granted_at=None, ended_at=None,
        taken_back=0, refunded=0, debt=0,
    )  # fmt: skip
    row = SideRow(purchases.add_purchases, purchases.row_of(purchase))
    told = by.act.telling(
        purchase_id=str(purchase_id), kind=wares.kind, credits=wares.credits,
        amount=request.money().amount, currency=request.money().currency,
    )  # fmt: skip
    rows = (row, *rows_to_pay_first(studio, request), *told)
    await studio.journal.submit(Submission(()), side_rows=rows)
    return Order(purchase=purchase, request=request)


def purchase_key(key: str, *, is_refill: bool = False) -> str:
    """Return the key under which an order's payment is asked for; refills have their own.

    :raises BadKey: when it cannot stand in the journal.
    """
    return f"{'refill' if is_refill else 'purchase'}/{checked_key(key)}"


async def cancel(
    studio: Studio, *, workspace_id: UUID, purchase_id: UUID, act: Act = NOBODYS
) -> Purchase:
    """Cancel an order that is not paid.

    :raises UnknownPurchase: when the workspace has none of that id.
    :raises PurchaseNotInThisState: when it is paid, or over.
    :raises SideRowRefused: when it is paid at this moment.
    """
    async with studio.reading() as connection:
        purchase = await purchases.get(
            connection, workspace_id=workspace_id, purchase_id=purchase_id
        )
        purchase.require(PurchaseState.ORDERED)
        request = await payments.request(
            connection, workspace_id=workspace_id, request_id=purchase.request_id
        )
    own = await cancelled(studio, request, at=studio.clock.now())
    rows = (*own, *act.telling(purchase_id=str(purchase_id)))
    await studio.journal.submit(Submission(()), side_rows=rows)
    async with studio.reading() as connection:
        return await purchases.get(connection, workspace_id=workspace_id, purchase_id=purchase_id)


async def cancelled(
    studio: Studio, request: PaymentRequest, *, at: datetime
) -> tuple[SideRow, ...]:
    """Return the rows that cancel a request which nobody has paid, and its order."""
    own = SideRow(payments.cancel_requests, (request.workspace_id, request.request_id, at))
    if request.purpose is not Purpose.PURCHASE:
        return (own,)
    async with studio.reading() as connection:
        purchase = await purchases.get(
            connection, workspace_id=request.workspace_id, purchase_id=request.subject_id
        )
    ended = replace(purchase, state=PurchaseState.CANCELLED, ended_at=at)
    return (own, purchases.changed(purchase, ended))


def _check_allowed(studio: Studio, workspace: Workspace, *, at: datetime) -> None:
    require_charged(workspace)
    access = studio.access_of(workspace, at=at)
    access.require(Entitlement.PURCHASES)
    if access.state is State.SUSPENDED:
        raise MayNotSpend(state=access.state)
    is_desk = studio.catalog.version_at(at=at).fulfilment is Fulfilment.DESK
    if is_desk and workspace.purchases_enabled_at is None:
        raise PurchasesNotEnabled


def _bill(studio: Studio, workspace_id: UUID, purchase_id: UUID, wares: Wares, *, key: str) -> Bill:
    line = InvoiceLine(code="pack", text=wares.name, amount=wares.price.amount)
    return Bill(
        workspace_id=workspace_id, key=key, purpose=Purpose.PURCHASE,
        subject_id=purchase_id, gateway=studio.gateway, title=wares.name, lines=(line,),
        currency=wares.price.currency,
        wish={"pack": wares.pack, "kind": wares.kind, "credits": wares.credits},
    )  # fmt: skip


async def _ordered(studio: Studio, workspace_id: UUID, request_key: str) -> Order | None:
    async with studio.reading() as connection:
        request = await payments.request_by_key(
            connection, workspace_id=workspace_id, request_key=request_key
        )
        if request is None:
            return None
        purchase = await purchases.get(
            connection, workspace_id=workspace_id, purchase_id=request.subject_id
        )
    return Order(purchase=purchase, request=request)


def _same(order: Order, wish: Wish, key: str) -> Order:
    found = order.purchase
    wanted = (wish.pack, None, None) if wish.pack else (None, wish.kind, wish.credits)
    made = (found.pack, None, None) if found.pack else (None, found.kind, found.credits)
    if wanted != made:
        raise KeyReused(namespace="purchase", key=key)
    return order
