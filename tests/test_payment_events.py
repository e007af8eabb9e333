"""What gateways tell: kept once, looked into until something comes of it, counted once."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mutoscope.app.gateway import PaymentState, UnknownGateway, refund_key
from mutoscope.app.payment_events import PaymentEventRefused, Processed, hear, process_pending
from mutoscope.domain.offers import Money
from mutoscope.payments.manual import ManualGateway
from mutoscope.storage import payment_events as events
from mutoscope.storage.payment_events import Outcome, StoredEvent
from payment_stage import (
    DECLINED,
    DISPUTED,
    Closed,
    Desk,
    Till,
    deliver,
    open_till,
    signed,
)
from soundness import assert_sound
from studio_stage import Stage, open_stage

PART = Money(amount=900, currency="USD")
NOT_STRIPE = {"gateway": "manual", "headers": {}, "body": b"{}"}


@dataclass(frozen=True)
class Play:
    """A studio with a simulated Stripe, and a desk that takes what was seen there."""

    stage: Stage
    till: Till
    desk: Desk

    async def hear(self, event: dict[str, Any]) -> bool:
        """Hear an event, and tell whether it is new."""
        return (await deliver(self.stage.studio, event)).is_new

    async def process(self) -> Processed:
        return await process_pending(self.stage.studio, handlers=self.desk.handlers())

    async def stored(self, *, is_waiting: bool = False) -> tuple[StoredEvent, ...]:
        async with self.stage.studio.reading() as connection:
            return await events.latest(connection, limit=100, is_waiting=is_waiting)

    async def outcomes(self) -> dict[str, Outcome | None]:
        return {each.code: each.outcome for each in await self.stored()}

    async def told(self, *codes: str) -> list[dict[str, Any]]:
        """Return what happened at Stripe, of these kinds."""
        return [each for each in await self.till.events() if each["type"] in codes]


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with open_stage(database_url, tmp_path) as stage, open_till(stage.clock.now) as till:
        gateways = {"manual": ManualGateway(), "stripe": till.gateway}
        stage.studio = replace(stage.studio, gateways=gateways)
        yield Play(stage, till, Desk(stage.workspace_id))
    await assert_sound(database_url)


async def happened(play: Play) -> tuple[str, list[dict[str, Any]]]:
    """Let a payment succeed, go back in part and be disputed; return its reference and events."""
    paid = await play.till.pay()
    await play.till.gateway.refund(reference=paid.reference, amount=PART, key="refund/1")
    await play.till.control("dispute", payment_intent=paid.reference)
    told = await play.told("payment_intent.succeeded", "refund.created", "charge.dispute.created")
    return paid.reference, told


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_events_in_any_order_and_number_count_a_payment_once(
    play: Play, order: tuple[int, ...]
) -> None:
    chance = random.Random(str(order))
    reference, told = await happened(play)
    sent = [told[place] for place in order for _ in range(chance.randint(1, 5))]

    for event in sent:
        await play.hear(event)
        await play.process()

    assert play.desk.counted == {reference: 3_900}
    assert {name for name, _ in play.desk.refunds} == {told[1]["data"]["object"]["id"]}
    assert [dispute.payment_reference for dispute in play.desk.disputes] == [reference]
    assert play.desk.received == {reference: 3}


@pytest.mark.parametrize("seed", range(20))
async def test_shuffled_repeats_under_other_ids_count_a_payment_once(play: Play, seed: int) -> None:
    chance = random.Random(seed)
    reference, told = await happened(play)
    sent = [
        each | {"id": f"{each['id']}_{number}"}
        for each in told for number in range(chance.randint(1, 5))
    ] * 2  # fmt: skip
    chance.shuffle(sent)

    for event in sent:
        await play.hear(event)
        if chance.random() < 0.3:
            await play.process()
    await play.process()

    assert play.desk.counted == {reference: 3_900}
    assert play.desk.received == {reference: len(sent) // 2}
    assert await play.stored(is_waiting=True) == ()


async def test_the_same_event_again_is_nothing_new(play: Play) -> None:
    await play.till.pay()
    (event,) = await play.told("payment_intent.succeeded")

    assert await play.hear(event)
    assert not await play.hear(event)
    await play.process()
    assert not await play.hear(event)

    assert await play.process() == Processed()
    assert len(await play.stored()) == 1


async def test_an_event_is_only_a_reason_to_look(play: Play) -> None:
    paid = await play.till.pay()
    (event,) = await play.told("payment_intent.succeeded")
    event["data"]["object"] |= {"amount": 1_000_000, "amount_received": 1_000_000}

    await play.hear(event)
    await play.process()

    assert play.desk.counted == {paid.reference: 3_900}


async def test_the_body_is_kept_as_it_was_signed(play: Play) -> None:
    await play.till.pay()
    (event,) = await play.told("payment_intent.succeeded")
    sent = signed(event, at=play.stage.clock.now())

    await hear(play.stage.studio, gateway="stripe", **sent)

    async with play.stage.studio.reading() as connection:
        assert await connection.fetchval("SELECT body FROM payment_events") == sent["body"]


async def test_what_is_not_paid_or_not_ours_is_not_handed_over(play: Play) -> None:
    await play.till.control("pay", session=await play.till.open(), card=DECLINED)
    customer = await play.till.pay(keeps_method=True)
    await play.till.client.post(
        "/stripe/v1/payment_intents",
        headers={"Authorization": "Bearer sk_test_simulator"},
        data={
            "amount": "700", "currency": "usd", "customer": customer.customer or "",
            "payment_method": customer.method or "", "confirm": "true", "metadata[shop]": "other",
        },
    )  # fmt: skip

    for event in await play.told("payment_intent.payment_failed", "payment_intent.succeeded"):
        await play.hear(event)
    await play.process()

    assert play.desk.counted == {customer.reference: 3_900}
    outcomes = sorted(str(each.outcome) for each in await play.stored())
    assert outcomes == ["foreign", "not_paid", "received"]


async def test_an_event_of_no_interest_is_kept_and_never_waits(play: Play) -> None:
    event = {
        "id": "evt_1", "object": "event", "type": "customer.created", "created": 1_700_000_000,
        "data": {"object": {"object": "customer", "id": "cus_1"}},
    }  # fmt: skip

    assert await play.hear(event)

    assert await play.process() == Processed()
    assert await play.outcomes() == {"customer.created": Outcome.IGNORED}


async def test_a_refusal_is_noted_and_tried_again_later(play: Play) -> None:
    paid = await play.till.pay()
    (event,) = await play.told("payment_intent.succeeded")
    await play.hear(event)
    play.desk.trouble = Closed("come back tomorrow")

    assert await play.process() == Processed(failed=1)
    assert await play.process() == Processed()
    (waiting,) = await play.stored(is_waiting=True)
    assert (waiting.reason, waiting.tries) == ("desk_closed: come back tomorrow", 1)

    play.desk.trouble = None
    play.stage.clock.move(seconds=10)
    assert await play.process() == Processed(done=1)
    assert play.desk.counted == {paid.reference: 3_900}


async def test_a_failure_is_heard_and_the_event_is_tried_again(play: Play) -> None:
    paid = await play.till.pay()
    (event,) = await play.told("payment_intent.succeeded")
    await play.hear(event)
    play.desk.trouble = RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        await play.process()

    (waiting,) = await play.stored(is_waiting=True)
    assert waiting.reason == "unexpected: RuntimeError"
    play.desk.trouble = None
    play.stage.clock.move(seconds=10)
    await play.process()
    assert play.desk.counted == {paid.reference: 3_900}


async def test_an_event_that_always_fails_waits_longer_and_holds_up_no_other(play: Play) -> None:
    await play.hear(lost_event(play))
    waits = []
    for _ in range(12):
        await play.process()
        (waiting,) = await play.stored(is_waiting=True)
        assert waiting.retry_at is not None
        waits.append(waiting.retry_at - play.stage.clock.now())
        play.stage.clock.at = waiting.retry_at

    paid = await play.till.pay()
    (event,) = await play.told("payment_intent.succeeded")
    await play.hear(event)

    assert await play.process() == Processed(done=1, failed=1)
    assert play.desk.counted == {paid.reference: 3_900}
    assert waits[:3] == [timedelta(seconds=each) for each in (10, 20, 40)]
    assert waits[-1] == timedelta(hours=1)


def lost_event(play: Play) -> dict[str, Any]:
    """Return an event about a payment that Stripe does not know."""
    return {
        "id": "evt_lost", "object": "event", "type": "payment_intent.succeeded",
        "created": int(play.stage.clock.now().timestamp()),
        "data": {"object": {"object": "payment_intent", "id": "pi_lost"}},
    }  # fmt: skip


async def test_a_process_that_was_killed_loses_its_event_to_another(play: Play) -> None:
    paid = await play.till.pay()
    (event,) = await play.told("payment_intent.succeeded")
    await play.hear(event)
    async with play.stage.studio.reading() as connection:
        taken = await events.take(connection, at=play.stage.clock.now())
    assert taken is not None
    assert await play.process() == Processed()

    play.stage.clock.move(seconds=10)

    assert await play.process() == Processed(done=1)
    assert play.desk.counted == {paid.reference: 3_900}


async def test_a_refund_of_which_nobody_heard_gets_its_name_from_its_event(play: Play) -> None:
    paid = await play.till.pay()
    await play.desk.receive(play.stage.studio, gateway="stripe", payment=paid)
    refund_id = await asked_refund(play)
    await play.till.gateway.refund(reference=paid.reference, amount=PART, key=refund_key(refund_id))
    (event,) = await play.told("refund.created")

    await play.hear(event)
    await play.process()

    name = event["data"]["object"]["id"]
    assert play.desk.refunds == [(name, PaymentState.SUCCEEDED)]
    async with play.stage.studio.reading() as connection:
        assert await connection.fetchval("SELECT reference FROM refunds") == name


async def asked_refund(play: Play) -> UUID:
    """Write a refund that was asked for and has no end; return its id."""
    async with play.stage.studio.reading() as connection:
        return await connection.fetchval(
            "INSERT INTO refunds (workspace_id, refund_id, payment_id, credits, amount, currency, "
            "state, reason, asked_at) SELECT workspace_id, gen_random_uuid(), payment_id, 0, 900, "
            "'USD', 'asked', 'goodwill', $1 FROM payments RETURNING refund_id",
            play.stage.clock.now(),
        )  # fmt: skip


async def test_a_refund_that_fails_later_is_told_again(play: Play) -> None:
    paid = await play.till.pay("4000000000005126")
    refund = await play.till.gateway.refund(reference=paid.reference, amount=PART, key="refund/1")
    for outcome in ("succeeded", "failed"):
        await play.till.control("refund", refund=refund.reference, outcome=outcome)
        for event in await play.told("refund.updated", "refund.failed"):
            await play.hear(event)
        await play.process()

    assert play.desk.refunds == [
        (refund.reference, PaymentState.SUCCEEDED), (refund.reference, PaymentState.FAILED),
    ]  # fmt: skip


async def test_a_refund_that_has_not_ended_is_not_told_yet(play: Play) -> None:
    paid = await play.till.pay("4000000000007726")
    await play.till.gateway.refund(reference=paid.reference, amount=PART, key="refund/1")
    for event in await play.told("refund.created"):
        await play.hear(event)

    await play.process()

    assert play.desk.refunds == []
    assert await play.outcomes() == {"refund.created": Outcome.REFUND_TOLD}


async def test_a_dispute_is_told_as_it_stands_and_not_as_its_event_says(play: Play) -> None:
    await play.till.pay(DISPUTED)
    (opened,) = await play.told("charge.dispute.created")
    dispute = opened["data"]["object"]["id"]
    await play.till.control("dispute", dispute=dispute, outcome="lost")
    (closed,) = await play.told("charge.dispute.closed")

    for event in (closed, opened):
        await play.hear(event)
        await play.process()

    assert [told.is_won for told in play.desk.disputes] == [False, False]


async def test_what_is_no_event_of_a_gateway_is_not_kept(play: Play) -> None:
    studio, at = play.stage.studio, play.stage.clock.now()
    forged = signed(lost_event(play), at=at, secret="whsec_other")

    with pytest.raises(PaymentEventRefused, match="signature"):
        await hear(studio, gateway="stripe", **forged)
    with pytest.raises(PaymentEventRefused, match="send no events"):
        await hear(studio, **NOT_STRIPE)
    with pytest.raises(UnknownGateway, match="paypal"):
        await hear(studio, **NOT_STRIPE | {"gateway": "paypal"})

    assert await play.stored() == ()


async def test_a_refund_of_something_that_is_no_payment_is_of_no_interest(play: Play) -> None:
    event = lost_event(play)
    event["data"]["object"] = {"object": "refund", "id": "re_1", "payment_intent": None}

    await play.hear(event)

    assert await play.outcomes() == {"payment_intent.succeeded": Outcome.IGNORED}
