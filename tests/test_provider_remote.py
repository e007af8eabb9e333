"""The generator around an adapter: what it keeps on this machine, and what it refuses unasked."""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mutoscope.app.ports import ErrorCode, Output, ProviderError, RenderState
from mutoscope.providers.adapter import Adapter, Created, Delivery, Standing
from mutoscope.providers.download import Downloads
from mutoscope.providers.remote import RemoteGenerator
from mutoscope.providers.runway import Runway
from mutoscope.simulators import pictures
from provider_stage import PLAYS, Stage, frame, http, serving, simulators, staged

CLIP, STILL = PLAYS[:2]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with (
        simulators() as address,
        staged(play=CLIP, address=address, folder=tmp_path) as stage,
    ):
        yield stage


def restarted(
    stage: Stage, adapter: Adapter | None = None, downloads: Downloads | None = None
) -> RemoteGenerator:
    """Return a generator over the same folder, as after a crash."""
    first = stage.generator
    return RemoteGenerator(
        adapter=adapter or first._adapter, folder=first._folder,
        downloads=downloads or first._downloads,
    )  # fmt: skip


async def test_what_was_delivered_is_there_after_a_restart_and_gone_once_discarded(
    stage: Stage,
) -> None:
    order = stage.order()
    render = await stage.carried_out(order)
    requests = len(await stage.told("requests"))

    again = replace(stage, generator=restarted(stage))

    assert await again.carried_out(order) == render
    assert len(await stage.told("requests")) == requests
    await again.generator.discard(job_id=order.job_id)
    await again.generator.discard(job_id=order.job_id)
    assert [*(stage.folder / "jobs").iterdir()] == []


class Instant(Runway):
    """An adapter whose provider answers with the picture itself."""

    deliveries: tuple[Delivery, ...] = ()

    async def create(self, **_: object) -> Created:
        standing = Standing(
            state=RenderState.SUCCEEDED, deliveries=self.deliveries, cost_micros=40_000
        )
        return Created(provider_job_id="at-once", standing=standing)


def instant(
    stage: Stage, *deliveries: Delivery, downloads: Downloads | None = None
) -> RemoteGenerator:
    adapter = STILL.make(stage.generator._adapter.wire.site)
    assert isinstance(adapter, Runway)
    adapter.__class__ = Instant
    assert isinstance(adapter, Instant)
    adapter.deliveries = deliveries
    return restarted(stage, adapter, downloads)


async def test_a_picture_that_comes_at_once_is_found_after_a_restart(stage: Stage) -> None:
    order = replace(stage.order(), **STILL.order, duration_s=None, source_path=None)
    generator = instant(stage, Delivery(content=pictures.still(width=64, height=36)))

    submitted = await generator.submit(order=order)

    assert submitted.render is not None
    (output,) = submitted.render.outputs
    assert output == Output(path=output.path, media_type="image/png", width=64, height=36)
    assert await restarted(stage).find(job_id=order.job_id) == "at-once"
    assert await restarted(stage).submit(order=order) == submitted


@pytest.mark.parametrize("content", [b"", b"no picture", pictures.still(width=64, height=36)[:99]])
async def test_a_broken_picture_that_comes_at_once_is_no_success(
    stage: Stage, content: bytes
) -> None:
    order = replace(stage.order(), **STILL.order, duration_s=None, source_path=None)

    render = (await instant(stage, Delivery(content=content)).submit(order=order)).render

    assert render is not None
    assert (render.state, render.cost_micros) == (RenderState.FAILED, 40_000)


async def test_an_answer_without_a_picture_is_no_success(stage: Stage) -> None:
    order = replace(stage.order(), **STILL.order, duration_s=None, source_path=None)

    render = (await instant(stage).submit(order=order)).render

    assert render is not None
    assert render.state is RenderState.FAILED


@pytest.mark.parametrize(
    "change",
    [
        {"duration_s": 11}, {"prompt": "x" * 1_001}, {"prompt": "🎬" * 501}, {"images": 2},
        {"model": "gen9"}, {"source_path": None}, {"mask_path": Path("mask")},
        {"reference_paths": (Path("cat"),)},
    ],
    ids=str,
)  # fmt: skip
async def test_what_the_model_cannot_do_is_refused_before_anything_is_sent(
    stage: Stage, change: dict[str, object]
) -> None:
    order = replace(stage.order(), **change)  # type: ignore[arg-type]

    with pytest.raises(ProviderError) as caught:
        await stage.generator.submit(order=order)

    assert caught.value.code in (ErrorCode.BAD_INPUT, ErrorCode.RETIRED_MODEL)
    assert caught.value.permanent
    assert await stage.told("requests") == []


async def test_reference_pictures_travel_with_the_order(stage: Stage) -> None:
    paths = (frame(stage.folder, (320, 180)), frame(stage.folder, (180, 320)))
    order = replace(
        stage.order(), **STILL.order, duration_s=None, source_path=None, reference_paths=paths
    )

    await stage.generator.submit(order=order)

    (told,) = await stage.told("requests")
    assert [each["tag"] for each in told["body"]["referenceImages"]] == ["picture1", "picture2"]


async def test_a_model_s_capabilities_are_told(stage: Stage) -> None:
    assert 5 in stage.generator.capabilities(model="gen4_turbo").durations_s
    assert stage.generator.capabilities(model="gen4_image").references_max == 2


async def test_a_provider_that_never_calls_back_is_not_believed(stage: Stage) -> None:
    with pytest.raises(ProviderError):
        await stage.read({}, b"{}")


async def test_a_picture_at_once_that_does_not_come_through_is_left_to_a_poll(
    stage: Stage,
) -> None:
    order = replace(stage.order(), **STILL.order, duration_s=None, source_path=None)
    async with serving(http(503)) as (address, _):
        site = replace(stage.generator._adapter.wire.site, base_url=address)
        downloads = Downloads(site=site)
        generator = instant(stage, Delivery(url=f"{address}/x"), downloads=downloads)

        submitted = await generator.submit(order=order)

    await downloads.close()
    assert submitted.render is None
    assert await generator.find(job_id=order.job_id) == "at-once"


async def test_an_answer_reaches_the_caller_though_the_disk_is_full(stage: Stage) -> None:
    order = stage.order()
    (stage.folder / "jobs" / str(order.job_id) / f"submitted.json.part{os.getpid()}").mkdir(
        parents=True
    )

    submitted = await stage.generator.submit(order=order)

    assert submitted.provider_job_id
    assert await stage.generator.find(job_id=order.job_id) is None


async def test_a_clip_that_cannot_be_kept_may_be_fetched_again(stage: Stage) -> None:
    order = stage.order()
    in_the_way = stage.folder / "jobs" / str(order.job_id) / "1.mp4" / "full"
    in_the_way.mkdir(parents=True)

    with pytest.raises(ProviderError) as caught:
        await stage.carried_out(order)

    assert caught.value.code == ErrorCode.TRANSIENT
    shutil.rmtree(in_the_way.parent)
    assert (await stage.carried_out(order)).state is RenderState.SUCCEEDED
