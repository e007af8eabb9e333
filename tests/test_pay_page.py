"""The page behind a link to pay: opened without a key, and never an error for who has paid."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from api_client import Api, open_api
from money_stage import add, confirm, ordered, path_of, with_plan
from mutoscope.app.confirm import confirm_payment
from mutoscope.app.credit_note import credit_invoice
from mutoscope.app.receive import receive
from mutoscope.domain.pay_links import PayLink, signed
from mutoscope.storage.payments import UnknownRequest
from payment_stage import Till, now, open_till, till_settings

KEY = "a-long-secret"
SELLER = Path(__file__).parents[1] / "src/mutoscope/seller.toml"
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
    for line in api.house.studio.seller.bank:
        label, _, number = line.partition(": ")
        assert f'<dt>{label}</dt><dd><span class="whole">{number}</span>' in page.text
    assert "our staff confirm the transfer" in page.text
    assert "This seller is an example" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Robots-Tag"] == "noindex"


async def test_without_a_bank_the_invoice_says_where_to(database_url: str, tmp_path: Path) -> None:
    before, _, after = SELLER.read_text(encoding="utf-8").partition("[bank]")
    seller = tmp_path / "seller.toml"
    seller.write_text(before + after[after.index("[numbers]") :], encoding="utf-8")
    more = {"MUTOSCOPE_SELLER": str(seller)}
    async with open_api(database_url, tmp_path, more=more) as api:
        made = await ordered(api, await with_plan(api))

        page = await opened(api, path_of(made["request"]["pay_url"]))

    assert "<dt>To</dt><dd>Transfer 47.97 USD to the account that the invoice names." in page.text


async def test_who_has_paid_is_told_so(api: Api, made: dict) -> None:
    path = path_of(made["request"]["pay_url"])

    await confirm(api, made["request"])

    page = await opened(api, path)
    await add(api, made["purchase"])
    added = await opened(api, path)
    assert (page.status_code, "<h2>This is paid</h2>" in page.text) == (200, True)
    assert made["checkout"]["reference"] not in page.text
    assert "Our staff add the credits now" in page.text
    assert "There is nothing more to do." in added.text


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


async def on_account(api: Api) -> tuple[dict, str]:
    """Return a request with an invoice, and the link to pay it."""
    workspace = await with_plan(api)
    (request,) = (await api.get(f"{workspace}/payment-requests")).json()["requests"]
    return request, path_of(request["pay_url"])


async def credit(api: Api, request: dict, amount: int | None = None) -> None:
    await credit_invoice(
        api.house.studio, workspace_id=UUID(request["workspace_id"]),
        invoice_id=UUID(request["invoice_id"]), reason="a day lost", amount=amount,
    )  # fmt: skip


async def test_what_was_credited_is_not_asked_for(api: Api) -> None:
    request, path = await on_account(api)
    await credit(api, request, 1_000)
    part = await opened(api, path)
    told = (await api.get(f"{address_of(request)}/{request['request_id']}")).json()
    await credit(api, request)

    whole = await opened(api, path)

    assert '<p class="sum">37.97 USD</p>' in part.text
    assert "7.10 USD of it is tax." in part.text
    assert "<dt>Credited since</dt><dd>10.00 USD</dd>" in part.text
    assert (told["total"], told["credited"], told["due"]) == (4_797, 1_000, 3_797)
    assert ("All of it was credited" in whole.text, "There is nothing to pay" in whole.text) == (
        True, True,
    )  # fmt: skip


async def test_money_that_does_not_fit_is_told_to_who_sent_it(api: Api) -> None:
    request, path = await on_account(api)
    names = {name: UUID(request[name]) for name in ("workspace_id", "request_id")}
    await confirm_payment(api.house.studio, **names, reference="short", amount=4_000)
    short = await opened(api, path)
    (told,) = (await api.get(address_of(request))).json()["requests"]
    await confirm(api, request)
    await confirm_payment(api.house.studio, **names, reference="again")

    again = await opened(api, path)

    assert "<b>40.00 USD</b> came on" in short.text
    assert "It is another amount than was asked for, so it was not used." in short.text
    assert [(each["amount"], each["reason"]) for each in told["parked"]] == [
        (4_000, "other_amount")
    ]  # fmt: skip
    assert "<h2>This is paid</h2>" in again.text
    assert "<b>47.97 USD</b> came on" in again.text
    assert "What it was for was paid before, so it was not used." in again.text


async def test_who_pays_by_card_is_told_first_of_money_that_came(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        open_till() as till,
        open_api(database_url, tmp_path, more=till_settings(till)) as api,
    ):
        made = await ordered(api, await with_plan(api))
        path = path_of(made["request"]["pay_url"])
        led = await opened(api, path)
        names = {name: UUID(made["request"][name]) for name in ("workspace_id", "request_id")}
        await confirm_payment(api.house.studio, **names, reference="short", amount=4_000)

        told = await opened(api, path)

    assert (led.status_code, told.status_code) == (303, 200)
    assert "<b>40.00 USD</b> came on" in told.text
    assert f'<a href="{escape(led.headers["Location"])}">Pay by card</a>' in told.text


@dataclass(frozen=True)
class Counter:
    """A house that takes cards, the till it takes them at, and a link to pay an order."""

    api: Api
    till: Till
    path: str

    async def show(self, back: str = "") -> httpx.Response:
        """Open the page behind the link, coming back from the checkout or not."""
        return await opened(self.api, f"{self.path}{back and f'?back={back}'}")


@pytest.fixture
async def counter(database_url: str, tmp_path: Path) -> AsyncIterator[Counter]:
    async with (
        open_till() as till,
        open_api(database_url, tmp_path, more=till_settings(till)) as api,
    ):
        made = await ordered(api, await with_plan(api))
        yield Counter(api=api, till=till, path=path_of(made["request"]["pay_url"]))


async def test_who_has_paid_by_card_comes_back_to_the_page_of_the_payment(counter: Counter) -> None:
    checkout = (await counter.show()).headers["Location"]
    paid = await counter.till.client.post(checkout, data={"card": "4242424242424242"})
    waiting = await counter.show("paid")
    (payment,) = await counter.till.gateway.payments(since=now() - timedelta(minutes=1))
    await receive(counter.api.house.studio, gateway="stripe", payment=payment)

    counted = await counter.show("paid")

    assert path_of(paid.headers["Location"]) == f"{counter.path}?back=paid"
    assert "<h2>Your payment is on its way</h2>" in waiting.text
    assert "Do not pay a second time" in waiting.text
    assert "<h2>This is paid</h2>" in counted.text


async def test_who_leaves_the_checkout_may_pay_yet(counter: Counter) -> None:
    checkout = (await counter.show()).headers["Location"]
    session = await counter.till.client.get(checkout)

    page = await counter.show("unpaid")

    assert f"{counter.path}?back=unpaid" in session.text
    assert "<h2>This is not paid yet</h2>" in page.text
    assert f'<a href="{escape(checkout)}">Pay by card</a>' in page.text


def address_of(request: dict) -> str:
    return f"/v1/workspaces/{request['workspace_id']}/payment-requests"
