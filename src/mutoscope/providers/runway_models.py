"""What Runway's models can do, as data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import CancelRule, Capabilities

DAY_S: Final = 86_400

_SIX: Final = ("1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672")
_FOUR: Final = ("1280:720", "720:1280", "1920:1080", "1080:1920")
_STILLS: Final = (
    "1024:1024", "1080:1080", "1168:880", "1360:768", "1440:1080", "1080:1440", "1808:768",
    "1920:1080", "1080:1920", "2112:912", "1280:720", "720:1280", "720:720", "960:720",
    "720:960", "1680:720",
)  # fmt: skip


def _able(ratios: tuple[str, ...], durations_s: tuple[int, ...], references: int) -> Capabilities:
    return Capabilities(
        ratios=ratios, durations_s=durations_s, references_max=references, has_seed=True,
        prompt_max=1_000, image_bytes_max=3_700_000,  # 5 MB once it is spelled in base64
        cancel=CancelRule.QUEUED_ONLY, output_ttl_s=DAY_S,
    )  # fmt: skip


MODELS: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        "gen4_turbo": _able(_SIX, tuple(range(2, 11)), 0),
        "gen4.5": _able(_SIX, tuple(range(2, 11)), 0),
        "veo3.1": _able(_FOUR, (4, 6, 8), 0),
        "veo3.1_fast": _able(_FOUR, (4, 6, 8), 0),
        "gen4_image": _able(_STILLS, (), 2),
    }
)
