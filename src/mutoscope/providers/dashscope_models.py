"""What DashScope's models can do, what they cost a second, and what its codes mean, as data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mutoscope.app.ports import CancelRule, Capabilities, ErrorCode, Failure

DAY_S: Final = 86_400


def _able(
    model: str, resolutions_px: tuple[int, ...], durations_s: range, prompt_max: int
) -> Capabilities:
    return Capabilities(
        id_form=f"{{id}}#{model}",
        resolutions_px=resolutions_px, durations_s=tuple(durations_s), prompt_max=prompt_max,
        image_bytes_max=7_500_000,  # 10 MB once it is spelled in base64
        has_seed=True, has_negative_prompt=True, cancel=CancelRule.QUEUED_ONLY, output_ttl_s=DAY_S,
    )  # fmt: skip


MODELS: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        model: _able(model, resolutions_px, durations_s, prompt_max)
        for model, resolutions_px, durations_s, prompt_max in (
            ("wan2.2-i2v-plus", (480, 1_080), range(5, 6), 800),
            ("wan2.7-i2v", (720, 1_080), range(2, 16), 5_000),
        )
    }
)

_MICROS_PER_S: Final[Mapping[str, Mapping[int, int]]] = MappingProxyType(
    {
        "wan2.2-i2v-plus": {480: 20_000, 1_080: 100_000},
        "wan2.7-i2v": {720: 100_000, 1_080: 150_000},
    }
)
"""Micros of a US dollar a second by resolution, in the region of Singapore."""

MEDIA_MODELS: Final = frozenset({"wan2.7-i2v"})
"""Models that take their still in a list of media; earlier ones have a field for it."""

_SENTENCES: Final[Mapping[ErrorCode, str]] = MappingProxyType(
    {
        ErrorCode.MODERATED: "WAN's safety system refused this.",
        ErrorCode.BAD_INPUT: "WAN cannot use this picture or description.",
        ErrorCode.PROVIDER_FAILED: "WAN could not make this.",
    }
)
"""What a creator reads about a failure."""

_CODES: Final = (
    ("DataInspection", ErrorCode.MODERATED), ("Arrearage", ErrorCode.INSUFFICIENT_FUNDS),
    ("AllocationQuota.FreeTierOnly", ErrorCode.INSUFFICIENT_FUNDS),
    ("insufficient_quota", ErrorCode.INSUFFICIENT_FUNDS),
    ("ModelNotFound", ErrorCode.RETIRED_MODEL), ("InvalidApiKey", ErrorCode.AUTH),
    ("Throttling.AllocationQuota", ErrorCode.CONCURRENCY), ("Throttling", ErrorCode.RATE_LIMITED),
    ("InvalidParameter", ErrorCode.BAD_INPUT), ("InvalidURL", ErrorCode.BAD_INPUT),
)  # fmt: skip
"""What a code means that begins so; the first one that fits counts."""


def meant(word: str, *, otherwise: ErrorCode) -> ErrorCode:
    """Return what one of the provider's codes means."""
    return next((code for start, code in _CODES if word.startswith(start)), otherwise)


def failed(word: str) -> Failure:
    """Return the failure that one of the provider's codes tells."""
    code = meant(word, otherwise=ErrorCode.PROVIDER_FAILED)
    if code not in _SENTENCES:
        code = ErrorCode.PROVIDER_FAILED
    return Failure(code=code, sentence=_SENTENCES[code], provider_code=word or None)


def price(model: str, resolution_px: int, duration_s: float) -> int | None:
    """Return what so many seconds cost in micros; None where the list does not tell."""
    micros_per_s = _MICROS_PER_S.get(model, {}).get(resolution_px)
    return None if micros_per_s is None else round(duration_s * micros_per_s)
