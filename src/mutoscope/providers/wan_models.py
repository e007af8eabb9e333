"""What WAN's open weights can do on one's own GPU, as data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import CancelRule, Capabilities, Reconcile

FRAMES_PER_SECOND: Final = 16
YEAR_S: Final = 366 * 86_400

_SMALL: Final = ("832:480", "480:832", "624:624")
_LARGE: Final = ("1280:720", "720:1280", "960:960")


def _able(*ratios: str) -> Capabilities:
    return Capabilities(
        ratios=ratios, durations_s=(2, 3, 4, 5),  # it was taught on 81 frames at most
        prompt_max=2_000,  # it reads 512 tokens
        has_seed=True, has_negative_prompt=True, reconcile=Reconcile.BY_ID,
        cancel=CancelRule.ALWAYS, poll_s=2,
        output_ttl_s=YEAR_S,  # on our own disk, until the job is discarded
    )  # fmt: skip


MODELS: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers": _able(*_SMALL),
        "Wan-AI/Wan2.1-I2V-14B-720P-Diffusers": _able(*_LARGE),
        "Wan-AI/Wan2.2-I2V-A14B-Diffusers": _able(*_SMALL, *_LARGE),
    }
)
"""By the folder of their weights, which is named as they are published."""

PARAMETERS: Final[Mapping[str, str | int | float | bool]] = MappingProxyType(
    {
        "num_inference_steps": 40,
        "guidance_scale": 5.0,
        "negative_prompt": "still picture, subtitles, overexposed, blurred details, worst quality, "
        "deformed, extra fingers, walking backwards",
    }
)
"""What a route may set, in the pipeline's own words."""
