"""Plans over HTTP: shown with the billing date and why, ordered, upgraded, scheduled, closed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from api_client import Api, open_api
from money_stage import NOBODYS_ID, confirm, with_plan
from soundness import assert_sound


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api
    await assert_sound(database_url)


@pytest.fixture
async def workspace(api: Api) -> str:
    return await with_plan(api)


async def test_a_trial_has_no_plan_and_nothing_to_pay(api: Api) -> None:
    shown = (await api.get(f"{await api.workspace(is_demo=False)}/subscription")).json()

    assert (shown["state"], shown["plan"], shown["billing_date"]) == ("trial", None, None)
    assert shown["trial_ends_at"] is not None
    assert (shown["to_pay"], shown["next_charge"], shown["closed_at"]) == ([], None, None)


async def test_a_plan_tells_its_billing_date_and_why(api: Api, workspace: str) -> None:
    shown = (await api.get(f"{workspace}/subscription")).json()

    date, period, charge = shown["billing_date"], shown["period"], shown["next_charge"]
    began = datetime.fromisoformat(date["anchor_at"])
    assert (shown["state"], shown["plan"]["plan"], shown["plan"]["name"]) == (
        "active", "pro", "Pro"
    )  # fmt: skip
    assert (date["day"], date["zone"], date["next_at"]) == (began.day, "UTC", period["ends_at"])
    assert f"first started on {began.day} {began:%B %Y}" in date["why"]
    assert (charge["at"], charge["plan"], charge["months"]) == (period["ends_at"], "pro", 1)
    assert charge["total"] == charge["net"] + charge["tax"] > 0
    assert shown["plan"]["allowances"] == {"image": 700, "video": 1_500}


async def test_what_is_to_be_paid_stands_with_a_link(api: Api, workspace: str) -> None:
    (bill,) = (await api.get(f"{workspace}/subscription")).json()["to_pay"]

    await confirm(api, bill)

    paid = (await api.get(f"{workspace}/payment-requests/{bill['request_id']}")).json()
    assert (bill["state"], bill["purpose"]) == ("open", "plan")
    assert "/v1/pay/" in bill["pay_url"]
    assert (paid["state"], paid["pay_url"]) == ("paid", None)
    assert (await api.get(f"{workspace}/subscription")).json()["to_pay"] == []


async def test_an_ordered_plan_starts_when_it_is_paid(api: Api) -> None:
    workspace = await api.workspace(is_demo=False)
    wanted = {"plan": "essential", "is_annual": True}
    first = await api.post(f"{workspace}/subscription/order", wanted, key="order-1")
    waiting = (await api.get(f"{workspace}/subscription")).json()

    await confirm(api, first.json()["request"])

    shown = (await api.get(f"{workspace}/subscription")).json()
    again = await api.post(f"{workspace}/subscription/order", wanted, key="order-1")
    assert first.status_code == again.status_code == 201
    assert first.headers["Location"].endswith(first.json()["request"]["request_id"])
    assert "Transfer" in first.json()["checkout"]["instructions"]
    assert (waiting["state"], shown["state"]) == ("trial", "active")
    assert (shown["plan"]["plan"], shown["plan"]["months_per_charge"]) == ("essential", 12)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.json()["request"]["state"], again.json()["checkout"]) == ("paid", None)


@pytest.mark.parametrize("is_on_account", [True, False])
async def test_a_plan_that_starts_ends_the_other_orders_of_a_plan(
    api: Api, *, is_on_account: bool
) -> None:
    workspace = await api.workspace(is_demo=False)
    order = f"{workspace}/subscription/order"
    other = (await api.post(order, {"plan": "essential"}, key="order-1")).json()["request"]
    wanted = (await api.post(order, {"plan": "pro"}, key="order-2")).json()["request"]

    if is_on_account:
        await api.post(f"{workspace}/plan", {"plan": "pro"}, key="start-1")
    else:
        await confirm(api, wanted)

    told = (await api.get(f"{workspace}/payment-requests/{other['request_id']}")).json()
    to_pay = (await api.get(f"{workspace}/subscription")).json()["to_pay"]
    assert (told["state"], told["due"], told["pay_url"]) == ("cancelled", 0, None)
    assert [each["invoice_id"] is None for each in to_pay] == [False] * is_on_account


async def test_a_repeated_order_is_the_same_and_its_key_is_for_one_plan(api: Api) -> None:
    address = f"{await api.workspace(is_demo=False)}/subscription/order"
    first = await api.post(address, {"plan": "pro"}, key="order-1")

    again = await api.post(address, {"plan": "pro"}, key="order-1")
    other = await api.post(address, {"plan": "essential"}, key="order-1")
    yearly = await api.post(address, {"plan": "pro", "is_annual": True}, key="order-1")
    bare = await api.post(address, {"plan": "pro"})

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert {(each.status_code, each.json()["code"]) for each in (other, yearly)} == {
        (422, "key_reused")
    }
    assert (bare.status_code, bare.json()["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    ("plan", "refusal"),
    [("enterprise", (422, "allowance_not_agreed")), ("gold", (422, "unknown_plan"))],
)
async def test_a_plan_that_cannot_be_ordered_is_refused_by_name(
    api: Api, plan: str, refusal: tuple[int, str]
) -> None:
    workspace = await api.workspace(is_demo=False)

    refused = await api.post(f"{workspace}/subscription/order", {"plan": plan}, key="order-1")

    assert (refused.status_code, refused.json()["code"]) == refusal
    assert (await api.get(f"{workspace}/payment-requests")).json()["requests"] == []


async def test_a_second_plan_is_not_ordered(api: Api, workspace: str) -> None:
    refused = await api.post(
        f"{workspace}/subscription/order", {"plan": "unlimited"}, key="order-1"
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "already_subscribed")


async def test_an_upgrade_costs_and_grants_what_its_preview_told(api: Api, workspace: str) -> None:
    address = f"{workspace}/subscription/upgrade"
    preview = (await api.get(address, params={"plan": "unlimited"})).json()

    made = await api.post(address, {"plan": "unlimited"}, key="up-1")
    again = await api.post(address, {"plan": "unlimited"}, key="up-1")
    other = await api.post(address, {"plan": "enterprise"}, key="up-1")

    assert (preview["plan"], preview["credits"]) == ("unlimited", {"video": 1_500})
    assert 0.99 < preview["share"] <= 1
    assert made.json()["subscription"]["plan"]["plan"] == "unlimited"
    assert made.json()["request"]["net"] == preview["price"]["amount"]
    assert again.json() == made.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


async def test_an_upgrade_that_costs_nothing_has_one_answer_under_its_key(api: Api) -> None:
    workspace = await api.workspace("Demo")
    await api.post(f"{workspace}/plan", {"plan": "essential"}, key="plan-1")

    made = await api.post(f"{workspace}/subscription/upgrade", {"plan": "pro"}, key="up-1")
    again = await api.post(f"{workspace}/subscription/upgrade", {"plan": "pro"}, key="up-1")
    other = await api.post(f"{workspace}/subscription/upgrade", {"plan": "unlimited"}, key="up-1")

    assert (made.status_code, made.json()["request"]) == (201, None)
    assert again.json() == made.json()
    assert [each.headers.get("Idempotency-Replayed") for each in (made, again)] == [None, "true"]
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


@pytest.mark.parametrize(
    ("path", "content"),
    [("subscription/order", {"plan": "pro"}), ("purchases", {"pack": "video_1500"})],
)
async def test_a_demo_workspace_orders_nothing(api: Api, path: str, content: object) -> None:
    workspace = await api.workspace("Demo")

    refused = await api.post(f"{workspace}/{path}", content, key="order-1")

    assert (refused.status_code, refused.json()["code"]) == (409, "demo_workspace")


@pytest.mark.parametrize("plan", ["pro", "essential"])
async def test_a_plan_that_is_no_larger_is_no_upgrade(api: Api, workspace: str, plan: str) -> None:
    previewed = await api.get(f"{workspace}/subscription/upgrade", params={"plan": plan})
    asked = await api.post(f"{workspace}/subscription/upgrade", {"plan": plan}, key="up-1")

    assert previewed.json()["code"] == asked.json()["code"] == "not_an_upgrade"


async def test_a_trial_cannot_upgrade_but_order(api: Api) -> None:
    workspace = await api.workspace(is_demo=False)

    refused = await api.post(f"{workspace}/subscription/upgrade", {"plan": "pro"}, key="up-1")

    assert (refused.status_code, refused.json()["code"]) == (409, "not_in_this_state")


async def test_a_smaller_plan_is_scheduled_and_taken_back(api: Api, workspace: str) -> None:
    plan = f"{workspace}/subscription"
    scheduled = await api.post(f"{plan}/schedule", {"plan": "essential"})
    second = await api.post(f"{plan}/schedule", {"zone": "Europe/Berlin"})

    undone = await api.post(f"{plan}/undo")
    again = await api.post(f"{plan}/undo")

    told = scheduled.json()
    assert (told["scheduled"]["plan"], told["plan"]["plan"]) == ("essential", "pro")
    assert told["next_charge"]["plan"] == "essential"
    assert told["scheduled"]["at"] == told["period"]["ends_at"]
    assert (second.status_code, second.json()["code"]) == (409, "already_scheduled")
    assert (undone.status_code, undone.json()["scheduled"]) == (200, None)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_scheduled")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "malformed"),
        ({"zone": "Mars/Base"}, "unknown_zone"),
        ({"plan": "x"}, "unknown_plan"),
        ({"plan": "pro"}, "nothing_changes"),
        ({"is_annual": False}, "nothing_changes"),
        ({"plan": "pro", "zone": "UTC"}, "nothing_changes"),
    ],
)
async def test_a_change_that_cannot_be_is_not_scheduled(
    api: Api, workspace: str, change: dict, code: str
) -> None:
    refused = await api.post(f"{workspace}/subscription/schedule", change)

    assert refused.json()["code"] == code
    assert (await api.get(f"{workspace}/subscription")).json()["scheduled"] is None


async def test_a_cancelled_plan_runs_out_unless_it_is_taken_back(api: Api, workspace: str) -> None:
    plan = f"{workspace}/subscription"

    cancelled = (await api.post(f"{plan}/cancel")).json()
    again = await api.post(f"{plan}/cancel")
    undone = (await api.post(f"{plan}/undo")).json()

    assert (cancelled["state"], cancelled["next_charge"]) == ("active", None)
    assert cancelled["cancels_at"] == cancelled["period"]["ends_at"]
    assert (again.status_code, again.json()["code"]) == (409, "already_scheduled")
    assert (undone["cancels_at"], undone["next_charge"]["plan"]) == (None, "pro")


async def test_a_workspace_is_closed_only_by_its_name_or_id(api: Api, workspace: str) -> None:
    wrong = await api.post(f"{workspace}/close", {"confirm": "yes"}, key="c-1")

    closed = await api.post(f"{workspace}/close", {"confirm": "Aurora"}, key="c-1")
    by_id = {"confirm": workspace.rpartition("/")[2]}
    again = await api.post(f"{workspace}/close", by_id, key="c-2")

    assert (wrong.status_code, wrong.json()["code"]) == (422, "not_confirmed")
    assert (closed.status_code, closed.json()["state"]) == (200, "closed")
    assert closed.json()["plan"] is None
    assert (again.status_code, again.json()["code"]) == (409, "not_in_this_state")
    balances = (await api.get(f"{workspace}/balances")).json()["balances"]
    assert {each["spendable"] for each in balances} == {0}


async def test_a_closing_is_repeated_under_its_key(api: Api, workspace: str) -> None:
    wish = f"{workspace}/close", {"confirm": "Aurora"}
    keyless = await api.post(*wish)
    before = await api.get(f"{workspace}/subscription")

    answers = await asyncio.gather(*[api.post(*wish, key="c-1") for _ in range(4)])
    late = await api.post(*wish, key="c-1")

    assert (keyless.status_code, keyless.json()["code"]) == (400, "idempotency_key_missing")
    assert before.json()["state"] == "active"
    assert {each.status_code for each in (*answers, late)} == {200}
    assert all(each.json() == late.json() for each in answers)
    replays = ["Idempotency-Replayed" in each.headers for each in answers]
    assert (sorted(replays), late.headers["Idempotency-Replayed"]) == ([False, *[True] * 3], "true")


async def test_every_change_is_listed_newest_first(api: Api, workspace: str) -> None:
    await api.post(f"{workspace}/subscription/cancel")
    await api.post(f"{workspace}/subscription/undo")

    listed = (await api.get(f"{workspace}/subscription/changes")).json()["changes"]
    newest = await api.get(f"{workspace}/subscription/changes", params={"limit": 1})

    assert [each["event"] for each in listed] == ["undo", "schedule", "start"]
    assert newest.json()["changes"] == listed[:1]
    assert (listed[-1]["state_before"], listed[-1]["state_after"]) == ("trial", "active")
    undone, scheduled, started = [each["scheduled"] for each in listed]
    assert (undone, started) == (scheduled, None)
    assert (scheduled["is_end"], scheduled["at"]) == (True, listed[1]["due_at"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "subscription", None), ("GET", "subscription/changes", None),
        ("GET", "subscription/calendar.ics", None), ("GET", "subscription/upgrade?plan=pro", None),
        ("POST", "subscription/order", {"plan": "pro"}),
        ("POST", "subscription/upgrade", {"plan": "pro"}),
        ("POST", "subscription/schedule", {"plan": "pro"}), ("POST", "subscription/cancel", None),
        ("POST", "subscription/undo", None), ("POST", "close", {"confirm": NOBODYS_ID}),
    ],
)  # fmt: skip
async def test_a_workspace_that_is_not_there_has_no_plan(
    api: Api, method: str, path: str, body: object
) -> None:
    answer = await api.client.request(
        method, f"/v1/workspaces/{NOBODYS_ID}/{path}", json=body,
        headers={"Idempotency-Key": "any"},
    )  # fmt: skip

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_workspace")


async def test_a_workspace_with_an_agreed_plan_is_shown_whole(api: Api) -> None:
    workspace = await api.workspace(is_demo=False)
    agreed = {"plan": "enterprise", "agreed": {"image": 5_000, "video": 9_000}}
    price = {"amount": 90_000, "currency": "USD"}
    refused = await api.post(f"{workspace}/plan", agreed, key="plan-1")
    begun = await api.post(f"{workspace}/plan", agreed | {"price": price}, key="plan-1")
    assert (refused.json()["code"], begun.status_code) == ("price_not_agreed", 201)
    await api.post(f"{workspace}/subscription/schedule", {"zone": "Asia/Tokyo"})

    found = (await api.get(workspace)).json()["subscription"]

    shown = (await api.get(f"{workspace}/subscription")).json()
    assert (found["allowances"], found["state"]) == ({"image": 5_000, "video": 9_000}, "active")
    assert (found["price"], found["scheduled"]["zone"]) == (price, "Asia/Tokyo")
    assert (shown["next_charge"]["net"], shown["next_charge"]["plan"]) == (90_000, "enterprise")
