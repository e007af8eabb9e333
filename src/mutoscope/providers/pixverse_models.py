"""What PixVerse's models can do, as data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import Capabilities

HOUR_S: Final = 3_600
"""How long a clip certainly stays: PixVerse does not say, so it is fetched at once."""

_CLIP: Final = Capabilities(
    durations_s=(5, 8), resolutions_px=(360, 540, 720, 1080), prompt_max=2_048,
    image_bytes_max=20_000_000, has_seed=True, has_negative_prompt=True, output_ttl_s=HOUR_S,
)  # fmt: skip

MODELS: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {"v3.5": _CLIP, "v4": _CLIP, "v4.5": _CLIP, "v5": _CLIP}
)
