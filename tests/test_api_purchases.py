"""Purchases over HTTP: ordered once a key, paid, cancelled; promo codes and refills."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api_client import Api, open_api
from money_stage import NOBODYS_ID, PACK, add, confirm, enable_purchases, id_of, ordered, with_plan
from mutoscope.app import promo
from mutoscope.storage import payments
from mutoscope.storage.offers import PromoCode
from soundness import assert_sound


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api
    await assert_sound(database_url)


@pytest.fixture
async def workspace(api: Api) -> str:
    return await with_plan(api)


async def test_an_order_is_paid_and_its_credits_are_added(api: Api, workspace: str) -> None:
    made = await ordered(api, workspace)
    address = f"{workspace}/purchases/{made['purchase']['purchase_id']}"

    await confirm(api, made["request"])
    paid = (await api.get(address)).json()
    await add(api, made["purchase"])

    granted = (await api.get(address)).json()
    states = [each["state"] for each in (made["purchase"], paid, granted)]
    assert states == ["ordered", "paid", "granted"]
    assert (granted["credits"], granted["price"]) == (1_500, {"amount": 3_900, "currency": "USD"})
    assert made["checkout"]["reference"].startswith("MU-")
    lines = (await api.get(f"{workspace}/history")).json()["lines"]
    assert [each["purchase_id"] for each in lines] == [
        granted["purchase_id"],
        *[None] * (len(lines) - 1),
    ]
    (payment,) = (await api.get(f"{workspace}/payments")).json()["payments"]
    assert (payment["request_id"], payment["state"]) == (made["request"]["request_id"], "applied")


async def test_a_repeated_order_is_the_same_and_its_key_is_for_one_thing(
    api: Api, workspace: str
) -> None:
    first = await api.post(f"{workspace}/purchases", PACK, key="buy-1")

    again = await api.post(f"{workspace}/purchases", PACK, key="buy-1")
    amount = {"kind": "video", "credits": 900}
    other = await api.post(f"{workspace}/purchases", amount, key="buy-1")

    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert first.headers["Location"] == again.headers["Location"]
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


async def test_a_buyers_key_is_never_that_of_a_refill(api: Api, workspace: str) -> None:
    bought = await ordered(api, workspace, key="refill/video/0")

    async with api.house.studio.reading() as connection:
        found = await payments.request_by_key(
            connection, workspace_id=id_of(workspace), request_key="refill/video/0"
        )
    assert bought["purchase"]["is_refill"] is False
    assert found is None


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"kind": "video", "credits": 699}, "purchase_too_small"), ({"pack": "x"}, "unknown_pack"),
        ({}, "malformed"), ({"kind": "video"}, "malformed"), ({**PACK, "credits": 9}, "malformed"),
        ({"kind": "video", "credits": 0}, "malformed"),
    ],
)  # fmt: skip
async def test_what_is_not_for_sale_is_refused_by_name(
    api: Api, workspace: str, wanted: dict, code: str
) -> None:
    refused = await api.post(f"{workspace}/purchases", wanted, key="buy-1")

    assert refused.json()["code"] == code
    assert (await api.get(f"{workspace}/purchases")).json() == {"purchases": [], "next": None}


async def test_who_may_not_buy_is_told_why(api: Api) -> None:
    trial = await api.workspace("Trial", is_demo=False)
    asking = await api.workspace("Asking", is_demo=False)
    await api.post(f"{asking}/plan", {"plan": "pro"}, key="plan-1")

    in_trial = await api.post(f"{trial}/purchases", PACK, key="buy-1")
    before = await api.post(f"{asking}/purchases", PACK, key="buy-1")
    await enable_purchases(api, asking)
    after = await api.post(f"{asking}/purchases", PACK, key="buy-1")

    assert (in_trial.status_code, in_trial.json()["code"]) == (403, "not_entitled")
    assert (before.status_code, before.json()["code"]) == (403, "purchases_not_enabled")
    assert after.status_code == 201


async def test_an_owner_orders_in_their_name_and_a_stranger_does_not(
    api: Api, workspace: str
) -> None:
    opened = {"name": "Corona", "email": "corona@example.com"}
    corona = (await api.post("/v1/workspaces", opened, key="corona")).headers["Location"]
    await api.post(f"{corona}/plan", {"plan": "pro"}, key="plan-1")
    await enable_purchases(api, corona)
    (owner,) = (await api.get(f"{corona}/members")).json()["members"]
    wanted = {**PACK, "by": owner["member_id"]}

    made = await api.post(f"{corona}/purchases", wanted, key="buy-1")
    refused = await api.post(f"{workspace}/purchases", wanted, key="buy-1")

    assert made.json()["purchase"]["ordered_by"] == owner["member_id"]
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_member")


async def test_pages_list_every_purchase_once_newest_first(api: Api, workspace: str) -> None:
    made = [await ordered(api, workspace, key=f"buy-{number}") for number in range(5)]
    found: list[str] = []
    after: dict[str, str] = {}

    while True:
        page = (await api.get(f"{workspace}/purchases", params={"limit": 2, **after})).json()
        found += [each["purchase_id"] for each in page["purchases"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}

    assert found == [each["purchase"]["purchase_id"] for each in reversed(made)]


async def test_an_order_is_cancelled_once_and_never_when_it_is_paid(
    api: Api, workspace: str
) -> None:
    dropped, kept = [await ordered(api, workspace, key=key) for key in ("a", "b")]
    await confirm(api, kept["request"])
    first, second = (
        f"{workspace}/purchases/{each['purchase']['purchase_id']}/cancel"
        for each in (dropped, kept)
    )

    cancelled = await api.post(first)
    again = await api.post(first)
    paid = await api.post(second)

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    for refused in (again, paid):
        assert (refused.status_code, refused.json()["code"]) == (409, "purchase_not_in_this_state")


async def test_the_purchases_of_another_workspace_are_not_found(api: Api, workspace: str) -> None:
    other = await with_plan(api, name="Borealis")
    purchase_id = (await ordered(api, other))["purchase"]["purchase_id"]

    shown = await api.get(f"{workspace}/purchases/{purchase_id}")
    cancelled = await api.post(f"{workspace}/purchases/{purchase_id}/cancel")
    nobodys = await api.post(f"/v1/workspaces/{NOBODYS_ID}/purchases", PACK, key="buy-1")
    listed = await api.get(f"/v1/workspaces/{NOBODYS_ID}/purchases")

    assert (shown.status_code, shown.json()["code"]) == (404, "unknown_purchase")
    assert (cancelled.status_code, cancelled.json()["code"]) == (404, "unknown_purchase")
    assert nobodys.json()["code"] == listed.json()["code"] == "unknown_workspace"


async def test_a_promo_code_gives_once(api: Api, workspace: str) -> None:
    await offer(api)

    redeemed = await api.post(f"{workspace}/promo-codes", {"code": " spring-26 "})
    again = await api.post(f"{workspace}/promo-codes", {"code": "SPRING-26"})
    unknown = await api.post(f"{workspace}/promo-codes", {"code": "AUTUMN"})

    assert redeemed.status_code == 201
    assert (redeemed.json()["kind"], redeemed.json()["credits"]) == ("video", 50)
    assert redeemed.json()["expires_at"] is not None
    assert (again.status_code, again.json()["code"]) == (409, "already_redeemed")
    assert again.json()["redeemed_at"] is not None
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_promo_code")


async def offer(api: Api) -> None:
    """Offer a promo code."""
    found = PromoCode(
        code="SPRING-26", kind="video", credits=50, lasts_days=30, redemptions_max=10, redeemed=0,
        ends_at=None, created_at=datetime.now(UTC),
    )  # fmt: skip
    await promo.offer(api.house.studio, found)


REFILL = {"pack": "video_1500", "threshold": 200, "monthly_max": 8_000}


async def keep_card(api: Api, workspace: str) -> None:
    async with api.house.studio.reading() as connection:
        await payments.keep_method(
            connection, workspace_id=id_of(workspace), gateway=api.house.studio.gateway,
            customer="cus_1", method="pm_1", at=datetime.now(UTC),
        )  # fmt: skip


async def test_a_refill_is_set_shown_changed_and_dropped(api: Api, workspace: str) -> None:
    await keep_card(api, workspace)
    address = f"{workspace}/refills/video"

    put = await api.client.put(address, json=REFILL)
    again = await api.client.put(address, json={**REFILL, "threshold": 300})
    shown = (await api.get(address)).json()
    dropped = await api.client.delete(address)
    gone = await api.client.delete(address)

    assert (put.status_code, put.json()["threshold"], again.json()["threshold"]) == (200, 200, 300)
    assert (shown["threshold"], shown["kind"], shown["declines"]) == (300, "video", 0)
    assert dropped.status_code == 204
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_refill")
    assert (await api.get(address)).json()["code"] == "unknown_refill"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "image"}, "pack_of_another_kind"), ({"kind": "V"}, "bad_key"),
        ({"monthly_max": 3_899}, "refill_too_small"), ({"pack": "x"}, "unknown_pack"),
        ({"threshold": 0}, "malformed"),
    ],
)  # fmt: skip
async def test_a_refill_that_cannot_be_is_refused_by_name(
    api: Api, workspace: str, change: dict, code: str
) -> None:
    await keep_card(api, workspace)
    wanted = REFILL | change
    kind = wanted.pop("kind", "video")

    refused = await api.client.put(f"{workspace}/refills/{kind}", json=wanted)

    assert refused.json()["code"] == code
    assert (await api.get(f"{workspace}/refills/video")).json()["code"] == "unknown_refill"


async def test_a_refill_needs_a_card_that_is_kept(api: Api, workspace: str) -> None:
    refused = await api.client.put(f"{workspace}/refills/video", json=REFILL)
    nobodys = await api.client.put(f"/v1/workspaces/{NOBODYS_ID}/refills/video", json=REFILL)

    assert (refused.status_code, refused.json()["code"]) == (409, "no_method_kept")
    assert (nobodys.status_code, nobodys.json()["code"]) == (404, "unknown_workspace")
