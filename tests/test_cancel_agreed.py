"""A customer cancels while agreed terms are scheduled: they wait, and an undo restores them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from business_stage import pay_all, spendable, state, tick, to_pay
from desk_stage import Desk
from money_desk_stage import open_enterprise_desk, plan_of
from mutoscope.app import change_plan
from mutoscope.app.change_plan import AgreedWithSupport, AlreadyScheduled
from mutoscope.app.plan_now import plan_now
from mutoscope.domain.subscriptions import State, Subscription
from studio_fixture import open_workspace

LATER: dict[str, Any] = {
    "allowances": "image=20,video=9000", "price": 120_000, "begins": "billing_date",
}  # fmt: skip


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_enterprise_desk(database_url, tmp_path) as desk:
        yield desk


async def a_period(desk: Desk, url: str) -> None:
    """Let the clock stand in the next period, with what was billed paid."""
    await pay_all(desk.stage, desk.workspace_id)
    desk.stage.clock.at = (await plan_of(desk)).period_at(at=desk.stage.clock.now()).ends_at
    await tick(desk.stage, url)


async def cancel(desk: Desk) -> Subscription:
    return await change_plan.cancel(desk.studio, workspace_id=desk.workspace_id)


async def undo(desk: Desk) -> Subscription:
    return await change_plan.undo(desk.studio, workspace_id=desk.workspace_id)


async def on_a_year(desk: Desk) -> None:
    """Let the customer be one whose price is charged once a year."""
    desk.workspace_id = await open_workspace(desk.stage, is_demo=False)
    await desk.act(
        desk.ada, "start_plan", key="year", plan="enterprise", is_annual=True, price=900_000,
        allowances="image=10,video=1000",
    )  # fmt: skip


async def test_a_plan_ends_although_terms_are_agreed_for_that_day(
    desk: Desk, database_url: str
) -> None:
    await desk.act(desk.ada, "terms", **LATER)

    cancelled = await cancel(desk)

    assert cancelled.scheduled is not None
    assert cancelled.cancels_at == cancelled.scheduled.at
    now = await plan_now(desk.studio, workspace_id=desk.workspace_id)
    assert now.next_charge is None
    await a_period(desk, database_url)
    assert await state(desk.stage, desk.workspace_id) is State.CANCELLED
    assert await spendable(desk.stage, desk.workspace_id) == 0
    assert await to_pay(desk.stage, desk.workspace_id) == ()


async def test_an_undo_of_the_end_restores_the_agreed_terms(desk: Desk, database_url: str) -> None:
    await desk.act(desk.ada, "terms", **LATER)
    before = await plan_of(desk)
    for _ in range(3):
        await cancel(desk)
        restored = await undo(desk)

    assert (restored.scheduled, restored.cancels_at) == (before.scheduled, None)
    with pytest.raises(AgreedWithSupport):
        await undo(desk)
    await a_period(desk, database_url)
    assert await spendable(desk.stage, desk.workspace_id) == 9_000
    assert await spendable(desk.stage, desk.workspace_id, kind="image") == 20
    (request,) = await to_pay(desk.stage, desk.workspace_id)
    assert request.taxed.net == 120_000
    await a_period(desk, database_url)
    assert await spendable(desk.stage, desk.workspace_id) == 9_000


async def test_staff_take_the_end_back_first_and_then_the_terms(
    desk: Desk, database_url: str
) -> None:
    await desk.act(desk.ada, "terms", **LATER)
    await cancel(desk)

    await desk.act(desk.grace, "undo_change", key="end")
    with_terms = await plan_of(desk)
    await desk.act(desk.grace, "undo_change", key="terms")

    assert (with_terms.cancels_at, with_terms.has_agreed_terms()) == (None, True)
    assert (await plan_of(desk)).scheduled is None
    await a_period(desk, database_url)
    assert await spendable(desk.stage, desk.workspace_id) == 1_000


async def test_terms_that_begin_before_the_end_of_a_year_begin(
    desk: Desk, database_url: str
) -> None:
    await on_a_year(desk)
    await desk.act(desk.ada, "terms", **LATER)

    ends_at = (await cancel(desk)).cancels_at

    for _ in range(11):
        await a_period(desk, database_url)
        assert await spendable(desk.stage, desk.workspace_id) == 9_000
    assert (await plan_of(desk)).period_at(at=desk.stage.clock.now()).ends_at == ends_at
    await a_period(desk, database_url)
    assert await state(desk.stage, desk.workspace_id) is State.CANCELLED
    assert await spendable(desk.stage, desk.workspace_id) == 0
    assert await to_pay(desk.stage, desk.workspace_id) == ()


async def test_a_clock_that_was_away_ends_the_plan_all_the_same(
    desk: Desk, database_url: str
) -> None:
    await on_a_year(desk)
    await desk.act(desk.ada, "terms", **LATER)
    ends_at = (await cancel(desk)).cancels_at
    assert ends_at is not None
    desk.stage.clock.at = ends_at

    await tick(desk.stage, database_url)

    ended = "SELECT ends_at FROM subscriptions WHERE workspace_id = $1"
    assert await desk.fetch(ended, desk.workspace_id) == ends_at
    assert await state(desk.stage, desk.workspace_id) is State.CANCELLED
    assert await spendable(desk.stage, desk.workspace_id) == 0


async def test_a_plan_is_cancelled_once_and_nothing_is_scheduled_above_its_end(
    desk: Desk,
) -> None:
    await desk.act(desk.ada, "terms", **LATER)
    await cancel(desk)

    with pytest.raises(AlreadyScheduled):
        await cancel(desk)
    with pytest.raises(AlreadyScheduled):
        await desk.act(desk.ada, "terms", key="2", **LATER)


async def test_another_change_of_the_customer_s_own_is_undone_first(desk: Desk) -> None:
    await desk.act(desk.ada, "change_zone", zone="Asia/Tokyo")

    with pytest.raises(AlreadyScheduled):
        await cancel(desk)


async def test_terms_that_begin_now_do_not_lift_an_end(desk: Desk, database_url: str) -> None:
    await desk.act(desk.ada, "terms", **LATER)
    await cancel(desk)

    await desk.act(desk.ada, "terms", key="now", allowances="image=30")

    assert await spendable(desk.stage, desk.workspace_id, kind="image") == 30
    await a_period(desk, database_url)
    assert await state(desk.stage, desk.workspace_id) is State.CANCELLED
    assert await spendable(desk.stage, desk.workspace_id, kind="image") == 0
