"""What is special of fal: addresses that are given back, apps as data, units, and its errors."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from mutoscope.app.ports import ErrorCode, Funds, ProviderError, RenderState
from mutoscope.providers.fal import APPS, Fal
from mutoscope.providers.fal_errors import explain
from mutoscope.providers.pictures import Pictures
from mutoscope.providers.wire import Reply, Site
from mutoscope.simulators.fal import FalSimulator
from provider_stage import PLAYS, Stage, frame, http, serving, simulators, staged

KLING = "fal-ai/kling-video/v2.1/standard/image-to-video"
PRO = "fal-ai/kling-video/v2.1/pro/image-to-video"
PIXVERSE = "fal-ai/pixverse/v4/image-to-video"
WAN = "fal-ai/wan-i2v"
VEO = "fal-ai/veo3.1/image-to-video"
NANO = "fal-ai/nano-banana-2"
GPT = "openai/gpt-image-2"
STILL = "https://example.com/still.png"
HEADERS = {"Authorization": f"Key {FalSimulator.key}"}
PLAY = next(play for play in PLAYS if play.provider == "fal")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        simulators() as address,
        httpx.AsyncClient(base_url=f"{address}/fal/", headers=HEADERS) as client,
    ):
        yield client


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with (
        simulators() as address,
        staged(play=PLAY, address=address, folder=tmp_path) as stage,
    ):
        yield stage


MOVING = {"prompt": "A lamp.", "image_url": STILL}
CHANGING = {"prompt": "A lamp.", "image_urls": [STILL]}


@pytest.mark.parametrize(
    ("app", "arguments"),
    [
        (KLING, {"prompt": "A lamp."}),
        (KLING, {"image_url": STILL}),
        (KLING, {**MOVING, "duration": 5}),
        (KLING, {**MOVING, "duration": "7"}),
        (KLING, {**MOVING, "seed": 7}),
        (KLING, {**MOVING, "tail_image_url": STILL}),
        (KLING, {**MOVING, "cfg_scale": 2}),
        (KLING, {**MOVING, "prompt": "A" * 5_001}),
        (KLING, {**MOVING, "image_url": "data:image/png;base64,AAAA"}),
        (KLING, {**MOVING, "image_url": 7}),
        (PIXVERSE, {**MOVING, "resolution": "4k"}),
        (PIXVERSE, {**MOVING, "style": "noir"}),
        (PIXVERSE, {**MOVING, "resolution": "1080p", "duration": "8"}),
        (WAN, {**MOVING, "num_frames": 80}),
        (WAN, {**MOVING, "num_frames": True}),
        (WAN, {**MOVING, "enable_safety_checker": "yes"}),
        (VEO, {**MOVING, "duration": "5s"}),
        (VEO, {**MOVING, "aspect_ratio": "1:1"}),
        (f"{NANO}/edit", {"prompt": "A lamp."}),
        (f"{NANO}/edit", {**CHANGING, "image_urls": []}),
        (NANO, {"prompt": "A lamp.", "num_images": 5}),
        (GPT, {"prompt": "A lamp.", "image_size": {"width": 1_000, "height": 720}}),
        (GPT, {"prompt": "A lamp.", "image_size": "huge"}),
        (GPT, {"prompt": "A lamp.", "mask_url": STILL}),
    ],
)
async def test_what_an_app_would_refuse_is_refused(
    client: httpx.AsyncClient, app: str, arguments: dict[str, object]
) -> None:
    answer = await client.post(app, json=arguments)

    assert (answer.status_code, answer.headers["x-fal-error-type"]) == (422, "value_error")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "fal-ai/nobody", 404),
        ("GET", "fal-ai/kling-video/requests/7/status", 404),
        ("GET", "fal-ai/pixverse/requests/{id}/status", 404),
        ("GET", "fal-ai/kling-video/requests/{id}", 400),
        ("PUT", "fal-ai/kling-video/requests/{id}/cancel", 202),
    ],
)
async def test_a_request_is_known_at_its_own_address_alone(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    taken = (await client.post(KLING, json=MOVING)).json()

    answer = await client.request(method, path.format(id=taken["request_id"]), json=MOVING)

    assert answer.status_code == status


async def test_what_is_over_cannot_be_cancelled(client: httpx.AsyncClient) -> None:
    taken = (await client.post(NANO, json={"prompt": "A lamp."})).json()
    for _ in range(3):
        await client.get(taken["status_url"])

    answer = await client.put(taken["cancel_url"])

    assert (answer.status_code, answer.json()) == (400, {"status": "ALREADY_COMPLETED"})


async def test_a_failure_is_told_with_its_type_and_without_units(
    client: httpx.AsyncClient,
) -> None:
    taken = (await client.post(NANO, json={"prompt": "[[sim:failed]]"})).json()
    statuses = [(await client.get(taken["status_url"])).json() for _ in range(3)]

    answer = await client.get(taken["response_url"])

    assert statuses[-1]["error_type"] == answer.headers["x-fal-error-type"]
    assert (answer.status_code, "x-fal-billable-units" in answer.headers) == (500, False)


async def test_what_runs_is_asked_to_stop_and_goes_on(client: httpx.AsyncClient) -> None:
    taken = (await client.post(NANO, json={"prompt": "A lamp."})).json()
    await client.get(taken["status_url"])
    await client.get(taken["status_url"])

    answer = await client.put(taken["cancel_url"])

    assert (answer.status_code, answer.json()["status"]) == (202, "CANCELLATION_REQUESTED")
    assert "error" not in (await client.get(taken["status_url"])).json()


async def test_a_balance_is_told_to_who_asks_for_it(client: httpx.AsyncClient) -> None:
    plain = (await client.get("v1/account/billing")).json()
    whole = (await client.get("v1/account/billing?expand=credits")).json()

    assert (plain, whole["credits"]["current_balance"]) == ({"username": "simulator"}, 1_000)


@pytest.mark.parametrize("scheme", ["Bearer", "key"])
async def test_the_key_has_a_scheme_of_its_own(client: httpx.AsyncClient, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {FalSimulator.key}"}

    answers = [
        await client.post(KLING, json=MOVING, headers=headers),
        await client.get("v1/account/billing", headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [401, 401]


ORDERS: tuple[tuple[dict[str, Any], int, dict[str, object]], ...] = (
    ({"model": KLING, "duration_s": 10}, 560_000, {"duration": "10"}),
    ({"model": PRO, "duration_s": 5}, 490_000, {"duration": "5"}),
    ({"model": PIXVERSE, "duration_s": 8}, 400_000, {"duration": "8", "resolution": "720p"}),
    (
        {"model": PIXVERSE, "duration_s": 5, "parameters": {"resolution": "1080p"}},
        400_000, {"resolution": "1080p", "seed": 7},
    ),
    ({"model": WAN, "duration_s": 5}, 400_000, {"num_frames": 81, "frames_per_second": 16}),
    (
        {"model": WAN, "duration_s": 5, "parameters": {"num_frames": 97, "resolution": "480p"}},
        250_000, {"num_frames": 97},
    ),
    ({"model": VEO, "duration_s": 8}, 3_200_000, {"duration": "8s", "aspect_ratio": "16:9"}),
    (
        {"model": VEO, "duration_s": 4, "parameters": {"generate_audio": False}},
        800_000, {"generate_audio": False},
    ),
    (
        {"model": VEO, "duration_s": 4, "parameters": {"resolution": "4k"}},
        2_400_000, {"resolution": "4k"},
    ),
    ({"model": NANO, "images": 2}, 160_000, {"num_images": 2, "aspect_ratio": "16:9"}),
    ({"model": NANO, "parameters": {"resolution": "0.5K"}}, 60_000, {"resolution": "0.5K"}),
)  # fmt: skip


@pytest.mark.parametrize(("changes", "micros", "spelled"), ORDERS)
async def test_every_app_is_asked_in_its_own_words_at_its_own_price(
    stage: Stage, changes: dict[str, Any], micros: int, spelled: dict[str, object]
) -> None:
    plain: dict[str, Any] = {"duration_s": None, "width": 640, "height": 360, **changes}

    submitted = await stage.generator.submit(order=stage.order(**plain))

    (request,) = await stage.told("requests")
    assert {name: request["body"][name] for name in spelled} == spelled
    assert submitted.cost_micros == micros == await stage.charged()
    root = "/".join(changes["model"].split("/")[:2])
    request_id, _, note = submitted.provider_job_id.partition("#")
    assert note == f"{micros}:/{root}/requests/{request_id}"


async def test_an_app_s_frames_make_a_clip_a_little_longer_than_ordered(stage: Stage) -> None:
    changes = {"model": WAN, "parameters": {"resolution": "480p"}}

    render = await stage.carried_out(stage.order(**changes))

    assert render.outputs[0].duration_s == pytest.approx(81 / 16, abs=0.05)
    assert render.cost_micros == 200_000 == await stage.charged()


@pytest.mark.parametrize(
    ("model", "fields", "listed"),
    [
        (f"{NANO}/edit", {"aspect_ratio", "seed"}, 80_000),
        (f"{GPT}/edit", {"image_size", "quality"}, 53_000),
        (f"{GPT}/edit", {"mask_url"}, 53_000),
    ],
)
async def test_an_edit_sends_its_frame_its_references_and_its_mask(
    stage: Stage, model: str, fields: set[str], listed: int
) -> None:
    still = frame(stage.folder)
    changes = {"model": model, "duration_s": None, "width": 640, "height": 360}
    order = replace(
        stage.order(**changes), source_path=still, reference_paths=(still,),
        instruction="Make it night.", mask_path=still if "mask_url" in fields else None,
    )  # fmt: skip

    submitted = await stage.generator.submit(order=order)

    (request,) = await stage.told("requests")
    assert len(request["body"]["image_urls"]) == 2
    assert fields <= set(request["body"])
    assert submitted.cost_micros == listed


@pytest.mark.parametrize("model", [KLING, f"{NANO}/edit"])
async def test_what_starts_from_a_frame_needs_one(stage: Stage, model: str) -> None:
    with pytest.raises(ProviderError) as caught:
        APPS[model].arguments(stage.order(model=model), Pictures())

    assert caught.value.code == ErrorCode.BAD_INPUT


@pytest.mark.parametrize("parameters", [{"duration": "long"}, {"resolution": "9p"}])
async def test_a_route_that_the_list_has_no_price_for_is_not_sent(
    stage: Stage, parameters: dict[str, str]
) -> None:
    model = PIXVERSE if "resolution" in parameters else KLING

    with pytest.raises(ProviderError) as caught:
        await stage.generator.submit(order=stage.order(model=model, parameters=parameters))

    assert caught.value.code == ErrorCode.BAD_INPUT
    assert await stage.creations() == 0


async def test_a_request_that_was_cancelled_there_has_ended(stage: Stage) -> None:
    render = await stage.carried_out(stage.order("cancelled"))

    assert (render.state, render.cost_micros) == (RenderState.CANCELLED, 0)


DONE = http(200, b'{"status":"COMPLETED"}')
UNITS = b"x-fal-billable-units: "
MADE = b'{"images":[{"url":"https://v3.fal.media/files/1.png"}]}'
LOADING = b'{"detail":[{"loc":["body"],"msg":"no image","type":"image_load_error"}]}'


@pytest.mark.parametrize(
    ("root", "result", "state", "micros"),
    [
        (GPT, http(200, MADE, UNITS + b"0.0512\r\n"), RenderState.SUCCEEDED, 51_200),
        (GPT, http(200, MADE), RenderState.SUCCEEDED, 40_000),
        (GPT, http(200, MADE, UNITS + b"some\r\n"), RenderState.SUCCEEDED, 40_000),
        (NANO, http(200, MADE, UNITS + b"2\r\n"), RenderState.SUCCEEDED, 40_000),
        (NANO, http(422, LOADING), RenderState.FAILED, 0),
        (NANO, http(422, LOADING, UNITS + b"1\r\n"), RenderState.FAILED, 40_000),
    ],
)
async def test_the_cost_is_what_was_billed_and_else_the_list_s(
    root: str, result: bytes, state: RenderState, micros: int
) -> None:
    async with serving(DONE, result) as (address, _):
        adapter = Fal(site=Site(provider="fal", base_url=address), key="k", random=Random(1))
        standing = await adapter.poll(provider_job_id=f"r#40000:/{root}/requests/r")
        await adapter.wire.close()

    assert (standing.state, standing.cost_micros) == (state, micros)


async def told_of_funds(answer: bytes) -> Funds:
    """Return what an adapter tells whose question for the balance is answered so."""
    async with serving(answer) as (address, _):
        site = Site(provider="fal", base_url=address)
        adapter = Fal(site=site, key="k", random=Random(1), api_url=address)
        try:
            return await adapter.funds()
        finally:
            await adapter.wire.close()


async def test_a_key_that_may_not_read_the_balance_is_still_good() -> None:
    funds = await told_of_funds(http(403, b'{"detail":"Admin API key required."}'))

    assert funds.micros is None
    assert "takes the key" in funds.sentence


async def test_a_key_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ProviderError) as caught:
        await told_of_funds(http(401, b'{"detail":"No such key."}'))

    assert caught.value.code == ErrorCode.AUTH


async def test_an_address_elsewhere_is_not_asked_with_the_key() -> None:
    adapter = Fal(
        site=Site(provider="fal", base_url="http://127.0.0.1:9"), key="k", random=Random(1)
    )

    with pytest.raises(ProviderError, match="not its own"):
        await adapter.poll(provider_job_id="r#1:https://example.com/fal-ai/wan-i2v/requests/r")

    await adapter.wire.close()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, b'{"detail":"User is locked."}', ErrorCode.INSUFFICIENT_FUNDS),
        (403, b'{"detail":"Exhausted balance."}', ErrorCode.INSUFFICIENT_FUNDS),
        (403, b'{"detail":"Not allowed."}', ErrorCode.AUTH),
        (422, b'{"detail":[{"msg":"m","type":"content_policy_violation"}]}', ErrorCode.MODERATED),
        (422, b'{"detail":[]}', ErrorCode.BAD_INPUT),
        (400, b"<html>", ErrorCode.BAD_INPUT),
        (429, b'{"detail":"Slow down."}', ErrorCode.RATE_LIMITED),
        (504, b'{"detail":"Gateway"}', ErrorCode.TRANSIENT),
    ],
)
def test_every_refusal_has_its_meaning(status: int, body: bytes, code: ErrorCode) -> None:
    reply = Reply(
        provider="fal", status=status, headers=httpx.Headers(), content=body,
        doubt=ErrorCode.SUBMIT_UNKNOWN,
    )  # fmt: skip

    error = explain(reply)

    assert error is not None
    assert error.code == code
