"""What Veo's models on Vertex can do and cost, as data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import Capabilities

HOUR_S: Final = 3_600

_LITE_PX: Final = (720, 1_080)


def _able(resolutions_px: tuple[int, ...]) -> Capabilities:
    return Capabilities(
        ratios=("16:9", "9:16"), resolutions_px=resolutions_px, durations_s=(4, 6, 8),
        prompt_max=4_000, image_bytes_max=7_000_000, has_seed=True, output_ttl_s=HOUR_S,
    )  # fmt: skip


MODELS: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        "veo-3.1-generate-001": _able((*_LITE_PX, 2_160)),
        "veo-3.1-fast-generate-001": _able((*_LITE_PX, 2_160)),
        "veo-3.1-lite-generate-001": _able(_LITE_PX),
    }
)
SECOND_MICROS: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "veo-3.1-generate-001": {"720p": 400_000, "1080p": 400_000, "4k": 600_000},
        "veo-3.1-fast-generate-001": {"720p": 100_000, "1080p": 120_000, "4k": 300_000},
        "veo-3.1-lite-generate-001": {"720p": 50_000, "1080p": 80_000},
    }
)
"""What a second with sound costs; the price of a silent one is not known."""


def clip_micros(model: str, parameters: Mapping[str, object]) -> int | None:
    """Return what a clip costs by the price list; None where the list does not say."""
    second = SECOND_MICROS[model].get(str(parameters["resolution"]))
    seconds = parameters["durationSeconds"]
    if second is None or not isinstance(seconds, int) or parameters["generateAudio"] is not True:
        return None
    return second * seconds
