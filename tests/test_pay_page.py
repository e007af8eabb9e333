"""The page behind a link to pay: opened without a key, and never an error for who has paid."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from api_client import Api, open_api
from money_stage import confirm, ordered, path_of, with_plan
from mutoscope.domain.pay_links import PayLink, signed
from mutoscope.storage.payments import UnknownRequest

KEY = "a-long-secret"
ELSEWHERE = ("203.0.113.7", 4_000)


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path, api_key=KEY, client=ELSEWHERE) as api:
        api.client.headers["Authorization"] = f"Bearer {KEY}"
        yield api


@pytest.fixture
async def made(api: Api) -> dict:
    """An order whose payer has a link and no key."""
    return await ordered(api, await with_plan(api))


async def opened(api: Api, path: str) -> httpx.Response:
    """Open a path without the key."""
    return await api.client.get(path, headers={"Authorization": ""})


def link(api: Api, request: dict, *, lasts: timedelta, request_id: str = "") -> str:
    """Return a link that this house has signed."""
    studio = api.house.studio
    found = PayLink(
        workspace_id=UUID(request["workspace_id"]),
        request_id=UUID(request_id or request["request_id"]),
        expires_at=studio.clock.now() + lasts,
    )
    return f"/v1/pay/{signed(found, key=studio.asset_rules.link_key)}"


async def test_a_transfer_is_told_with_all_that_it_needs(api: Api, made: dict) -> None:
    page = await opened(api, path_of(made["request"]["pay_url"]))

    assert (page.status_code, page.headers["Content-Type"][:9]) == (200, "text/html")
    assert "47.97 USD" in page.text
    assert "8.97 USD of it is tax." in page.text
    assert made["request"]["title"] in page.text
    assert f"<code>{made['checkout']['reference']}</code>" in page.text
    assert all(line in page.text for line in api.house.studio.seller.bank)
    assert "our staff confirm the transfer" in page.text
    assert "This seller is an example" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Robots-Tag"] == "noindex"


async def test_who_has_paid_is_told_so(api: Api, made: dict) -> None:
    path = path_of(made["request"]["pay_url"])

    await confirm(api, made["request"])

    page = await opened(api, path)
    assert (page.status_code, "<h2>This is paid</h2>" in page.text) == (200, True)
    assert made["checkout"]["reference"] not in page.text


async def test_a_cancelled_order_asks_for_nothing(api: Api, made: dict) -> None:
    purchase = made["purchase"]
    await api.post(
        f"/v1/workspaces/{purchase['workspace_id']}/purchases/{purchase['purchase_id']}/cancel"
    )

    page = await opened(api, path_of(made["request"]["pay_url"]))

    assert (page.status_code, "There is nothing to pay" in page.text) == (200, True)
    assert "USD" not in page.text


@pytest.mark.parametrize("token", ["", "not-a-link", "%3Cscript%3E"])
async def test_a_link_that_is_not_whole_is_a_page_as_well(api: Api, made: dict, token: str) -> None:
    cut = path_of(made["request"]["pay_url"])[:-1]

    page = await opened(api, f"/v1/pay/{token}" if token else cut)

    assert (page.status_code, page.headers["Content-Type"][:9]) == (403, "text/html")
    assert "ask for a new one" in page.text
    assert "<script>" not in page.text


async def test_a_link_ends_at_its_instant(api: Api, made: dict) -> None:
    page = await opened(api, link(api, made["request"], lasts=timedelta(seconds=-1)))

    assert (page.status_code, "This link ended at" in page.text) == (403, True)


async def test_a_link_to_what_is_not_there_is_not_found(api: Api, made: dict) -> None:
    nothing = made["purchase"]["workspace_id"]

    page = await opened(api, link(api, made["request"], lasts=timedelta(1), request_id=nothing))

    assert page.status_code == 404
    assert str(UnknownRequest(request_id=UUID(nothing)))[1:] in page.text
