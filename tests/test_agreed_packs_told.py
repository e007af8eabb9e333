"""What was agreed with one workspace is told to it: over HTTP, and on a card."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from front_stage import WHY, Front, code, open_front
from mutoscope.app import sign_up
from mutoscope.domain.card_facts import card_facts

PACK = {"pack": "house_9000", "kind": "video", "credits": 9_000, "price": 15_000}


@pytest.fixture
async def front(database_url: str, tmp_path: Path) -> AsyncIterator[Front]:
    """The API of a house whose workspace has a plan that leaves its terms open."""
    async with open_front(database_url, tmp_path) as front:
        opened = await sign_up.create(
            front.api.house.studio, name="Babbage", zone="UTC", email="b@example.com"
        )
        front.workspace = f"/v1/workspaces/{opened.workspace_id}"
        data = {"plan": "enterprise", "allowances": "image=50,video=900", "price": 90_000,
                "can_purchase": True}  # fmt: skip
        done = await front.act("start_plan", {**WHY, "data": data}, key="start")
        assert done.status_code == 201, done.text
        await front.act("enable_purchases", WHY, key="enable")
        yield front


async def test_an_own_pack_is_listed_and_ordered_over_http(front: Front) -> None:
    agreed = await front.act("agree_pack", {**WHY, "data": PACK}, key="1")
    price = {"kind": "image", "price_per_1000": 900}
    await front.act("agree_free_amount", {**WHY, "data": price}, key="2")

    listed = (await front.ask("GET", f"{front.workspace}/packs", by="house")).json()
    made = await front.ask(
        "POST", f"{front.workspace}/purchases", {"pack": "house_9000"}, by="house", key="buy"
    )

    assert agreed.json()["data"] == {**PACK, "currency": "USD"}
    assert {each["pack"]: each["is_agreed"] for each in listed["packs"]} == {
        "video_1500": False, "house_9000": True
    }  # fmt: skip
    (own,) = [each for each in listed["packs"] if each["is_agreed"]]
    assert own["buys"]["seconds"] == own["credits"] // 5
    assert (own["name"], own["price_per_1000"]["amount"]) == ("9,000 video credits", 1_667)
    assert [each["kind"] for each in listed["free_amounts"] if each["is_agreed"]] == ["image"]
    assert listed["credits_min"] == 700
    assert made.json()["purchase"]["price"] == {"amount": 15_000, "currency": "USD"}


async def test_what_is_to_come_is_listed_over_http_and_undone(front: Front) -> None:
    later = {"begins": "2030-01-01"}
    await front.act("agree_pack", {**WHY, "data": PACK}, key="1")
    await front.act("agree_pack", {**WHY, "data": PACK | {"price": 12_000} | later}, key="2")
    price = {"kind": "image", "price_per_1000": 900, "begins": "billing_date"}
    await front.act("agree_free_amount", {**WHY, "data": price}, key="3")
    gone = {"pack": "house_9000", "begins": "2029-06-01T08:00:00+02:00"}

    image, house = await coming(front)
    await front.act("withdraw_pack", {**WHY, "data": gone}, key="4")
    _, ends = await coming(front)
    undone = await front.act("undo_offers", WHY, key="5")
    again = await front.act("undo_offers", WHY, key="6")

    assert (image["kind"], image["price"]["amount"], image["pack"]) == ("image", 900, None)
    assert (house["pack"], house["price"]["amount"]) == ("house_9000", 12_000)
    assert (house["begins_at"], house["credits"]) == ("2030-01-01T00:00:00Z", 9_000)
    assert (ends["begins_at"], ends["price"]) == ("2029-06-01T06:00:00Z", None)
    assert (undone.status_code, await coming(front)) == (201, [])
    assert code(again) == (409, "nothing_scheduled")


async def coming(front: Front) -> Any:  # noqa: ANN401 -- JSON
    return (await front.ask("GET", f"{front.workspace}/packs", by="house")).json()["coming"]


async def test_what_cannot_be_agreed_is_refused_over_http(front: Front) -> None:
    small = await front.act("agree_pack", {**WHY, "data": PACK | {"credits": 699}})
    unknown = await front.act("withdraw_pack", {**WHY, "data": {"pack": "video_1500"}})
    unpriced = await front.act("withdraw_free_amount", {**WHY, "data": {"kind": "video"}})

    assert code(small) == (422, "purchase_too_small")
    assert code(unknown) == (422, "unknown_pack")
    assert code(unpriced) == (422, "not_for_sale")


async def test_a_customer_cancels_above_agreed_terms_over_http(front: Front) -> None:
    data = {"allowances": "video=1200", "begins": "billing_date"}
    await front.act("terms", {**WHY, "data": data}, key="terms")
    plan = f"{front.workspace}/subscription"

    cancelled = (await front.ask("POST", f"{plan}/cancel", by="house")).json()
    restored = (await front.ask("POST", f"{plan}/undo", by="house")).json()
    again = await front.ask("POST", f"{plan}/undo", by="house")

    assert cancelled["cancels_at"] == cancelled["scheduled"]["at"]
    assert (cancelled["next_charge"], restored["cancels_at"]) == (None, None)
    assert restored["scheduled"]["agreed"]["allowances"] == {"video": 1_200}
    assert code(again) == (409, "agreed_with_support")


def test_the_card_tells_the_price_with_its_currency() -> None:
    told = card_facts({"kind": "video", "price_per_1000": 1_500, "currency": "USD"})

    assert told == ("kind video", "price per 1000 15.00 USD")
