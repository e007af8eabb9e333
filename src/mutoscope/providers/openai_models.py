"""What OpenAI's image models can do, and what a token of them costs, as data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import Capabilities

TEXT_MICROS: Final = 5
IMAGE_MICROS: Final = 8
OUTPUT_MICROS: Final = 30
"""Millionths of a dollar for a token of text, of a picture sent, and of a picture made."""

_SIZES: Final = (
    "1536:864", "864:1536", "1280:720", "720:1280", "1024:1024", "1536:1024", "1024:1536",
    "1280:960", "960:1280", "1792:768",
)  # fmt: skip
"""Any multiple of 16 would do; these are the shapes of films, at what a still should cost."""

MODELS: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        "gpt-image-2": Capabilities(
            ratios=_SIZES, prompt_max=32_000, images_max=10, image_bytes_max=50_000_000,
            references_max=15, takes_mask=True,
            output_ttl_s=0, id_form="",  # pictures come in the answer, and are kept nowhere
        ),
    }
)  # fmt: skip
