"""Runway's own client against the simulator, which must speak as Runway does."""

from collections.abc import AsyncIterator

import httpx
import pytest
import runwayml
from runwayml import AsyncRunwayML
from runwayml.lib import polling

from mutoscope.simulators.runway import RunwaySimulator
from provider_stage import simulators

PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncRunwayML]:
    monkeypatch.setattr(polling, "POLL_TIME", 0.01)
    monkeypatch.setattr(polling, "POLL_JITTER", 0)
    async with (
        simulators() as address,
        AsyncRunwayML(
            api_key=RunwaySimulator.key, base_url=f"{address}/runway", max_retries=0
        ) as client,
    ):
        yield client


async def test_runway_s_client_makes_a_clip(client: AsyncRunwayML) -> None:
    task = await client.image_to_video.create(
        model="gen4_turbo", prompt_image=PIXEL, prompt_text="A lamp.", ratio="960:960", duration=2
    )

    done = await task.wait_for_task_output(timeout=20)

    assert done.status == "SUCCEEDED"
    assert (task.estimated_cost.credits, done.cost.credits) == (10, 10)
    async with httpx.AsyncClient() as plain:
        clip = await plain.get(done.output[0])
    assert clip.headers["x-simulator"]
    assert clip.content[4:8] == b"ftyp"


async def test_runway_s_client_makes_a_still(client: AsyncRunwayML) -> None:
    task = await client.text_to_image.create(
        model="gen4_image",
        prompt_text="A lamp by @picture1.",
        ratio="1920:1080",
        reference_images=[{"uri": PIXEL, "tag": "picture1"}],
    )

    done = await task.wait_for_task_output(timeout=20)

    assert done.cost.credits == 8


async def test_runway_s_client_reads_a_failure(client: AsyncRunwayML) -> None:
    task = await client.image_to_video.create(
        model="gen4_turbo",
        prompt_image=[{"uri": PIXEL, "position": "first"}],
        prompt_text="[[sim:moderated_output]]",
        ratio="960:960",
        duration=5,
    )

    with pytest.raises(polling.TaskFailedError) as caught:
        await task.wait_for_task_output(timeout=20)

    assert caught.value.task_details.failure_code == "SAFETY.OUTPUT.VIDEO"


async def test_runway_s_client_cancels_and_reads_the_organization(client: AsyncRunwayML) -> None:
    task = await client.image_to_video.create(
        model="gen4_turbo", prompt_image=PIXEL, ratio="960:960", duration=2
    )

    await client.tasks.delete(task.id)

    assert (await client.tasks.retrieve(task.id)).status == "CANCELLED"
    assert (await client.organization.retrieve()).credit_balance == 100_000


async def test_runway_s_client_reads_a_refusal(client: AsyncRunwayML) -> None:
    with pytest.raises(runwayml.BadRequestError):
        await client.image_to_video.create(
            model="gen4_turbo",
            prompt_image=PIXEL,
            ratio="1:1",
            duration=2,  # type: ignore[arg-type]
        )
