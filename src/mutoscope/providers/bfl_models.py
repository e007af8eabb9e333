"""What Black Forest Labs' models can do, and their list prices, as data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import Capabilities

CREDIT_MICROS: Final = 10_000
TEN_MINUTES_S: Final = 600

_SHAPES: Final = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21")
_SIZES: Final = (
    "1376:768", "768:1376", "1024:1024", "1152:864", "864:1152", "1248:832", "832:1248",
    "1344:576",
)  # fmt: skip
"""Multiples of 32 up to 1440, of about a megapixel."""


def _able(
    *, ratios: tuple[str, ...] = (), references: int = 0, takes_mask: bool = False
) -> Capabilities:
    return Capabilities(
        ratios=ratios, references_max=references, takes_mask=takes_mask, has_seed=True,
        prompt_max=5_000,  # it names no limit, and its models read some 500 words
        image_bytes_max=15_000_000,  # 20 MB once it is spelled in base64
        poll_s=1.5, output_ttl_s=TEN_MINUTES_S,
        id_form="{id}#{micros}",  # a task's id is the address at which it is asked about
    )  # fmt: skip


MODELS: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        "flux-kontext-pro": _able(ratios=_SHAPES, references=3),
        "flux-pro-1.0-fill": _able(takes_mask=True),
        "flux-pro-1.1": _able(ratios=_SIZES),
    }
)

LIST_MICROS: Final[Mapping[str, int]] = MappingProxyType(
    {"flux-kontext-pro": 40_000, "flux-pro-1.0-fill": 50_000, "flux-pro-1.1": 40_000}
)
"""Of one picture; for answers that do not say what they cost."""
