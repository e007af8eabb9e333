"""In a workspace marked demo plans grant as anywhere, and nothing is charged or invoiced."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from business_stage import (
    BEGINNING,
    PACK,
    documents,
    enable_purchases,
    pay,
    read,
    spend,
    spendable,
    state,
    tick,
    to_pay,
)
from mutoscope.app import buy, change_plan, refill, upgrade
from mutoscope.app.demo import DEMO, DemoWorkspace
from mutoscope.app.plan_now import plan_now
from mutoscope.app.refill import RefillWish
from mutoscope.app.subscribe import NewPlan, order_plan, start_on_account, start_plan
from mutoscope.app.upgrade import NotAnUpgrade
from mutoscope.domain.catalog import RenewalRule
from mutoscope.domain.offers import Money
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.subscriptions import State
from mutoscope.storage import offers, outbox, payments
from mutoscope.storage.outbox import MessageState
from soundness import assert_sound
from studio_fixture import open_workspace
from studio_stage import Stage, open_stage

MIGRATION = Path(__file__).parents[1] / "src/mutoscope/storage/migrations/0017_business_rules.sql"
MONTHS = 14
NOTHING = Money(amount=0, currency="USD")


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(database_url, tmp_path) as stage:
        stage.clock.at = max(stage.clock.at, BEGINNING)
        yield stage
        await assert_sound(database_url)


async def started(stage: Stage, plan: str = "essential", *, is_annual: bool = False) -> UUID:
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan=plan, is_annual=is_annual)
    await enable_purchases(stage, stage.workspace_id)
    return stage.workspace_id


async def assert_nothing_asked(stage: Stage, workspace_id: UUID) -> None:
    assert list(await to_pay(stage, workspace_id)) == []
    assert await documents(stage, workspace_id) == []
    async with stage.studio.reading() as connection:
        assert not await payments.page(connection, workspace_id=workspace_id, limit=9)
        messages = await outbox.latest(connection, states=list(MessageState), limit=99)
    asking = [each for each in messages if each.attached is not None]
    assert workspace_id not in [each.workspace_id for each in asking]


@pytest.mark.parametrize("is_annual", [False, True])
async def test_a_plan_grants_month_after_month_and_nothing_is_asked_for(
    stage: Stage, database_url: str, *, is_annual: bool
) -> None:
    workspace_id = await started(stage, is_annual=is_annual)

    for _ in range(MONTHS):
        assert await spendable(stage, workspace_id) == 700
        await spend(stage, workspace_id, 700)
        stage.clock.move(days=31)
        await tick(stage, database_url)

    assert await state(stage, workspace_id) is State.ACTIVE
    await assert_nothing_asked(stage, workspace_id)


async def test_a_plan_says_that_its_next_charge_is_nothing(stage: Stage) -> None:
    workspace_id = await started(stage, "pro")

    now = await plan_now(stage.studio, workspace_id=workspace_id)

    assert now.subscription is not None
    assert now.subscription.gateway == DEMO
    assert now.next_charge is not None
    assert (now.next_charge.total, now.next_charge.currency) == (0, "USD")


async def test_a_price_that_staff_agreed_on_is_not_charged_either(
    stage: Stage, database_url: str
) -> None:
    new = NewPlan(
        plan="enterprise", agreed={"image": 10, "video": 20},
        price=Money(amount=9_900, currency="USD"),
    )  # fmt: skip
    await start_on_account(stage.studio, workspace_id=stage.workspace_id, new=new)

    stage.clock.move(days=31)
    await tick(stage, database_url)

    assert await spendable(stage, stage.workspace_id) == 20
    await assert_nothing_asked(stage, stage.workspace_id)


async def test_grants_that_wait_for_payment_elsewhere_come_when_due(
    stage: Stage, database_url: str
) -> None:
    catalog = stage.studio.catalog
    paid_first = [
        replace(each, billing=replace(each.billing, renewal_grant=RenewalRule.WHEN_PAID))
        for each in catalog.versions
    ]
    stage.studio = replace(stage.studio, catalog=replace(catalog, versions=tuple(paid_first)))
    workspace_id = await started(stage)

    for _ in range(3):
        stage.clock.move(days=31)
        await tick(stage, database_url)
        assert await spendable(stage, workspace_id) == 700
    await change_plan.schedule(stage.studio, workspace_id=workspace_id, zone="Asia/Tokyo")
    stage.clock.move(days=31)
    await tick(stage, database_url)

    assert await spendable(stage, workspace_id) == 700


async def test_an_upgrade_is_free_at_once_and_a_smaller_plan_is_still_none(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await started(stage)
    told = await upgrade.preview_upgrade(stage.studio, workspace_id=workspace_id, plan="pro")

    made = await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="pro", key="a")
    with pytest.raises(NotAnUpgrade):
        await upgrade.preview_upgrade(stage.studio, workspace_id=workspace_id, plan="essential")

    assert (told.price, told.is_demo, made) == (NOTHING, True, None)
    assert await spendable(stage, workspace_id) == 1_500
    stage.clock.move(days=31)
    await tick(stage, database_url)
    await assert_nothing_asked(stage, workspace_id)


async def test_a_free_upgrade_asked_for_again_is_the_same_whatever_came_after(
    stage: Stage,
) -> None:
    workspace_id = await started(stage)
    wish = {"workspace_id": workspace_id, "plan": "pro", "key": "a"}
    first = await upgrade.upgrade(stage.studio, **wish)
    granted = await spendable(stage, workspace_id)

    again = await upgrade.upgrade(stage.studio, **wish)
    with pytest.raises(KeyReused):
        await upgrade.upgrade(stage.studio, **{**wish, "plan": "unlimited"})
    with pytest.raises(NotAnUpgrade):
        await upgrade.upgrade(stage.studio, **{**wish, "key": "b"})

    assert first is again is None
    assert await spendable(stage, workspace_id) == granted == 1_500


async def ordered_plan(stage: Stage) -> None:
    await order_plan(
        stage.studio, workspace_id=stage.workspace_id, new=NewPlan(plan="pro"), key="a"
    )


async def bought(stage: Stage) -> None:
    workspace_id = await started(stage)
    await buy.buy(stage.studio, workspace_id=workspace_id, wish=PACK, key="a")


async def refilled(stage: Stage) -> None:
    workspace_id = await started(stage)
    await refill.set_refill(
        stage.studio, workspace_id=workspace_id,
        wish=RefillWish(pack="video_1500", threshold=100, monthly_max=99_000),
    )  # fmt: skip


@pytest.mark.parametrize("costs", [ordered_plan, bought, refilled])
async def test_what_has_to_be_paid_is_refused_with_the_remedy(
    stage: Stage, costs: Callable[[Stage], Awaitable[None]]
) -> None:
    with pytest.raises(DemoWorkspace, match="make a workspace that is not marked demo"):
        await costs(stage)

    await assert_nothing_asked(stage, stage.workspace_id)
    async with stage.studio.reading() as connection:
        assert not await offers.refills(connection, workspace_id=stage.workspace_id)


async def test_a_workspace_beside_it_that_is_not_marked_demo_is_billed(stage: Stage) -> None:
    await started(stage)
    live = await open_workspace(stage, plan="essential", is_demo=False)

    (request,) = await to_pay(stage, live)
    await pay(stage, request)

    assert len(await documents(stage, live)) == 1
    await assert_nothing_asked(stage, stage.workspace_id)


async def become_demos(url: str) -> None:
    """Mark every workspace demo, and migrate what was asked of it before."""
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE workspaces SET is_demo = TRUE")
    for statement in MIGRATION.read_text(encoding="utf-8").split("\n\n")[1:4]:
        await connection.execute(statement)
    await connection.close()


async def test_what_was_asked_of_demos_before_the_rule_is_asked_no_more(
    stage: Stage, database_url: str
) -> None:
    live = await open_workspace(stage, plan="essential", is_demo=False)
    stage.clock.move(days=45)
    await tick(stage, database_url)
    assert await state(stage, live) is State.PAST_DUE

    await become_demos(database_url)

    assert await state(stage, live) is State.ACTIVE
    before = len(await documents(stage, live))
    stage.clock.move(days=62)
    await tick(stage, database_url)
    assert (await state(stage, live), await spendable(stage, live)) == (State.ACTIVE, 700)
    assert len(await documents(stage, live)) == before
    subscription = (await read(stage, live)).subscription
    assert subscription is not None
    assert subscription.gateway == DEMO
