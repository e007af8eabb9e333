"""What every payment gateway keeps, whichever it is."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from mutoscope.app.gateway import (
    Gateway,
    GatewayError,
    PaymentState,
    refund_id_of,
    refund_key,
)
from mutoscope.domain.offers import Money
from mutoscope.payments.manual import ManualGateway, spelled
from payment_stage import DOLLARS, Till, demand, now, open_till


@pytest.fixture
async def till() -> AsyncIterator[Till]:
    async with open_till() as till:
        yield till


@pytest.fixture(params=["manual", "stripe"])
def gateway(request: pytest.FixtureRequest, till: Till) -> Gateway:
    return till.gateway if request.param == "stripe" else ManualGateway(bank="Studio, DE02 1203")


async def paid(gateway: Gateway, till: Till) -> str:
    """Return the reference of a payment that came over a gateway."""
    return (await till.pay()).reference if gateway.name == "stripe" else "statement 7, line 3"


async def test_a_checkout_tells_where_or_how_to_pay(gateway: Gateway) -> None:
    opened = await gateway.checkout(demand=demand(), key="a")

    assert opened.reference
    assert (opened.url is None) != (opened.instructions is None)


async def test_the_same_attempt_opens_the_same_checkout(gateway: Gateway) -> None:
    asked = demand()

    first = await gateway.checkout(demand=asked, key="a")
    again = await gateway.checkout(demand=asked, key="a")
    other = await gateway.checkout(demand=replace(asked, request_id=uuid4()), key="b")

    assert first == again
    assert first.reference != other.reference


async def test_what_cannot_be_charged_is_refused_for_good(gateway: Gateway) -> None:
    with pytest.raises(GatewayError) as error:
        await gateway.charge(demand=demand(), method="unknown", key="a")

    assert (error.value.permanent, error.value.is_ambiguous) == (True, False)


async def test_the_same_refund_twice_is_one(gateway: Gateway, till: Till) -> None:
    reference, key = await paid(gateway, till), refund_key(uuid4())

    first = await gateway.refund(reference=reference, amount=DOLLARS, key=key)
    again = await gateway.refund(reference=reference, amount=DOLLARS, key=key)

    assert first == again
    assert first.key == key
    assert (first.state is PaymentState.SUCCEEDED) != (first.instructions is not None)


async def test_a_refund_is_found_by_its_name_and_by_its_key(gateway: Gateway, till: Till) -> None:
    reference, key = await paid(gateway, till), refund_key(uuid4())
    asked = await gateway.refund(reference=reference, amount=DOLLARS, key=key)

    by_name = await gateway.refund_now(reference=asked.reference)
    by_key = await gateway.refund_under(reference=reference, key=key)

    assert by_name == by_key == replace(asked, instructions=None)


async def test_nothing_of_an_unknown_reference_is_found(gateway: Gateway) -> None:
    calls = (
        gateway.payment(reference="nothing"), gateway.refund_now(reference="nothing"),
        gateway.dispute_now(reference="nothing"),
    )  # fmt: skip

    for call in calls:
        with pytest.raises(GatewayError) as error:
            await call
        assert (error.value.code, error.value.permanent) == ("missing", True)


async def test_what_is_not_signed_is_no_event(gateway: Gateway) -> None:
    with pytest.raises(GatewayError) as error:
        gateway.event(headers={}, body=b"{}", at=now())

    assert error.value.permanent


async def test_a_gateway_with_a_book_lists_what_came(gateway: Gateway, till: Till) -> None:
    reference = await paid(gateway, till)

    found = await gateway.payments(since=now().replace(year=2020))

    assert [each.reference for each in found] == ([reference] if gateway.has_book else [])


async def test_closing_it_is_all_that_is_left_to_do(gateway: Gateway) -> None:
    await gateway.close()


async def test_a_transfer_is_told_with_amount_account_and_words() -> None:
    asked = demand(request_id=UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"))

    opened = await ManualGateway(bank="Studio, DE02 1203").checkout(demand=asked, key="a")

    assert opened.instructions == (
        "Transfer 39.00 USD to Studio, DE02 1203. Write MU-PZTW-H43M-08SE in the transfer."
    )


@pytest.mark.parametrize(
    ("money", "told"),
    [
        (Money(amount=3_905, currency="USD"), "39.05 USD"),
        (Money(amount=5, currency="EUR"), "0.05 EUR"),
        (Money(amount=1_234_567, currency="JPY"), "1,234,567 JPY"),
        (Money(amount=1_500, currency="KWD"), "1.500 KWD"),
    ],
)
def test_an_amount_is_written_as_people_write_it(money: Money, told: str) -> None:
    assert spelled(money) == told


@pytest.mark.parametrize("key", [None, "", "refund/", "refund/7", "checkout/1"])
def test_the_key_of_something_else_names_no_refund(key: str | None) -> None:
    assert refund_id_of(key) is None


def test_the_key_of_a_refund_names_it() -> None:
    refund_id = uuid4()

    assert refund_id_of(refund_key(refund_id)) == refund_id
