"""What is Black Forest Labs' own: addresses of tasks on other hosts, and a cost told once."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from PIL import Image

from mutoscope.app.ports import ErrorCode, Order, ProviderError, RenderState
from mutoscope.providers.bfl import KEY_DOMAINS, Bfl, explain
from mutoscope.providers.wire import Reply, Site
from mutoscope.simulators.bfl import BflSimulator
from provider_stage import PLAYS, Stage, frame, http, serving, simulators, staged

(KONTEXT,) = (play for play in PLAYS if play.name == "flux kontext still")
KEY = {"x-key": BflSimulator.key}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with (
        simulators() as address,
        staged(play=KONTEXT, address=address, folder=tmp_path) as stage,
    ):
        yield stage


def edited(stage: Stage, fault: str = "ok", **more: Any) -> Order:  # noqa: ANN401
    """Return an edit of a frame."""
    wish = f"Make it night. [[sim:{fault}]]"
    return stage.order(source_path=frame(stage.folder), instruction=wish, **more)


def masked(folder: Path) -> Path:
    path = folder / "mask.png"
    Image.new("L", (640, 360), 255).save(path)
    return path


def adapter(base_url: str, *domains: str) -> Bfl:
    site = Site(provider="bfl", base_url=base_url, key_domains=domains, pause_s=0.01)
    return Bfl(site=site, key="secret", random=Random(1))


async def body_of(stage: Stage) -> dict[str, Any]:
    """Return the body of the one creation."""
    (body,) = [each["body"] for each in await stage.told("requests") if each["act"] == "create"]
    return dict(body)


async def test_a_frame_is_edited_by_words_with_references_beside_it(stage: Stage) -> None:
    order = edited(stage, reference_paths=(frame(stage.folder, (320, 320)),))

    render = await stage.carried_out(order)

    body = await body_of(stage)
    assert render.cost_micros == await stage.charged() == 40_000
    assert body["aspect_ratio"] == "16:9"
    assert [name for name in body if name.startswith("input")] == ["input_image", "input_image_2"]
    assert not body["input_image"].startswith("data:")


async def test_a_frame_is_edited_inside_a_mask(stage: Stage) -> None:
    order = edited(stage, model="flux-pro-1.0-fill", mask_path=masked(stage.folder))

    render = await stage.carried_out(order)

    (output,) = render.outputs
    assert (output.width, output.height) == (order.width, order.height)
    assert render.cost_micros == await stage.charged() == 50_000


async def test_an_edit_that_is_moderated_costs_nothing(stage: Stage) -> None:
    order = edited(
        stage, "moderated_output", model="flux-pro-1.0-fill", mask_path=masked(stage.folder)
    )

    render = await stage.carried_out(order)

    assert render.failure is not None
    assert (render.failure.code, render.failure.provider_code) == (
        ErrorCode.MODERATED, "Content Moderated",
    )  # fmt: skip
    assert render.cost_micros == await stage.charged() == 0


@pytest.mark.parametrize("model", ["flux-pro-1.0-fill", "flux-pro-1.1"])
async def test_a_model_that_cannot_edit_so_refuses_before_anything_is_sent(
    stage: Stage, model: str
) -> None:
    with pytest.raises(ProviderError) as caught:
        await stage.carried_out(edited(stage, model=model))

    assert caught.value.code == ErrorCode.BAD_INPUT
    assert await stage.creations() == 0


async def test_a_task_is_asked_about_at_its_own_address(stage: Stage) -> None:
    order = stage.order()
    submitted = await stage.generator.submit(order=order)

    address, _, micros = submitted.provider_job_id.partition("#")
    elsewhere = address.replace("&s=simulator", "")
    lost = await stage.generator._adapter.poll(provider_job_id=f"{elsewhere}#{micros}")

    assert (micros, submitted.cost_micros) == ("40000", 40_000)
    assert (lost.state, lost.cost_micros) == (RenderState.LOST, None)
    assert (await stage.carried_out(order)).state is RenderState.SUCCEEDED


def test_the_key_goes_to_its_own_hosts_alone() -> None:
    site = adapter("https://api.bfl.ai", *KEY_DOMAINS).wire.site
    own = "https://gateway.bfl.ai/v1/get_result?id=1"
    others = (
        "http://gateway.bfl.ai/v1/get_result", "https://gateway.bfl.ai:8443/v1/get_result",
        "https://bfl.ai.example.com/v1/get_result", "https://evilbfl.ai/v1/get_result",
    )  # fmt: skip

    assert site.is_own(httpx.URL(own))
    assert not [url for url in others if site.is_own(httpx.URL(url))]


async def test_an_address_that_is_not_its_own_is_never_asked() -> None:
    async with serving(http(200)) as (elsewhere, heard):
        bfl = adapter("https://api.bfl.ai", *KEY_DOMAINS)
        with pytest.raises(ProviderError) as caught:
            await bfl.poll(provider_job_id=f"{elsewhere}/v1/get_result?id=1#40000")
        await bfl.wire.close()

    assert caught.value.code == ErrorCode.PROVIDER_FAILED
    assert heard == []


@pytest.mark.parametrize(
    ("told", "micros"), [({"cost": 4.5}, 45_000), ({"cost": 0}, 0), ({}, 40_000)]
)
async def test_a_task_costs_what_its_answer_says_or_else_the_list_price(
    stage: Stage, told: dict[str, float], micros: int
) -> None:
    begun = json.dumps({"id": "1", "polling_url": "https://x.bfl.ai/1", **told}).encode()
    async with serving(http(200, begun)) as (address, _):
        stage.generator._adapter = adapter(address)
        submitted = await stage.generator.submit(order=stage.order())

    assert submitted.cost_micros == micros
    assert submitted.provider_job_id == f"https://x.bfl.ai/1#{micros}"


@pytest.mark.parametrize("result", [None, {}, {"sample": ""}])
async def test_a_task_that_is_ready_without_a_picture_is_no_success(
    stage: Stage, result: dict[str, str] | None
) -> None:
    ready = json.dumps({"status": "Ready", "result": result}).encode()
    async with serving(http(200, ready)) as (address, _):
        stage.generator._adapter = adapter(address)
        render = await stage.asked(stage.order(), f"{address}/v1/get_result?id=1#40000")

    assert render.state is RenderState.FAILED
    assert render.cost_micros == 40_000


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"detail": "No"}', "Black Forest Labs: No"),
        (b'{"detail": [{"loc": ["body", "seed"], "msg": "not a number"}]}',
         "Black Forest Labs: seed: not a number"),
        (b"<html>", "Black Forest Labs: status 422"),
    ],
)  # fmt: skip
def test_its_refusals_are_told_in_its_words(content: bytes, sentence: str) -> None:
    reply = Reply(
        provider="bfl", status=422, headers=httpx.Headers(), content=content,
        doubt=ErrorCode.SUBMIT_UNKNOWN,
    )  # fmt: skip

    assert str(explain(reply)) == sentence


def spelled(size: tuple[int, int] = (64, 64)) -> str:
    buffer = BytesIO()
    Image.new("RGB", size).save(buffer, "PNG")
    return b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(
    ("model", "body", "field"),
    [
        ("flux-kontext-pro", {"prompt": ""}, "prompt"),
        ("flux-kontext-pro", {"prompt": 7}, "prompt"),
        ("flux-kontext-pro", {"aspect_ratio": "3:1"}, "aspect_ratio"),
        ("flux-kontext-pro", {"aspect_ratio": "16/9"}, "aspect_ratio"),
        ("flux-kontext-pro", {"aspect_ratio": "16:0"}, "aspect_ratio"),
        ("flux-kontext-pro", {"seed": "1"}, "seed"),
        ("flux-kontext-pro", {"output_format": "webp"}, "output_format"),
        ("flux-kontext-pro", {"prompt_upsampling": "no"}, "prompt_upsampling"),
        ("flux-kontext-pro", {"safety_tolerance": 7}, "safety_tolerance"),
        ("flux-kontext-pro", {"input_image": spelled(), "safety_tolerance": 3}, "safety_tolerance"),
        ("flux-kontext-pro", {"input_image": "data:image/png;base64,"}, "input_image"),
        ("flux-kontext-pro", {"input_image_2": "AAAA"}, "input_image_2"),
        ("flux-pro-1.0-fill", {"image": spelled()}, "mask"),
        ("flux-pro-1.0-fill", {"image": spelled(), "mask": spelled((8, 8))}, "mask"),
        ("flux-pro-1.1", {"width": 1_000}, "width"),
        ("flux-pro-1.1", {"height": 1_472}, "height"),
        ("flux-pro-1.1", {"height": "768"}, "height"),
    ],
)
async def test_the_simulator_refuses_what_they_would(
    stage: Stage, model: str, body: dict[str, object], field: str
) -> None:
    async with httpx.AsyncClient(base_url=stage.address, headers=KEY) as client:
        answer = await client.post(f"/bfl/v1/{model}", json={"prompt": "A lamp.", **body})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]


async def test_the_simulator_knows_its_models_and_its_key(stage: Stage) -> None:
    async with httpx.AsyncClient(base_url=stage.address) as client:
        unknown = await client.post("/bfl/v1/flux-dev", json={"prompt": "x"}, headers=KEY)
        keyless = [
            await client.post("/bfl/v1/flux-pro-1.1", json={"prompt": "x"}),
            await client.get("/bfl/v1/get_result?id=1"),
            await client.get("/bfl/v1/credits"),
        ]

    assert unknown.status_code == 404
    assert [answer.status_code for answer in keyless] == [403, 403, 403]
