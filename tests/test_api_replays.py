"""A rate-card replay over HTTP: what the command line tells, for finance, within its limits."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api_client import IMAGE, Api, open_api
from desk_stage import token_of_new
from mutoscope.app.rate_card_replay import replay
from mutoscope.bootstrap import own_connection
from mutoscope.domain.catalog_text import parse_catalog
from mutoscope.domain.staff import Role
from mutoscope.storage.finance import Span
from mutoscope.web.api import replays

REPLAYS = "/v1/finance/replays"
SHIPPED = files("mutoscope").joinpath("catalog.toml").read_text("utf-8")
_HEAD, _TOOL, _TAIL = SHIPPED.partition("[versions.tools.image_generation]")
DEAR = f"{_HEAD}{_TOOL}{_TAIL.replace('credits = 1', 'credits = 90', 1)}"
"""A frame costs more than a trial has."""


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


def asked(api: Api, draft: str = SHIPPED, **more: object) -> dict[str, Any]:
    """Return what is sent to replay the days up to tomorrow."""
    now = api.house.studio.clock.now()
    starts_at, ends_at = now - timedelta(days=30), now + timedelta(days=1)
    span = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
    return {"draft": draft, **span, **more}


async def order(api: Api) -> None:
    """Let a customer order a still: of a workspace that was a demo, as the engine makes it."""
    workspace = await api.workspace()
    placed = await api.post(f"{workspace}/jobs", IMAGE, key="frame")
    assert placed.status_code == 201, placed.text
    async with own_connection(api.house) as connection:
        await connection.execute("UPDATE workspaces SET is_demo = FALSE")


async def test_a_draft_that_is_dearer_tells_who_would_run_out(api: Api) -> None:
    await order(api)

    answer = await api.post(REPLAYS, asked(api, DEAR))

    told = answer.json()
    assert answer.status_code == 200
    assert [(row["tool"], row["jobs"], row["unpaid"]) for row in told["tools"]] == [
        ("image_generation", 1, 1)
    ]
    (row,) = told["ran_out"]
    assert (row["required"], row["available"], row["packs"]) == (90, 50, None)


async def test_packs_that_would_pay_are_told_by_name(api: Api) -> None:
    await order(api)
    sold = DEAR.replace(
        "price_minor_per_1000 = { video", "price_minor_per_1000 = { image = 100, video"
    )

    told = (await api.post(REPLAYS, asked(api, sold))).json()

    price = {"amount": 70, "currency": "USD"}
    assert [row["packs"] for row in told["ran_out"]] == [
        {"pack": None, "number": 700, "price": price}
    ]


async def test_the_answer_is_that_of_the_command_line(api: Api) -> None:
    await order(api)
    body = asked(api, DEAR)
    starts_at, ends_at = (datetime.fromisoformat(body[name]) for name in ("starts_at", "ends_at"))

    told = (await api.post(REPLAYS, body)).json()

    async with own_connection(api.house) as connection:
        found = await replay(
            api.house.studio, connection=connection,
            draft=parse_catalog(text=DEAR, source="draft"), span=Span(starts_at, ends_at),
        )  # fmt: skip
    assert told == msgspec.json.decode(msgspec.json.encode(found))
    assert found.wallets == 1


async def test_an_unchanged_draft_lets_nobody_run_out(api: Api) -> None:
    await order(api)

    told = (await api.post(REPLAYS, asked(api, version="2025-01"))).json()

    assert (told["version"], told["ran_out"], told["wallets"]) == ("2025-01", [], 1)


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"draft": "plans ="}, "bad_catalog", 422),
        ({"version": "1999-01"}, "unknown_version", 422),
        ({"starts_at": "2025-01-01T00:00:00Z"}, "bad_replay_span", 422),
        ({"starts_at": "2999-01-01T00:00:00Z"}, "bad_replay_span", 422),
        ({"ends_at": "9999-01-01T00:00:00Z"}, "instant_out_of_reach", 400),
        ({"ends_at": "2999-01-01T00:00:00"}, "naive_instant", 400),
        ({"zone": "UTC"}, "malformed", 400),
    ],
)
async def test_what_cannot_be_replayed_is_refused_by_name(
    api: Api, *, change: dict[str, object], code: str, status: int
) -> None:
    answer = await api.post(REPLAYS, asked(api) | change)

    assert (answer.json()["code"], answer.status_code) == (code, status)


async def test_93_days_are_replayed_and_no_more(api: Api) -> None:
    ends_at = api.house.studio.clock.now()
    spans = [timedelta(days=93), timedelta(days=93, microseconds=1), timedelta(0)]

    answers = [
        await api.post(REPLAYS, {
            "draft": SHIPPED, "starts_at": (ends_at - span).isoformat(),
            "ends_at": ends_at.isoformat(),
        })
        for span in spans
    ]  # fmt: skip

    assert [answer.status_code for answer in answers] == [200, 422, 422]


async def test_one_rate_card_is_replayed_at_a_time(api: Api) -> None:
    await order(api)

    answers = await asyncio.gather(*(api.post(REPLAYS, asked(api)) for _ in range(4)))

    statuses = sorted(answer.status_code for answer in answers)
    busy = next(answer for answer in answers if answer.status_code == 429)
    assert statuses == [200, 429, 429, 429]
    assert (busy.json()["code"], busy.headers["Retry-After"]) == ("replay_under_way", "2")
    assert (await api.post(REPLAYS, asked(api))).status_code == 200


async def test_a_replay_that_takes_too_long_is_given_up(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await order(api)
    with monkeypatch.context() as patch:
        patch.setattr(replays, "TIMEOUT_S", 0)
        answer = await api.post(REPLAYS, asked(api))

    assert (answer.json()["code"], answer.status_code) == ("replay_too_long", 422)
    assert (await api.post(REPLAYS, asked(api))).status_code == 200


@pytest.mark.parametrize(("role", "status"), [(Role.SUPPORT, 403), (Role.FINANCE, 200)])
async def test_staff_replay_by_their_role(api: Api, role: Role, status: int) -> None:
    _, token = await token_of_new(api.house, "ada", role)
    api.client.headers["Authorization"] = f"Bearer {token}"

    assert (await api.post(REPLAYS, asked(api))).status_code == status
