"""Google's own client against the simulators, which must speak as Gemini and Vertex do."""

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO

import httpx
import pytest
from google import genai
from google.genai import _interactions_errors as interactions
from google.genai import errors, types
from google.oauth2 import service_account
from PIL import Image

from mutoscope.simulators.google import GoogleSimulator
from mutoscope.simulators.google_account import SCOPE, account
from provider_stage import simulators

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)
PIXEL = bytes.fromhex("89504e470d0a1a0a") + b"a pixel???"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with simulators() as address:
        yield address


@pytest.fixture
async def gemini(address: str) -> AsyncIterator[genai.Client]:
    options = types.HttpOptions(base_url=f"{address}/google", api_version="v1beta")
    client = genai.Client(api_key=GoogleSimulator.key, http_options=options)
    yield client
    await client.aio.aclose()
    client.close()


@pytest.fixture
async def veo(address: str) -> AsyncIterator[genai.Client]:
    file = json.loads(account(token_uri=f"{address}/vertex/token"))
    signed = service_account.Credentials.from_service_account_info(file, scopes=[SCOPE])
    options = types.HttpOptions(base_url=f"{address}/vertex")
    client = genai.Client(
        enterprise=True, project="studio", location="us-central1", credentials=signed,
        http_options=options,
    )  # fmt: skip
    yield client
    await client.aio.aclose()
    client.close()


async def drawn(gemini: genai.Client, prompt: str) -> types.GenerateContentResponse:
    return await gemini.aio.models.generate_content(
        model="gemini-3.1-flash-image",
        contents=[prompt, types.Part.from_bytes(data=PIXEL, mime_type="image/png")],
        config=types.GenerateContentConfig(
            response_modalities=["IMAGE"],
            image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K"),
        ),
    )


async def test_google_s_client_draws_a_picture(gemini: genai.Client) -> None:
    answer = await drawn(gemini, "A lamp.")

    (*_, last) = answer.parts or []
    assert last.inline_data is not None
    assert Image.open(BytesIO(last.inline_data.data or b"")).size == (1376, 768)
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count == 1120


async def test_google_s_client_reads_why_there_is_no_picture(gemini: genai.Client) -> None:
    blocked = await drawn(gemini, "[[sim:moderated_input]]")
    refused = await drawn(gemini, "[[sim:moderated_output]]")

    assert blocked.prompt_feedback is not None
    assert blocked.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT
    (candidate,) = refused.candidates or []
    assert candidate.finish_reason is types.FinishReason.IMAGE_SAFETY


async def test_google_s_client_reads_a_refusal(gemini: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as caught:
        await drawn(gemini, "[[sim:rate_limited]]")

    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")


async def test_google_s_client_makes_a_clip_of_omni(gemini: genai.Client) -> None:
    told = await gemini.aio.interactions.create(
        model="gemini-omni-1.1-flash", background=True, input="A lamp.",
        response_format={"type": "video", "duration": "3s", "delivery": "uri"},
    )  # fmt: skip

    while told.status not in ("completed", "failed"):
        told = await gemini.aio.interactions.get(told.id)

    assert told.output_video.uri
    assert told.usage.output_tokens_by_modality[0].tokens == 3 * 5792
    name = told.output_video.uri.split("/files/")[1].split(":")[0]
    states = [(await gemini.aio.files.get(name=f"files/{name}")).state for _ in range(2)]
    assert states == [types.FileState.PROCESSING, types.FileState.ACTIVE]
    async with httpx.AsyncClient(follow_redirects=True) as plain:
        key = {"x-goog-api-key": GoogleSimulator.key}
        clip = await plain.get(told.output_video.uri, headers=key)
    assert clip.content[4:8] == b"ftyp"


async def test_google_s_client_reads_a_refusal_of_omni(gemini: genai.Client) -> None:
    with pytest.raises(interactions.BadRequestError) as caught:
        await gemini.aio.interactions.create(
            model="gemini-omni-1.1-flash", background=True, input="A lamp.",
            response_format={"type": "video", "duration": "11s", "delivery": "uri"},
        )  # fmt: skip

    assert "duration" in str(caught.value)


async def test_google_s_client_cancels_a_clip_of_omni(gemini: genai.Client) -> None:
    told = await gemini.aio.interactions.create(
        model="gemini-omni-1.1-flash", background=True, input="A lamp.",
        response_format={"type": "video", "duration": "3s", "delivery": "uri"},
    )  # fmt: skip

    cancelled = await gemini.aio.interactions.cancel(told.id)

    assert cancelled.status == "cancelled"


async def test_google_s_client_signs_in_and_makes_a_clip_of_veo(veo: genai.Client) -> None:
    operation = await veo.aio.models.generate_videos(
        model="veo-3.1-lite-generate-001",
        source=types.GenerateVideosSource(
            prompt="A lamp.", image=types.Image(image_bytes=PIXEL, mime_type="image/png")
        ),
        config=types.GenerateVideosConfig(duration_seconds=4, aspect_ratio="16:9", seed=7),
    )

    while not operation.done:
        await asyncio.sleep(0)
        operation = await veo.aio.operations.get(operation)

    assert operation.response is not None
    (made,) = operation.response.generated_videos or []
    assert made.video is not None
    assert (made.video.video_bytes or b"")[4:8] == b"ftyp"


async def test_google_s_client_reads_that_a_clip_of_veo_was_filtered(veo: genai.Client) -> None:
    operation = await veo.aio.models.generate_videos(
        model="veo-3.1-lite-generate-001",
        source=types.GenerateVideosSource(prompt="[[sim:moderated_output]]"),
    )

    while not operation.done:
        operation = await veo.aio.operations.get(operation)

    assert operation.response is not None
    assert operation.response.rai_media_filtered_count == 1
