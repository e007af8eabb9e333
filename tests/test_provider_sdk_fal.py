"""fal's own client against the simulator, which must speak as fal does."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import fal_client
import httpx
import pytest
from fal_client import AsyncClient
from fal_client import client as sdk

from mutoscope.simulators.fal import FalSimulator
from provider_stage import frame, simulators

KLING = "fal-ai/kling-video/v2.1/pro/image-to-video"
SOON_S = 0.01


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncClient]:
    async with simulators() as address:
        monkeypatch.setattr(sdk, "QUEUE_URL_FORMAT", f"{address}/fal/")
        client = AsyncClient(key=FalSimulator.key)
        yield client
        await (await client._client).aclose()  # it has no way of its own to close


@pytest.fixture
def still(tmp_path: Path) -> str:
    content = base64.b64encode(frame(tmp_path).read_bytes()).decode()
    return f"data:image/png;base64,{content}"


async def test_fal_s_client_makes_a_clip(client: AsyncClient, still: str) -> None:
    taken = await client.submit("fal-ai/wan-i2v", {"prompt": "A lamp.", "image_url": still})

    seen = [type(event) async for event in taken.iter_events(interval=SOON_S)]
    result = await taken.get(interval=SOON_S)

    assert seen == [fal_client.Queued, fal_client.InProgress, fal_client.Completed]
    async with httpx.AsyncClient() as plain:
        clip = await plain.get(result["video"]["url"])
    assert clip.content[4:8] == b"ftyp"


async def test_fal_s_client_makes_stills(client: AsyncClient, still: str) -> None:
    arguments = {"prompt": "At night.", "image_urls": [still], "num_images": 2}

    taken = await client.submit("fal-ai/nano-banana-2/edit", arguments)

    assert len((await taken.get(interval=SOON_S))["images"]) == 2


async def test_fal_s_client_builds_the_addresses_that_are_given_back(
    client: AsyncClient, still: str
) -> None:
    taken = await client.submit(KLING, {"prompt": "A lamp.", "image_url": still})

    built = await client.get_handle(KLING, taken.request_id)

    assert built.status_url == taken.status_url
    assert built.cancel_url == taken.cancel_url


async def test_fal_s_client_reads_a_failure(client: AsyncClient, still: str) -> None:
    arguments = {"prompt": "[[sim:moderated_output]]", "image_url": still}
    taken = await client.submit(KLING, arguments)

    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        await taken.get(interval=SOON_S)

    assert (caught.value.status_code, caught.value.error_type) == (422, "content_policy_violation")


async def test_fal_s_client_cancels(client: AsyncClient, still: str) -> None:
    taken = await client.submit(KLING, {"prompt": "A lamp.", "image_url": still})

    await taken.cancel()

    status = await taken.status()
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "client_cancelled"


async def test_fal_s_client_reads_a_refusal(client: AsyncClient, still: str) -> None:
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        await client.submit(KLING, {"prompt": "A lamp.", "image_url": still, "duration": 5})

    assert caught.value.status_code == 422
