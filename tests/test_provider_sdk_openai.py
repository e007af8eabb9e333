"""OpenAI's own client against the simulator, which must speak as OpenAI does."""

from base64 import b64decode
from collections.abc import AsyncIterator
from io import BytesIO

import openai
import pytest
from openai import AsyncOpenAI
from PIL import Image

from mutoscope.simulators.openai import OpenAISimulator
from provider_stage import simulators


def picture(mode: str = "RGB", size: tuple[int, int] = (256, 144)) -> tuple[str, bytes, str]:
    buffer = BytesIO()
    Image.new(mode, size).save(buffer, "PNG")
    return "picture.png", buffer.getvalue(), "image/png"


@pytest.fixture
async def client() -> AsyncIterator[AsyncOpenAI]:
    async with (
        simulators() as address,
        AsyncOpenAI(
            api_key=OpenAISimulator.key, base_url=f"{address}/openai/v1", max_retries=0
        ) as client,
    ):
        yield client


async def test_openai_s_client_makes_stills(client: AsyncOpenAI) -> None:
    made = await client.images.generate(
        model="gpt-image-2", prompt="A lamp.", size="1536x864", quality="low", n=2,
        output_format="jpeg", background="opaque", moderation="auto", safety_identifier="a1",
    )  # fmt: skip

    assert made.data is not None
    assert made.usage is not None
    assert [b64decode(each.b64_json or "")[:3] for each in made.data] == [b"\xff\xd8\xff"] * 2
    assert (made.usage.input_tokens_details.text_tokens, made.usage.output_tokens) == (2, 2 * 345)
    assert (made.size, made.quality, made.output_format) == ("1536x864", "low", "jpeg")


async def test_openai_s_client_edits_inside_a_mask(client: AsyncOpenAI) -> None:
    made = await client.images.edit(
        model="gpt-image-2", prompt="A lamp.", size="1536x864", quality="medium",
        image=[picture(), picture(size=(64, 64))], mask=picture("RGBA"),
    )  # fmt: skip

    assert made.data is not None
    assert made.usage is not None
    assert made.usage.input_tokens_details.image_tokens == 8 * 5 + 2 * 2
    assert len(made.data) == 1


async def test_openai_s_client_reads_refusals(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as moderated:
        await client.images.generate(model="gpt-image-2", prompt="[[sim:moderated_output]]")
    with pytest.raises(openai.RateLimitError) as broke:
        await client.images.generate(model="gpt-image-2", prompt="[[sim:insufficient_funds]]")
    with pytest.raises(openai.NotFoundError) as gone:
        await client.images.generate(model="gpt-image-2", prompt="[[sim:retired_model]]")
    with pytest.raises(openai.InternalServerError):
        await client.images.generate(model="gpt-image-2", prompt="[[sim:failed]]")

    codes = [caught.value.code for caught in (moderated, broke, gone)]
    assert codes == ["moderation_blocked", "insufficient_quota", "model_not_found"]


async def test_openai_s_client_lists_the_models(client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["gpt-image-2"]
