"""What is PixVerse's own: traces, uploads, prices, errors with status 200, and hooks."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from mutoscope.app.ports import ErrorCode, Order, ProviderError, RenderState
from mutoscope.providers.pictures import Pictures, Still
from mutoscope.providers.pixverse import PixVerse
from mutoscope.providers.pixverse_answers import explain
from mutoscope.providers.wire import Reply, Site
from mutoscope.simulators.pixverse import PixVerseSimulator
from provider_stage import PLAYS, Stage, http, listening, simulators, staged

API = "/pixverse/openapi/v2"
(CLIP,) = (play for play in PLAYS if play.name == "pixverse clip")
STILL = Still(content=b"png", media_type="image/png", width=1280, height=720)
ORDER = Order(
    job_id=uuid4(), tool="pixverse_v4", prompt="A lamp.", seed=2**31 + 5, width=1280, height=720,
    duration_s=5, model="v4",
)  # fmt: skip
GOOD: dict[str, Any] = {"model": "v4", "prompt": "A lamp.", "duration": 5, "quality": "540p"}


@pytest.fixture(scope="session")
async def address() -> AsyncIterator[str]:
    async with simulators() as address:
        yield address


@pytest.fixture
async def stage(address: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(play=CLIP, address=address, folder=tmp_path) as stage:
        yield stage


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """Give a plain client of the simulator."""
    headers = {"API-KEY": PixVerseSimulator.key}
    async with httpx.AsyncClient(base_url=stage.address, headers=headers) as client:
        yield client


@asynccontextmanager
async def answered(*contents: object) -> AsyncIterator[PixVerse]:
    """Give an adapter whose requests get these answers in turn, once they came in whole."""
    left = [http(200, json.dumps(content).encode()) for content in contents]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = re.search(r"content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(left.pop(0))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        site = Site(provider="pixverse", base_url=base_url, pause_s=0.01)
        pixverse = PixVerse(site=site, key="key", new_id=uuid4, random=Random(1))
        yield pixverse
        await pixverse.wire.close()


def png(width: int, height: int, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (width, height)).save(buffer, kind)
    return buffer.getvalue()


def traced() -> dict[str, str]:
    return {"Ai-trace-id": str(uuid4())}


async def upload(client: httpx.AsyncClient, content: bytes, name: str = "image") -> Any:  # noqa: ANN401 -- JSON
    files = {name: ("a.png", content)}
    return (await client.post(f"{API}/image/upload", files=files, headers=traced())).json()


async def good(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return a good order of a still that was uploaded."""
    uploaded = await upload(client, png(320, 180))
    return {**GOOD, "img_id": uploaded["Resp"]["img_id"]}


async def test_every_request_has_a_trace_of_its_own(stage: Stage) -> None:
    await stage.carried_out(stage.order("http500_on_poll:2"))

    requests = await stage.told("requests")
    traces = [each["headers"]["ai-trace-id"] for each in requests]
    assert [each["act"] for each in requests[:2]] == ["other", "create"]
    assert len(set(traces)) == len(traces) > 6


async def test_a_trace_that_is_used_twice_leaves_a_clip_unfinished_for_ever(
    client: httpx.AsyncClient, stage: Stage
) -> None:
    headers, body = traced(), await good(client)
    for _ in range(2):
        answer = await client.post(f"{API}/video/img/generate", json=body, headers=headers)
    number = answer.json()["Resp"]["video_id"]

    for _ in range(6):
        told = await client.get(f"{API}/video/result/{number}", headers=traced())

    assert told.json()["Resp"]["status"] == 5
    assert await stage.charged() == 450_000  # for the first one alone


@pytest.mark.parametrize(
    ("parameters", "duration_s", "micros"),
    [
        ({"quality": "360p"}, 5, 450_000),
        ({"quality": "540p"}, 8, 900_000),
        ({"quality": "720p", "motion_mode": "fast"}, 5, 1_200_000),
        ({"quality": "1080p"}, 5, 1_200_000),
        ({}, 5, 600_000),
    ],
)
async def test_a_price_is_told_beforehand(
    stage: Stage, parameters: dict[str, str], duration_s: int, micros: int
) -> None:
    order = stage.order(parameters=parameters, duration_s=duration_s)

    submitted = await stage.generator.submit(order=order)

    assert submitted.cost_micros == micros == await stage.charged()


@pytest.mark.parametrize("code", [500041, 500069, 500100, 1])
async def test_an_upload_that_fails_has_begun_nothing(code: int) -> None:
    async with answered({"ErrCode": code, "ErrMsg": "upload failed"}) as pixverse:
        with pytest.raises(ProviderError) as caught:
            await pixverse.create(order=ORDER, pictures=Pictures(source=STILL))

    assert caught.value.code == ErrorCode.NOT_CREATED


@pytest.mark.parametrize(
    ("code", "meaning"),
    [(500054, "moderated"), (500031, "bad_input"), (10002, "auth"), (500090, "insufficient_funds")],
)
async def test_an_upload_that_is_refused_says_why(code: int, meaning: str) -> None:
    async with answered({"ErrCode": code, "ErrMsg": "no"}) as pixverse:
        with pytest.raises(ProviderError) as caught:
            await pixverse.create(order=ORDER, pictures=Pictures(source=STILL))

    assert (caught.value.code, caught.value.provider_code) == (meaning, str(code))


@pytest.mark.parametrize("name", ["img_id", "ImgID"])
async def test_a_picture_s_number_is_read_in_both_spellings(name: str) -> None:
    done = {"ErrCode": 0, "Resp": {"video_id": 318633193768896}}
    async with answered({"ErrCode": 0, "Resp": {name: 7}}, done) as pixverse:
        created = await pixverse.create(order=ORDER, pictures=Pictures(source=STILL))

    assert created.provider_job_id == "318633193768896"
    assert created.cost_micros is None


async def test_a_seed_fits_into_what_pixverse_takes(stage: Stage) -> None:
    await stage.generator.submit(order=stage.order(seed=2**31 + 5))

    (created,) = [each for each in await stage.told("requests") if each["act"] == "create"]
    assert created["body"]["seed"] == 5


@pytest.mark.parametrize("changes", [{"source_path": None}, {"duration_s": None}], ids=str)
async def test_a_clip_without_a_still_is_refused_before_anything_is_sent(
    stage: Stage, changes: dict[str, Any]
) -> None:
    order = replace(stage.order(), **changes)

    with pytest.raises(ProviderError, match="still") as caught:
        await stage.generator.submit(order=order)

    assert caught.value.code == ErrorCode.BAD_INPUT
    assert await stage.told("requests") == []


@pytest.mark.parametrize(
    ("status", "state", "code", "micros"),
    [
        (6, RenderState.FAILED, "output_lost", 600_000),
        (7, RenderState.FAILED, "moderated", 0),
        (8, RenderState.FAILED, "provider_failed", 0),
        (9, RenderState.RUNNING, None, None),
    ],
)
async def test_credits_of_moderated_and_failed_clips_come_back(
    status: int, state: RenderState, code: str | None, micros: int | None
) -> None:
    async with answered({"ErrCode": 0, "Resp": {"status": status, "credits": 60}}) as pixverse:
        standing = await pixverse.poll(provider_job_id="1")

    assert (standing.state, standing.cost_micros) == (state, micros)
    assert (standing.failure and standing.failure.code) == code
    assert standing.provider_state == str(status)


@pytest.mark.parametrize(("status", "count"), [(5, 0), (1, 1)])
async def test_an_address_counts_only_once_the_clip_is_done(status: int, count: int) -> None:
    clip = {"status": status, "url": "https://media.pixverse.ai/1.mp4"}
    async with answered({"ErrCode": 0, "Resp": clip}) as pixverse:
        standing = await pixverse.poll(provider_job_id="1")

    assert len(standing.deliveries) == count


async def test_credits_of_all_kinds_are_counted() -> None:
    told = {"account_id": 9, "credit_monthly": 200, "credit_package": 5, "credit_gift": 1}
    async with answered({"ErrCode": 0, "Resp": told}) as pixverse:
        funds = await pixverse.funds()

    assert (funds.micros, funds.sentence) == (2_060_000, "206 PixVerse credits")


@pytest.mark.parametrize(
    ("message", "doubt", "code"),
    [
        ("Invalid parameter: model", ErrorCode.SUBMIT_UNKNOWN, ErrorCode.RETIRED_MODEL),
        ("Invalid parameter: motion_mode", ErrorCode.SUBMIT_UNKNOWN, ErrorCode.BAD_INPUT),
        ("Invalid parameter: video_id", ErrorCode.TRANSIENT, ErrorCode.OUTPUT_LOST),
    ],
)
def test_one_code_means_what_it_was_asked(message: str, doubt: ErrorCode, code: ErrorCode) -> None:
    content = json.dumps({"ErrCode": 400017, "ErrMsg": message}).encode()
    error = explain(
        Reply(
            provider="pixverse", status=200, headers=httpx.Headers(), content=content, doubt=doubt
        )
    )  # fmt: skip

    assert error is not None
    assert error.code == code


async def hooked(client: httpx.AsyncClient, url: str) -> dict[str, object]:
    """Return the parameters of a route whose hook was set up on the web site."""
    answer = await client.post("/pixverse/platform/webhooks", json={"url": url}, headers=traced())
    return {"quality": "540p", "webhook_id": answer.json()["Resp"]["webhook_id"]}


@pytest.mark.parametrize(
    ("fault", "times"),
    [("ok", 1), ("duplicate_webhook", 2), ("webhook_before_create_response", 1), ("failed", 1)],
)
async def test_a_signed_call_back_names_the_clip(
    stage: Stage, client: httpx.AsyncClient, fault: str, times: int
) -> None:
    async with listening() as listener:
        order = stage.order(fault, parameters=await hooked(client, listener.url))
        submitted = await stage.generator.submit(order=order)
        await listener.until(times)

    assert {await stage.read(*heard) for heard in listener.heard} == {submitted.provider_job_id}


async def test_a_forged_call_back_is_refused(stage: Stage, client: httpx.AsyncClient) -> None:
    async with listening() as listener:
        parameters = await hooked(client, listener.url)
        await stage.generator.submit(
            order=stage.order("webhook_bad_signature", parameters=parameters)
        )
        await listener.until(1)

    with pytest.raises(ProviderError, match="not signed") as caught:
        await stage.read(*listener.heard[0])
    assert caught.value.code == ErrorCode.BAD_INPUT


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"img_id": "1"}, 400013), ({"img_id": 9_999}, 400032), ({"model": "v9"}, 400017),
        ({"prompt": ""}, 400011), ({"prompt": 3}, 400013), ({"prompt": "x" * 2_049}, 400018),
        ({"negative_prompt": "x" * 2_049}, 400019), ({"duration": "5"}, 400013),
        ({"duration": 6}, 400017), ({"quality": "4k"}, 400017), ({"quality": None}, 400017),
        ({"quality": "1080p", "duration": 8}, 400017),
        ({"quality": "1080p", "motion_mode": "fast"}, 400017),
        ({"motion_mode": "fast", "duration": 8}, 400017), ({"motion_mode": "slow"}, 400017),
        ({"motion_mode": "fast", "model": "v5"}, 400017), ({"seed": -1}, 400017),
        ({"seed": 2**31}, 400017), ({"seed": "1"}, 400017), ({"style": "noir"}, 400017),
        ({"camera_movement": "spin"}, 400017),
        ({"camera_movement": "zoom_in", "model": "v5"}, 400017),
        ({"webhook_id": 9_999}, 400017), ({"webhook_id": "1"}, 400017),
        ({"camera_movement": "zoom_in", "style": "anime", "motion_mode": "fast"}, 0),
    ],
    ids=str,
)  # fmt: skip
async def test_what_pixverse_would_refuse_is_refused(
    client: httpx.AsyncClient, changes: dict[str, object], code: int
) -> None:
    body = {**await good(client), **changes}

    answer = await client.post(f"{API}/video/img/generate", json=body, headers=traced())

    assert answer.json()["ErrCode"] == code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"x" * (20 * 1024 * 1024 + 1), 500030), (b"no picture", 500031),
        (png(9, 9, "GIF"), 500032), (png(10_001, 1), 500033), (png(9, 9, "WEBP"), 0),
    ],
    ids=["large", "broken", "gif", "wide", "webp"],
)  # fmt: skip
async def test_an_upload_is_looked_at(client: httpx.AsyncClient, content: bytes, code: int) -> None:
    assert (await upload(client, content))["ErrCode"] == code


async def test_a_form_without_a_picture_is_refused(client: httpx.AsyncClient) -> None:
    assert (await upload(client, png(9, 9), name="file"))["ErrCode"] == 400011


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"API-KEY": "another", "Ai-trace-id": str(uuid4())}, 10003),
        ({"Ai-trace-id": "seven"}, 400011),
        ({"Ai-trace-id": ""}, 400011),
    ],
)
async def test_key_and_trace_are_looked_at(
    client: httpx.AsyncClient, headers: dict[str, str], code: int
) -> None:
    answer = await client.get(f"{API}/account/balance", headers=headers)

    assert answer.json()["ErrCode"] == code


async def test_a_missing_key_and_an_unknown_clip_are_told(
    client: httpx.AsyncClient, stage: Stage
) -> None:
    async with httpx.AsyncClient(base_url=stage.address) as nobody:
        keyless = await nobody.get(f"{API}/account/balance", headers=traced())
    unknown = await client.get(f"{API}/video/result/7", headers=traced())

    assert (keyless.json()["ErrCode"], unknown.json()["ErrCode"]) == (10001, 400017)
