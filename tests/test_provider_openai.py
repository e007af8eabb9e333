"""What is OpenAI's own: answers that hold the picture, masks, tokens, and its codes."""

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
from mutoscope.providers.openai import OpenAI, explain
from mutoscope.providers.pictures import prepared
from mutoscope.providers.wire import Reply, Site
from mutoscope.simulators.exchange import Call
from mutoscope.simulators.openai import OpenAISimulator
from provider_stage import PLAYS, Stage, frame, http, listening, serving, simulators, staged

(STILL,) = (play for play in PLAYS if play.name == "openai still")
KEY = {"Authorization": f"Bearer {OpenAISimulator.key}"}
GOOD = {"model": "gpt-image-2", "prompt": "A lamp.", "size": "1536x864", "quality": "low"}

USED = b"""{"data": [], "usage": {
    "output_tokens": 2, "input_tokens_details": {"text_tokens": 1, "image_tokens": 0}}}"""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with (
        simulators() as address,
        staged(play=STILL, address=address, folder=tmp_path) as stage,
    ):
        yield stage


def masked(folder: Path, size: tuple[int, int] = (640, 360)) -> Path:
    """Return a mask whose left half may change."""
    path = folder / "mask.png"
    mask = Image.new("L", size)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    mask.save(path)
    return path


def edited(stage: Stage, **more: Any) -> Order:  # noqa: ANN401 -- what an order takes
    """Return an edit of a frame."""
    source = frame(stage.folder)
    return stage.order(source_path=source, instruction="Make it night.", **more)


def bill(text: int, sent: int, made: int) -> int:
    return 5 * text + 8 * sent + 30 * made


async def test_an_edit_is_charged_for_what_is_sent_and_made(stage: Stage) -> None:
    render = await stage.carried_out(edited(stage))

    words = "Make it night. Keep everything else of the picture as it is."
    assert render.state is RenderState.SUCCEEDED
    assert render.cost_micros == await stage.charged() == bill(len(words) // 4, 40 * 23, 929)


async def test_a_mask_travels_clear_where_the_edit_may_change(stage: Stage) -> None:
    order = edited(stage, mask_path=masked(stage.folder), history=("It rains.",))
    parts = await sent(order)

    with Image.open(BytesIO(dict(parts)["mask"])) as mask:
        seen = [mask.getchannel("A").getpixel((x, 10)) for x in (0, 1279)]
        size = mask.size

    assert [name for name, _ in parts[-2:]] == ["image[]", "mask"]
    assert (seen, size) == ([0, 255], (1280, 720))
    assert dict(parts)["prompt"].decode().endswith("Change only what is inside the mask.")
    assert (await stage.carried_out(order)).state is RenderState.SUCCEEDED


async def sent(order: Order) -> tuple[tuple[str, bytes], ...]:
    """Return the fields of what the adapter sends, as they travel."""
    async with listening() as listener:
        site = Site(provider="openai", base_url=listener.url)
        adapter = OpenAI(site=site, key="k", random=Random(1))
        with pytest.raises(ProviderError):  # the listener answers no JSON
            await adapter.create(order=order, pictures=prepared(order=order, bytes_max=10**7))
        await adapter.wire.close()
    headers, body = listener.heard[0]
    return Call(method="POST", path="", headers=headers, body=body).parts()


async def test_references_alone_travel_as_pictures_of_a_new_still(stage: Stage) -> None:
    folder = stage.folder
    references = (frame(folder), frame(folder, (320, 320)))

    render = await stage.carried_out(stage.order(images=2, reference_paths=references))

    assert len(render.outputs) == 2
    assert render.cost_micros == await stage.charged() == bill(5, 20 * 12 + 10 * 10, 2 * 929)


async def test_a_mask_without_its_frame_is_refused_before_anything_is_sent(stage: Stage) -> None:
    with pytest.raises(ProviderError) as caught:
        await stage.carried_out(stage.order(mask_path=masked(stage.folder)))

    assert caught.value.code == ErrorCode.BAD_INPUT
    assert await stage.creations() == 0


async def test_a_model_that_images_no_longer_know_is_retired(stage: Stage) -> None:
    with pytest.raises(ProviderError) as caught:
        await stage.carried_out(stage.order(parameters={"model": "gpt-image-1"}))

    assert caught.value.code == ErrorCode.RETIRED_MODEL


async def test_what_did_not_come_through_is_lost(stage: Stage) -> None:
    standing = await stage.generator._adapter.poll(provider_job_id="req_1")

    assert standing.state is RenderState.LOST
    assert standing.failure is not None
    assert standing.failure.code == ErrorCode.OUTPUT_LOST


@pytest.mark.parametrize(
    ("content", "cost"),
    [
        (b'{"data": null}', None),
        (USED, 65),
    ],
)  # fmt: skip
async def test_an_answer_without_a_picture_is_no_success(
    stage: Stage, content: bytes, cost: int | None
) -> None:
    async with serving(http(200, content)) as (address, _):
        site = Site(provider="openai", base_url=address)
        adapter = OpenAI(site=site, key="k", random=Random(1))
        stage.generator._adapter = adapter
        render = await stage.carried_out(stage.order())

    assert render.state is RenderState.FAILED
    assert render.cost_micros == cost


@pytest.mark.parametrize(
    ("status", "content", "code"),
    [
        (400, b'{"error": {"message": "no", "code": "billing_hard_limit_reached"}}',
         ErrorCode.INSUFFICIENT_FUNDS),
        (403, b'{"error": {"message": "organization must be verified"}}', ErrorCode.AUTH),
        (404, b"<html>", ErrorCode.RETIRED_MODEL),
        (502, b"<html>", ErrorCode.TRANSIENT),
        (500, b'{"error": {"message": "x", "code": "model_not_found"}}', ErrorCode.TRANSIENT),
    ],
)  # fmt: skip
def test_its_codes_are_understood(status: int, content: bytes, code: ErrorCode) -> None:
    reply = Reply(
        provider="openai", status=status, headers=httpx.Headers(), content=content,
        doubt=ErrorCode.SUBMIT_UNKNOWN,
    )  # fmt: skip

    error = explain(reply)

    assert error is not None
    assert error.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "gpt-image-1"}, {"prompt": ""}, {"prompt": 7}, {"prompt": "x" * 32_001},
        {"size": "1280:720"}, {"size": "1000x1000"}, {"size": "640x480"}, {"size": "3840x1024"},
        {"size": "4096x1376"}, {"size": "3840x3840"}, {"size": 7}, {"quality": "xhigh"},
        {"n": 0}, {"n": 11}, {"n": True}, {"output_format": "gif"}, {"moderation": "none"},
        {"response_format": "url"}, {"input_fidelity": "high"}, {"seed": 1},
    ],
    ids=lambda changes: str(changes)[:30],
)  # fmt: skip
async def test_the_simulator_refuses_what_openai_would(
    stage: Stage, changes: dict[str, object]
) -> None:
    async with httpx.AsyncClient(base_url=stage.address, headers=KEY) as client:
        answer = await client.post(
            "/openai/v1/images/generations", json={**GOOD, "n": 1, **changes}
        )

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == next(iter(changes))


def png(mode: str, size: tuple[int, int] = (64, 64)) -> bytes:
    buffer = BytesIO()
    Image.new(mode, size).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("files", "param"),
    [
        ([], "image"),
        ([("image[]", png("RGB"))] * 17, "image"),
        ([("image[]", b64encode(png("RGB")))], "image"),
        ([("image[]", png("RGB")), ("mask", png("RGB"))], "mask"),
        ([("image[]", png("RGB")), ("mask", png("RGBA", (32, 32)))], "mask"),
        ([("image[]", png("RGB")), ("mask", b"GIF89a")], "mask"),
    ],
)
async def test_the_simulator_refuses_pictures_that_openai_would(
    stage: Stage, files: list[tuple[str, bytes]], param: str
) -> None:
    async with httpx.AsyncClient(base_url=stage.address, headers=KEY) as client:
        answer = await client.post(
            "/openai/v1/images/edits", data=GOOD, files=[*files, ("n", (None, b"1"))]
        )

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


async def test_the_simulator_asks_for_its_key(stage: Stage) -> None:
    async with httpx.AsyncClient(base_url=stage.address) as client:
        answers = [
            await client.post("/openai/v1/images/generations", json=GOOD),
            await client.get("/openai/v1/models"),
        ]

    assert [answer.status_code for answer in answers] == [401, 401]
