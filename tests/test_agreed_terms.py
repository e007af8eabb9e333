"""Terms that staff agree with one customer: said before the start, and kept to their plan."""

from dataclasses import replace
from uuid import UUID

import pytest

from business_stage import BEGINNING, documents, pay_all, read, spendable, tick, to_pay
from mutoscope.app import change_plan, sign_up, upgrade
from mutoscope.app.agree import NotToBeAgreed
from mutoscope.app.plan_now import plan_now
from mutoscope.app.subscribe import NewPlan, start_on_account
from mutoscope.app.terms import AllowanceNotAgreed, PriceNotAgreed
from mutoscope.domain.offers import Money
from studio_stage import Stage

AGREED = {"image": 9_000, "video": 5_000}


async def opened(stage: Stage) -> UUID:
    stage.clock.at = BEGINNING
    workspace = await sign_up.create(stage.studio, name="B", zone="UTC", email="b@example.com")
    return workspace.workspace_id


async def started(stage: Stage, *, amount: int, plan: str = "enterprise") -> UUID:
    workspace_id = await opened(stage)
    new = NewPlan(
        plan=plan, agreed=AGREED, price=Money(amount=amount, currency="USD"), can_purchase=True
    )
    await start_on_account(stage.studio, workspace_id=workspace_id, new=new)
    return workspace_id


async def test_a_plan_without_a_price_starts_at_one_that_was_agreed(stage: Stage) -> None:
    workspace_id = await opened(stage)
    new = NewPlan(plan="enterprise", agreed=AGREED)

    with pytest.raises(PriceNotAgreed, match="staff set the terms"):
        await start_on_account(stage.studio, workspace_id=workspace_id, new=new)

    assert await spendable(stage, workspace_id) == 0
    assert (await read(stage, workspace_id)).subscription is None


async def test_a_price_of_nothing_is_said(stage: Stage, database_url: str) -> None:
    workspace_id = await started(stage, amount=0)

    stage.clock.move(days=31)
    await tick(stage, database_url)

    assert await documents(stage, workspace_id) == []
    assert await spendable(stage, workspace_id) == 5_000


async def test_what_the_catalog_sets_is_not_agreed_at_a_start(stage: Stage) -> None:
    with pytest.raises(NotToBeAgreed, match="the price of pro"):
        await started(stage, amount=1, plan="pro")


async def test_the_credits_of_a_plan_are_not_agreed_for_another(stage: Stage) -> None:
    workspace_id = await opened(stage)
    await start_on_account(stage.studio, workspace_id=workspace_id, new=NewPlan(plan="pro"))

    with pytest.raises(AllowanceNotAgreed, match="staff set the terms"):
        await change_plan.schedule(stage.studio, workspace_id=workspace_id, plan="enterprise")

    assert (await plan_now(stage.studio, workspace_id=workspace_id)).subscription is not None
    with pytest.raises(PriceNotAgreed):
        await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="enterprise", key="a")


async def test_a_plan_with_an_open_price_is_not_scheduled(stage: Stage) -> None:
    workspace_id = await opened(stage)
    await start_on_account(stage.studio, workspace_id=workspace_id, new=NewPlan(plan="pro"))
    (version,) = stage.studio.catalog.versions
    fixed = replace(
        version.plan(key="enterprise"), allowances=version.plan(key="unlimited").allowances
    )
    plans = tuple(fixed if each.key == fixed.key else each for each in version.plans)
    catalog = replace(stage.studio.catalog, versions=(replace(version, plans=plans),))
    stage.studio = replace(stage.studio, catalog=catalog)

    with pytest.raises(PriceNotAgreed, match="price of enterprise"):
        await change_plan.schedule(stage.studio, workspace_id=workspace_id, plan="enterprise")


async def test_a_price_agreed_for_a_month_is_not_that_of_a_year(stage: Stage) -> None:
    workspace_id = await started(stage, amount=50_000)

    with pytest.raises(PriceNotAgreed, match="price of enterprise"):
        await change_plan.schedule(stage.studio, workspace_id=workspace_id, is_annual=True)


async def test_another_plan_is_charged_as_the_catalog_says(stage: Stage, database_url: str) -> None:
    workspace_id = await started(stage, amount=100)
    await pay_all(stage, workspace_id)

    await change_plan.schedule(stage.studio, workspace_id=workspace_id, plan="unlimited")
    told = (await plan_now(stage.studio, workspace_id=workspace_id)).next_charge
    stage.clock.move(days=28)
    await tick(stage, database_url)

    (request,) = await to_pay(stage, workspace_id)
    subscription = (await read(stage, workspace_id)).subscription
    assert told is not None
    assert (told.net, request.taxed.net) == (8_900, 8_900)
    assert subscription is not None
    assert (subscription.price, subscription.can_purchase) == (None, False)
    assert (await spendable(stage, workspace_id), subscription.allowances) == (
        3_000, {"video": 3_000},
    )  # fmt: skip


async def test_a_zone_keeps_what_was_agreed(stage: Stage, database_url: str) -> None:
    workspace_id = await started(stage, amount=700)
    await pay_all(stage, workspace_id)

    await change_plan.schedule(stage.studio, workspace_id=workspace_id, zone="Asia/Tokyo")
    stage.clock.move(days=28)
    await tick(stage, database_url)

    (request,) = await to_pay(stage, workspace_id)
    subscription = (await read(stage, workspace_id)).subscription
    assert subscription is not None
    assert (request.taxed.net, subscription.can_purchase) == (700, True)
    assert subscription.allowances == AGREED
