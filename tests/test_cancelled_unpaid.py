"""A plan that is paid by card, and cancelled before a declined renewal is paid after all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from business_stage import spendable, state, tick, to_pay
from card_stage import Shop, open_shop
from mutoscope.app import change_plan
from mutoscope.domain.subscriptions import State
from payment_stage import DECLINED_LATER


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database_url, tmp_path) as shop:
        yield shop


@pytest.mark.parametrize("days", [2, 8], ids=["past due", "suspended"])
@pytest.mark.parametrize("is_undone", [False, True])
async def test_a_renewal_that_is_paid_after_a_cancellation_grants_its_period(
    shop: Shop, database_url: str, days: int, *, is_undone: bool
) -> None:
    workspace_id = await shop.customer("pro", card=DECLINED_LATER)
    shop.stage.clock.move(days=31)
    await tick(shop.stage, database_url)
    await change_plan.cancel(shop.stage.studio, workspace_id=workspace_id)
    if is_undone:
        await change_plan.undo(shop.stage.studio, workspace_id=workspace_id)
    shop.stage.clock.move(days=days)
    await tick(shop.stage, database_url)

    (request,) = await to_pay(shop.stage, workspace_id)
    await shop.pay(request)

    assert await state(shop.stage, workspace_id) is State.ACTIVE
    assert await spendable(shop.stage, workspace_id) == 1_500
