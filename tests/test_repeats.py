"""The same key twice at one moment: whoever comes second gets the first one's answer."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from business_stage import documents, open_paying, order, pay, spendable
from mutoscope.app import (
    buy,
    generate,
    promo,
    sign_up,
    storyboard_orders,
    subscribe,
    upgrade,
)
from mutoscope.app.promo import AlreadyRedeemed
from mutoscope.app.shortage import NotEnoughCredits
from mutoscope.app.subscribe import NewPlan, order_plan, start_plan
from mutoscope.storage import offers
from mutoscope.storage.payments import PaymentRequest
from overtaking import overtake
from storyboard_stage import begin
from storyboard_stage import order as order_board_of
from studio_stage import Stage


@pytest.mark.parametrize("read_name", ["current", "asked"])
async def test_an_upgrade_that_overtakes_itself_is_made_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, read_name: str
) -> None:
    workspace_id = await open_paying(stage, "essential")

    async def upgraded() -> PaymentRequest | None:
        stage.clock.move(seconds=1)
        return await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="pro", key="a")

    winner = overtake(monkeypatch, upgrade, read_name, upgraded)

    assert await upgraded() == winner[0]
    assert winner[0] is not None
    assert await spendable(stage, workspace_id) == 1_500
    assert len(await documents(stage, workspace_id)) == 2


async def test_an_upgrade_that_costs_nothing_is_made_once_however_often_it_is_sent(
    stage: Stage,
) -> None:
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan="essential")
    wish = {"workspace_id": stage.workspace_id, "plan": "pro", "key": "a"}

    made = await asyncio.gather(*(upgrade.upgrade(stage.studio, **wish) for _ in range(8)))

    assert made == [None] * 8
    assert await spendable(stage, stage.workspace_id) == 1_500


async def plan_ordered(stage: Stage, workspace_id: UUID) -> PaymentRequest:
    new = NewPlan(plan="pro")
    return await order_plan(stage.studio, workspace_id=workspace_id, new=new, key="first")


async def test_an_order_of_a_plan_that_runs_already_is_the_same_order(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    whose = await sign_up.create(stage.studio, name="Corona", zone="UTC", email="c@example.com")

    async def paid() -> PaymentRequest:
        made = await plan_ordered(stage, whose.workspace_id)
        await pay(stage, made)
        return made

    winner = overtake(monkeypatch, subscribe, "startable", paid)

    found = await plan_ordered(stage, whose.workspace_id)

    assert found.request_id == winner[0].request_id
    assert await spendable(stage, whose.workspace_id) == 1_500


async def test_a_purchase_that_overtakes_itself_is_ordered_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace_id = await open_paying(stage)
    winner = overtake(monkeypatch, buy, "asked", lambda: order(stage, workspace_id))

    assert await order(stage, workspace_id) == winner[0]


async def test_a_job_that_overtakes_itself_with_the_last_credits_is_placed_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    spendable, _ = await stage.credits()
    all_but_one = spendable - 1
    for number in range(all_but_one // 4):
        await stage.place(images=4, key=f"job-{number}")
    for number in range(all_but_one % 4):
        await stage.place(key=f"single-{number}")
    winner = overtake(monkeypatch, generate, "starts_of", lambda: stage.place(key="last"))

    found = await stage.place(key="last")

    assert found == winner[0]
    assert (await stage.credits())[0] == 0
    with pytest.raises(NotEnoughCredits):
        await stage.place(key="another")


async def test_a_code_redeemed_twice_at_one_moment_gives_once_and_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace_id = await open_paying(stage)
    await promo.offer(stage.studio, offers.PromoCode(
        code="SPRING", kind="video", credits=100, lasts_days=30, redemptions_max=1, redeemed=0,
        ends_at=None, created_at=stage.clock.now(),
    ))  # fmt: skip

    async def redeem() -> object:
        stage.clock.move(seconds=1)
        return await promo.redeem(stage.studio, workspace_id=workspace_id, code="SPRING")

    overtake(monkeypatch, offers, "redeemed_at", redeem, is_read_first=True)

    with pytest.raises(AlreadyRedeemed):
        await redeem()
    assert await spendable(stage, workspace_id) == 1_600


async def test_a_board_whose_order_overtakes_itself_is_ordered_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await begin(stage)
    winner = overtake(
        monkeypatch, storyboard_orders, "placing_now", lambda: order_board_of(stage, project)
    )

    found = await order_board_of(stage, project)

    assert found == replace(winner[0], is_replay=True)
    assert await stage.credits() == (47, 3)
