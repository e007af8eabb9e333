"""Payment requests over HTTP: listed, checked out at a gateway, and a gateway that fails."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api_client import Api, open_api
from money_stage import NOBODYS_ID, confirm, ordered, path_of, with_plan
from payment_stage import Till, open_till, till_settings

KEY = "a-long-secret"
BEARER = {"Authorization": f"Bearer {KEY}"}
ELSEWHERE = ("203.0.113.7", 4_000)


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


@pytest.fixture
async def workspace(api: Api) -> str:
    return await with_plan(api)


@pytest.fixture
async def till() -> AsyncIterator[Till]:
    async with open_till() as till:
        yield till


@pytest.fixture
async def shop(till: Till, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """A house with a key and Stripe, which is called from elsewhere."""
    async with open_api(
        database_url, tmp_path, api_key=KEY, client=ELSEWHERE, more=till_settings(till)
    ) as api:
        api.client.headers.update(BEARER)
        yield api


async def test_pages_list_every_request_once_newest_first(api: Api, workspace: str) -> None:
    made = [await ordered(api, workspace, key=f"buy-{number}") for number in range(3)]
    address = f"{workspace}/payment-requests"

    first = (await api.get(address, params={"limit": 2})).json()
    rest = (await api.get(address, params={"limit": 2, "after": first["next"]})).json()

    listed = [each["request_id"] for each in (*first["requests"], *rest["requests"])]
    assert listed[:3] == [each["request"]["request_id"] for each in reversed(made)]
    assert [each["purpose"] for each in rest["requests"]] == ["purchase", "plan"]
    assert rest["next"] is None


async def test_a_payment_is_listed_with_what_it_paid(api: Api, workspace: str) -> None:
    for key in ("buy-1", "buy-2", "buy-3"):
        await confirm(api, (await ordered(api, workspace, key=key))["request"])
    address = f"{workspace}/payments"

    first = (await api.get(address, params={"limit": 2})).json()
    rest = (await api.get(address, params={"after": first["next"]})).json()

    found = [*first["payments"], *rest["payments"]]
    assert [each["amount"] for each in first["payments"]] == [4_797, 4_797]
    assert len({each["payment_id"] for each in found}) == 3
    assert rest["next"] is None


async def test_a_request_is_checked_out_until_it_is_paid(api: Api, workspace: str) -> None:
    request = (await ordered(api, workspace))["request"]
    address = f"{workspace}/payment-requests/{request['request_id']}/checkout"

    first, again = [await api.post(address) for _ in range(2)]
    await confirm(api, request)
    paid = await api.post(address)

    assert (first.status_code, first.json()["url"]) == (200, None)
    assert again.json() == first.json()
    assert (paid.status_code, paid.json()["code"]) == (409, "nothing_to_pay")


async def test_the_requests_of_another_workspace_are_not_found(api: Api, workspace: str) -> None:
    other = await with_plan(api, name="Borealis")
    request_id = (await ordered(api, other))["request"]["request_id"]
    address = f"{workspace}/payment-requests/{request_id}"

    answers = [await api.get(address), await api.post(f"{address}/checkout")]
    nobodys = [
        await api.get(f"/v1/workspaces/{NOBODYS_ID}/{name}")
        for name in ("payments", "payment-requests")
    ]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {
        (404, "unknown_request")
    }
    assert {each.json()["code"] for each in nobodys} == {"unknown_workspace"}


async def test_a_card_is_paid_where_the_link_leads(shop: Api) -> None:
    workspace = await with_plan(shop)
    made = await ordered(shop, workspace)
    del shop.client.headers["Authorization"]

    led = await shop.get(path_of(made["request"]["pay_url"]))
    bare = await shop.get(f"{workspace}/payment-requests")

    assert led.status_code == 303
    assert led.headers["Location"] == made["checkout"]["url"]
    assert bare.status_code == 401


async def test_an_upgrade_that_is_charged_waits_for_its_payment(shop: Api) -> None:
    workspace = await shop.workspace(is_demo=False)
    order = await shop.post(f"{workspace}/subscription/order", {"plan": "pro"}, key="order-1")

    assert order.json()["request"]["gateway"] == "stripe"
    assert order.json()["checkout"]["url"].startswith("http")
    again = await shop.post(f"{workspace}/subscription/order", {"plan": "pro"}, key="order-1")
    assert again.json() == order.json()


async def test_a_gateway_that_is_away_is_asked_again_in_a_moment(
    till: Till, database_url: str, tmp_path: Path
) -> None:
    away = {**till_settings(till), "MUTOSCOPE_STRIPE_URL": "http://127.0.0.1:9"}
    async with open_api(database_url, tmp_path, more=away) as api:
        workspace = await with_plan(api)
        refused = await api.post(f"{workspace}/purchases", {"pack": "video_1500"}, key="buy-1")
        (request,) = [
            each
            for each in (await api.get(f"{workspace}/payment-requests")).json()["requests"]
            if each["purpose"] == "purchase"
        ]
        page = await api.get(path_of(request["pay_url"]))

    assert (refused.status_code, refused.json()["code"]) == (503, "gateway_away")
    assert "nothing was charged" in refused.json()["detail"]
    assert refused.headers["Retry-After"] == page.headers["Retry-After"] == "2"
    assert (page.status_code, page.headers["Content-Type"][:9]) == (503, "text/html")
    assert "This payment cannot be opened now" in page.text


async def test_a_gateway_that_refuses_is_told_as_such(
    till: Till, database_url: str, tmp_path: Path
) -> None:
    wrong = {**till_settings(till), "MUTOSCOPE_STRIPE_KEY": "sk_test_wrong"}
    async with open_api(database_url, tmp_path, more=wrong) as api:
        workspace = await with_plan(api)

        refused = await api.post(f"{workspace}/purchases", {"pack": "video_1500"}, key="buy-1")

    assert (refused.status_code, refused.json()["code"]) == (502, "gateway_failed")
    assert "Retry-After" not in refused.headers
    assert "sk_test" not in refused.text
