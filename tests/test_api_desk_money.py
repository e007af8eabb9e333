"""Money at the desk over HTTP: what is open is found by its words, other money is entered."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from front_stage import WHY, Front, code, open_front
from mutoscope.domain.transfer_words import transfer_words

OPEN = "/v1/desk/payment-requests"
CAME = {"amount": 4_500, "currency": "EUR", "reference": "RF18"}


@pytest.fixture
async def front(database_url: str, tmp_path: Path) -> AsyncIterator[Front]:
    async with open_front(database_url, tmp_path) as front:
        yield front


async def asked(front: Front, more: str = "") -> Any:  # noqa: ANN401 -- JSON
    return (await front.ask("GET", f"{OPEN}{more}", by="ada")).json()


async def upgraded(front: Front) -> None:
    """Let the customer owe two things."""
    address, wish = f"{front.workspace}/subscription/upgrade", {"plan": "unlimited"}
    done = await front.ask("POST", address, wish, by="house", key="up")
    assert done.status_code in {200, 201}, done.text


async def test_what_is_open_is_listed_and_found_by_its_words(front: Front) -> None:
    await upgraded(front)
    first = await asked(front, "?limit=1")
    (second,) = (await asked(front, f"?after={first['next']}"))["requests"]

    found = await asked(front, f"?words=for {second['words']}")

    (newest,) = first["requests"]
    assert (found["requests"], found["next"]) == ([second], None)
    assert newest["created_at"] > second["created_at"]
    assert newest["words"] == transfer_words(request_id=UUID(newest["request_id"]))
    assert (second["state"], second["due"]) == ("open", 4_797)
    unknown = await front.ask("GET", f"{OPEN}?words=nothing", by="ada")
    assert code(unknown) == (404, "unknown_words")


async def test_money_that_names_nothing_is_entered_for_nobody_or_somebody(front: Front) -> None:
    nobodys = await front.decide("enter_payment", CAME)
    waits = await front.waiting("payments")
    again = await front.decide("enter_payment", CAME, by="grace", key="again")
    about = {**WHY, "data": CAME | {"reference": "RF19"}}
    somebodys = await front.act("enter_payment", about, by="ada", key="2")

    assert (nobodys.json()["data"]["outcome"], waits["workspace_id"]) == ("parked", None)
    assert (waits["note"]["text"], waits["amount"]) == (WHY["reason"], 4_500)
    assert code(again) == (409, "payment_known")
    listed = (await front.ask("GET", f"{front.workspace}/payments", by="house")).json()["payments"]
    assert [(each["state"], each["reference"]) for each in listed] == [("parked", "RF19")]
    assert somebodys.json()["data"]["payment_id"] == listed[0]["payment_id"]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"amount": 0}, (422, "bad_amount")), ({"currency": "euro"}, (422, "bad_desk_data")),
        ({"reference": "x" * 141}, (422, "bad_reference")),
    ],
)  # fmt: skip
async def test_what_is_no_transfer_is_not_entered(
    front: Front, change: dict[str, Any], refusal: tuple[int, str]
) -> None:
    assert code(await front.decide("enter_payment", CAME | change)) == refusal
    assert (await asked(front))["requests"]
