"""A desk on the stage of a studio that sells: what each action on money is about, ready for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from business_stage import bought, documents, open_paying, order, pay, read
from desk_stage import Desk, join, open_desk
from mutoscope.app import money_back
from mutoscope.app.buy import Order
from mutoscope.app.receive import Received
from mutoscope.domain.catalog import Version
from mutoscope.domain.staff import Actor, Role
from mutoscope.domain.subscriptions import Subscription
from mutoscope.storage import history, purchases
from mutoscope.storage.purchases import Refund
from soundness import assert_sound
from studio_fixture import open_workspace

Data = dict[str, object]
PACK: Data = {"pack": "house_9000", "kind": "video", "credits": 9_000, "price": 15_000}
ALLOWANCES = "image=500,video=9000"
MONEY = (
    "confirm_payment", "enter_payment", "use_payment", "return_payment", "keep_payment",
    "add_credits", "refund", "confirm_refund", "open_dispute", "close_dispute",
    "credit_invoice", "terms", "change_zone", "undo_change", "agree_pack",
    "withdraw_pack", "agree_free_amount", "withdraw_free_amount", "undo_offers",
    "start_plan", "close",
)  # fmt: skip
"""The actions of the desk that are tried on this stage."""


@asynccontextmanager
async def open_money_desk(url: str, folder: Path) -> AsyncIterator[Desk]:
    """Set the desk up with a customer who pays and may buy; Ada and Grace may do all of it."""
    async with open_desk(url, folder) as desk:
        desk.workspace_id = await open_paying(desk.stage)
        everything = (Role.FINANCE, Role.ADMIN)
        desk.ada = await join(desk.stage, "ada lovelace", *everything)
        desk.grace = await join(desk.stage, "grace hopper", *everything)
        yield desk


def at_work(desk: Desk, actor: Actor) -> Actor:
    """Return somebody who has just given the password."""
    return replace(actor, authenticated_at=desk.stage.clock.now())


async def ordered(desk: Desk, *, key: str = "1") -> Order:
    return await order(desk.stage, desk.workspace_id, key=key)


async def paid(desk: Desk, *, key: str = "1") -> UUID:
    """Return a purchase that is paid and waits for its credits."""
    made = await ordered(desk, key=key)
    await pay(desk.stage, made.request)
    return made.purchase.purchase_id


async def granted(desk: Desk, *, key: str = "1") -> UUID:
    """Return a purchase whose credits are there."""
    return (await bought(desk.stage, desk.workspace_id, key=key)).purchase_id


async def parked(desk: Desk) -> Received:
    """Pay an order twice: the second payment waits for staff."""
    made = await ordered(desk)
    await pay(desk.stage, made.request, reference="first")
    found = await pay(desk.stage, made.request, reference="second")
    assert found.outcome == "parked"
    return found


async def refunding(desk: Desk) -> Refund:
    """Ask for a refund over no gateway: staff send it."""
    return await money_back.refund(
        desk.studio, workspace_id=desk.workspace_id, purchase_id=await granted(desk),
        reason="asked",
    )  # fmt: skip


async def on_enterprise(desk: Desk) -> None:
    """Let the customer be one with whom terms are agreed."""
    desk.workspace_id = await open_workspace(desk.stage, is_demo=False)
    await desk.act(
        desk.ada, "start_plan", key="before", plan="enterprise",
        allowances="image=10,video=1000", price=90_000, currency="USD",
    )  # fmt: skip


@asynccontextmanager
async def open_enterprise_desk(url: str, folder: Path) -> AsyncIterator[Desk]:
    """Set the desk up with a customer who has 10 image and 1,000 video credits, for 900.00."""
    async with open_money_desk(url, folder) as desk:
        await on_enterprise(desk)
        yield desk
        await assert_sound(url)


async def plan_of(desk: Desk) -> Subscription:
    """Return the plan of the desk's customer."""
    found = (await read(desk.stage, desk.workspace_id)).subscription
    assert found is not None
    return found


@asynccontextmanager
async def open_agreeing_desk(url: str, folder: Path) -> AsyncIterator[Desk]:
    """Set the desk up with a customer whose plan leaves its terms open, and who may buy."""
    async with open_enterprise_desk(url, folder) as desk:
        await desk.act(desk.ada, "terms", key="buys", can_purchase=True)
        await desk.act(desk.ada, "enable_purchases", key="enabled")
        yield desk


async def shop_of(desk: Desk) -> Version:
    """Return what is for sale to the workspace."""
    workspace = await read(desk.stage, desk.workspace_id)
    return desk.studio.shop_of(workspace, at=desk.stage.clock.now())


async def prepared(desk: Desk, action: str) -> Data:
    """Make an action possible, and return what it is given."""
    return await _PREPARE[action](desk)


async def _to_confirm(desk: Desk) -> Data:
    made = await ordered(desk)
    return {"request_id": str(made.request.request_id), "reference": "RF18-1"}


async def _to_enter(_desk: Desk) -> Data:
    return {"amount": 4_797, "currency": "USD", "reference": "RF18-1"}


async def _to_use(desk: Desk) -> Data:
    found = await parked(desk)
    other = await ordered(desk, key="2")
    return {"payment_id": str(found.payment_id), "request_id": str(other.request.request_id)}


async def _to_return(desk: Desk) -> Data:
    return {"payment_id": str((await parked(desk)).payment_id)}


async def _to_add(desk: Desk) -> Data:
    return {"purchase_id": str(await paid(desk))}


async def _to_refund(desk: Desk) -> Data:
    return {"purchase_id": str(await granted(desk))}


async def _to_confirm_refund(desk: Desk) -> Data:
    asked = await refunding(desk)
    return {"refund_id": str(asked.refund_id), "outcome": "sent", "reference": "RF18-BACK"}


async def _to_dispute(desk: Desk) -> Data:
    await granted(desk)
    payment_id = await desk.fetch("SELECT payment_id FROM payments")
    return {"payment_id": str(payment_id), "reference": "RF18-LETTER"}


async def _to_decide(desk: Desk) -> Data:
    about = await _to_dispute(desk)
    await desk.act(desk.ada, "open_dispute", key="opened", **about)
    return {"payment_id": about["payment_id"], "outcome": "lost"}


async def _to_credit(desk: Desk) -> Data:
    (invoice, *_) = await documents(desk.stage, desk.workspace_id)
    return {"invoice_id": str(invoice.invoice_id)}


async def _to_agree(desk: Desk) -> Data:
    await on_enterprise(desk)
    return {"allowances": ALLOWANCES}


async def _to_move(_desk: Desk) -> Data:
    return {"zone": "Asia/Tokyo"}


async def _to_undo(desk: Desk) -> Data:
    await desk.act(desk.ada, "change_zone", key="moved", **await _to_move(desk))
    return {}


async def _to_sell(desk: Desk) -> Data:
    await on_enterprise(desk)
    return {**PACK}


async def _to_sell_no_more(desk: Desk) -> Data:
    await desk.act(desk.ada, "agree_pack", key="sold", **await _to_sell(desk))
    return {"pack": PACK["pack"]}


async def _to_price(desk: Desk) -> Data:
    await on_enterprise(desk)
    return {"kind": "video", "price_per_1000": 1_500}


async def _to_price_no_more(desk: Desk) -> Data:
    await desk.act(desk.ada, "agree_free_amount", key="priced", **await _to_price(desk))
    return {"kind": "video"}


async def _to_undo_offers(desk: Desk) -> Data:
    later = {"begins": "billing_date"}
    await desk.act(desk.ada, "agree_pack", key="later", **await _to_sell(desk), **later)
    return {}


async def _to_start(desk: Desk) -> Data:
    desk.workspace_id = await open_workspace(desk.stage, is_demo=False)
    return {"plan": "pro"}


async def _to_close(_desk: Desk) -> Data:
    return {}


_PREPARE: dict[str, Any] = {
    "confirm_payment": _to_confirm, "enter_payment": _to_enter, "use_payment": _to_use,
    "return_payment": _to_return,
    "keep_payment": _to_return, "add_credits": _to_add, "refund": _to_refund,
    "confirm_refund": _to_confirm_refund, "open_dispute": _to_dispute,
    "close_dispute": _to_decide, "credit_invoice": _to_credit, "terms": _to_agree,
    "change_zone": _to_move, "undo_change": _to_undo,
    "agree_pack": _to_sell, "withdraw_pack": _to_sell_no_more, "agree_free_amount": _to_price,
    "withdraw_free_amount": _to_price_no_more, "undo_offers": _to_undo_offers,
    "start_plan": _to_start, "close": _to_close,
}  # fmt: skip


async def refunds(desk: Desk) -> tuple[Refund, ...]:
    async with desk.studio.reading() as connection:
        return await purchases.refunds(connection, workspace_id=desk.workspace_id, limit=9)


async def newest(desk: Desk, *, kind: str = "video") -> history.Line:
    """Return the newest line of a wallet."""
    async with desk.studio.reading() as connection:
        found = await history.page(connection, workspace_id=desk.workspace_id, kind=kind)
    return found.lines[0]
