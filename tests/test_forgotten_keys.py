"""What is tried again after a gateway has forgotten the key is looked up, and never done twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from business_stage import order, spend, tick, to_pay
from card_stage import STRIPE, Shop, open_shop
from mutoscope.app import dunning, fulfil, money_back
from mutoscope.app.gateway import GatewayPayment
from mutoscope.app.send_refund import send_all
from mutoscope.storage import purchases
from mutoscope.storage.purchases import Refund

CUT_OFF = "http500_on_create_but_task_created"
"""The fault after which nobody knows: what was asked for is done, and the answer is lost."""


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database_url, tmp_path) as shop:
        yield shop


async def refunded(shop: Shop, *, spent: int) -> tuple[UUID, int]:
    """Refund a pack while nobody knows what comes of it; return whose, and what goes back."""
    workspace_id = await shop.customer("pro")
    made = await order(shop.stage, workspace_id)
    await shop.pay(made.request)
    about = {"workspace_id": workspace_id, "purchase_id": made.purchase.purchase_id}
    await fulfil.add_credits(shop.stage.studio, **about)
    await spend(shop.stage, workspace_id, 1_500 + spent)
    await shop.till.fault(CUT_OFF, 5)
    refund = await money_back.refund(shop.stage.studio, **about, reason="asked")
    while shop.till.has_fault():
        await send_all(shop.stage.studio)
    return workspace_id, refund.amount


async def refunds_of(shop: Shop, workspace_id: UUID) -> tuple[Refund, ...]:
    async with shop.stage.studio.reading() as connection:
        return await purchases.refunds(connection, workspace_id=workspace_id, limit=10)


@pytest.mark.parametrize("spent", [0, 1_000])
async def test_a_refund_goes_back_once_whenever_it_is_tried_again(shop: Shop, spent: int) -> None:
    workspace_id, amount = await refunded(shop, spent=spent)
    shop.stage.clock.move(hours=25)

    done = await send_all(shop.stage.studio)

    (refund,) = await refunds_of(shop, workspace_id)
    assert (done, refund.state) == (1, "succeeded")
    assert sum(line["refunded"] for line in await shop.till.books()) == amount
    assert await shop.compare()


async def test_a_refund_that_cannot_be_looked_up_has_not_failed(shop: Shop) -> None:
    workspace_id, _ = await refunded(shop, spent=1_000)
    shop.stage.clock.move(hours=25)
    studio = replace(shop.stage.studio, gateways={STRIPE: await closed(shop)})

    assert await send_all(studio) == 0

    assert [each.state for each in await refunds_of(shop, workspace_id)] == ["asked"]


async def closed(shop: Shop) -> object:
    """Return a gateway whose key is none any more: each answer is a permanent refusal."""
    gateway = shop.till.gateway
    return type(gateway)(account=replace(gateway._account, key="sk_test_revoked"))


async def test_a_card_is_charged_once_whenever_the_charge_is_tried_again(
    shop: Shop, database_url: str
) -> None:
    workspace_id = await shop.customer("pro")
    shop.stage.clock.move(days=31)
    await shop.till.fault(CUT_OFF, 5)
    await tick(shop.stage, database_url)
    while shop.till.has_fault():
        await dunning.run(shop.stage.studio)
    assert len(await to_pay(shop.stage, workspace_id)) == 1
    shop.stage.clock.move(hours=25)

    await dunning.run(shop.stage.studio)

    assert len(await shop.charges()) == 2
    assert await to_pay(shop.stage, workspace_id) == ()
    assert await shop.compare()


def counted_readings(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Return a list that grows by each reading of the gateway's book, by since when it is read."""
    readings: list[datetime] = []
    read = shop.till.gateway.payments

    async def counted(*, since: datetime) -> tuple[GatewayPayment, ...]:
        readings.append(since)
        return await read(since=since)

    monkeypatch.setattr(shop.till.gateway, "payments", counted)
    return readings


async def test_after_an_outage_the_book_is_read_once_for_all_that_is_due(
    shop: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whose = [await shop.customer("pro", email=f"{name}@example.com") for name in "abc"]
    shop.stage.clock.move(days=31)
    await shop.till.fault(CUT_OFF, 8)
    await tick(shop.stage, database_url)
    while shop.till.has_fault():
        await dunning.run(shop.stage.studio)
    shop.stage.clock.move(hours=25)
    readings = counted_readings(shop, monkeypatch)

    await dunning.run(shop.stage.studio)

    assert len(readings) == 1
    assert len(await shop.charges()) == 2 * len(whose)
    assert [await to_pay(shop.stage, each) for each in whose] == [()] * len(whose)
