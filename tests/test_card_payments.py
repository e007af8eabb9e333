"""Plans and refills paid by card over a simulated Stripe: charged once, granted once it is paid."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from business_stage import documents, read, spend, spendable, state, tick, to_pay
from card_stage import STRIPE, Shop, open_shop
from mutoscope.app import buy, change_plan, quick_cards, refill, sign_up, upgrade
from mutoscope.app.buy import Orderer, Wish
from mutoscope.app.quick_cards import Question
from mutoscope.app.refill import NoMethodKept, RefillTooSmall, RefillWish
from mutoscope.app.subscribe import NewPlan, PlanIsFree, order_plan
from mutoscope.cli.plan_screen import paid_grant_told
from mutoscope.domain.chat import creator
from mutoscope.domain.offers import Money
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.subscriptions import State
from mutoscope.storage import offers, purchases
from mutoscope.storage.finance import paid_requests
from mutoscope.storage.parked import waiting
from mutoscope.storage.payments import Payment, PaymentRequest
from payment_stage import DECLINED_LATER


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database_url, tmp_path) as shop:
        yield shop


async def test_a_plan_starts_when_its_first_payment_is_confirmed(shop: Shop) -> None:
    workspace_id = await shop.customer("pro")

    workspace = await read(shop.stage, workspace_id)
    assert workspace.subscription is not None
    assert workspace.subscription.anchor_at == shop.stage.clock.now()
    assert await spendable(shop.stage, workspace_id) == 1_500
    (invoice,) = await documents(shop.stage, workspace_id)
    assert invoice.paid_at == shop.stage.clock.now()


async def test_an_order_paid_days_later_is_invoiced_for_the_term_that_begins_then(
    shop: Shop,
) -> None:
    studio = shop.stage.studio
    opened = await sign_up.create(studio, name="Corona", zone="UTC", email="c@example.com")
    request = await order_plan(
        studio, workspace_id=opened.workspace_id, key="first",
        new=NewPlan(plan="pro", gateway=STRIPE),
    )  # fmt: skip
    shop.stage.clock.move(days=5)

    await shop.pay(request)

    begun = (await read(shop.stage, opened.workspace_id)).subscription
    (invoice,) = await documents(shop.stage, opened.workspace_id)
    async with studio.reading() as connection:
        (paid,) = await paid_requests(connection, at=studio.clock.now())
    assert begun is not None
    terms = [(each.starts_at, each.ends_at) for each in (*invoice.lines, *paid.lines)]
    assert terms == [(begun.anchor_at, begun.start(index=1))] * 2


async def test_credits_that_wait_for_a_card_are_told_before_and_after_their_date(
    shop: Shop, database_url: str
) -> None:
    studio, workspace_id = shop.stage.studio, await shop.customer("pro", card=DECLINED_LATER)
    asked = await quick_cards.ask(
        studio, workspace_id=workspace_id, thread_id=None, question=Question.BILLING_DATE,
        key="ask", author=creator(workspace_id=workspace_id),
    )  # fmt: skip
    shop.stage.clock.move(days=31)
    await tick(shop.stage, database_url)

    late = paid_grant_told(
        studio, await read(shop.stage, workspace_id), at=shop.stage.clock.now()
    )  # fmt: skip

    assert "You get 700 image credits and 1,500 video credits then, once they are paid" in (
        asked.answer.body or ""
    )
    assert late.startswith("700 image and 1,500 video credits wait for the payment that has been")


async def test_a_renewal_charges_the_kept_card_once_and_then_grants(
    shop: Shop, database_url: str
) -> None:
    workspace_id = await shop.customer("pro")
    shop.stage.clock.move(days=31)

    for _ in range(3):
        await tick(shop.stage, database_url)

    assert len(await shop.charges()) == 2
    assert await spendable(shop.stage, workspace_id) == 1_500
    assert await to_pay(shop.stage, workspace_id) == ()
    assert await shop.compare()


async def test_a_declined_renewal_waits_for_its_grant_and_keeps_its_period(
    shop: Shop, database_url: str
) -> None:
    workspace_id = await shop.customer("pro", card=DECLINED_LATER)
    shop.stage.clock.move(days=31)
    await tick(shop.stage, database_url)
    assert await state(shop.stage, workspace_id) is State.PAST_DUE
    assert await spendable(shop.stage, workspace_id) == 0
    shop.stage.clock.move(days=2)

    (request,) = await to_pay(shop.stage, workspace_id)
    await shop.pay(request)

    found = (await read(shop.stage, workspace_id)).subscription
    assert found is not None
    assert await state(shop.stage, workspace_id) is State.ACTIVE
    assert await spendable(shop.stage, workspace_id) == 1_500
    assert found.charge_at == found.start(index=2)


async def test_an_upgrade_by_card_is_carried_out_when_it_is_paid(shop: Shop) -> None:
    workspace_id = await shop.customer("essential")
    studio = shop.stage.studio

    request = await upgrade.upgrade(studio, workspace_id=workspace_id, plan="pro", key="u")
    assert await spendable(shop.stage, workspace_id) == 700
    assert request is not None
    await shop.pay(request)

    assert await spendable(shop.stage, workspace_id) == 1_500


@pytest.mark.parametrize(
    ("is_annual", "asked_at"),
    [
        (False, datetime(2025, 2, 19, 12, tzinfo=UTC)),
        (True, datetime(2026, 1, 19, 12, tzinfo=UTC)),
        (True, datetime(2025, 6, 19, 12, tzinfo=UTC)),
    ],
)
async def test_an_upgrade_paid_after_its_period_waits_for_staff_and_its_order_is_void(
    shop: Shop, database_url: str, *, is_annual: bool, asked_at: datetime
) -> None:
    workspace_id = await shop.customer("essential", is_annual=is_annual)
    shop.stage.clock.at = asked_at
    request = await upgrading(shop, workspace_id, "unlimited")
    shop.stage.clock.move(days=1)

    await shop.pay(request)
    await tick(shop.stage, database_url)

    found = (await read(shop.stage, workspace_id)).subscription
    assert found is not None
    assert found.plan == "essential"
    assert await spendable(shop.stage, workspace_id) == 700
    assert [(each.reason, each.amount) for each in await parked(shop)] == [
        ("period_over", request.taxed.total)
    ]
    assert await to_pay(shop.stage, workspace_id) == ()


async def test_an_upgrade_priced_for_other_terms_waits_for_staff(shop: Shop) -> None:
    workspace_id = await shop.customer("essential")
    request = await upgrading(shop, workspace_id, "pro")
    await change_plan.schedule(shop.stage.studio, workspace_id=workspace_id, is_annual=True)

    await shop.pay(request)

    assert [each.reason for each in await parked(shop)] == ["period_over"]
    assert await spendable(shop.stage, workspace_id) == 700


async def test_an_upgrade_that_nobody_pays_ends_at_the_billing_date(
    shop: Shop, database_url: str
) -> None:
    workspace_id = await shop.customer("essential")
    shop.stage.clock.move(days=10)
    request = await upgrading(shop, workspace_id, "pro")
    shop.stage.clock.at = request.due_at - timedelta(microseconds=1)
    await tick(shop.stage, database_url)
    before = await to_pay(shop.stage, workspace_id)

    shop.stage.clock.at = request.due_at
    await tick(shop.stage, database_url)

    assert before == (request,)
    assert request.due_at == datetime(2025, 2, 20, 12, tzinfo=UTC)
    assert await to_pay(shop.stage, workspace_id) == ()


AGREED = NewPlan(
    plan="enterprise", gateway=STRIPE, agreed={"image": 10, "video": 20}, can_purchase=True,
    price=Money(amount=9_900, currency="EUR"),
)  # fmt: skip


async def test_an_order_on_agreed_terms_starts_with_them_when_it_is_paid(shop: Shop) -> None:
    studio = shop.stage.studio
    opened = await sign_up.create(studio, name="Corona", zone="UTC", email="c@example.com")
    asked = {"workspace_id": opened.workspace_id, "new": AGREED, "key": "first"}
    request = await order_plan(studio, **asked)

    await shop.pay(request)

    found = (await read(shop.stage, opened.workspace_id)).subscription
    assert found is not None
    assert (found.allowances, found.price) == (AGREED.agreed, AGREED.price)
    assert found.can_purchase
    assert await spendable(shop.stage, opened.workspace_id) == 20
    with pytest.raises(KeyReused):
        await order_plan(
            studio, **asked | {"new": replace(AGREED, agreed={"image": 1, "video": 1})}
        )


async def test_a_plan_that_is_free_as_agreed_cannot_be_paid_first(shop: Shop) -> None:
    free = replace(AGREED, price=Money(amount=0, currency="USD"))
    opened = await sign_up.create(
        shop.stage.studio, name="Corona", zone="UTC", email="c@example.com"
    )

    with pytest.raises(PlanIsFree, match="start it on account"):
        await order_plan(shop.stage.studio, workspace_id=opened.workspace_id, new=free, key="1")


async def test_money_for_what_is_refused_is_parked_with_the_reason(shop: Shop) -> None:
    studio = shop.stage.studio
    opened = await sign_up.create(studio, name="Corona", zone="UTC", email="c@example.com")
    request = await order_plan(
        studio, workspace_id=opened.workspace_id, key="first",
        new=NewPlan(plan="pro", gateway=STRIPE),
    )  # fmt: skip
    (version,) = studio.catalog.versions
    other = replace(version, key="2025-01b")
    shop.stage.studio = replace(studio, catalog=replace(studio.catalog, versions=(other,)))

    await shop.pay(request)

    assert [each.reason for each in await parked(shop)] == ["unknown_version"]
    assert await state(shop.stage, opened.workspace_id) is State.TRIAL


async def upgrading(shop: Shop, workspace_id: UUID, plan: str) -> PaymentRequest:
    request = await upgrade.upgrade(
        shop.stage.studio, workspace_id=workspace_id, plan=plan, key="u"
    )
    assert request is not None
    return request


async def parked(shop: Shop) -> tuple[Payment, ...]:
    async with shop.stage.studio.reading() as connection:
        return await waiting(connection, limit=10)


async def refilled(shop: Shop, workspace_id: UUID, *, monthly_max: int = 3_900) -> None:
    await refill.set_refill(
        shop.stage.studio, workspace_id=workspace_id,
        wish=RefillWish(pack="video_1500", threshold=500, monthly_max=monthly_max),
    )  # fmt: skip


async def test_a_refill_buys_once_for_one_shortage_and_grants_at_once(shop: Shop) -> None:
    workspace_id = await shop.customer("pro")
    await refilled(shop, workspace_id)
    await spend(shop.stage, workspace_id, 1_200)

    runs = [await refill.run(shop.stage.studio) for _ in range(3)]

    assert runs == [1, 0, 0]
    assert await spendable(shop.stage, workspace_id) == 300 + 1_500


async def test_a_refill_stays_within_its_month(shop: Shop) -> None:
    workspace_id = await shop.customer("pro")
    await refilled(shop, workspace_id)
    await spend(shop.stage, workspace_id, 1_200)
    await refill.run(shop.stage.studio)
    await spend(shop.stage, workspace_id, 1_700)

    assert await refill.run(shop.stage.studio) == 0

    shop.stage.clock.move(days=32)
    assert await refill.run(shop.stage.studio) == 1


async def test_what_is_ordered_counts_towards_the_threshold(shop: Shop) -> None:
    workspace_id = await shop.customer("pro")
    await refilled(shop, workspace_id, monthly_max=100_000)
    await spend(shop.stage, workspace_id, 1_200)
    await shop.till.fault("http500_on_create_but_task_created")

    runs = [await refill.run(shop.stage.studio) for _ in range(4)]

    assert runs == [0, 0, 0, 0]
    await shop.compare()
    assert await spendable(shop.stage, workspace_id) == 300 + 1_500
    assert len(await shop.charges()) == 2


@pytest.mark.parametrize("fault", ["drop_connection_before_accept", "drop_connection_after_accept"])
async def test_a_refill_in_doubt_is_charged_once_by_the_next_run(shop: Shop, fault: str) -> None:
    workspace_id = await shop.customer("pro")
    await refilled(shop, workspace_id)
    await spend(shop.stage, workspace_id, 1_200)
    await shop.till.fault(fault)

    runs = [await refill.run(shop.stage.studio) for _ in range(3)]

    assert runs == [0, 1, 0]
    assert await spendable(shop.stage, workspace_id) == 300 + 1_500
    assert len(await shop.charges()) == 2


@pytest.mark.parametrize(("hours", "is_sent"), [(19, True), (20, False)])
async def test_an_order_whose_worker_died_is_charged_while_keys_are_remembered(
    shop: Shop, hours: int, *, is_sent: bool
) -> None:
    workspace_id = await shop.customer("pro")
    await refilled(shop, workspace_id)
    await spend(shop.stage, workspace_id, 1_200)
    await buy.buy(
        shop.stage.studio, workspace_id=workspace_id, wish=Wish(pack="video_1500"), key="video/0",
        by=Orderer(is_refill=True),
    )  # fmt: skip
    shop.stage.clock.move(hours=hours)

    both = await asyncio.gather(refill.run(shop.stage.studio), refill.run(shop.stage.studio))

    assert any(both) is is_sent
    assert len(await shop.charges()) == 1 + is_sent
    assert await spendable(shop.stage, workspace_id) == 300 + 1_500 * is_sent


async def test_an_order_in_doubt_that_is_declined_is_cancelled_and_rests(shop: Shop) -> None:
    workspace_id = await shop.customer("pro", card=DECLINED_LATER)
    await refilled(shop, workspace_id)
    await spend(shop.stage, workspace_id, 1_200)
    await shop.till.fault("drop_connection_before_accept")

    for _ in range(3):
        await refill.run(shop.stage.studio)

    async with shop.stage.studio.reading() as connection:
        (order,) = await purchases.page(connection, workspace_id=workspace_id, limit=9)
        (found,) = await offers.refills(connection, workspace_id=workspace_id)
    assert (order.state, found.declines) == ("cancelled", 1)


async def test_a_declined_refill_rests_longer_each_time(shop: Shop) -> None:
    workspace_id = await shop.customer("pro", card=DECLINED_LATER)
    await refilled(shop, workspace_id)
    await spend(shop.stage, workspace_id, 1_200)
    tried = []
    for _ in range(30):
        await refill.run(shop.stage.studio)
        async with shop.stage.studio.reading() as connection:
            tried.append(len(await purchases.page(connection, workspace_id=workspace_id, limit=99)))
            (found,) = await offers.refills(connection, workspace_id=workspace_id)
        shop.stage.clock.move(hours=1)

    assert tried[-1] == 4
    assert found.declines == 4
    assert await spendable(shop.stage, workspace_id) == 300


async def test_a_refill_that_was_declined_for_years_rests_a_week(shop: Shop) -> None:
    workspace_id = await shop.customer("pro", card=DECLINED_LATER)
    await refilled(shop, workspace_id)
    await spend(shop.stage, workspace_id, 1_200)
    async with shop.stage.studio.reading() as connection:
        (before,) = await offers.refills(connection, workspace_id=workspace_id)
        await offers.rest_refill(connection, before, declines=100, rests_until=None)

    await refill.run(shop.stage.studio)

    async with shop.stage.studio.reading() as connection:
        (found,) = await offers.refills(connection, workspace_id=workspace_id)
    assert found.declines == 101
    assert found.rests_until == shop.stage.clock.now() + refill.RESTS_MAX


async def test_a_refill_needs_a_kept_card_and_a_limit_that_pays_for_a_pack(shop: Shop) -> None:
    workspace_id = await shop.customer("pro")
    with pytest.raises(RefillTooSmall, match=r"38\.99 USD a month .* one pack of 39\.00 USD"):
        await refilled(shop, workspace_id, monthly_max=3_899)

    stranger = await sign_up.create(shop.stage.studio, name="New", zone="UTC")
    with pytest.raises(NoMethodKept):
        await refilled(shop, stranger.workspace_id)
