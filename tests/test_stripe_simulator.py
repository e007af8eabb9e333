"""The simulated Stripe itself: how strict it is, what it answers twice, and how it calls back."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import stripe

from mutoscope.simulators.stripe import StripeSimulator
from payment_stage import DECLINED, SECRET, Till, now, open_till
from provider_stage import Listener, listening
from studio_stage import MovableClock

SESSIONS, INTENTS = "/stripe/v1/checkout/sessions", "/stripe/v1/payment_intents"
HEADERS = {"Authorization": f"Bearer {StripeSimulator.key}"}
LINE = "line_items[0]"
GOOD = {
    "mode": "payment", "success_url": "https://studio.example/", f"{LINE}[quantity]": "1",
    f"{LINE}[price_data][currency]": "usd", f"{LINE}[price_data][unit_amount]": "3900",
    f"{LINE}[price_data][product_data][name]": "Credits",
}  # fmt: skip


SECOND = {name.replace("[0]", "[1]"): value for name, value in GOOD.items() if LINE in name}


@pytest.fixture
async def till() -> AsyncIterator[Till]:
    async with open_till() as till:
        yield till


async def post(till: Till, path: str, form: dict[str, str], key: str = "") -> httpx.Response:
    headers = HEADERS | ({"Idempotency-Key": key} if key else {})
    return await till.client.post(path, data=form, headers=headers)


async def test_a_good_form_opens_a_session_and_is_labelled(till: Till) -> None:
    answer = await post(till, SESSIONS, GOOD)

    assert answer.status_code == 200
    assert answer.headers["x-simulator"] == "mutoscope"
    assert answer.headers["request-id"].startswith("req_")
    assert answer.json()["amount_total"] == 3_900
    assert not [name for name in answer.json() if name.startswith("_")]


@pytest.mark.parametrize(("currency", "told"), [("usd", "39.00 USD"), ("jpy", "3,900 JPY")])
async def test_the_page_asks_for_the_sum_in_whole_money(
    till: Till, currency: str, told: str
) -> None:
    asked = GOOD | {f"{LINE}[price_data][currency]": currency, "cancel_url": "https://s.example/"}
    session = (await post(till, SESSIONS, asked)).json()

    page = await till.client.get(session["url"])

    assert f"Credits: <strong>{told}</strong>" in page.text
    assert '<a href="https://s.example/">Go back without paying</a>' in page.text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"colour": "red"}, "parameter_unknown"),
        ({f"{LINE}[price_data][colour]": "red"}, "parameter_unknown"),
        ({"mo]de": "payment"}, "parameter_unknown"),
        ({"success_url": ""}, "parameter_missing"),
        ({"success_url": "studio"}, "url_invalid"),
        ({"line_items": "none"}, "parameter_invalid"),
        ({"line_items[first][quantity]": "1"}, "parameter_invalid"),
        ({f"{LINE}[quantity]": "one"}, "parameter_invalid_integer"),
        ({f"{LINE}[quantity]": "0"}, "parameter_invalid_integer"),
        ({f"{LINE}[price_data][unit_amount]": "39.00"}, "parameter_invalid_integer"),
        ({f"{LINE}[price_data][currency]": "dollars"}, "parameter_invalid"),
        ({"customer": "cus_none"}, "resource_missing"),
        ({"line_items[1][quantity]": "1"}, "parameter_missing"),
        (SECOND | {"line_items[1][price_data][currency]": "eur"}, None),
        ({"customer_email[a]": "b"}, "parameter_invalid_string"),
        ({"customer": "cus_none", "customer_email": "a@example.com"}, None),
        ({"mode": "subscription"}, None),
        ({"metadata[a]": "b" * 501}, "parameter_invalid"),
        ({f"metadata[{'a' * 41}]": "b"}, "parameter_invalid"),
        ({f"metadata[a{number}]": "b" for number in range(51)}, "parameter_invalid"),
        ({"metadata[a][b]": "c"}, "parameter_invalid"),
        ({"mode[a]": "b"}, "parameter_invalid"),
        ({"customer_email": "a" * 5_001}, "parameter_invalid_string"),
        ({"expand[0]": "subscription"}, None),
    ],
    ids=str,
)
async def test_what_stripe_would_refuse_is_refused(
    till: Till, changes: dict[str, str], code: str | None
) -> None:
    answer = await post(till, SESSIONS, GOOD | changes)

    assert answer.status_code == 400
    assert answer.json()["error"].get("code") == code
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": "49"}, "amount_too_small"), ({"amount": "100000000"}, "amount_too_large"),
        ({"off_session": "true"}, None), ({"confirm": "true"}, "parameter_missing"),
        ({"confirm": "yes"}, "parameter_invalid_boolean"),
        ({"payment_method": "pm_none"}, "resource_missing"),
        ({"customer": "cus_none"}, "resource_missing"),
    ],
    ids=str,
)  # fmt: skip
async def test_a_charge_that_stripe_would_refuse_is_refused(
    till: Till, changes: dict[str, str], code: str | None
) -> None:
    answer = await post(till, INTENTS, {"amount": "700", "currency": "usd"} | changes)

    assert (answer.status_code, answer.json()["error"].get("code")) == (400, code)
    assert await till.books() == []


async def test_json_a_wrong_key_and_a_wrong_address_are_refused(till: Till) -> None:
    as_json = await till.client.post(SESSIONS, json=GOOD, headers=HEADERS)
    stranger = await till.client.post(SESSIONS, data=GOOD)
    nowhere = await till.client.get("/stripe/v1/nothing", headers=HEADERS)

    assert [each.status_code for each in (as_json, stranger, nowhere)] == [400, 401, 404]


async def test_a_key_is_answered_once_and_the_same_for_ever(till: Till) -> None:
    first = await post(till, SESSIONS, GOOD, "a")
    again = await post(till, SESSIONS, GOOD, "a")
    other = await post(till, SESSIONS, GOOD | {"customer_email": "a@example.com"}, "a")
    elsewhere = await post(till, INTENTS, {"amount": "700", "currency": "usd"}, "a")

    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content
    assert {each.status_code for each in (other, elsewhere)} == {400}
    assert other.json()["error"]["type"] == "idempotency_error"


async def test_a_form_that_was_refused_leaves_its_key_unused(till: Till) -> None:
    bad = await post(till, SESSIONS, GOOD | {"colour": "red"}, "a")

    good = await post(till, SESSIONS, GOOD, "a")

    assert (bad.status_code, good.status_code) == (400, 200)
    assert (await post(till, SESSIONS, GOOD, "k" * 256)).status_code == 400


async def test_pages_and_spans_of_a_list(till: Till) -> None:
    made = [(await post(till, INTENTS, {"amount": "700", "currency": "usd"})).json()
            for _ in range(3)]  # fmt: skip
    newest, at = made[-1]["id"], made[0]["created"]

    async def ids(query: str) -> list[str]:
        answer = await till.client.get(f"{INTENTS}?{query}", headers=HEADERS)
        return [each["id"] for each in answer.json()["data"]]

    assert await ids("limit=1") == [newest]
    assert await ids(f"starting_after={newest}") == [made[1]["id"], made[0]["id"]]
    assert await ids(f"created[gt]={at + 100}") == []
    for query in ("limit=0", "limit=101", "starting_after=pi_none", "limit=x"):
        answer = await till.client.get(f"{INTENTS}?{query}", headers=HEADERS)
        assert answer.status_code == 400


async def test_a_session_is_paid_once_and_not_for_ever(till: Till) -> None:
    session = await till.open()
    await till.control("pay", session=session)

    again = await till.client.post("/stripe/_sim/pay", json={"session": session})
    unknown = await till.client.post("/stripe/_sim/pay", json={"session": "cs_none"})
    no_card = await till.client.post(
        "/stripe/_sim/pay", json={"session": await till.open(), "card": "1234"}
    )

    assert [each.status_code for each in (again, unknown, no_card)] == [400, 404, 402]
    assert len(await till.books()) == 1


async def test_the_page_tells_why_a_card_was_declined(till: Till) -> None:
    address = f"/stripe/pay/{await till.open()}"

    declined = await till.client.post(address, data={"card": DECLINED})
    away = await till.client.post(address, data={"card": "4242424242424242", "is_away": "true"})

    assert "Your card was declined." in declined.text
    assert "waits for the card" in away.text
    assert await till.books() == []


async def test_nothing_is_disputed_or_given_back_twice(till: Till) -> None:
    paid = await till.pay()
    await till.control("dispute", payment_intent=paid.reference)

    again = await till.client.post("/stripe/_sim/dispute", json={"payment_intent": paid.reference})
    refund = await post(till, "/stripe/v1/refunds", {"payment_intent": paid.reference})

    assert again.status_code == 400
    assert refund.json()["error"]["code"] == "charge_disputed"
    assert [line["dispute"] for line in await till.books()] == ["needs_response"]


async def test_a_session_is_not_paid_after_a_day() -> None:
    clock = MovableClock(now())
    async with open_till(clock.now) as till:
        session = await till.open()
        clock.move(hours=24)

        answer = await till.client.post("/stripe/_sim/pay", json={"session": session})

    assert (answer.status_code, answer.json()["error"]) == (400, "this session has expired")


async def test_only_what_was_paid_goes_back_and_only_once(till: Till) -> None:
    unpaid = await till.control("pay", session=await till.open(), is_away=True)
    paid = await till.pay()
    refunds = "/stripe/v1/refunds"
    early = await post(till, refunds, {"payment_intent": unpaid["id"]})
    done = await post(till, refunds, {"payment_intent": paid.reference})
    again = await post(till, refunds, {"payment_intent": paid.reference})

    await till.control("refund", refund=done.json()["id"], outcome="failed")
    asked = {"refund": done.json()["id"], "outcome": "failed"}
    failed_again = await till.client.post("/stripe/_sim/refund", json=asked)

    assert [each.status_code for each in (early, done, again)] == [400, 200, 400]
    assert again.json()["error"]["code"] == "charge_already_refunded"
    assert failed_again.status_code == 400


async def test_a_card_is_its_owner_s_alone(till: Till) -> None:
    kept, stranger = await till.pay(keeps_method=True), await till.pay(keeps_method=True)
    form = {"amount": "700", "currency": "usd", "customer": stranger.customer or ""}

    answer = await post(till, INTENTS, form | {"payment_method": kept.method or ""})

    assert answer.json()["error"]["param"] == "payment_method"


async def test_an_event_that_nobody_hears_is_sent_again(till: Till) -> None:
    async with listening() as listener:
        url = listener.url
    await till.control("webhooks", url=url)
    await till.pay()
    await asyncio.sleep(0.3)
    host, port = url.removeprefix("http://").partition("/")[0].split(":")

    late = Listener()
    async with await asyncio.start_server(late.hear, host, int(port)):
        events = await heard(till, late, 3)

    assert [each["id"] for each in events] == [each["id"] for each in await till.events()]


async def heard(till: Till, listener: Listener, count: int) -> list[dict[str, Any]]:
    """Return so many events that came, each with its signature proven."""
    await listener.until(count)
    for headers, body in listener.heard:
        stripe.WebhookSignature.verify_header(body, headers["stripe-signature"], SECRET, 300)
    assert till.world.address
    return [json.loads(body) for _, body in listener.heard]


async def paid_with(till: Till, listener: Listener, fault: str) -> None:
    """Pay while a fault befalls the first of three events."""
    await till.control("webhooks", url=listener.url)
    await till.fault(fault)
    await till.pay()


@pytest.mark.parametrize(
    ("fault", "order"),
    [
        ("ok", [0, 1, 2]), ("duplicate_webhook", [0, 0, 1, 2]), ("dropped_webhook", [1, 2]),
        ("webhook_after_its_successor", [1, 0, 2]), ("delayed_webhook", [0, 1, 2]),
    ],
)  # fmt: skip
async def test_events_come_signed_and_as_badly_as_asked(
    till: Till, fault: str, order: list[int]
) -> None:
    async with listening() as listener:
        await paid_with(till, listener, fault)
        events = await heard(till, listener, len(order))

    happened = [each["id"] for each in await till.events()]
    assert [happened.index(event["id"]) for event in events] == order


async def test_the_same_payment_is_told_again_under_another_id(till: Till) -> None:
    async with listening() as listener:
        await paid_with(till, listener, "webhook_again_with_another_id")
        first, again, *_ = await heard(till, listener, 4)

    assert first["id"] != again["id"]
    assert {**first, "id": ""} == {**again, "id": ""}


async def test_a_forged_event_is_sent_once(till: Till) -> None:
    async with listening() as listener:
        await paid_with(till, listener, "webhook_bad_signature")
        await listener.until(3)

    headers, body = listener.heard[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body, headers["stripe-signature"], SECRET)


async def test_clearing_it_forgets_everything(till: Till) -> None:
    await till.pay()

    await till.client.post("/_sim/clear")

    assert await till.books() == []
    assert await till.events() == []
    told = (await till.client.get("/_sim/requests")).json()
    assert [each["path"] for each in told] == ["/_sim/books", "/v1/events"]


async def test_requests_are_told_by_their_fields_and_without_the_key(till: Till) -> None:
    await post(till, SESSIONS, GOOD, "a")

    (told,) = (await till.client.get("/_sim/requests")).json()

    assert (told["provider"], told["act"], told["body"]["mode"]) == ("stripe", "create", "payment")
    assert StripeSimulator.key not in str(told)
