"""What becomes of a charge or a refund when the line to Stripe fails: never two of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from mutoscope.app.gateway import Demand, GatewayError, PaymentState
from mutoscope.domain.offers import Money
from payment_stage import DECLINED_LATER, DOLLARS, Till, demand, now, open_till
from studio_stage import MovableClock

DONE = (
    "drop_connection_after_accept", "http500_on_create_but_task_created", "create_answers_no_json",
)  # fmt: skip
NOT_DONE = ("drop_connection_before_accept", "http500_on_create_nothing_created")
LATE = ("slow", "hang")


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(now())


@pytest.fixture
async def till(clock: MovableClock) -> AsyncIterator[Till]:
    async with open_till(clock.now) as till:
        yield till


async def kept(till: Till, card: str = "4242424242424242") -> dict[str, Any]:
    """Return what a renewal is charged with, after a first payment."""
    first = await till.pay(card, keeps_method=True)
    return {"demand": demand(customer=first.customer), "method": first.method, "key": "renewal/1"}


async def doubtful(till: Till, charge: dict[str, Any]) -> GatewayError:
    """Charge once, and return why nobody knows what came of it."""
    gateway = till.impatient()
    with pytest.raises(GatewayError) as error:
        await gateway.charge(**charge)
    while till.has_fault():
        with pytest.raises(GatewayError):
            await gateway.charge(**charge)
    await gateway.close()
    assert error.value.code == "in_doubt"
    assert (error.value.is_ambiguous, error.value.permanent) == (True, False)
    return error.value


async def charges_of(till: Till, asked: Demand) -> int:
    """Count what was really charged for a demand."""
    return sum(
        line["metadata"]["request_id"] == str(asked.request_id) for line in await till.books()
    )


@pytest.mark.parametrize("fault", [*DONE, *NOT_DONE, *LATE])
async def test_a_charge_in_doubt_that_is_sent_again_is_one_charge(till: Till, fault: str) -> None:
    charge = await kept(till)
    await till.fault(fault)
    await doubtful(till, charge)
    await asyncio.sleep(0.3 if fault in LATE else 0)

    replays_trouble = fault == "http500_on_create_but_task_created"
    if replays_trouble:
        await doubtful(till, charge)
    else:
        again = await till.gateway.charge(**charge)
        assert again.state is PaymentState.SUCCEEDED

    assert await charges_of(till, charge["demand"]) == 1


@pytest.mark.parametrize("fault", NOT_DONE)
async def test_what_was_cut_before_it_was_done_was_not_done(till: Till, fault: str) -> None:
    charge = await kept(till)
    await till.fault(fault)

    await doubtful(till, charge)

    assert await charges_of(till, charge["demand"]) == 0


@pytest.mark.parametrize("fault", DONE)
async def test_a_charge_in_doubt_is_found_among_the_payments(till: Till, fault: str) -> None:
    charge = await kept(till)
    await till.fault(fault)
    await doubtful(till, charge)

    payments = await till.gateway.payments(since=now() - timedelta(minutes=1))

    found = [each for each in payments if each.request_id == charge["demand"].request_id]
    assert [each.state for each in found] == [PaymentState.SUCCEEDED]


async def test_the_same_attempt_twice_at_once_is_one_charge(till: Till) -> None:
    charge = await kept(till)
    await till.fault("slow")

    first = asyncio.create_task(till.gateway.charge(**charge))
    await asyncio.sleep(0.1)
    with pytest.raises(GatewayError) as error:
        await till.gateway.charge(**charge)

    assert (error.value.code, error.value.is_ambiguous) == ("in_doubt", True)
    paid = await first
    assert await till.gateway.charge(**charge) == paid
    assert await charges_of(till, charge["demand"]) == 1


async def test_a_decline_is_the_same_however_often_it_is_asked(till: Till) -> None:
    charge = await kept(till, DECLINED_LATER)

    first = await till.gateway.charge(**charge)
    again = await till.gateway.charge(**charge)

    assert (first, first.state) == (again, PaymentState.FAILED)


@pytest.mark.parametrize("fault", [*DONE[:1], *NOT_DONE, *LATE])
async def test_a_refund_in_doubt_that_is_sent_again_is_one_refund(till: Till, fault: str) -> None:
    paid = await till.pay()
    refund = {"reference": paid.reference, "amount": Money(amount=900, currency="USD"), "key": "r"}
    await till.fault(fault)
    gateway = till.impatient()
    with pytest.raises(GatewayError, match="Nobody knows"):
        await gateway.refund(**refund)
    while till.has_fault():
        with pytest.raises(GatewayError, match="Nobody knows"):
            await gateway.refund(**refund)
    await gateway.close()
    await asyncio.sleep(0.3 if fault in LATE else 0)

    again = await till.gateway.refund(**refund)

    assert again.state is PaymentState.SUCCEEDED
    assert [line["refunded"] for line in await till.books()] == [900]


async def test_a_refund_that_stripe_answers_with_trouble_is_found_by_its_key(till: Till) -> None:
    paid = await till.pay()
    await till.fault("http500_on_create_but_task_created")
    refund = {"reference": paid.reference, "amount": DOLLARS, "key": "refund/a"}
    for _ in range(2):
        with pytest.raises(GatewayError, match="Nobody knows"):
            await till.gateway.refund(**refund)

    found = await till.gateway.refund_under(reference=paid.reference, key="refund/a")

    assert found is not None
    assert found.state is PaymentState.SUCCEEDED
    assert [line["refunded"] for line in await till.books()] == [3_900]


async def test_stripe_forgets_a_key_after_a_day_and_the_refund_is_found_all_the_same(
    till: Till, clock: MovableClock
) -> None:
    paid = await till.pay()
    part = {"reference": paid.reference, "amount": Money(amount=500, currency="USD"), "key": "r"}
    first = await till.gateway.refund(**part)
    clock.move(hours=25)

    found = await till.gateway.refund_under(reference=paid.reference, key="r")
    assert found == first

    await till.gateway.refund(**part)
    assert [line["refunded"] for line in await till.books()] == [1_000]


@pytest.mark.parametrize(
    ("fault", "code"), [("rate_limited", "rate_limited"), ("auth", "bad_account")]
)
async def test_a_call_that_is_turned_away_is_free_to_be_sent_again(
    till: Till, fault: str, code: str
) -> None:
    charge = await kept(till)
    await till.fault(fault)

    with pytest.raises(GatewayError) as error:
        await till.gateway.charge(**charge)

    assert (error.value.code, error.value.is_ambiguous) == (code, False)
    assert (await till.gateway.charge(**charge)).state is PaymentState.SUCCEEDED
