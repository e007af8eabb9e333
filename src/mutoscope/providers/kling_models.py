"""What Kling's models can do, as data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import Capabilities, Reconcile

MONTH_S: Final = 30 * 86_400

_CLIP: Final = Capabilities(
    durations_s=(5, 10), resolutions_px=(720, 1080), prompt_max=2_500,
    image_bytes_max=7_400_000,  # 10 MB once it is spelled in base64
    has_negative_prompt=True, has_webhook=True, reconcile=Reconcile.BY_ID, output_ttl_s=MONTH_S,
)  # fmt: skip

MODELS: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        "kling-v1-6": _CLIP,
        "kling-v2-1": _CLIP,
        "kling-v2-1-master": _CLIP,
        "kling-v2-5-turbo": _CLIP,
        "kling-v2-6": _CLIP,
    }
)
