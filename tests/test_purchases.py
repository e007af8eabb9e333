"""Buying credits is a desk: ordered, paid, and added once."""

import asyncio
from uuid import uuid4

import pytest

from business_stage import (
    bought,
    documents,
    enable_purchases,
    open_paying,
    operations,
    order,
    pay,
    pay_all,
    spendable,
    tick,
)
from mutoscope.app import buy, change_plan, suspend
from mutoscope.app.buy import PurchasesNotEnabled, Wish
from mutoscope.app.confirm import BadReference
from mutoscope.app.fulfil import add_credits
from mutoscope.app.gateway import GatewayPayment, PaymentState
from mutoscope.app.receive import receive
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.estimate import PurchaseTooSmall
from mutoscope.domain.offers import Money
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.purchases import (
    Purchase,
    PurchaseNotInThisState,
    PurchaseState,
)
from mutoscope.storage import purchases
from mutoscope.storage.session import SideRowRefused
from studio_fixture import open_workspace
from studio_stage import Stage


async def read(stage: Stage, purchase: Purchase) -> Purchase:
    async with stage.studio.reading() as connection:
        return await purchases.get(
            connection, workspace_id=purchase.workspace_id, purchase_id=purchase.purchase_id
        )


async def test_a_purchase_goes_from_the_order_over_the_desk_to_a_lot(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)
    received = await pay(stage, made.request)
    assert await spendable(stage, workspace_id) == 1_500

    granted = await add_credits(
        stage.studio, workspace_id=workspace_id, purchase_id=made.purchase.purchase_id
    )

    assert received.outcome == "applied"
    assert granted.state is PurchaseState.GRANTED
    assert await spendable(stage, workspace_id) == 3_000
    assert (await documents(stage, workspace_id))[-1].taxed.net == 3_900


async def test_purchased_credits_outlive_every_renewal(stage: Stage, database_url: str) -> None:
    workspace_id = await open_paying(stage)
    await bought(stage, workspace_id)
    for _ in range(14):
        await pay_all(stage, workspace_id)
        stage.clock.move(days=31)
        await tick(stage, database_url)

    assert await spendable(stage, workspace_id) == 3_000


async def test_one_payment_counts_once_however_often_it_is_told(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)

    told = await asyncio.gather(*(pay(stage, made.request) for _ in range(16)))

    assert [each.is_replay for each in told].count(False) == 1
    assert {each.payment_id for each in told} == {told[0].payment_id}
    assert len(await documents(stage, workspace_id)) == 2


async def test_of_two_staff_who_add_the_credits_one_is_told_so(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)
    await pay(stage, made.request)
    purchase_id = made.purchase.purchase_id

    done = await asyncio.gather(
        *(
            add_credits(stage.studio, workspace_id=workspace_id, purchase_id=purchase_id)
            for _ in range(8)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(each, Purchase) for each in done) == 1
    refused = [each for each in done if not isinstance(each, Purchase)]
    assert {type(each) for each in refused} <= {PurchaseNotInThisState, SideRowRefused}
    assert await spendable(stage, workspace_id) == 3_000


async def test_a_second_payment_of_one_order_waits_for_staff(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)
    await pay(stage, made.request, reference="one")

    again = await pay(stage, made.request, reference="two")

    assert (again.outcome, again.reason) == ("parked", "already_paid")


@pytest.mark.parametrize("amount", [1, 4_640, 1_000_000])
async def test_another_amount_is_parked_and_grants_nothing(stage: Stage, amount: int) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)

    received = await pay(stage, made.request, amount=amount)

    assert (received.outcome, received.reason) == ("parked", "other_amount")
    assert (await read(stage, made.purchase)).state is PurchaseState.ORDERED


async def test_another_currency_is_parked(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)
    payment = GatewayPayment(
        reference="pi_1", request_id=made.request.request_id, state=PaymentState.SUCCEEDED,
        total=Money(amount=made.request.taxed.total, currency="EUR"),
        created_at=stage.clock.now(),
    )  # fmt: skip

    received = await receive(stage.studio, gateway="stripe", payment=payment)

    assert (received.outcome, received.reason) == ("parked", "other_currency")


async def test_a_payment_for_nothing_we_know_is_kept_for_staff(stage: Stage) -> None:
    payment = GatewayPayment(
        reference="pi_2", request_id=uuid4(), state=PaymentState.SUCCEEDED,
        total=Money(amount=100, currency="USD"), created_at=stage.clock.now(),
    )  # fmt: skip

    received = await receive(stage.studio, gateway="stripe", payment=payment)
    again = await receive(stage.studio, gateway="stripe", payment=payment)

    assert (received.outcome, received.reason) == ("parked", "unknown_request")
    assert again.is_replay


async def test_money_for_a_closed_workspace_goes_back(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)
    await suspend.close(stage.studio, workspace_id=workspace_id)

    received = await pay(stage, made.request)

    assert (received.outcome, received.reason) == ("returned", "closed")
    async with stage.studio.reading() as connection:
        (refund,) = await purchases.asked_refunds(connection, limit=9)
    assert refund.amount == made.request.taxed.total


async def test_without_a_plan_the_lot_comes_frozen(stage: Stage, database_url: str) -> None:
    workspace_id = await open_paying(stage)
    await pay_all(stage, workspace_id)
    made = await order(stage, workspace_id)
    await change_plan.cancel(stage.studio, workspace_id=workspace_id)
    stage.clock.move(days=29)
    await tick(stage, database_url)
    await pay(stage, made.request)

    await add_credits(
        stage.studio, workspace_id=workspace_id, purchase_id=made.purchase.purchase_id
    )

    assert await spendable(stage, workspace_id) == 0
    assert (await operations(stage, workspace_id))[-1] == ("grant", 1_500)


async def test_the_smallest_purchase_is_700_credits(stage: Stage) -> None:
    workspace_id = await open_paying(stage)

    with pytest.raises(PurchaseTooSmall, match="700"):
        await order(stage, workspace_id, wish=Wish(kind="video", credits=699))

    made = await order(stage, workspace_id, wish=Wish(kind="video", credits=700))
    assert made.purchase.price == Money(amount=1_820, currency="USD")


async def test_the_desk_has_to_enable_purchases(stage: Stage) -> None:
    workspace_id = await open_workspace(stage, plan="pro", is_demo=False)
    with pytest.raises(PurchasesNotEnabled, match="chat"):
        await order(stage, workspace_id)

    await enable_purchases(stage, workspace_id)

    assert (await order(stage, workspace_id)).purchase.state is PurchaseState.ORDERED


async def test_a_trial_cannot_buy(stage: Stage) -> None:
    workspace_id = await open_workspace(stage, is_demo=False)
    await enable_purchases(stage, workspace_id)

    with pytest.raises(NotEntitled, match="start a plan"):
        await order(stage, workspace_id)


async def test_a_repeated_order_is_the_same_and_another_wish_is_refused(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id, key="a")

    assert await order(stage, workspace_id, key="a") == made
    with pytest.raises(KeyReused):
        await order(stage, workspace_id, wish=Wish(kind="video", credits=700), key="a")


async def test_a_withdrawn_pack_is_honoured_to_who_ordered_it(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)
    for version in stage.studio.catalog.versions:
        object.__setattr__(version, "packs", ())

    await pay(stage, made.request)
    granted = await add_credits(
        stage.studio, workspace_id=workspace_id, purchase_id=made.purchase.purchase_id
    )

    assert granted.state is PurchaseState.GRANTED


async def test_an_order_that_nobody_pays_lapses(stage: Stage, database_url: str) -> None:
    workspace_id = await open_paying(stage)
    await pay_all(stage, workspace_id)
    made = await order(stage, workspace_id)
    stage.clock.move(days=30)

    await tick(stage, database_url)

    assert (await read(stage, made.purchase)).state is PurchaseState.CANCELLED
    late = await pay(stage, made.request)
    assert (late.outcome, late.reason) == ("parked", "request_cancelled")


async def test_an_order_can_be_cancelled_until_it_is_paid(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)
    await pay(stage, made.request)

    with pytest.raises(PurchaseNotInThisState, match="is paid"):
        await buy.cancel(
            stage.studio, workspace_id=workspace_id, purchase_id=made.purchase.purchase_id
        )


async def test_a_reference_is_what_the_bank_says(stage: Stage) -> None:
    workspace_id = await open_paying(stage)
    made = await order(stage, workspace_id)

    with pytest.raises(BadReference):
        await pay(stage, made.request, reference="x" * 141)
