"""Stripe over its own client, against the simulated Stripe: each thing that a gateway does."""

import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from mutoscope.app.gateway import GatewayError, PaymentState
from mutoscope.domain.offers import Money
from mutoscope.payments.stripe import StripeGateway
from mutoscope.payments.stripe_words import refund_of
from mutoscope.simulators.stripe import StripeSimulator
from payment_stage import (
    ASKING,
    DECLINED,
    DECLINED_LATER,
    DISPUTED,
    DOLLARS,
    FAILING_REFUNDS,
    PENDING_REFUNDS,
    SECRET,
    Till,
    account,
    demand,
    now,
    open_till,
    signed,
)


@pytest.fixture
async def till() -> AsyncIterator[Till]:
    async with open_till() as till:
        yield till


async def refused(till: Till, code: str, **changes: object) -> GatewayError:
    """Return why a gateway with another account does not open a checkout."""
    gateway = StripeGateway(account=account(till.world.address, **changes))
    with pytest.raises(GatewayError) as error:
        await gateway.checkout(demand=demand(), key="a")
    await gateway.close()
    assert error.value.code == code
    return error.value


async def test_a_checkout_is_paid_on_its_page(till: Till) -> None:
    asked = demand()

    opened = await till.gateway.checkout(demand=asked, key="a")
    page = await till.client.get(opened.url or "")
    paid = await till.client.post(opened.url or "", data={"card": "4242424242424242"})

    assert "simulator" in page.text
    assert (paid.status_code, paid.headers["location"]) == (303, "http://localhost:8420/?back=paid")
    (payment,) = await till.gateway.payments(since=now() - timedelta(minutes=1))
    assert (payment.state, payment.total) == (PaymentState.SUCCEEDED, DOLLARS)
    assert (payment.request_id, payment.method) == (asked.request_id, None)


async def test_what_is_paid_for_travels_with_session_and_payment(till: Till) -> None:
    asked = demand()

    opened = await till.gateway.checkout(demand=asked, key="a")
    await till.control("pay", session=opened.reference)

    told = {"request_id": str(asked.request_id), "workspace_id": str(asked.workspace_id)}
    completed = (await till.events())[-1]
    assert completed["data"]["object"]["metadata"] == told
    assert [line["metadata"] for line in await till.books()] == [told]


async def test_a_card_that_is_kept_pays_a_renewal(till: Till) -> None:
    first = await till.pay(keeps_method=True)
    assert first.customer is not None
    assert first.method is not None

    renewal = await till.gateway.charge(
        demand=demand(customer=first.customer), method=first.method, key="renewal/1"
    )

    assert (renewal.state, renewal.total) == (PaymentState.SUCCEEDED, DOLLARS)
    assert [line["amount"] for line in await till.books()] == [3_900, 3_900]


async def test_a_known_customer_pays_another_checkout(till: Till) -> None:
    first = await till.pay(keeps_method=True)

    second = await till.pay(keeps_method=True, customer=first.customer)

    assert second.customer == first.customer
    assert second.method != first.method


@pytest.mark.parametrize(
    ("card", "code"),
    [(DECLINED_LATER, "generic_decline"), (ASKING, "authentication_required")],
)
async def test_a_declined_renewal_is_a_payment_that_failed(
    till: Till, card: str, code: str
) -> None:
    first = await till.pay(card, keeps_method=True)
    asked = demand(customer=first.customer)

    tried = await till.gateway.charge(demand=asked, method=first.method or "", key="renewal/1")

    assert (tried.state, tried.failure_code) == (PaymentState.FAILED, code)
    assert tried.request_id == asked.request_id
    assert len(await till.books()) == 1
    assert (await till.gateway.payment(reference=tried.reference)).state is PaymentState.FAILED


async def test_a_card_that_is_declined_leaves_its_checkout_open(till: Till) -> None:
    session = await till.open()
    tried = await till.control("pay", session=session, card=DECLINED)
    assert (await till.gateway.payment(reference=tried["id"])).state is PaymentState.FAILED

    paid = await till.control("pay", session=session)

    assert paid["id"] == tried["id"]
    payment = await till.gateway.payment(reference=paid["id"])
    assert (payment.state, payment.failure_code) == (PaymentState.SUCCEEDED, None)


async def test_a_payment_that_waits_for_its_owner_is_pending(till: Till) -> None:
    tried = await till.control("pay", session=await till.open(), card=ASKING, is_away=True)

    assert (await till.gateway.payment(reference=tried["id"])).state is PaymentState.PENDING


async def test_money_goes_back_in_parts_and_never_more_than_was_paid(till: Till) -> None:
    paid = await till.pay()
    part = Money(amount=1_000, currency="USD")
    rest = Money(amount=2_901, currency="USD")

    refund = await till.gateway.refund(reference=paid.reference, amount=part, key="refund/1")

    assert refund.state is PaymentState.SUCCEEDED
    assert (await till.gateway.payment(reference=paid.reference)).refunded == 1_000
    with pytest.raises(GatewayError, match="refuses") as error:
        await till.gateway.refund(reference=paid.reference, amount=rest, key="refund/2")
    assert (error.value.permanent, error.value.is_ambiguous) == (True, False)


async def test_a_refund_is_found_by_the_key_of_its_attempt(till: Till) -> None:
    paid = await till.pay()
    refund = await till.gateway.refund(reference=paid.reference, amount=DOLLARS, key="refund/a")

    found = await till.gateway.refund_under(reference=paid.reference, key="refund/a")

    assert found == refund
    assert await till.gateway.refund_now(reference=refund.reference) == refund
    assert await till.gateway.refund_under(reference=paid.reference, key="refund/b") is None


async def test_a_refund_may_fail_later(till: Till) -> None:
    paid = await till.pay(FAILING_REFUNDS)
    refund = await till.gateway.refund(reference=paid.reference, amount=DOLLARS, key="refund/a")

    await till.control("refund", refund=refund.reference, outcome="failed")

    later = await till.gateway.refund_now(reference=refund.reference)
    assert (refund.state, later.state) == (PaymentState.SUCCEEDED, PaymentState.FAILED)
    assert (await till.gateway.payment(reference=paid.reference)).refunded == 0


async def test_a_refund_may_be_pending_first(till: Till) -> None:
    paid = await till.pay(PENDING_REFUNDS)
    refund = await till.gateway.refund(reference=paid.reference, amount=DOLLARS, key="refund/a")

    await till.control("refund", refund=refund.reference)

    later = await till.gateway.refund_now(reference=refund.reference)
    assert (refund.state, later.state) == (PaymentState.PENDING, PaymentState.SUCCEEDED)


@pytest.mark.parametrize("outcome", ["won", "lost", "warning_closed", "prevented"])
async def test_a_dispute_is_open_until_it_is_decided(till: Till, outcome: str) -> None:
    paid = await till.pay(DISPUTED)
    opened = (await till.events())[-2]["data"]["object"]["id"]

    before = await till.gateway.dispute_now(reference=opened)
    await till.control("dispute", dispute=opened, outcome=outcome)

    after = await till.gateway.dispute_now(reference=opened)
    assert (before.is_won, after.is_won) == (None, outcome != "lost")
    assert (after.payment_reference, after.total) == (paid.reference, DOLLARS)


async def test_every_payment_is_listed_over_many_pages(till: Till) -> None:
    first = await till.pay(keeps_method=True)
    for number in range(103):
        await till.gateway.charge(
            demand=demand(customer=first.customer), method=first.method or "", key=f"{number}"
        )

    found = await till.gateway.payments(since=now() - timedelta(minutes=1))

    assert len({payment.reference for payment in found}) == 104
    assert found[0].reference == first.reference
    assert await till.gateway.payments(since=now() + timedelta(minutes=1)) == ()


async def test_a_list_without_an_end_is_given_up(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mutoscope.payments.stripe.PAGES_MAX", 0)

    with pytest.raises(GatewayError, match="from a later instant"):
        await till.gateway.payments(since=now())


async def test_an_answer_without_an_end_is_given_up(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mutoscope.payments.stripe_line.ANSWER_BYTES_MAX", 10)

    with pytest.raises(GatewayError, match="endless answer"):
        await till.gateway.payments(since=now())


def test_a_refund_that_was_cancelled_has_failed() -> None:
    refund = refund_of({"id": "re_1", "status": "canceled", "metadata": None})

    assert (refund.state, refund.key) == (PaymentState.FAILED, None)


async def test_a_currency_without_cents_is_asked_for_as_it_is(till: Till) -> None:
    yen = Money(amount=5_900, currency="JPY")

    paid = await till.pay(total=yen)

    assert paid.total == yen
    assert [(line["amount"], line["currency"]) for line in await till.books()] == [(5_900, "jpy")]


@pytest.mark.parametrize("currency", ["ISK", "UGX", "MGA"])
async def test_a_currency_that_stripe_counts_otherwise_is_not_asked_for(
    till: Till, currency: str
) -> None:
    asked = demand(total=Money(amount=1_000, currency=currency))

    with pytest.raises(GatewayError, match="units of its own"):
        await till.gateway.checkout(demand=asked, key="a")
    with pytest.raises(GatewayError, match="units of its own"):
        await till.gateway.charge(demand=asked, method="pm_a", key="b")


async def test_what_stripe_refuses_is_told_by_its_code(till: Till) -> None:
    first = await till.pay(keeps_method=True)
    asked = demand(customer=first.customer, total=Money(amount=49, currency="USD"))

    with pytest.raises(GatewayError, match="amount_too_small") as error:
        await till.gateway.charge(demand=asked, method=first.method or "", key="a")

    assert (error.value.code, error.value.permanent) == ("refused", True)


async def test_what_is_not_there_is_missing(till: Till) -> None:
    calls = (
        till.gateway.payment(reference="pi_none"), till.gateway.refund_now(reference="re_none"),
        till.gateway.dispute_now(reference="dp_none"),
    )  # fmt: skip

    for call in calls:
        with pytest.raises(GatewayError) as error:
            await call
        assert (error.value.code, error.value.permanent) == ("missing", True)


async def test_a_wrong_key_is_told_and_never_shown(till: Till) -> None:
    error = await refused(till, "bad_account", key="sk_live_very_secret_indeed")

    told = "".join(traceback.format_exception(error))
    assert error.permanent
    assert "very_secret" not in told
    assert "very_secret" not in repr(account("", key="sk_live_very_secret_indeed"))


async def test_a_stripe_that_cannot_be_reached_did_nothing(till: Till) -> None:
    error = await refused(till, "unreachable", url="http://127.0.0.1:9")

    assert (error.permanent, error.is_ambiguous) == (False, False)


async def test_the_key_of_another_attempt_is_refused(till: Till) -> None:
    await till.gateway.checkout(demand=demand(), key="a")

    with pytest.raises(GatewayError, match="another attempt") as error:
        await till.gateway.checkout(demand=demand(), key="a")

    assert (error.value.code, error.value.permanent) == ("key_reused", True)


async def test_a_signed_event_tells_what_it_is_about(till: Till) -> None:
    paid = await till.pay(DISPUTED)
    await till.control("pay", session=await till.open())
    told = [till.gateway.event(**signed(each, at=now()), at=now()) for each in await till.events()]

    about = {event.code: event for event in told if event.payment_reference == paid.reference}

    assert set(about) == {
        "charge.succeeded", "payment_intent.succeeded", "charge.dispute.created",
        "checkout.session.completed",
    }  # fmt: skip
    dispute = about["charge.dispute.created"].dispute
    assert dispute is not None
    assert dispute.payment_reference == paid.reference


async def test_an_event_of_no_interest_is_about_nothing(till: Till) -> None:
    event = {
        "id": "evt_1", "object": "event", "type": "customer.created", "created": 1_700_000_000,
        "data": {"object": {"object": "customer", "id": "cus_1"}},
    }  # fmt: skip

    told = till.gateway.event(**signed(event, at=now()), at=now())

    assert (told.payment_reference, told.refund_reference, told.dispute) == (None, None, None)
    assert told.created_at == datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.mark.parametrize(
    ("secret", "age_s", "spoil"),
    [("whsec_other", 0, b""), (SECRET, 301, b""), (SECRET, 0, b" "), (SECRET, 0, b"\xff")],
)
async def test_a_forged_old_or_spoiled_event_is_refused(
    till: Till, secret: str, age_s: int, spoil: bytes
) -> None:
    why = "too old" if age_s else "signature is not that"
    event = {"id": "evt_1", "object": "event", "type": "x", "created": 1, "data": {"object": {}}}
    sent = signed(event, at=now() - timedelta(seconds=age_s), secret=secret)

    with pytest.raises(GatewayError, match=why) as error:
        till.gateway.event(headers=sent["headers"], body=sent["body"] + spoil, at=now())

    assert error.value.code == "unproven"


@pytest.mark.parametrize("headers", [{}, {"stripe-signature": ""}, {"stripe-signature": "t=x,v1="}])
async def test_an_event_without_a_signature_is_refused(till: Till, headers: dict[str, str]) -> None:
    with pytest.raises(GatewayError, match="signature"):
        till.gateway.event(headers=headers, body=b"{}", at=now())


@pytest.mark.parametrize("event", [[], {"object": "v2.core.event"}, 7])
async def test_something_else_that_is_signed_is_no_event(till: Till, event: object) -> None:
    with pytest.raises(GatewayError, match="no event"):
        till.gateway.event(**signed(event, at=now()), at=now())  # type: ignore[arg-type]


async def test_the_client_of_stripe_knows_what_the_simulator_signs_and_answers(
    till: Till,
) -> None:
    await till.pay()
    client = stripe.StripeClient(
        StripeSimulator.key, base_addresses={"api": f"{till.world.address}/stripe"},
        http_client=till.gateway._line,
    )  # fmt: skip

    events = await client.v1.events.list_async({"type": "payment_intent.succeeded"})
    intent = await client.v1.payment_intents.retrieve_async(events.data[0].data.object["id"])

    assert intent.status == "succeeded"
    assert intent.metadata["request_id"]
