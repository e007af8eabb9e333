"""Packs and prices that staff agree with one workspace: it alone sees and orders them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from business_stage import documents, pay, pay_all, read, spendable, tick
from desk_stage import Desk
from money_desk_stage import (
    PACK,
    at_work,
    on_enterprise,
    open_agreeing_desk,
    shop_of,
)
from mutoscope.app import buy, change_plan
from mutoscope.app.agree import NotToBeAgreed
from mutoscope.app.buy import Order, Wish
from mutoscope.app.desk import Done, Proposed
from mutoscope.app.refill import NoMethodKept, RefillWish, set_refill
from mutoscope.domain.catalog import UnknownPack
from mutoscope.domain.credits import BadAmount, Refusal
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.estimate import NotForSale, PurchaseTooSmall
from mutoscope.domain.offers import Money
from mutoscope.domain.pack_advice import cheapest
from mutoscope.domain.subscriptions import NotInThisState

AMOUNTS: dict[str, Any] = {"kind": "video", "price_per_1000": 1_500}


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_agreeing_desk(database_url, tmp_path) as desk:
        yield desk


async def ordered(desk: Desk, *, key: str = "own", **wish: Any) -> Order:  # noqa: ANN401 -- a wish
    return await buy.buy(
        desk.studio, workspace_id=desk.workspace_id, wish=Wish(**wish), key=key
    )  # fmt: skip


async def test_a_pack_that_was_agreed_is_sold_at_its_price(desk: Desk) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK)

    made = await ordered(desk, pack="house_9000")
    await pay(desk.stage, made.request)
    purchase_id = str(made.purchase.purchase_id)
    await desk.act(desk.ada, "add_credits", key="add", purchase_id=purchase_id)

    assert made.purchase.price == Money(amount=15_000, currency="USD")
    invoice = (await documents(desk.stage, desk.workspace_id))[-1]
    assert [(line.text, line.amount) for line in invoice.lines] == [("9,000 video credits", 15_000)]
    assert await spendable(desk.stage, desk.workspace_id) == 1_000 + 9_000


async def test_nobody_else_is_sold_what_was_agreed_with_one(desk: Desk) -> None:
    first = desk.workspace_id
    await desk.act(desk.ada, "agree_pack", **PACK)
    await desk.act(desk.ada, "agree_free_amount", key="free", **AMOUNTS)
    await on_enterprise_too(desk)

    with pytest.raises(UnknownPack):
        await ordered(desk, pack="house_9000")
    other = await ordered(desk, key="2", kind="video", credits=1_000)

    assert other.purchase.price.amount != 1_500
    assert "house_9000" not in {pack.key for pack in (await shop_of(desk)).packs}
    desk.workspace_id = first
    assert (await ordered(desk, kind="video", credits=1_000)).purchase.price.amount == 1_500


async def on_enterprise_too(desk: Desk) -> None:
    """Let another customer have such a plan."""
    await on_enterprise(desk)
    await desk.act(desk.ada, "terms", key="other", can_purchase=True)
    await desk.act(desk.ada, "enable_purchases", key="other-enabled")


async def test_a_pack_that_is_withdrawn_in_mid_checkout_is_honoured(desk: Desk) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK)
    made = await ordered(desk, pack="house_9000")

    await desk.act(desk.ada, "withdraw_pack", key="gone", pack="house_9000")
    await pay(desk.stage, made.request)
    purchase_id = str(made.purchase.purchase_id)
    await desk.act(desk.ada, "add_credits", key="add", purchase_id=purchase_id)

    assert (await ordered(desk, pack="house_9000")).purchase.purchase_id == (
        made.purchase.purchase_id
    )
    with pytest.raises(UnknownPack):
        await ordered(desk, key="new", pack="house_9000")
    assert await spendable(desk.stage, desk.workspace_id) == 1_000 + 9_000


async def test_an_amount_is_sold_at_the_catalog_s_price_once_its_own_is_withdrawn(
    desk: Desk,
) -> None:
    await desk.act(desk.ada, "agree_free_amount", **AMOUNTS)
    before = await ordered(desk, kind="video", credits=701)

    await desk.act(desk.ada, "withdraw_free_amount", key="gone", kind="video")
    after = await ordered(desk, key="2", kind="video", credits=701)

    assert before.purchase.price.amount == 1_052  # 1,051.5, rounded half up
    assert after.purchase.price != before.purchase.price


async def test_what_is_agreed_anew_replaces_what_was(desk: Desk) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK)
    await desk.act(desk.ada, "agree_pack", key="2", **PACK | {"price": 14_000})
    await desk.act(desk.ada, "agree_pack", key="3", **PACK | {"pack": "video_1500"})
    await desk.act(desk.ada, "agree_free_amount", key="4", **AMOUNTS)
    await desk.act(desk.ada, "agree_free_amount", key="5", **AMOUNTS | {"price_per_1000": 1_400})

    found = await shop_of(desk)

    sold = [(pack.key, pack.credits, pack.price.amount) for pack in found.packs]
    assert sold == [("video_1500", 9_000, 15_000), ("house_9000", 9_000, 14_000)]
    assert [each.price_per_1000.amount for each in found.free_amounts if each.kind == "video"] == [
        1_400
    ]


async def test_the_cheapest_purchase_is_among_what_was_agreed(desk: Desk) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK)

    basket = cheapest(version=await shop_of(desk), kind="video", shortfall=8_000)

    assert basket is not None
    assert [item.pack for item in basket.items] == ["house_9000"]


@pytest.mark.parametrize(
    ("action", "change", "refusal"),
    [
        ("agree_pack", {"credits": 699}, PurchaseTooSmall),
        ("agree_pack", {"price": 0}, BadAmount),
        ("agree_pack", {"kind": "audio"}, BadDeskData),
        ("agree_pack", {"pack": "House 9000"}, BadDeskData),
        ("agree_pack", {"currency": "usd"}, BadDeskData),
        ("agree_free_amount", {"price_per_1000": 0}, BadAmount),
        ("agree_free_amount", {"kind": "audio"}, BadDeskData),
    ],
)
async def test_offers_that_cannot_be_are_refused(
    desk: Desk, action: str, change: dict[str, Any], refusal: type[Refusal]
) -> None:
    given = PACK if action == "agree_pack" else AMOUNTS

    with pytest.raises(refusal):
        await desk.act(desk.ada, action, **given | change)


async def test_nothing_is_withdrawn_that_was_not_agreed(desk: Desk) -> None:
    with pytest.raises(UnknownPack, match="choose one of none"):
        await desk.act(desk.ada, "withdraw_pack", pack="video_1500")
    with pytest.raises(NotForSale):
        await desk.act(desk.ada, "withdraw_free_amount", kind="video")


async def test_packs_are_agreed_where_the_plan_leaves_purchases_open(desk: Desk) -> None:
    pro = desk.workspace_id
    desk.workspace_id = (await paying(desk)).workspace_id

    with pytest.raises(NotToBeAgreed, match="what is sold"):
        await desk.act(desk.ada, "agree_pack", **PACK)

    desk.workspace_id = pro
    await desk.act(desk.ada, "close", key="end")
    with pytest.raises(NotInThisState):
        await desk.act(desk.ada, "agree_pack", key="late", **PACK)


async def paying(desk: Desk) -> Any:  # noqa: ANN401 -- a workspace
    """Return the customer on the plan Pro."""
    workspace_id = await desk.fetch(
        "SELECT workspace_id FROM subscriptions WHERE plan = 'pro' ORDER BY anchor_at DESC LIMIT 1"
    )
    return await read(desk.stage, workspace_id)


async def test_packs_end_with_the_plan_that_they_were_agreed_for(
    desk: Desk, database_url: str
) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK)
    await pay_all(desk.stage, desk.workspace_id)
    await change_plan.schedule(desk.studio, workspace_id=desk.workspace_id, plan="pro")
    sold = {pack.key for pack in (await shop_of(desk)).packs}

    desk.stage.clock.move(days=31)
    await tick(desk.stage, database_url)

    assert "house_9000" in sold
    assert "house_9000" not in {pack.key for pack in (await shop_of(desk)).packs}


async def test_a_pack_below_the_smallest_purchase_of_a_later_version_rests(desk: Desk) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK)
    (version,) = desk.studio.catalog.versions
    larger = replace(version, purchase_credits_min=10_000, packs=())
    desk.stage.studio = replace(
        desk.studio, catalog=replace(desk.studio.catalog, versions=(larger,))
    )

    assert (await shop_of(desk)).packs == ()
    with pytest.raises(UnknownPack):
        await ordered(desk, pack="house_9000")


async def test_a_pack_of_its_own_can_be_a_refill(desk: Desk) -> None:
    await desk.act(desk.ada, "agree_pack", **PACK)

    with pytest.raises(NoMethodKept):  # the last thing that is asked: the pack is known
        await set_refill(
            desk.studio, workspace_id=desk.workspace_id,
            wish=RefillWish(pack="house_9000", threshold=100, monthly_max=15_000),
        )  # fmt: skip


async def test_a_pack_counts_its_credits_and_a_price_any_number(desk: Desk) -> None:
    desk.rule(above=8_999)
    proposed = [
        await desk.act(at_work(desk, desk.ada), "agree_pack", **PACK),
        await desk.act(at_work(desk, desk.ada), "agree_free_amount", key="2", **AMOUNTS),
    ]
    desk.rule(above=9_000)
    done = await desk.act(desk.ada, "agree_pack", key="alone", **PACK)

    assert all(isinstance(each, Proposed) for each in proposed)
    assert isinstance(done, Done)
    assert await granted_nothing(desk)


async def granted_nothing(desk: Desk) -> bool:
    """Tell whether no credits came of what was agreed."""
    return await spendable(desk.stage, desk.workspace_id) == 1_000
