"""Money by the clock: each part goes on whatever happens to the others, and tells of itself."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from business_stage import spend
from card_stage import STRIPE, Shop, open_shop
from mutoscope.app import money_back
from mutoscope.app.live import Live
from mutoscope.bootstrap import House
from mutoscope.payments.stripe import StripeGateway
from mutoscope.worker import billing
from payment_stage import account
from test_card_payments import refilled


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database_url, tmp_path) as shop:
        yield shop


async def played(shop: Shop) -> list[str]:
    """Let each part of the worker do what is due, and return what they told."""
    studio = shop.stage.studio
    live = Live(url="", now=studio.clock.now)
    house = House(studio=studio, live=live, database_url="", signing_key=b"", fonts=Path("fonts"))
    with capture_logs() as told:
        for part in billing.PARTS.values():
            await part(house)
    return [each["event"] for each in told if each["event"] in TOLD]


TOLD = ("plan_not_charged", "plans_charged", "reminded", "refunds_sent", "refills_bought")


async def bought(shop: Shop) -> UUID:
    """Set a refill, let it buy, and return the workspace."""
    workspace_id = await shop.customer("pro")
    await refilled(shop, workspace_id)
    await spend(shop.stage, workspace_id, 1_200)
    assert await played(shop) == ["refills_bought"]
    return workspace_id


async def test_nothing_is_told_where_nothing_is_due(shop: Shop) -> None:
    await shop.customer("pro")

    assert await played(shop) == []


async def test_renewals_and_refunds_are_done_by_the_clock(shop: Shop) -> None:
    workspace_id = await bought(shop)
    async with shop.stage.studio.reading() as connection:
        purchase_id = await connection.fetchval("SELECT purchase_id FROM purchases")
    away = StripeGateway(account=account("http://127.0.0.1:9"))
    await money_back.refund(
        replace(shop.stage.studio, gateways={STRIPE: away}), workspace_id=workspace_id,
        purchase_id=purchase_id, reason="asked",
    )  # fmt: skip
    await away.close()

    assert await played(shop) == ["refunds_sent"]
    shop.stage.clock.move(days=31)
    assert await played(shop) == ["plans_charged", "reminded"]


async def test_a_plan_that_cannot_be_charged_stops_no_other_part(shop: Shop) -> None:
    workspace_id = await shop.customer("pro")
    await refilled(shop, workspace_id)
    await spend(shop.stage, workspace_id, 1_200)
    shop.stage.clock.at += timedelta(days=31)
    (version,) = shop.stage.studio.catalog.versions
    plans = tuple(replace(each, price=None) for each in version.plans)
    catalog = replace(shop.stage.studio.catalog, versions=(replace(version, plans=plans),))
    shop.stage.studio = replace(shop.stage.studio, catalog=catalog)

    assert await played(shop) == ["plan_not_charged", "refills_bought"]
