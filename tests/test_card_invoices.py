"""Invoices of what is paid by card: they tell so, and ask for no transfer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from business_stage import documents, pay, tick
from card_stage import STRIPE, Shop, open_shop
from mutoscope.app import sign_up
from mutoscope.app.invoice_page import CHARGED, invoice_page
from mutoscope.app.subscribe import NewPlan, order_plan
from mutoscope.storage.workspaces import outbox


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database_url, tmp_path) as shop:
        yield shop


async def test_an_invoice_by_card_tells_so_and_asks_for_no_transfer(
    shop: Shop, database_url: str
) -> None:
    workspace_id = await shop.customer("pro")
    shop.stage.clock.move(days=31)
    await tick(shop.stage, database_url)

    ordered, renewed = map(invoice_page, await documents(shop.stage, workspace_id))

    assert ("Paid by", "card") in ordered.facts
    assert ordered.payment == ()
    assert renewed.payment == (("By card", CHARGED),)
    assert "Paid by" not in dict(renewed.facts)
    async with shop.stage.studio.reading() as connection:
        letters = await outbox(connection, workspace_id=workspace_id, limit=10)
    assert [each for each in letters if "It is charged to your card." in each.body]


async def test_a_transfer_in_the_place_of_a_card_is_told_as_none(shop: Shop) -> None:
    opened = await sign_up.create(
        shop.stage.studio, name="Corona", zone="UTC", email="c@example.com"
    )
    request = await order_plan(
        shop.stage.studio, workspace_id=opened.workspace_id, key="first",
        new=NewPlan(plan="pro", gateway=STRIPE),
    )  # fmt: skip

    await pay(shop.stage, request)

    (invoice,) = await documents(shop.stage, opened.workspace_id)
    assert "Paid by" not in dict(invoice_page(invoice).facts)
