"""What the built-in engine makes of an order: stills, edits, clips, and marked failures."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from local_orders import ordered, rendered, upload
from mutoscope.app.ports import Render, RenderState
from mutoscope.providers.local import scratch
from mutoscope.providers.local.measure import UnreadableOutput, probe
from mutoscope.providers.local.orders import make
from mutoscope.providers.local.render import carry_out
from mutoscope.providers.local.scene import TimeOfDay
from mutoscope.providers.local.scratch import STARTS_MAX
from mutoscope.providers.local.stills import recipe_in


def test_a_render_stops_when_its_job_ended_meanwhile(tmp_path: Path) -> None:
    order = ordered("stop", duration_s=2, width=64, height=36)
    scratch.keep_order(folder=tmp_path, order=order)
    scratch.conclude(folder=tmp_path, render=Render(state=RenderState.CANCELLED))

    carry_out(folder=tmp_path)

    assert not (tmp_path / "clip-1.mp4").exists()
    assert scratch.outcome(folder=tmp_path) == Render(state=RenderState.CANCELLED)


@pytest.mark.parametrize("prompt", ["a city", "a city [[slow:1]]"])
def test_a_cancellation_reaches_a_running_render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prompt: str
) -> None:
    order = ordered("reach", duration_s=2, width=64, height=36, prompt=prompt, is_demo=True)
    heard: list[float] = []

    def cancel_at_the_third(*, folder: Path, share: float) -> None:
        heard.append(share)
        if len(heard) == 3:
            scratch.conclude(folder=folder, render=Render(state=RenderState.CANCELLED))

    monkeypatch.setattr("mutoscope.providers.local.render.note_progress", cancel_at_the_third)

    assert rendered(tmp_path, order).state is RenderState.CANCELLED
    assert len(heard) == 3
    assert not (tmp_path / "clip-1.mp4").exists()


@pytest.mark.parametrize(
    ("marker", "state", "code"),
    [
        ("[[fail]]", RenderState.FAILED, "provider_failed"),
        ("[[moderated]]", RenderState.FAILED, "moderated"),
        ("[[lost]]", RenderState.LOST, None),
    ],
)
def test_a_marker_fails_a_demo_order(
    tmp_path: Path, marker: str, state: RenderState, code: str | None
) -> None:
    order = ordered(marker, prompt=f"a bar {marker}", is_demo=True)

    render = rendered(tmp_path / "demo", order)

    assert render.state is state
    assert (render.failure.code if render.failure else None) == code
    live = rendered(tmp_path / "live", replace(order, is_demo=False))
    assert live.state is RenderState.SUCCEEDED


def test_a_partial_delivery_still_succeeds(tmp_path: Path) -> None:
    order = ordered("partial", prompt="a bar [[partial:2]]", images=3, is_demo=True)

    render = rendered(tmp_path, order)

    assert (render.state, len(render.outputs)) == (RenderState.SUCCEEDED, 2)


def test_a_clip_has_exactly_the_frames_promised(tmp_path: Path) -> None:
    order = ordered("clip", prompt="a field, push in", width=1280, height=720, duration_s=2)

    clip = rendered(tmp_path, order).outputs[0]

    assert (clip.media_type, clip.width, clip.height) == ("video/mp4", 1280, 720)
    assert (clip.frames, clip.duration_s) == (48, 2.0)


def test_a_clip_of_a_still_has_the_same_bytes_twice(tmp_path: Path) -> None:
    still = rendered(tmp_path / "still", ordered("still")).outputs[0]
    order = ordered("clip", prompt="orbit around", duration_s=2, source_path=still.path)

    clip = rendered(tmp_path / "clip", order).outputs[0]

    again = rendered(tmp_path / "again", order).outputs[0]
    assert again.path.read_bytes() == clip.path.read_bytes()


def test_a_clip_moves_while_its_label_stays(tmp_path: Path) -> None:
    order = ordered("moving", prompt="a city at night, pan left", duration_s=2, width=640,
                    height=360)  # fmt: skip

    clip = rendered(tmp_path, order).outputs[0]

    with av.open(str(clip.path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    first, last = frames[0].astype(int), frames[-1].astype(int)
    assert np.abs(first - last).mean() > 4
    assert (first[338:352, 570:632].max(), last[338:352, 570:632].max()) > (150, 150)
    assert b"moov" in clip.path.read_bytes()[:4000]


def test_an_upload_becomes_a_clip(tmp_path: Path) -> None:
    order = ordered("upload", prompt="", duration_s=2, source_path=upload(tmp_path))

    clip = rendered(tmp_path / "job", order).outputs[0]

    assert (clip.width, clip.height, clip.frames) == (96, 54, 48)


def test_an_edit_paints_the_changed_scene_anew(tmp_path: Path) -> None:
    still = rendered(tmp_path / "still", ordered("still")).outputs[0]
    order = ordered(
        "edit", instruction="make it night and darker", adjustments={"contrast": 0.5},
        source_path=still.path,
    )  # fmt: skip

    edited = rendered(tmp_path / "edit", order).outputs[0]

    recipe = recipe_in(path=edited.path)
    assert recipe is not None
    assert recipe.scene.time is TimeOfDay.NIGHT
    assert (recipe.grade.exposure, recipe.grade.contrast) == (-0.6, 0.5)


def test_an_upload_takes_edits_of_its_pixels(tmp_path: Path) -> None:
    order = ordered("grey", instruction='sepia, caption "1926"', source_path=upload(tmp_path))

    edited = rendered(tmp_path / "job", order).outputs[0]

    assert (edited.width, edited.height) == (96, 54)
    assert recipe_in(path=edited.path) is None


def test_a_source_that_vanished_fails_the_render(tmp_path: Path) -> None:
    order = ordered("gone", instruction="darker", source_path=upload(tmp_path))
    kept = scratch.keep_order(folder=tmp_path / "job", order=order)
    assert kept.source_path is not None
    kept.source_path.unlink()

    carry_out(folder=tmp_path / "job")

    render = scratch.outcome(folder=tmp_path / "job")
    assert render is not None
    assert render.failure is not None
    assert render.failure.code == "bad_input"


@pytest.mark.parametrize("name", ["cut.mp4", "cut.png", "empty.mp4", "empty.png"])
def test_a_file_that_does_not_decode_is_no_output(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "cut.png":
        whole = make(order=ordered("whole"), folder=tmp_path, images=1, report=lambda _: None)[0]
        path.write_bytes(whole.read_bytes()[:-2000])
    else:
        path.write_bytes(b"" if name.startswith("empty") else b"\0\0\0\x18ftypisom" + b"\0" * 99)

    with pytest.raises(UnreadableOutput, match=name):
        probe(path=path)


def test_an_order_that_was_not_written_whole_never_began(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text('{"job_id": ')

    assert scratch.kept_order(folder=tmp_path) is None
    carry_out(folder=tmp_path)
    assert not scratch.has_outcome(folder=tmp_path)


def test_an_mp4_without_a_picture_is_no_output(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp",
                                             layout="mono")  # fmt: skip
        silence.rate = 44_100
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))

    with pytest.raises(UnreadableOutput, match=r"sound\.mp4"):
        probe(path=path)


def test_a_render_that_died_too_often_is_not_started_again(tmp_path: Path) -> None:
    scratch.keep_order(folder=tmp_path, order=ordered("dying"))
    for _ in range(STARTS_MAX):
        scratch.count_start(folder=tmp_path)

    carry_out(folder=tmp_path)

    assert not scratch.has_outcome(folder=tmp_path)


def test_a_render_that_is_done_ends_while_the_one_that_began_it_lives(tmp_path: Path) -> None:
    scratch.keep_order(folder=tmp_path, order=ordered("alive"))

    with subprocess.Popen(
        [sys.executable, "-m", "mutoscope.providers.local.render", str(tmp_path)],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        code, said = process.wait(timeout=60), process.stderr.read()

    assert (code, said) == (0, b"")
    assert scratch.has_outcome(folder=tmp_path)
