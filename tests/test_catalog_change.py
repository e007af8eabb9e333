"""Two versions of a catalog: a plan takes the one in force at its charges, and no plan is lost."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from business_stage import documents, open_paying, pay_all, read, spendable, tick
from command_line import run_here
from mutoscope.app import catalog_change, change_plan, charge, upgrade
from mutoscope.app.agree import agree
from mutoscope.app.subscribe import start_plan
from mutoscope.app.terms import PriceNotAgreed
from mutoscope.domain.agreed import Agreed
from mutoscope.domain.catalog import Catalog, UnknownPlan
from mutoscope.domain.offers import Allowance, Basis, Entitlement, Money, Plan
from mutoscope.storage import routes
from studio_fixture import open_workspace
from studio_stage import Stage
from test_catalog import SHIPPED, later_version

MARCH = datetime(2025, 3, 10, tzinfo=UTC)
MONTHLY = (datetime(2025, 2, 28, 9, tzinfo=UTC), datetime(2025, 3, 31, 9, tzinfo=UTC))
YEAR_LATER = datetime(2026, 1, 31, 9, tzinfo=UTC)
HALF = (
    Allowance(kind="image", basis=Basis.FIXED, credits=350),
    Allowance(kind="video", basis=Basis.FIXED, credits=750),
)


def without(stage: Stage, plan: str) -> tuple[Plan, ...]:
    return tuple(each for each in stage.studio.catalog.versions[0].plans if each.key != plan)


def let_change(stage: Stage, *plans: Plan) -> None:
    """Let the catalog sell other plans from 10 March on."""
    (first,) = stage.studio.catalog.versions
    later = replace(first, key="2025-03", effective_at=MARCH, plans=plans)
    stage.studio = replace(stage.studio, catalog=Catalog(versions=(first, later)))


def let_halve(stage: Stage) -> None:
    """Let Pro lose half of its credits, its exports and a turn."""
    pro = stage.studio.catalog.versions[0].plan(key="pro")
    smaller = replace(
        pro, allowances=HALF, entitlements=pro.entitlements - {Entitlement.EXPORTS}, jobs_max=3
    )
    let_change(stage, *without(stage, "pro"), smaller)


async def live_to(stage: Stage, url: str, *instants: datetime) -> None:
    """Let the clock come to some instants, and the worker do all that is due at each."""
    for at in instants:
        stage.clock.at = at
        await catalog_change.run(stage.studio)
        await tick(stage, url)


async def may_export(stage: Stage, workspace_id: UUID) -> tuple[bool, int]:
    access = stage.studio.access_of(await read(stage, workspace_id), at=stage.clock.now())
    return Entitlement.EXPORTS in access.entitlements, access.jobs_max


async def test_a_monthly_plan_takes_the_version_in_force_at_its_billing_date(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    let_halve(stage)
    await live_to(stage, database_url, MONTHLY[0], MARCH)
    await pay_all(stage, workspace_id)
    before = (await spendable(stage, workspace_id), await may_export(stage, workspace_id))

    stage.clock.at = MONTHLY[1]
    after = (await spendable(stage, workspace_id), await may_export(stage, workspace_id))
    await tick(stage, database_url)

    assert before == (1_500, (True, 4))
    assert after == (750, (False, 3)), "also before the clock has looked"
    assert (await spendable(stage, workspace_id), await may_export(stage, workspace_id)) == after
    subscription = (await read(stage, workspace_id)).subscription
    assert subscription is not None
    assert (subscription.version, subscription.scheduled) == ("2025-03", None)


async def test_an_annual_plan_keeps_its_version_to_the_end_of_its_term(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro", is_annual=True)
    await pay_all(stage, workspace_id)
    let_halve(stage)

    await live_to(stage, database_url, MARCH, MONTHLY[1], datetime(2026, 1, 10, tzinfo=UTC))
    kept = (await spendable(stage, workspace_id), await may_export(stage, workspace_id))
    await live_to(stage, database_url, YEAR_LATER)

    assert kept == (1_500, (True, 4))
    assert await spendable(stage, workspace_id) == 750
    assert await may_export(stage, workspace_id) == (False, 3)


async def test_a_zone_in_mid_year_leaves_an_annual_plan_as_it_is(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro", is_annual=True)
    await pay_all(stage, workspace_id)
    let_halve(stage)
    await live_to(stage, database_url, MARCH)

    await change_plan.schedule(stage.studio, workspace_id=workspace_id, zone="Asia/Tokyo")
    await live_to(stage, database_url, MONTHLY[1])
    subscription = (await read(stage, workspace_id)).subscription
    stage.clock.move(days=31)

    assert subscription is not None
    assert (subscription.zone, subscription.version) == ("Asia/Tokyo", "2025-01")
    assert subscription.allowances == {"image": 700, "video": 1_500}
    assert await spendable(stage, workspace_id) == 1_500


async def test_a_change_that_was_told_too_late_begins_a_billing_date_later(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    await live_to(stage, database_url, MONTHLY[0])
    await pay_all(stage, workspace_id)
    let_halve(stage)
    stage.clock.at = MONTHLY[1]
    await tick(stage, database_url)
    await pay_all(stage, workspace_id)
    late = await spendable(stage, workspace_id)

    await live_to(stage, database_url, MONTHLY[1], datetime(2025, 4, 30, 9, tzinfo=UTC))

    assert (late, await spendable(stage, workspace_id)) == (1_500, 750)


async def test_who_holds_a_withdrawn_plan_goes_on_by_the_last_version_that_had_it(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    let_change(stage, *without(stage, "pro"))
    await live_to(stage, database_url, MONTHLY[0])
    await pay_all(stage, workspace_id)

    await live_to(stage, database_url, MONTHLY[1])

    assert [each.taxed.net for each in await documents(stage, workspace_id)] == [3_900] * 3
    assert await spendable(stage, workspace_id) == 1_500
    assert await may_export(stage, workspace_id) == (True, 4)
    with pytest.raises(UnknownPlan):
        await start_plan(stage.studio, workspace_id=stage.workspace_id, plan="pro")


async def test_a_withdrawn_plan_can_be_left_and_not_returned_to(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    let_change(stage, *without(stage, "pro"))
    await live_to(stage, database_url, MONTHLY[0], MONTHLY[1])
    await pay_all(stage, workspace_id)

    made = await upgrade.upgrade(stage.studio, workspace_id=workspace_id, plan="unlimited", key="a")

    assert made is not None
    assert made.taxed.net == 8_900 - 3_900
    with pytest.raises(UnknownPlan):
        await change_plan.schedule(stage.studio, workspace_id=workspace_id, plan="pro")


async def test_a_plan_that_cannot_be_charged_fails_alone_and_is_told_once(
    stage: Stage, database_url: str
) -> None:
    broken, sound = await open_paying(stage, "pro"), await open_paying(stage, "essential")
    pro = replace(stage.studio.catalog.versions[0].plan(key="pro"), price=None)
    let_change(stage, *without(stage, "pro"), pro)
    await live_to(stage, database_url, MONTHLY[0])
    stage.clock.at = MONTHLY[1]

    done = [await charge.run(stage.studio) for _ in range(2)]

    assert [(each.charges, len(each.failures)) for each in done] == [(1, 1), (0, 1)]
    assert done[0].failures[0].workspace_id == broken
    assert "the price of pro is agreed" in done[0].failures[0].reason
    assert len(await documents(stage, sound)) == 3
    (told,) = await alerts(stage)
    assert (told.code, str(broken) in told.sentence) == ("plan_not_charged", True)


async def test_an_open_price_is_agreed_while_its_charge_is_due(
    stage: Stage, database_url: str
) -> None:
    workspace_id = await open_paying(stage, "pro")
    pro = replace(stage.studio.catalog.versions[0].plan(key="pro"), price=None)
    let_change(stage, *without(stage, "pro"), pro)
    await live_to(stage, database_url, MONTHLY[0])
    await pay_all(stage, workspace_id)
    await live_to(stage, database_url, MONTHLY[1])
    with pytest.raises(PriceNotAgreed, match="desk terms --price"):
        await change_plan.schedule(stage.studio, workspace_id=workspace_id, zone="Asia/Tokyo")

    price = Money(amount=2_500, currency="USD")
    await agree(stage.studio, workspace_id=workspace_id, agreed=Agreed(price=price))
    await tick(stage, database_url)

    assert [each.taxed.net for each in await documents(stage, workspace_id)][-1] == 2_500
    assert await alerts(stage) == ()


async def alerts(stage: Stage) -> tuple[routes.Alert, ...]:
    async with stage.studio.reading() as connection:
        return await routes.open_alerts(connection, limit=10)


async def test_a_demo_is_not_charged_for_a_plan_without_a_price(
    stage: Stage, database_url: str
) -> None:
    stage.clock.at = MONTHLY[0]
    demo = await open_workspace(stage)
    agreed = {"image": 5, "video": 5}
    await start_plan(stage.studio, workspace_id=demo, plan="enterprise", agreed=agreed)

    await live_to(stage, database_url, datetime(2025, 4, 1, tzinfo=UTC))

    assert await documents(stage, demo) == []
    assert await alerts(stage) == ()


def test_a_check_tells_of_a_plan_that_is_withdrawn(tmp_path: Path) -> None:
    later = later_version("2026-03", "2026-03-01T00:00:00Z")
    file = tmp_path / "catalog.toml"
    file.write_text(SHIPPED + later.replace("[versions.plans.pro]", "[versions.plans.studio]"))

    told = run_here("catalog", "check", str(file), data=tmp_path)
    plain = run_here("catalog", "check", str(file), "--json", data=tmp_path).json()

    assert (
        "2026-03 withdraws the plan pro: who holds it keeps the terms of 2025-01"
        in told.output.replace("\n", " ")
    )
    assert plain["withdrawn"] == [{"plan": "pro", "version": "2026-03", "kept": "2025-01"}]
