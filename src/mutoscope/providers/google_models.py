"""What Google's models can do and cost, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import CancelRule, Capabilities

HOUR_S: Final = 3_600
FILE_S: Final = 48 * HOUR_S

_RATIOS: Final = (
    "16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "5:4", "4:5", "21:9", "4:1", "1:4", "8:1",
    "1:8",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrices:
    """What a token costs in billionths of a US dollar: sent, answered in words, and drawn."""

    sent: int
    told: int
    drawn: int

    def micros(self, *, sent: int, told: int, drawn: int) -> int:
        """Return what so many tokens cost, a begun millionth of a dollar in full."""
        billionths = sent * self.sent + told * self.told + drawn * self.drawn
        return -(-billionths // 1_000)


_STILL: Final = Capabilities(
    ratios=_RATIOS, resolutions_px=(512, 1_024, 2_048, 4_096), prompt_max=16_000,
    references_max=6, image_bytes_max=2_000_000,  # seven in base64 stay below 20 MB a request
    output_ttl_s=0, id_form="",  # a picture comes in the answer, and is kept nowhere
)  # fmt: skip
_CLIP: Final = Capabilities(
    ratios=("16:9", "9:16"), resolutions_px=(360, 720, 1_080, 2_160), prompt_max=8_000,
    durations_s=tuple(range(3, 11)), cancel=CancelRule.QUEUED_ONLY, output_ttl_s=FILE_S,
    id_form="interactions/{id}",
)  # fmt: skip

MODELS: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        "gemini-3.1-flash-image": _STILL,
        "gemini-3-pro-image": _STILL,
        "gemini-nano-banana-2.1": _STILL,
        "gemini-omni-1.1-flash": _CLIP,
    }
)
PRICES: Final[Mapping[str, TokenPrices]] = MappingProxyType(
    {
        "gemini-3.1-flash-image": TokenPrices(sent=500, told=3_000, drawn=60_000),
        "gemini-3-pro-image": TokenPrices(sent=2_000, told=12_000, drawn=120_000),
        "gemini-nano-banana-2.1": TokenPrices(sent=1_500, told=7_500, drawn=30_000),
        "gemini-omni-1.1-flash": TokenPrices(sent=1_500, told=9_000, drawn=17_500),
    }
)
