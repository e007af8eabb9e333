"""What is Gemini's own: pictures in the answer, tokens as prices, files in the works."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from mutoscope.app.ports import ErrorCode, Order, ProviderError, RenderState
from mutoscope.providers import google_clips, google_images
from mutoscope.providers.google import Google
from mutoscope.providers.google_errors import explain
from mutoscope.providers.google_models import MODELS, PRICES
from mutoscope.providers.pictures import Pictures
from mutoscope.providers.wire import Reply, Site
from mutoscope.simulators.google import GoogleSimulator
from provider_stage import PLAYS, Stage, frame, simulators, staged

STILL, CLIP = (
    next(play for play in PLAYS if play.name == name) for name in ("gemini still", "omni clip")
)
KEY = {"x-goog-api-key": GoogleSimulator.key}
PIXEL = {"mimeType": "image/png", "data": "iVBORw0KGgo="}
PART = {"type": "text", "text": "A lamp."}
IMAGE: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "A lamp."}]}],
    "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "16:9"}},
}
OMNI: dict[str, Any] = {
    "model": "gemini-omni-1.1-flash", "background": True, "input": [PART],
    "response_format": {"type": "video", "duration": "3s", "delivery": "uri"},
}  # fmt: skip
ASKED, MADE = ErrorCode.TRANSIENT, ErrorCode.SUBMIT_UNKNOWN


@pytest.fixture(scope="session")
async def address() -> AsyncIterator[str]:
    async with simulators() as address:
        yield address


@pytest.fixture
async def stills(address: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(play=STILL, address=address, folder=tmp_path) as stage:
        yield stage


@pytest.fixture
async def clips(address: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(play=CLIP, address=address, folder=tmp_path) as stage:
        yield stage


@pytest.fixture
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{address}/google/v1beta", headers=KEY) as client:
        yield client


def reply(body: object, status: int = 200, doubt: ErrorCode = MADE) -> Reply:
    content = json.dumps(body).encode()
    return Reply(
        provider="Google", status=status, headers=httpx.Headers(), content=content, doubt=doubt
    )


def ordered(**changes: Any) -> Order:  # noqa: ANN401 -- an order's own fields
    fields: dict[str, Any] = {
        "job_id": uuid4(), "tool": "any", "prompt": "A lamp.", "seed": 1, "width": 720,
        "height": 1280, "duration_s": 8, "model": "gemini-omni-1.1-flash", **changes,
    }  # fmt: skip
    return Order(**fields)


async def test_an_edit_sends_its_words_then_the_source_then_the_references(stills: Stage) -> None:
    source, reference = frame(stills.folder), frame(stills.folder, (320, 180))
    order = stills.order(
        source_path=source, instruction="Make it night.", reference_paths=(reference,),
        parameters={"imageSize": "2K"},
    )  # fmt: skip

    render = await stills.carried_out(order)

    assert (render.outputs[0].width, render.outputs[0].height) == (2720, 1536)
    assert render.cost_micros == await stills.charged()
    (sent,) = await stills.told("requests")
    words, *pictures = sent["body"]["contents"][0]["parts"]
    assert words["text"].startswith("Make it night.")
    assert [each["inlineData"]["mimeType"] for each in pictures] == ["image/png"] * 2
    assert sent["headers"]["x-goog-api-key"] == "(a key)"


async def test_an_answer_in_words_is_passed_on_and_charged_as_words(stills: Stage) -> None:
    render = await stills.carried_out(stills.order("failed"))

    assert render.failure is not None
    assert render.failure.sentence.endswith("but said: I can describe a lamp, but not draw one.")
    assert render.failure.provider_code == "NO_IMAGE"
    assert render.cost_micros == 2 + 129 * 3


async def test_a_still_cannot_be_asked_about_again(stills: Stage) -> None:
    order = stills.order()

    render = await stills.asked(order, "sim-1")

    assert render.state is RenderState.LOST
    assert not await stills.generator.cancel(provider_job_id="sim-1")
    assert await stills.told("requests") == []


def test_a_picture_without_a_name_is_kept_and_all_its_tokens_are_drawn() -> None:
    usage = {"promptTokenCount": 2, "candidatesTokenCount": 1000}
    part = {"inlineData": PIXEL}
    body = {"candidates": [{"content": {"parts": [part]}}], "usageMetadata": usage}

    created = google_images.created(reply(body), model="gemini-3.1-flash-image")

    assert created.provider_job_id == "unnamed"
    assert created.cost_micros == 1 + 60_000
    assert created.standing is not None
    assert created.standing.state is RenderState.SUCCEEDED


def test_an_empty_answer_is_a_failure_that_costs_nothing() -> None:
    created = google_images.created(reply({}), model="gemini-3.1-flash-image")

    assert created.standing is not None
    assert created.standing.failure is not None
    assert created.standing.failure.sentence == "Google drew nothing."
    assert created.cost_micros == 0


async def test_a_clip_whose_file_is_in_the_works_is_still_running(clips: Stage) -> None:
    order = clips.order()
    submitted = await clips.generator.submit(order=order)

    renders = [await clips.asked(order, submitted.provider_job_id) for _ in range(4)]

    assert [each.state for each in renders] == ["queued", "running", "running", "succeeded"]
    assert renders[2].provider_state == "completed, file in processing"
    assert [each.cost_micros for each in renders] == [None, None, None, CLIP.micros]


async def test_an_upright_clip_in_full_resolution_costs_its_tokens(clips: Stage) -> None:
    order = clips.order(width=720, height=1280, parameters={"resolution": "360p"})

    render = await clips.carried_out(order)

    assert (render.outputs[0].width, render.outputs[0].height) == (360, 640)
    assert render.cost_micros == await clips.charged()


def test_a_clip_without_a_still_is_made_from_words() -> None:
    body = google_clips.ordered(order=ordered(), pictures=Pictures())

    assert body["generation_config"] == {"video_config": {"task": "text_to_video"}}
    assert body["input"] == [{"type": "user_input", "content": [PART]}]
    told = body["response_format"]
    assert isinstance(told, dict)
    assert (told["aspect_ratio"], told["duration"]) == ("9:16", "8s")


SHOWN = {"type": "video", "data": "AAAA"}
COUNTED = {"output_tokens_by_modality": [{"modality": "video", "tokens": 5}]}
TOO_MUCH = {"code": "too_many_requests", "message": "Please retry in 23s."}
UNSAFE = {"code": "blocked", "message": "It was blocked for safety reasons."}
ENDS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"status": "completed"}, "moderated"),
    ({"status": "completed", "usage": COUNTED}, "provider_failed"),
    ({"status": "failed", "errors": [TOO_MUCH]}, "provider_failed"),
    ({"status": "failed", "errors": [UNSAFE]}, "moderated"),
    ({"status": "incomplete"}, "provider_failed"),
    ({"status": "budget_exceeded"}, "provider_failed"),
    ({"status": "requires_action"}, "provider_failed"),
)


@pytest.mark.parametrize(("told", "code"), ENDS)
def test_a_clip_that_was_not_made_says_why(told: dict[str, Any], code: str) -> None:
    interaction = msgspec.convert({"id": "v1_1", **told}, type=google_clips.Interaction)

    standing = google_clips.standing(interaction)

    assert standing.state is RenderState.FAILED
    assert standing.failure is not None
    assert standing.failure.code == code
    assert standing.cost_micros is None  # its model was not told, nor therefore its price


def test_a_clip_in_the_answer_is_delivered_as_it_is() -> None:
    steps = [{"type": "thought"}, {"type": "model_output", "content": [PART, SHOWN]}]
    told = {"id": "v1_1", "status": "completed", "steps": steps, "model": OMNI["model"]}

    standing = google_clips.standing(msgspec.convert(told, type=google_clips.Interaction))

    (delivery,) = standing.deliveries
    assert (delivery.content, delivery.url) == (b"\0\0\0", "")


def said(message: str, status: str = "", code: int | str = 0) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status}}


WAIT = {"error": {"message": "Quota exceeded; check billing.", "details": [{"retryDelay": "9.5s"}]}}
SAFETY = said("The prompt was blocked for safety reasons.")
MEANINGS = (
    (400, said("Invalid value."), MADE, ErrorCode.BAD_INPUT),
    (400, said("Invalid value for safety_settings."), MADE, ErrorCode.BAD_INPUT),
    (400, said("API key not valid. Pass a valid one."), ASKED, ErrorCode.AUTH),
    (400, SAFETY, MADE, ErrorCode.MODERATED),
    (400, said("No billing.", status="FAILED_PRECONDITION"), MADE, ErrorCode.INSUFFICIENT_FUNDS),
    (400, said("No.", code="failed_precondition"), MADE, ErrorCode.INSUFFICIENT_FUNDS),
    (400, said("Invalid interaction name"), ASKED, ErrorCode.OUTPUT_LOST),
    (400, said("Request contains an invalid argument."), ASKED, ErrorCode.TRANSIENT),
    (403, [said("Requires billing to be enabled.")], MADE, ErrorCode.INSUFFICIENT_FUNDS),
    (403, said("Permission denied."), MADE, ErrorCode.AUTH),
    (404, said("No such model."), MADE, ErrorCode.RETIRED_MODEL),
    (404, said("Gone."), ASKED, ErrorCode.OUTPUT_LOST),
    (429, said("Your prepayment credits are depleted."), MADE, ErrorCode.INSUFFICIENT_FUNDS),
    (429, WAIT, MADE, ErrorCode.RATE_LIMITED),
    (429, said("Quota exceeded."), MADE, ErrorCode.RATE_LIMITED),
    (503, said("The model is overloaded; billing is fine."), MADE, ErrorCode.TRANSIENT),
    (502, [], MADE, ErrorCode.TRANSIENT),
)  # fmt: skip


@pytest.mark.parametrize(("status", "body", "doubt", "code"), MEANINGS)
def test_an_error_means_one_thing(
    status: int, body: object, doubt: ErrorCode, code: ErrorCode
) -> None:
    error = explain(reply(body, status, doubt))

    assert error is not None
    assert error.code == code


def test_how_long_to_wait_is_read_from_the_error() -> None:
    error = explain(reply(WAIT, 429))

    assert error is not None
    assert error.retry_after_s == 9.5


async def test_the_key_is_proved_and_a_wrong_one_is_named(clips: Stage) -> None:
    site = Site(provider="Google", base_url=f"{clips.address}/google", pause_s=0.01)
    stranger = Google(site=site, key="AIza-other", random=Random(3))

    funds = await clips.generator.funds()

    assert funds.micros is None
    assert "takes the key" in funds.sentence
    with pytest.raises(ProviderError) as caught:
        await stranger.funds()
    assert caught.value.code == ErrorCode.AUTH
    await stranger.wire.close()


def test_every_model_has_its_prices() -> None:
    assert MODELS.keys() == PRICES.keys()


def turn(*parts: object) -> dict[str, Any]:
    return {"contents": [{"parts": list(parts)}]}


def drawn_as(**image: object) -> dict[str, Any]:
    config = {"responseModalities": ["IMAGE"], "imageConfig": image}
    return {"generationConfig": config}


@pytest.mark.parametrize(
    "changes",
    [
        {"contents": []}, {"contents": "A lamp."}, {"prompt": "A lamp."}, turn(),
        turn({"text": ""}), turn({"text": 7}),
        turn({"text": "A"}, {"inlineData": {**PIXEL, "mimeType": "image/bmp"}}),
        turn({"text": "A"}, {"inlineData": {**PIXEL, "data": "data:image/png;base64,AA"}}),
        turn(*[{"text": "A"}] * 16), {"generationConfig": {"responseModalities": ["TEXT"]}},
        {"contents": [{"role": "model", "parts": [{"text": "A"}]}]}, drawn_as(aspectRatio="7:5"),
        drawn_as(imageSize="1k"), drawn_as(size="1K"), {"generationConfig": "IMAGE"},
    ],
)  # fmt: skip
async def test_the_simulator_refuses_a_picture_as_strictly_as_google(
    client: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    path = "/models/gemini-3.1-flash-image:generateContent"

    good = await client.post(path, json=IMAGE)
    bad = await client.post(path, json={**IMAGE, **changes})

    assert (good.status_code, bad.status_code) == (200, 400)
    assert bad.json()["error"]["status"] == "INVALID_ARGUMENT"


def shaped(**changes: object) -> dict[str, Any]:
    return {"response_format": {**OMNI["response_format"], **changes}}


def tasked(name: str) -> dict[str, Any]:
    return {"generation_config": {"video_config": {"task": name}}}


@pytest.mark.parametrize(
    "changes",
    [
        {"background": False}, {"inputs": []}, {"input": []}, {"input": [{"type": "audio"}]},
        {"input": [{"type": "user_input", "content": []}]}, {"input": ""}, {"input": 7},
        {"input": [{"type": "user_input", "content": [PART]}, PART]}, shaped(duration=3),
        shaped(duration="2.5s"), shaped(duration="11s"), shaped(aspect_ratio="1:1"),
        shaped(resolution="480p"), shaped(delivery="inline"), shaped(type="image"),
        shaped(length="3s"), tasked("image_to_video"), tasked("film"),
    ],
)  # fmt: skip
async def test_the_simulator_refuses_a_clip_as_strictly_as_google(
    client: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    good = await client.post("/interactions", json=OMNI)
    bad = await client.post("/interactions", json={**OMNI, **changes})

    assert (good.status_code, bad.status_code) == (200, 400)
    assert bad.json()["error"]["code"] == "invalid_request"


async def test_the_simulator_knows_its_key_its_models_and_its_work(
    client: httpx.AsyncClient,
) -> None:
    del client.headers["x-goog-api-key"]
    keyless = await client.get("/models")
    client.headers.update(KEY)
    lamp = await client.post("/models/lamp:generateContent", json=IMAGE)
    omni = await client.post("/interactions", json={**OMNI, "model": "lamp"})
    work = await client.get("/interactions/v1_1")
    file = await client.get("/files/sim-1")

    codes = [each.status_code for each in (keyless, lamp, omni, work, file)]
    assert codes == [403, 404, 404, 400, 403]


async def test_the_simulator_gives_no_file_before_it_is_ready_and_cancels_no_end(
    client: httpx.AsyncClient,
) -> None:
    begun = (await client.post("/interactions", json=OMNI)).json()["id"]
    for _ in range(3):
        told = (await client.get(f"/interactions/{begun}")).json()

    early = await client.get(told["steps"][1]["content"][0]["uri"])
    late = await client.post(f"/interactions/{begun}/cancel")

    assert (early.status_code, late.status_code) == (400, 400)
    assert late.json()["error"]["code"] == "invalid_request"
