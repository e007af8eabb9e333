"""WAN on one's own GPU: what it refuses, what its pipeline is told, and clips whatever happens."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import pytest

import wan_stage
from mutoscope.app.ports import ErrorCode, Order, Provider, ProviderError, Render, RenderState
from mutoscope.providers import wan_weights
from mutoscope.providers.local import scratch
from mutoscope.providers.local.scratch import STARTS_MAX
from mutoscope.providers.wan_local import WanEngine
from mutoscope.providers.wan_render import carry_out
from mutoscope.providers.wan_weights import Loaded
from wan_stage import MODEL, ordered

TURNS_MAX = 3_000  # of 20 ms: a busy machine may need some
TESTS = str(Path(__file__).parent)


@pytest.fixture
async def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WanEngine]:
    monkeypatch.setenv("PYTHONPATH", TESTS)
    (tmp_path / "weights" / MODEL).mkdir(parents=True)
    made = restarted(tmp_path)
    yield made
    await made.close()


def restarted(folder: Path) -> WanEngine:
    return WanEngine(folder=folder / "jobs", weights=folder / "weights", loader=wan_stage)


def rendered(folder: Path, order: Order, pipeline: Callable[..., Any] = wan_stage.fade) -> Render:
    """Carry an order out in this process."""
    scratch.keep_order(folder=folder, order=order)
    noise = wan_stage.loaded(weights=folder).noise
    carry_out(folder=folder, load=lambda _model: Loaded(pipeline=pipeline, noise=noise))
    render = scratch.outcome(folder=folder)
    assert render is not None
    return render


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(TURNS_MAX):
        if is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("what was waited for never came")


async def ended(engine: WanEngine, job: str) -> Render:
    for _ in range(TURNS_MAX):
        render = await engine.poll(provider_job_id=job)
        if render.state not in (RenderState.QUEUED, RenderState.RUNNING):
            return render
        await asyncio.sleep(0.02)
    raise AssertionError(f"{job} still waits")


def render_process(folder: Path) -> int:
    """Find the process of a render by its command line."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text()
        except OSError:
            continue
        if "wan_render" in command and str(folder) in command:
            return int(process.name)
    raise AssertionError("no render")


async def test_a_frame_becomes_a_clip_of_the_seconds_that_were_asked(
    engine: WanEngine, tmp_path: Path
) -> None:
    job = (await engine.submit(order=ordered(tmp_path))).provider_job_id

    render = await ended(engine, job)

    (clip,) = render.outputs
    assert (render.state, render.progress) == (RenderState.SUCCEEDED, 1.0)
    assert (clip.width, clip.height, clip.frames, clip.duration_s) == (832, 480, 32, 2.0)
    with av.open(str(clip.path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 16)


def test_a_route_s_parameters_reach_the_pipeline(tmp_path: Path) -> None:
    told: dict[str, Any] = {}

    def pipeline(**asked: Any) -> object:  # noqa: ANN401 -- as diffusers does
        told.update(asked)
        return wan_stage.fade(**asked)

    order = ordered(tmp_path, duration_s=5, width=360, height=640, parameters={
        "num_inference_steps": 2, "negative_prompt": "rain",
    })  # fmt: skip
    render = rendered(tmp_path / "job", order, pipeline)

    assert told["num_frames"] == 81
    assert (told["width"], told["height"]) == told["image"].size == (480, 832)
    assert (told["negative_prompt"], told["guidance_scale"]) == ("rain", 5.0)
    assert told["output_type"] == "np"
    assert render.outputs[0].duration_s == 5.0


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    order = ordered(tmp_path)
    clips = [
        rendered(tmp_path / name, one).outputs[0].path.read_bytes()
        for name, one in (("a", order), ("b", order), ("c", replace(order, seed=8)))
    ]

    assert clips[0] == clips[1] != clips[2]


@pytest.mark.parametrize(
    ("prompt", "sentence", "provider_code"),
    [
        ("small", "The GPU is too small.", "gpu_unusable"),
        ("blind", "WAN made nothing that can be shown.", None),
        ("short", "WAN made nothing that can be shown.", None),
    ],
)
def test_what_cannot_be_shown_is_no_success(
    tmp_path: Path, prompt: str, sentence: str, provider_code: str | None
) -> None:
    failure = rendered(tmp_path / "job", ordered(tmp_path, prompt=prompt)).failure

    assert failure is not None
    assert failure.code == ErrorCode.PROVIDER_FAILED
    assert (failure.sentence, failure.provider_code) == (sentence, provider_code)


def test_a_frame_that_was_spoilt_meanwhile_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    scratch.keep_order(folder=folder, order=ordered(tmp_path))
    (folder / "source").write_text("no picture")

    carry_out(folder=folder, load=lambda _model: wan_stage.loaded(weights=folder))

    ending = scratch.outcome(folder=folder)
    assert ending is not None
    assert ending.failure is not None
    assert ending.failure.code == ErrorCode.BAD_INPUT


def test_an_order_that_has_its_outcome_is_left_alone(tmp_path: Path) -> None:
    cancelled = Render(state=RenderState.CANCELLED)
    scratch.keep_order(folder=tmp_path / "job", order=ordered(tmp_path))
    scratch.conclude(folder=tmp_path / "job", render=cancelled)

    assert rendered(tmp_path / "job", ordered(tmp_path)) == cancelled
    assert scratch.starts(folder=tmp_path / "job") == 0


def test_a_cancellation_reaches_the_render_between_two_steps(tmp_path: Path) -> None:
    steps = []

    def pipeline(**asked: Any) -> object:  # noqa: ANN401 -- as diffusers does
        steps.append(asked["callback_on_step_end"](None, 0, None, {}))
        scratch.conclude(folder=tmp_path / "job", render=Render(state=RenderState.CANCELLED))
        return wan_stage.fade(**asked)

    render = rendered(tmp_path / "job", ordered(tmp_path), pipeline)

    assert (render.state, steps) == (RenderState.CANCELLED, [{}])
    assert scratch.progress(folder=tmp_path / "job") == pytest.approx(0.95 / 4, abs=1e-3)
    assert not [*tmp_path.glob("job/*.mp4")]


async def test_a_render_that_was_killed_starts_again(engine: WanEngine, tmp_path: Path) -> None:
    order = ordered(tmp_path, prompt="slow")
    folder = tmp_path / "jobs" / str(order.job_id)
    job = (await engine.submit(order=order)).provider_job_id
    await until(lambda: scratch.progress(folder=folder) > 0)

    os.kill(render_process(folder), signal.SIGKILL)
    render = await ended(engine, job)

    assert render.state is RenderState.SUCCEEDED
    assert scratch.starts(folder=folder) == 2


async def test_a_render_that_keeps_dying_fails(engine: WanEngine, tmp_path: Path) -> None:
    job = (await engine.submit(order=ordered(tmp_path, prompt="dies"))).provider_job_id

    render = await ended(engine, job)

    assert render.failure is not None
    assert render.failure.code == "render_failed"
    assert scratch.starts(folder=tmp_path / "jobs" / job) == STARTS_MAX


async def test_an_order_is_found_and_resumed_after_a_restart(
    engine: WanEngine, tmp_path: Path
) -> None:
    order = ordered(tmp_path, prompt="slow")
    job = (await engine.submit(order=order)).provider_job_id
    await until(lambda: scratch.progress(folder=tmp_path / "jobs" / job) > 0)
    await engine.close()

    second = restarted(tmp_path)

    assert await second.find(job_id=order.job_id) == job
    assert (await ended(second, job)).state is RenderState.SUCCEEDED
    assert (await second.submit(order=order)).provider_job_id == job
    await second.discard(job_id=order.job_id)
    assert await second.find(job_id=order.job_id) is None


async def test_one_clip_is_rendered_at_a_time_and_a_waiting_one_may_end(
    engine: WanEngine, tmp_path: Path
) -> None:
    slow = ordered(tmp_path, prompt="slow", parameters={"num_inference_steps": 600})
    first = (await engine.submit(order=slow)).provider_job_id
    second = (await engine.submit(order=ordered(tmp_path, "second"))).provider_job_id
    await until(lambda: scratch.progress(folder=tmp_path / "jobs" / first) > 0)

    waiting = await engine.poll(provider_job_id=second)
    scratch.conclude(folder=tmp_path / "jobs" / second, render=Render(state=RenderState.CANCELLED))
    assert await engine.cancel(provider_job_id=first)
    third = (await engine.submit(order=ordered(tmp_path, "third"))).provider_job_id

    assert waiting.state is RenderState.QUEUED
    assert (await ended(engine, third)).state is RenderState.SUCCEEDED
    assert scratch.starts(folder=tmp_path / "jobs" / second) == 0


async def test_a_render_ends_with_the_process_that_began_it(
    engine: WanEngine, tmp_path: Path
) -> None:
    folder = tmp_path / "orphan"
    order = ordered(tmp_path, prompt="slow", parameters={"num_inference_steps": 600})
    scratch.keep_order(folder=folder, order=order)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mutoscope.providers.wan_render", str(folder),
        str(tmp_path / "weights"), "wan_stage", stdin=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await until(lambda: scratch.progress(folder=folder) > 0)

    assert process.stdin is not None
    process.stdin.close()

    assert await asyncio.wait_for(process.wait(), 30) == 1
    assert await engine.find(job_id=order.job_id) is None


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"duration_s": None}, "clips of 2, 3, 4, 5 seconds"),
        ({"duration_s": 10}, "clips of 2, 3, 4, 5 seconds"),
        ({"source_path": None}, "from a frame"),
        ({"prompt": "a" * 2_001}, "more than 2,000 characters"),
        ({"reference_paths": (Path("a.png"),)}, "no references"),
        ({"mask_path": Path("a.png")}, "no mask"),
        ({"parameters": {"fps": 30}}, "WAN has no parameter fps: use num_inference_steps"),
        ({"images": 2}, "images cannot be 2"),
    ],
)
async def test_an_impossible_order_is_refused_before_it_begins(
    engine: WanEngine, tmp_path: Path, changed: dict[str, Any], sentence: str
) -> None:
    order = replace(ordered(tmp_path), **changed)

    with pytest.raises(ProviderError, match=sentence) as refused:
        await engine.submit(order=order)

    assert (refused.value.code, refused.value.permanent) == ("bad_input", True)
    assert await engine.find(job_id=order.job_id) is None


async def test_an_unknown_model_and_absent_weights_park_the_route(
    engine: WanEngine, tmp_path: Path
) -> None:
    absent = "Wan-AI/Wan2.2-I2V-A14B-Diffusers"
    sentences = {"Wan-AI/Wan3": "has no model", absent: "The weights are not here."}
    for model, sentence in sentences.items():
        with pytest.raises(ProviderError, match=sentence) as refused:
            await engine.submit(order=replace(ordered(tmp_path), model=model))

        assert refused.value.code == ErrorCode.RETIRED_MODEL


async def test_an_order_that_cannot_be_kept_was_never_begun(
    engine: WanEngine, tmp_path: Path
) -> None:
    (tmp_path / "jobs").touch()

    with pytest.raises(ProviderError, match="does not take the order") as refused:
        await engine.submit(order=ordered(tmp_path))

    assert (refused.value.code, refused.value.permanent) == (ErrorCode.NOT_CREATED, False)


async def test_health_is_told_as_of_any_provider(engine: WanEngine, tmp_path: Path) -> None:
    provider: Provider = engine
    funds = await provider.funds()

    with pytest.raises(ProviderError, match="never calls back"):
        await provider.parse_webhook(headers={}, body=b"", secret="", at=datetime.now(UTC))
    (tmp_path / "weights" / MODEL).rmdir()
    with pytest.raises(ProviderError, match="The weights are not here"):
        await provider.funds()

    assert (funds.micros, funds.sentence) == (None, f"this machine's GPU, with {MODEL}")
    assert provider.capabilities(model=MODEL).durations_s == (2, 3, 4, 5)


def test_what_is_missing_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / MODEL
    weights.mkdir(parents=True)

    monkeypatch.setattr(wan_weights, "_PACKAGES", ("torch_that_nobody_has",))
    no_extra = wan_weights.missing(weights=weights)
    monkeypatch.setattr(wan_weights, "_PACKAGES", ("json",))
    monkeypatch.setattr(wan_weights, "_DEVICES", (str(tmp_path / "gpu"),))
    no_gpu = wan_weights.missing(weights=weights)
    (tmp_path / "gpu").touch()
    no_weights = wan_weights.missing(weights=weights)
    (weights / "model_index.json").touch()

    assert no_extra == "WAN is not installed here: run `pip install mutoscope[wan]`."
    assert no_gpu == "WAN needs a GPU, and this machine shows none: install its driver."
    assert no_weights is not None
    assert f"`hf download {MODEL} --local-dir {weights}`" in no_weights
    assert wan_weights.missing(weights=weights) is None
