"""The built-in engine as a generator: orders become measured files, whatever happens meanwhile."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid5

import pytest

from local_orders import JOBS, ordered, rendered, upload
from mutoscope.app.ports import Generator, ProviderError, Render, RenderState
from mutoscope.providers.local import scratch
from mutoscope.providers.local.engine import AnimaticEngine
from mutoscope.providers.local.scratch import STARTS_MAX

TURNS_MAX = 3_000  # of 20 ms: a busy machine may need some
WAITING = {RenderState.QUEUED, RenderState.RUNNING}


async def ended(engine: Generator, job: str) -> Render:
    for _ in range(TURNS_MAX):
        render = await engine.poll(provider_job_id=job)
        if render.state not in WAITING:
            return render
        await asyncio.sleep(0.02)
    raise AssertionError(f"{job} still waits")


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(TURNS_MAX):
        if is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("what was waited for never came")


def child_of(folder: Path) -> int:
    """Find the render process of a job by its command line."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text()
        except OSError:
            continue
        if "mutoscope.providers.local.render" in command and str(folder) in command:
            return int(process.name)
    return 0


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AnimaticEngine]:
    made = AnimaticEngine(folder=tmp_path / "scratch", renders_max=2)
    yield made
    await made.close()


async def test_an_order_becomes_as_many_stills_as_asked(engine: AnimaticEngine) -> None:
    job = (await engine.submit(order=ordered("frames", images=2))).provider_job_id

    render = await ended(engine, job)

    assert (render.state, render.progress) == (RenderState.SUCCEEDED, 1.0)
    assert [(one.media_type, one.width, one.height) for one in render.outputs] == [
        ("image/png", 96, 54)
    ] * 2
    assert len({one.path.read_bytes() for one in render.outputs}) == 2


async def test_a_repeated_order_begins_nothing_and_another_is_refused(
    engine: AnimaticEngine, tmp_path: Path
) -> None:
    order = ordered("repeat")
    job = (await engine.submit(order=order)).provider_job_id
    await ended(engine, job)

    assert (await engine.submit(order=order)).provider_job_id == job
    with pytest.raises(ProviderError, match="another order") as refused:
        await engine.submit(order=replace(order, seed=8))

    assert (refused.value.code, refused.value.permanent) == ("order_differs", True)
    assert scratch.starts(folder=tmp_path / "scratch" / job) == 1


async def test_an_order_that_could_not_be_kept_is_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    engine = AnimaticEngine(folder=tmp_path / "file")

    with pytest.raises(ProviderError, match="does not take the order") as refused:
        await engine.submit(order=ordered("nowhere"))

    assert (refused.value.code, refused.value.permanent) == ("storage_failed", False)


async def test_a_job_is_found_after_a_restart_and_not_before_it_began(tmp_path: Path) -> None:
    first = AnimaticEngine(folder=tmp_path)
    order = ordered("found", prompt="[[slow:60]]", is_demo=True)
    job = (await first.submit(order=order)).provider_job_id
    await first.close()

    second = AnimaticEngine(folder=tmp_path)

    assert await second.find(job_id=order.job_id) == job
    assert await second.find(job_id=uuid5(JOBS, "never")) is None


async def test_a_killed_render_starts_again_and_gives_the_same_bytes(
    engine: AnimaticEngine, tmp_path: Path
) -> None:
    slow = ordered("killed", prompt="a forest [[slow:1]]", is_demo=True)
    folder = tmp_path / "scratch" / str(slow.job_id)
    job = (await engine.submit(order=slow)).provider_job_id
    await until(lambda: scratch.is_held(folder=folder))

    os.kill(child_of(folder), signal.SIGKILL)
    render = await ended(engine, job)

    calm = rendered(tmp_path / "calm", ordered("calm", prompt="a forest"))
    assert scratch.starts(folder=folder) == 2
    assert render.outputs[0].path.read_bytes() == calm.outputs[0].path.read_bytes()


async def test_a_render_cut_short_by_its_host_is_resumed_by_the_next(tmp_path: Path) -> None:
    first = AnimaticEngine(folder=tmp_path)
    order = ordered("resumed", prompt="a forest [[slow:1]]", is_demo=True)
    job = (await first.submit(order=order)).provider_job_id
    await until(lambda: scratch.is_held(folder=tmp_path / job))
    await first.close()

    second = AnimaticEngine(folder=tmp_path)
    render = await ended(second, job)

    assert render.state is RenderState.SUCCEEDED


async def test_a_render_begun_by_another_engine_is_left_to_it(tmp_path: Path) -> None:
    first, second = AnimaticEngine(folder=tmp_path), AnimaticEngine(folder=tmp_path)
    order = ordered("shared", prompt="a field [[slow:1]]", is_demo=True)
    job = (await first.submit(order=order)).provider_job_id
    await until(lambda: scratch.is_held(folder=tmp_path / job))

    render = await second.poll(provider_job_id=job)

    assert render.state is RenderState.RUNNING
    assert (await ended(second, job)).state is RenderState.SUCCEEDED
    assert scratch.starts(folder=tmp_path / job) == 1
    await first.close()


async def test_a_render_that_keeps_dying_fails(engine: AnimaticEngine, tmp_path: Path) -> None:
    order = ordered("dying", prompt="[[slow:60]]", is_demo=True)
    folder = tmp_path / "scratch" / str(order.job_id)
    scratch.keep_order(folder=folder, order=order)
    for _ in range(STARTS_MAX):
        scratch.count_start(folder=folder)

    render = await engine.poll(provider_job_id=str(order.job_id))

    assert render.state is RenderState.FAILED
    assert render.failure is not None
    assert render.failure.code == "render_failed"


async def test_renders_end_with_the_process_that_began_them(tmp_path: Path) -> None:
    order = ordered("orphan", prompt="[[slow:60]]", is_demo=True)
    scratch.keep_order(folder=tmp_path / "job", order=order)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mutoscope.providers.local.render", str(tmp_path / "job"),
        stdin=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await until(lambda: scratch.is_held(folder=tmp_path / "job"))

    assert process.stdin is not None
    process.stdin.close()

    assert await asyncio.wait_for(process.wait(), 30) == 1
    assert not scratch.has_outcome(folder=tmp_path / "job")


async def test_cancelling_is_confirmed_only_before_completion(engine: AnimaticEngine) -> None:
    slow = (
        await engine.submit(order=ordered("stopped", prompt="[[slow:60]]", is_demo=True))
    ).provider_job_id
    done = (await engine.submit(order=ordered("done"))).provider_job_id
    await ended(engine, done)

    assert await engine.cancel(provider_job_id=slow)
    assert await engine.cancel(provider_job_id=slow)
    assert not await engine.cancel(provider_job_id=done)

    assert (await engine.poll(provider_job_id=slow)).state is RenderState.CANCELLED
    assert (await engine.poll(provider_job_id=done)).state is RenderState.SUCCEEDED


async def test_orders_beyond_the_slots_wait_their_turn(tmp_path: Path) -> None:
    engine = AnimaticEngine(folder=tmp_path, renders_max=1)
    first = (
        await engine.submit(order=ordered("first", prompt="[[slow:60]]", is_demo=True))
    ).provider_job_id
    second = (await engine.submit(order=ordered("second"))).provider_job_id
    await until(lambda: scratch.progress(folder=tmp_path / first) > 0)

    assert (await engine.poll(provider_job_id=first)).state is RenderState.RUNNING
    assert (await engine.poll(provider_job_id=second)).state is RenderState.QUEUED

    await engine.cancel(provider_job_id=first)
    assert (await ended(engine, second)).state is RenderState.SUCCEEDED


async def test_a_waiting_order_that_ended_meanwhile_is_never_started(tmp_path: Path) -> None:
    engine = AnimaticEngine(folder=tmp_path, renders_max=1)
    first = (
        await engine.submit(order=ordered("first", prompt="[[slow:60]]", is_demo=True))
    ).provider_job_id
    second = (await engine.submit(order=ordered("second"))).provider_job_id

    scratch.conclude(folder=tmp_path / second, render=Render(state=RenderState.CANCELLED))
    await engine.cancel(provider_job_id=first)
    third = (await engine.submit(order=ordered("third"))).provider_job_id
    await ended(engine, third)

    assert scratch.starts(folder=tmp_path / second) == 0
    await engine.close()


async def test_many_who_ask_at_once_start_one_render(
    engine: AnimaticEngine, tmp_path: Path
) -> None:
    order = ordered("asked", prompt="[[slow:1]]", is_demo=True)
    scratch.keep_order(folder=tmp_path / "scratch" / str(order.job_id), order=order)

    renders = [engine.poll(provider_job_id=str(order.job_id)) for _ in range(8)]
    await asyncio.gather(*renders)
    await ended(engine, str(order.job_id))

    assert scratch.starts(folder=tmp_path / "scratch" / str(order.job_id)) == 1


async def test_what_is_discarded_or_unknown_is_lost(engine: AnimaticEngine, tmp_path: Path) -> None:
    order = ordered("discarded")
    job = (await engine.submit(order=order)).provider_job_id

    await engine.discard(job_id=order.job_id)
    await engine.discard(job_id=order.job_id)

    assert not (tmp_path / "scratch" / job).exists()
    for unknown in (job, "../../etc", str(uuid5(JOBS, "unknown"))):
        assert (await engine.poll(provider_job_id=unknown)).state is RenderState.LOST
        assert not await engine.cancel(provider_job_id=unknown)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"width": 97}, "width cannot be 97"),
        ({"height": 30}, "height cannot be 30"),
        ({"width": 2562}, "width cannot be 2562"),
        ({"images": 0}, "images cannot be 0"),
        ({"images": 17}, "images cannot be 17"),
        ({"images": 2, "duration_s": 5}, "images cannot be 2"),
        ({"duration_s": 1}, "duration_s cannot be 1"),
        ({"duration_s": 11}, "2 to 10 whole seconds"),
        ({"prompt": "a" * 5001}, "up to 5000 characters"),
        ({"instruction": "darker"}, "source cannot be None"),
        ({"adjustments": {"exposure": 1}}, "source cannot be None"),
    ],
)
async def test_an_impossible_order_is_refused_before_it_begins(
    engine: AnimaticEngine, changed: dict[str, object], sentence: str
) -> None:
    order = ordered("impossible", **changed)

    with pytest.raises(ProviderError) as refused:
        await engine.submit(order=order)

    assert sentence in str(refused.value)
    assert (refused.value.code, refused.value.permanent) == ("bad_input", True)
    assert await engine.find(job_id=order.job_id) is None


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"instruction": "add a dragon"}, "dragon"),
        ({"instruction": "make it night"}, "not made here"),
        ({"adjustments": {"time_of_day": "night"}}, "not made here"),
        ({"adjustments": {"exposure": 9}}, "exposure cannot be 9; it may be: -2 to 2"),
    ],
)
async def test_an_edit_that_cannot_be_made_is_refused_with_what_can(
    engine: AnimaticEngine, tmp_path: Path, changed: dict[str, object], sentence: str
) -> None:
    order = ordered("impossible edit", source_path=upload(tmp_path), **changed)

    with pytest.raises(ProviderError) as refused:
        await engine.submit(order=order)

    assert sentence in str(refused.value)


async def test_a_source_that_is_no_picture_is_refused(
    engine: AnimaticEngine, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("not a picture")
    order = ordered("text", duration_s=2, source_path=tmp_path / "notes.txt")

    with pytest.raises(ProviderError, match="a PNG or JPEG"):
        await engine.submit(order=order)


async def test_a_source_too_large_for_the_memory_is_refused(
    engine: AnimaticEngine, tmp_path: Path
) -> None:
    large = upload(tmp_path, (8000, 5002))

    with pytest.raises(ProviderError, match="up to 40,000,000 pixels"):
        await engine.submit(order=ordered("large", duration_s=2, source_path=large))
