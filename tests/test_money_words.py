"""What a customer reads of their money: plain words, and nothing of what staff think."""

from dataclasses import replace
from typing import Any

import pytest

from business_stage import order
from desk_stage import REASON, Desk
from money_desk_stage import granted, parked
from mutoscope.app.chat import post_card
from mutoscope.domain.money_words import KEPT, card_words, why_parked

MONEY = {"amount": 4_797, "currency": "USD"}


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """Let the cards of the desk stand in a chat."""
    desk.stage.studio = replace(desk.studio, post_card=post_card)
    return desk


async def said(desk: Desk) -> list[str]:
    """Return what the customer reads of cards, the eldest first, and that no reason is in them."""
    rows = await desk.fetch(
        "SELECT json_agg(json_build_array(body, data) ORDER BY ordinal)::text FROM chat_messages"
    )
    assert REASON not in rows
    return await desk.fetch("SELECT array_agg(body ORDER BY ordinal) FROM chat_messages")


async def test_a_payment_is_told_as_it_came_and_what_becomes_of_it(desk: Desk) -> None:
    made = await order(desk.stage, desk.workspace_id)
    wish = {"request_id": str(made.request.request_id)}
    await desk.act(desk.ada, "confirm_payment", key="1", reference="a", amount=4_000, **wish)
    await desk.act(desk.ada, "confirm_payment", key="2", reference="b", **wish)
    payment_id = str(await desk.fetch("SELECT payment_id FROM payments WHERE state = 'parked'"))

    await desk.act(desk.ada, "return_payment", key="3", payment_id=payment_id)

    why = "It is another amount than was asked for, so it was not used."
    assert await said(desk) == [
        f"Your payment of 40.00 USD has arrived. {why} {KEPT}",
        "Your payment of 47.97 USD has arrived: thank you.",
        "The payment of 40.00 USD that was kept for you goes back to you.",
    ]


async def test_what_staff_note_of_a_payment_is_told_once_and_as_its_money_alone(
    desk: Desk,
) -> None:
    payment_id = str((await parked(desk)).payment_id)

    for key in ("1", "2", "3"):
        await desk.act(desk.ada, "keep_payment", key=key, payment_id=payment_id)

    assert await said(desk) == [
        "A payment of 47.97 USD is kept for you while our staff look into it."
    ]
    assert (await desk.counts())[1] == 3


async def test_a_refund_is_told_when_it_is_asked_for_and_when_it_ends(desk: Desk) -> None:
    purchase_id = str(await granted(desk))
    await desk.act(desk.ada, "refund", key="1", purchase_id=purchase_id)
    refund_id = str(await desk.fetch("SELECT refund_id FROM refunds"))
    about: dict[str, Any] = {"refund_id": refund_id, "outcome": "sent", "reference": "RF18"}

    await desk.act(desk.ada, "confirm_refund", key="2", **about)
    await desk.act(desk.ada, "confirm_refund", key="3", **about | {"outcome": "failed"})

    asked, sent, came = await said(desk)
    assert asked.startswith("47.97 USD goes back to you. 1,500 video credits")
    assert sent == "47.97 USD was sent back to you."
    assert came.startswith("The bank returned 47.97 USD that we had sent back to you. It is yours")


def test_credits_that_come_back_are_told_with_the_money() -> None:
    data = {**MONEY, "state": "failed", "credits": 1_500}

    assert card_words("confirm_refund", data) == (
        "47.97 USD could not be sent back to you. Your 1,500 credits are with you again."
    )


def test_a_card_about_something_else_has_no_words_of_money() -> None:
    assert card_words("goodwill", {"credits": 40, "kind": "video"}) is None
    assert card_words("confirm_payment", {"reference": "a"}) is None
    assert why_parked("moved_on") == "It could not be used."


def test_a_job_whose_credits_come_back_is_told_with_what_ended_at_once() -> None:
    told = {"kind": "video", "credits": 60, "lapsed": 10}
    voided = {"kind": "video", "credits": 50, "voided": 50, "amount": 130, "currency": "USD"}

    assert card_words("refund_job", told) == (
        "60 video credits of a job are given back to you. 10 of them lapsed at once, since they "
        "were of a period that is over."
    )
    assert card_words("refund_job", voided) == (
        "50 video credits of a job are given back to you. 50 of them were of a purchase whose "
        "money went back: they are taken back with it. 1.30 USD goes back to you."
    )


def test_a_dispute_is_told_with_what_becomes_of_its_credits() -> None:
    data = {**MONEY, "kind": "video", "credits": 1_000}

    assert card_words("open_dispute", data) == (
        "Your bank tells us that you dispute your payment of 47.97 USD. 1,000 video credits of it "
        "are frozen until the bank decides."
    )
    assert card_words("close_dispute", {**data, "outcome": "won"}) == (
        "Your dispute of 47.97 USD is decided: the payment stands. Your 1,000 video credits of it "
        "can be spent again."
    )
    assert card_words("close_dispute", {**MONEY, "outcome": "lost"}) == (
        "Your dispute of 47.97 USD is decided: the bank has taken it back for you."
    )
