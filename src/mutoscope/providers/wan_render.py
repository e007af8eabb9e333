"""One clip by WAN, in a process of its own: `wan_render FOLDER WEIGHTS LOADER`.

Owns the way from a kept order to its outcome, as the built-in engine's render does: the process
ends with the one that began it, and stops between two steps when the outcome was written by
someone else. The model makes one frame more than a whole number of seconds, which is left out.
"""

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from mutoscope.app.ports import ErrorCode, Failure, Order, ProviderError, Render, RenderState
from mutoscope.providers.local.measure import probe
from mutoscope.providers.local.render import RenderStopped
from mutoscope.providers.local.scratch import (
    STARTS_MAX,
    conclude,
    count_start,
    has_outcome,
    held,
    kept_order,
    note_progress,
    starts,
)
from mutoscope.providers.pictures import nearest_ratio, prepared
from mutoscope.providers.wan_models import FRAMES_PER_SECOND, MODELS, PARAMETERS
from mutoscope.providers.wan_weights import GpuUnusable, Loaded

_STILL_BYTES_MAX: Final = 64 * 1024 * 1024  # a PNG, whatever its size: nothing travels
_STEPS_SHARE: Final = 0.95  # of the progress; the rest is decoding and filming
_ENCODING: Final = {"preset": "fast", "crf": "18"}


def carry_out(*, folder: Path, load: Callable[[str], Loaded]) -> None:
    """Render the order kept in a folder and write its outcome, unless it has one.

    `load` loads the pipeline of a model.
    """
    with held(folder=folder):
        order = kept_order(folder=folder)
        if order is None or has_outcome(folder=folder) or starts(folder=folder) >= STARTS_MAX:
            return
        count_start(folder=folder)
        note_progress(folder=folder, share=0.0)
        try:
            render = _rendered(order, folder, load(order.model))
        except RenderStopped:
            return
        except GpuUnusable as unusable:
            render = _failed(ErrorCode.PROVIDER_FAILED, str(unusable), GpuUnusable.code)
        except ProviderError as error:
            render = _failed(error.code, str(error))
        conclude(folder=folder, render=render)


def _rendered(order: Order, folder: Path, loaded: Loaded) -> Render:
    assert order.duration_s is not None
    count = order.duration_s * FRAMES_PER_SECOND
    frames = np.asarray(loaded.pipeline(**_asked(order, folder, loaded)).frames[0])[:count]
    if len(frames) < count or not np.isfinite(frames).all():
        return _failed(ErrorCode.PROVIDER_FAILED, "WAN made nothing that can be shown.")
    path = folder / "clip-1.mp4"
    film(frames=frames, path=path)
    return Render(state=RenderState.SUCCEEDED, progress=1.0, outputs=(probe(path=path),))


def _asked(order: Order, folder: Path, loaded: Loaded) -> dict[str, Any]:
    """Return what the pipeline is called with, in its own words."""
    assert order.duration_s is not None
    sides = nearest_ratio(order=order, ratios=MODELS[order.model].ratios).split(":")
    width, height = (int(side) for side in sides)
    shaped = replace(order, width=width, height=height)
    still = prepared(order=shaped, bytes_max=_STILL_BYTES_MAX).source
    assert still is not None
    parameters = {**PARAMETERS, **order.parameters}
    steps = int(parameters["num_inference_steps"])

    def hear(_pipeline: object, step: int, _time: object, kept: dict[str, Any]) -> dict[str, Any]:
        if has_outcome(folder=folder):
            raise RenderStopped
        note_progress(folder=folder, share=_STEPS_SHARE * (step + 1) / steps)
        return kept

    return {
        "image": Image.open(BytesIO(still.content)), "prompt": order.prompt,
        "width": width, "height": height, "output_type": "np",
        "num_frames": order.duration_s * FRAMES_PER_SECOND + 1,
        "generator": loaded.noise(order.seed), "callback_on_step_end": hear, **parameters,
    }  # fmt: skip


def film(*, frames: npt.NDArray[np.floating[Any]], path: Path) -> None:
    """Encode frames, their light from 0 to 1, as an MP4 that is there whole or not at all."""
    partial = path.with_suffix(".part")
    with av.open(str(partial), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_ENCODING)
        _, stream.height, stream.width, _ = frames.shape
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            shades = (frame.clip(0, 1) * 255).round().astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shades, format="rgb24")))
        container.mux(stream.encode(None))
    partial.replace(path)


def _failed(code: str, sentence: str, provider_code: str | None = None) -> Render:
    failure = Failure(code=code, sentence=sentence, provider_code=provider_code)
    return Render(state=RenderState.FAILED, failure=failure)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def main() -> None:
    """Carry out the order in the folder named on the command line."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder, weights, loader = sys.argv[1:]
    module = import_module(loader)
    carry_out(folder=Path(folder), load=lambda model: module.loaded(weights=Path(weights) / model))


if __name__ == "__main__":
    main()
