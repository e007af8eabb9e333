"""What is special of DashScope: its headers, its two generations, its prices and its cancelling."""

import base64
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from PIL import Image

from mutoscope.app.ports import ErrorCode, ProviderError, RenderState
from mutoscope.providers.dashscope import DashScope, explain
from mutoscope.providers.pictures import Pictures
from mutoscope.providers.wire import Reply, Site
from mutoscope.simulators.dashscope import DashScopeSimulator
from provider_stage import PLAYS, Stage, http, serving, simulators, staged

CREATE = "/dashscope/api/v1/services/aigc/video-generation/video-synthesis"
HEADERS = {"Authorization": f"Bearer {DashScopeSimulator.key}", "X-DashScope-Async": "enable"}
OLDER, NEWER = (play for play in PLAYS if play.provider == "dashscope")


def spelled(size: tuple[int, int] = (640, 360), mode: str = "RGB") -> str:
    buffer = BytesIO()
    Image.new(mode, size).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


STILL = spelled()
FIRST = {"type": "first_frame", "url": STILL}


def order(**changes: object) -> dict[str, Any]:
    """Return a good order to the older generation, with changes by path."""
    words: dict[str, Any] = {"prompt": "A lamp.", "img_url": STILL}
    body: dict[str, Any] = {
        "model": "wan2.2-i2v-plus", "input": words, "parameters": {"resolution": "480P"},
    }  # fmt: skip
    for name, value in changes.items():
        part = words if name in {"prompt", "negative_prompt", "img_url", "media"} else body
        part = body["parameters"] if name in {"resolution", "duration", "seed"} else part
        part[name] = value
    return body


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        simulators() as address,
        httpx.AsyncClient(base_url=address, headers=HEADERS) as client,
    ):
        yield client


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with (
        simulators() as address,
        staged(play=NEWER, address=address, folder=tmp_path) as stage,
    ):
        yield stage


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"model": "wan1"}, 404, "ModelNotFound"),
        ({"model": None}, 404, "ModelNotFound"),
        ({"input": []}, 400, "InvalidURL"),
        ({"prompt": "A" * 801}, 400, "InvalidParameter"),
        ({"prompt": 5}, 400, "InvalidParameter"),
        ({"negative_prompt": "A" * 501}, 400, "InvalidParameter"),
        ({"resolution": "720P"}, 400, "InvalidParameter"),
        ({"duration": 10}, 400, "InvalidParameter"),
        ({"duration": "5"}, 400, "InvalidParameter"),
        ({"seed": 2**31}, 400, "InvalidParameter"),
        ({"seed": True}, 400, "InvalidParameter"),
        ({"img_url": None}, 400, "InvalidURL"),
        ({"img_url": "http://here/still.png"}, 400, "InvalidURL"),
        ({"img_url": "data:image/png;base64,?"}, 400, "InvalidURL"),
        ({"img_url": "data:image/png;base64,AAAA"}, 400, "InvalidURL"),
        ({"img_url": spelled((359, 360))}, 400, "InvalidParameter"),
        ({"img_url": spelled((2_001, 360))}, 400, "InvalidParameter"),
        ({"img_url": spelled(mode="RGBA")}, 400, "InvalidParameter"),
        ({"model": "wan2.7-i2v"}, 400, "InvalidParameter"),
        ({"model": "wan2.7-i2v", "resolution": "720P"}, 400, "InvalidURL"),
        ({"model": "wan2.7-i2v", "resolution": "720P", "media": [FIRST] * 2}, 400, "InvalidURL"),
        (
            {"model": "wan2.7-i2v", "resolution": "720P", "media": [{**FIRST, "type": "last"}]},
            400, "InvalidURL",
        ),
    ],
)  # fmt: skip
async def test_what_the_provider_would_refuse_is_refused(
    client: httpx.AsyncClient, changes: dict[str, object], status: int, code: str
) -> None:
    answer = await client.post(CREATE, json=order(**changes))

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_picture_that_lies_elsewhere_is_taken(client: httpx.AsyncClient) -> None:
    answer = await client.post(CREATE, json=order(img_url="https://example.com/still.png"))

    assert answer.json()["output"]["task_status"] == "PENDING"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"X-DashScope-Async": "no"}, 403, "AccessDenied"),
        ({"Authorization": "Bearer sk-other"}, 401, "InvalidApiKey"),
    ],
)
async def test_an_order_needs_the_key_and_the_header(
    client: httpx.AsyncClient, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await client.post(CREATE, json=order(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_each_generation_gets_its_still_where_it_wants_it(stage: Stage) -> None:
    older = {"model": "wan2.2-i2v-plus", "duration_s": 5, "parameters": {}}

    await stage.generator.submit(order=stage.order())
    await stage.generator.submit(order=stage.order(**older))

    newer, first = [each["body"] for each in await stage.told("requests")]
    assert newer["input"]["media"][0]["type"] == "first_frame"
    assert newer["input"]["negative_prompt"] == "fog"
    assert "negative_prompt" not in newer["parameters"]
    assert first["input"]["img_url"].startswith("data:image/png")
    assert first["parameters"] == {"resolution": "480P", "duration": 5, "seed": 7}


async def test_a_task_that_was_forgotten_is_lost(stage: Stage) -> None:
    order = stage.order()

    render = await stage.asked(order, "0e8a6b1e-8f7c-4b0e-9d0e-000000000000#wan2.7-i2v")

    assert (render.state, render.provider_state) == (RenderState.LOST, "UNKNOWN")


async def test_a_task_that_ended_otherwise_costs_nothing(stage: Stage) -> None:
    render = await stage.carried_out(stage.order("cancelled"))

    assert (render.state, render.cost_micros) == (RenderState.CANCELLED, 0)


async def test_a_clip_needs_a_frame_before_anything_is_sent(stage: Stage) -> None:
    site = Site(provider="dashscope", base_url="http://127.0.0.1:9")
    adapter = DashScope(site=site, key="k", random=Random(1))

    with pytest.raises(ProviderError) as caught:
        await adapter.create(order=stage.order(), pictures=Pictures())

    assert caught.value.code == ErrorCode.BAD_INPUT
    await adapter.wire.close()


def answered(task: str, usage: str = "null") -> bytes:
    return http(
        200, f'{{"output":{{"task_id":"t","task_status":{task}}},"usage":{usage}}}'.encode()
    )


@pytest.mark.parametrize(
    ("answer", "state", "micros"),
    [
        (answered('"SUSPENDED"'), RenderState.QUEUED, None),
        (answered('"SUCCEEDED"', '{"duration":4,"SR":1080}'), RenderState.SUCCEEDED, 600_000),
        (answered('"SUCCEEDED"', '{"duration":4,"SR":2160}'), RenderState.SUCCEEDED, None),
        (answered('"FAILED","code":"InvalidParameter.Data"'), RenderState.FAILED, 0),
        (answered('"FAILED","code":"Throttling"'), RenderState.FAILED, 0),
    ],
)
async def test_what_was_made_is_priced_by_its_seconds_and_resolution(
    answer: bytes, state: RenderState, micros: int | None
) -> None:
    async with serving(answer) as (address, _):
        site = Site(provider="dashscope", base_url=address)
        adapter = DashScope(site=site, key="k", random=Random(1))
        standing = await adapter.poll(provider_job_id="t#wan2.7-i2v")
        await adapter.wire.close()

    assert (standing.state, standing.cost_micros) == (state, micros)


async def test_nobody_can_tell_whether_a_broken_server_cancelled() -> None:
    async with serving(http(500)) as (address, _):
        site = Site(provider="dashscope", base_url=address)
        adapter = DashScope(site=site, key="k", random=Random(1))
        with pytest.raises(ProviderError) as caught:
            await adapter.cancel(provider_job_id="t#wan2.7-i2v")
        await adapter.wire.close()

    assert caught.value.code == ErrorCode.TRANSIENT


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"code":"Arrearage","message":"m"}', ErrorCode.INSUFFICIENT_FUNDS),
        (403, b'{"code":"AllocationQuota.FreeTierOnly"}', ErrorCode.INSUFFICIENT_FUNDS),
        (429, b'{"code":"insufficient_quota"}', ErrorCode.INSUFFICIENT_FUNDS),
        (429, b'{"code":"Throttling"}', ErrorCode.RATE_LIMITED),
        (403, b'{"code":"AccessDenied"}', ErrorCode.AUTH),
        (400, b'{"code":"InvalidParameter","message":"Model not exist."}', ErrorCode.RETIRED_MODEL),
        (400, b"<html>", ErrorCode.BAD_INPUT),
        (500, b'{"code":"InternalError"}', ErrorCode.TRANSIENT),
        (503, b'{"code":"Throttling"}', ErrorCode.TRANSIENT),
    ],
)
def test_every_code_has_its_meaning(status: int, body: bytes, code: ErrorCode) -> None:
    reply = Reply(
        provider="dashscope", status=status, headers=httpx.Headers(), content=body,
        doubt=ErrorCode.SUBMIT_UNKNOWN,
    )  # fmt: skip

    error = explain(reply)

    assert error is not None
    assert error.code == code
