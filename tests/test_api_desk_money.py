"""Money at the desk over HTTP: what is open is found by its words, other money is entered."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api_client import IMAGE
from front_stage import WHY, Front, code, open_front
from mutoscope.app import subscribe
from mutoscope.app.advance import advance
from mutoscope.app.disputes import dispute_told
from mutoscope.app.gateway import GatewayDispute
from mutoscope.domain.offers import Money
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


async def job_of_a_trial(front: Front) -> str:
    """Let a new customer spend a credit of a trial that ends then, and return the job's id."""
    body = {"name": "Borealis", "is_demo": True}
    opened = await front.ask("POST", "/v1/workspaces", body, by="house", key="new")
    front.workspace, studio = opened.headers["Location"], front.api.house.studio
    placed = await front.ask("POST", f"{front.workspace}/jobs", IMAGE, by="house", key="job")
    whose, job_id = UUID(opened.json()["workspace_id"]), UUID(placed.json()["job_id"])
    async with asyncio.timeout(60):
        wait_s: float | None = 0
        while wait_s is not None:
            await asyncio.sleep(min(wait_s, 0.1))
            wait_s = (await advance(studio, workspace_id=whose, job_id=job_id)).wait_s
    await subscribe.start_plan(studio, workspace_id=whose, plan="pro")
    return str(job_id)


async def test_what_lapses_as_it_is_given_back_is_offered_as_goodwill(front: Front) -> None:
    about = {**WHY, "data": {"job_id": await job_of_a_trial(front)}}

    done = (await front.act("refund_job", about)).json()
    again = await front.act("refund_job", about, by="ada", key="another")
    offer = done["offer"]
    given = await front.act(offer["action"], {**WHY, "data": offer["data"]}, key=offer["key"])

    assert (done["data"]["credits"], done["data"]["lapsed"]) == (1, 1)
    assert code(again) == (409, "already_refunded")
    assert (given.json()["data"]["kind"], given.json()["offer"]) == ("image", None)
    receipt = f"{front.workspace}/jobs/{about['data']['job_id']}/receipt"
    assert (await front.ask("GET", receipt, by="house")).json()["refunded"] == 1


async def bought(front: Front) -> str:
    """Let the customer buy a pack and pay it, and return the purchase's id."""
    await front.act("enable_purchases", {**WHY, "data": {}}, by="ada", key="enable")
    address, wish = f"{front.workspace}/purchases", {"pack": "video_1500"}
    made = (await front.ask("POST", address, wish, by="house", key="buy")).json()
    purchase: str = made["purchase"]["purchase_id"]
    paid = {"request_id": made["request"]["request_id"], "reference": "RF21"}
    await front.act("confirm_payment", {**WHY, "data": paid}, by="ada", key="pay")
    added = {**WHY, "data": {"purchase_id": purchase}}
    assert (await front.act("add_credits", added, by="ada", key="add")).status_code == 201
    return purchase


async def test_a_part_of_a_purchase_goes_back(front: Front) -> None:
    purchase = await bought(front)
    part = {**WHY, "data": {"purchase_id": purchase, "credits": 400}}
    more = {**WHY, "data": {"purchase_id": purchase, "credits": 1_101}}

    done, again = [await front.act("refund", part, by="ada", key="part") for _ in range(2)]
    refused = await front.act("refund", more, by="ada", key="more")

    assert done.json()["data"] | {"credits": 400, "amount": 1_279} == done.json()["data"]
    assert again.json() == done.json()
    assert code(refused) == (409, "refund_exceeds_unspent")
    assert (refused.json()["wanted"], refused.json()["unspent"]) == (1_101, 1_100)


async def test_a_dispute_by_hand_waits_for_its_end(front: Front) -> None:
    (asked,) = (await front.ask("GET", OPEN, by="ada")).json()["requests"]
    data = {"request_id": asked["request_id"], "reference": "RF20"}
    paid = (await front.act("confirm_payment", {**WHY, "data": data}, by="ada")).json()["data"]
    about = {"payment_id": paid["payment_id"]}
    dispute = {**WHY, "data": about | {"reference": "CB77"}}
    lost = {**WHY, "data": about | {"outcome": "lost"}}

    early = await front.act("close_dispute", lost, by="ada", key="early")
    opened = await front.act("open_dispute", dispute, by="ada", key="open")
    again = await front.act("open_dispute", dispute, by="ada", key="open")
    waits = await front.waiting("disputes")
    ended = await front.act("close_dispute", lost, by="root", key="end")
    (debt,) = (await front.ask("GET", "/v1/finance/debts", by="ada")).json()["debts"]

    assert code(early) == (404, "unknown_dispute")
    assert (opened.status_code, again.json()) == (201, opened.json())
    assert (waits["payment_id"], waits["is_by_hand"]) == (paid["payment_id"], True)
    assert ended.json()["data"]["outcome"] == "lost"
    assert (debt["reference"], debt["amount"]) == ("CB77", asked["due"])


async def test_a_debt_of_a_lost_dispute_is_told_to_staff_and_finance(front: Front) -> None:
    (asked,) = (await front.ask("GET", OPEN, by="ada")).json()["requests"]
    data = {"request_id": asked["request_id"], "reference": "RF20"}
    await front.act("confirm_payment", {**WHY, "data": data}, by="ada")
    total = Money(amount=asked["due"], currency=asked["currency"])
    lost = GatewayDispute(reference="dp", payment_reference="RF20", total=total, is_won=False)
    await dispute_told(front.api.house.studio, gateway="manual", dispute=lost)

    listed = (await front.ask("GET", "/v1/finance/debts", by="ada")).json()["debts"]
    facts = front.workspace.replace("/v1/", "/v1/desk/") + "/facts"

    assert [(each["amount"], each["purchase_id"]) for each in listed] == [(asked["due"], None)]
    assert (await front.ask("GET", facts, by="ada")).json()["debts"] == listed


async def test_the_facts_tell_what_is_to_pay_and_what_is_parked(front: Front) -> None:
    (asked_for,) = (await asked(front))["requests"]
    await front.act("enter_payment", {**WHY, "data": CAME}, by="ada")
    nobodys = await front.decide("enter_payment", CAME | {"reference": "RF19"})

    address = front.workspace.replace("/v1/", "/v1/desk/") + "/facts"
    facts = (await front.ask("GET", address, by="ada")).json()

    assert (facts["requests"], nobodys.status_code) == ([asked_for], 201)
    (parked,) = facts["parked"]
    assert (parked["reference"], parked["amount"], parked["request_id"]) == ("RF18", 4_500, None)
    assert parked["note"]["text"] == WHY["reason"]
