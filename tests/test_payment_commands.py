"""Payments from outside: the route that gateways call, and `mutoscope payments`."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from api_client import Api, open_api
from command_line import Done, run_here
from mutoscope.simulators.stripe import StripeSimulator
from mutoscope.web.api.payment_events import EVENT_BYTES_MAX
from payment_stage import Till, now, open_till, signed, till_settings
from provider_stage import listening

ROUTE = "/v1/payments/stripe/events"
NAME = "stripe-signature"
ELSEWHERE = ("203.0.113.7", 4_000)


@pytest.fixture
async def till(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Till]:
    async with open_till() as till:
        for name, value in till_settings(till).items():
            monkeypatch.setenv(name, value)
        yield till


@pytest.fixture
async def api(till: Till, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(
        database_url, tmp_path, api_key="a-long-secret", client=ELSEWHERE, more=till_settings(till)
    ) as api:
        yield api


async def send(api: Api, till: Till, *, secret: str = StripeSimulator.signing_key) -> int:
    """Send the event of a payment from another machine, without a key; return the status."""
    (event, *_) = await till.events()
    answer = await api.client.post(
        ROUTE, content=signed(event, at=now(), secret=secret)["body"],
        headers=signed(event, at=now(), secret=secret)["headers"],
    )  # fmt: skip
    return answer.status_code


async def payments(*arguments: str, database_url: str, data: Path) -> Done:
    """Run a command beside this loop, in which the simulator answers."""
    run = partial(run_here, "payments", *arguments, database_url=database_url, data=data)
    return await asyncio.to_thread(run)


async def test_a_gateway_needs_no_key_but_its_signature(api: Api, till: Till) -> None:
    await till.pay()

    assert await send(api, till) == 200
    assert await send(api, till) == 200
    assert await send(api, till, secret="whsec_other") == 400


@pytest.mark.parametrize(
    ("path", "length", "refusal"),
    [
        (ROUTE, 2, (400, "payment_event_refused")),
        ("/v1/payments/manual/events", 2, (400, "payment_event_refused")),
        ("/v1/payments/paypal/events", 2, (404, "unknown_gateway")),
        (ROUTE, EVENT_BYTES_MAX + 1, (413, "body_too_large")),
        ("/v1/payments/stripe/events/more", 2, (401, "not_authorised")),
        ("/v1/payments", 2, (401, "not_authorised")),
    ],
)
async def test_anything_else_is_refused(
    api: Api, path: str, length: int, refusal: tuple[int, str]
) -> None:
    answer = await api.client.post(path, content=b"{" * length)

    assert (answer.status_code, answer.json()["code"]) == refusal


async def test_what_the_simulator_sends_is_heard(api: Api, till: Till) -> None:
    async with listening() as listener:
        await till.control("webhooks", url=listener.url)
        await till.pay()
        await listener.until(3)

    answers = [
        await api.client.post(ROUTE, content=body, headers={NAME: headers[NAME]})
        for headers, body in listener.heard
    ]
    told = [{"event_id": each["id"], "is_new": True} for each in await till.events()]
    assert [answer.json() for answer in answers] == told


async def test_events_are_listed_with_what_came_of_them(
    api: Api, till: Till, database_url: str, tmp_path: Path
) -> None:
    empty = await payments("events", database_url=database_url, data=tmp_path)
    await till.pay()
    await send(api, till)

    listed = await payments("events", database_url=database_url, data=tmp_path)
    waiting = await payments(
        "events", "--waiting", "--json", database_url=database_url, data=tmp_path
    )

    assert "No gateway has told anything yet." in empty.errors
    assert "charge.succeeded" in listed.output
    assert [(each["code"], each["outcome"]) for each in waiting.json()] == [
        ("charge.succeeded", None)
    ]


async def test_books_that_differ_are_told_and_exit_like_verify(
    till: Till, database_url: str, tmp_path: Path
) -> None:
    paid = await till.pay()

    differing = await payments("reconcile", database_url=database_url, data=tmp_path)
    mended = await payments("reconcile", "--mend", database_url=database_url, data=tmp_path)
    equal = await payments("reconcile", "--json", database_url=database_url, data=tmp_path)
    again = await payments("reconcile", "--mend", database_url=database_url, data=tmp_path)

    assert (differing.code, again.code) == (6, 0)
    assert "0 payments compared, 1 difference." in " ".join(differing.output.split())
    assert "not_booked" in differing.output
    assert f"{paid.reference} was missed, and is counted now." in " ".join(mended.errors.split())
    assert (equal.code, equal.json()["compared"], equal.json()["is_equal"]) == (0, 1, True)
    (line,) = run_here("audit", "list", "--json", database_url=database_url, data=tmp_path).json()
    assert (line["action"], line["name"][:9]) == ("reconcile", "operator:")
    assert (line["data"]["outcome"], line["data"]["amount"]) == ("parked", paid.total.amount)


def test_transfers_have_no_book_that_is_compared(database_url: str, tmp_path: Path) -> None:
    done = run_here("payments", "reconcile", database_url=database_url, data=tmp_path)

    assert (done.code, "equal" in done.output) == (0, False)
    assert "Transfers have no book that could be read here" in " ".join(done.output.split())


async def test_a_gateway_that_is_not_set_up_is_not_found(
    api: Api, database_url: str, tmp_path: Path
) -> None:
    asked = ("reconcile", "--gateway", "paypal", "--since", "2026-01-01")

    done = await payments(*asked, database_url=database_url, data=tmp_path)

    assert api.house.studio.gateway == "stripe"
    assert (done.code, done.errors.partition(":")[0]) == (3, "unknown_gateway")
