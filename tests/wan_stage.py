"""A stand-in for WAN's weights: called as diffusers calls its pipeline, it fades a frame to white.

Words of the prompt ask for what may go wrong. A render's process imports this module by its name.
"""

import os
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid5

import numpy as np

from local_orders import JOBS, upload
from mutoscope.app.ports import Order
from mutoscope.providers.wan_weights import GpuUnusable, Loaded

MODEL = "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers"
SLOW_S = 0.1


def missing(*, weights: Path) -> str | None:
    return None if weights.is_dir() else "The weights are not here."


def loaded(*, weights: Path) -> Loaded:
    assert weights.is_dir()
    return Loaded(pipeline=fade, noise=np.random.default_rng)


def fade(**asked: Any) -> SimpleNamespace:  # noqa: ANN401 -- as diffusers does
    """Return frames from a still to white, after as many steps as asked."""
    prompt = asked["prompt"]
    for step in range(asked["num_inference_steps"]):
        time.sleep(SLOW_S if "slow" in prompt else 0)
        assert asked["callback_on_step_end"](None, step, None, {"latents": 1}) == {"latents": 1}
    if "small" in prompt:
        raise GpuUnusable("The GPU is too small.")
    if "dies" in prompt:
        os._exit(1)
    still = np.asarray(asked["image"], dtype=np.float32) / 255
    assert still.shape == (asked["height"], asked["width"], 3)
    count = asked["num_frames"] // (2 if "short" in prompt else 1)
    light = asked["generator"].random() * np.linspace(0, 1.1, count, dtype=np.float32)
    frames = still + light[:, None, None, None]
    return SimpleNamespace(
        frames=np.full_like(frames, np.nan)[None] if "blind" in prompt else [frames]
    )


def ordered(folder: Path, name: str = "wan", **changed: Any) -> Order:  # noqa: ANN401
    """Return an order for a clip; `name` stands for the job."""
    order = Order(
        job_id=uuid5(JOBS, name), tool="wan_i2v", prompt="a lamp", seed=7, width=640, height=360,
        duration_s=2, source_path=upload(folder), model=MODEL,
        parameters={"num_inference_steps": 4},
    )  # fmt: skip
    return replace(order, **changed)
