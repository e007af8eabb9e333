"""Alibaba's own client against the simulator, which must speak as DashScope does."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import dashscope
import httpx
import pytest
from dashscope import VideoSynthesis
from dashscope.api_entities.http_request import close_shared_sync_session

from mutoscope.simulators.dashscope import DashScopeSimulator
from provider_stage import frame, simulators

OLDER = "wan2.2-i2v-plus"
NEWER = "wan2.7-i2v"


@pytest.fixture
async def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[str]:
    """Give a still, while the client is turned to the simulator."""
    async with simulators() as address:
        monkeypatch.setattr(dashscope, "base_http_api_url", f"{address}/dashscope/api/v1")
        monkeypatch.setattr(dashscope, "api_key", DashScopeSimulator.key)
        content = base64.b64encode(frame(tmp_path).read_bytes()).decode()
        yield f"data:image/png;base64,{content}"
        close_shared_sync_session()


async def test_dashscope_s_client_makes_a_clip(still: str) -> None:
    done = await asyncio.to_thread(
        VideoSynthesis.call, model=OLDER, prompt="A lamp.", img_url=still, resolution="480P", seed=3
    )

    assert (done.status_code, done.output.task_status) == (200, "SUCCEEDED")
    assert (done.usage.video_count, done.usage["duration"], done.usage["SR"]) == (1, 5, 480)
    async with httpx.AsyncClient() as plain:
        clip = await plain.get(done.output.video_url)
    assert clip.content[4:8] == b"ftyp"


async def test_dashscope_s_client_makes_a_clip_of_the_newer_generation(still: str) -> None:
    begun = await asyncio.to_thread(
        VideoSynthesis.async_call,
        model=NEWER,
        prompt="A lamp.",
        media=[{"type": "first_frame", "url": still}],
        resolution="720P",
        duration=2,
    )

    assert (begun.status_code, begun.output.task_status) == (200, "PENDING")
    listed = await asyncio.to_thread(VideoSynthesis.list, status="PENDING")
    assert listed.output["total"] == 1


async def test_dashscope_s_client_reads_a_failure(still: str) -> None:
    done = await asyncio.to_thread(
        VideoSynthesis.call, model=OLDER, prompt="[[sim:moderated_output]]", img_url=still
    )

    assert done.output.task_status == "FAILED"
    assert done.output["code"] == "DataInspectionFailed"


async def test_dashscope_s_client_reads_a_refusal(still: str) -> None:
    refused = await asyncio.to_thread(
        VideoSynthesis.async_call, model=OLDER, prompt="A lamp.", img_url=still, duration=10
    )

    assert (refused.status_code, refused.code) == (400, "InvalidParameter")


async def test_dashscope_s_client_cancels_what_waits_and_nothing_else(still: str) -> None:
    begun = await asyncio.to_thread(
        VideoSynthesis.async_call, model=OLDER, prompt="A lamp.", img_url=still
    )

    first = await asyncio.to_thread(VideoSynthesis.cancel, begun)
    again = await asyncio.to_thread(VideoSynthesis.cancel, begun)

    assert (first.status_code, again.status_code) == (200, 400)
    fetched = await asyncio.to_thread(VideoSynthesis.fetch, begun)
    assert fetched.output.task_status == "CANCELED"
