"""Fine-tuning: structured adjustments of a frame, as named values with what each may be.

Owns the names, their choices and ranges, and the one sentence in which they are told to a provider
that takes words. Invariant: adjustments that pass here are well formed for every tool. Numbers are
0 for "as it is"; a region is told by four shares of the picture, from its upper left corner.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from mutoscope.domain.credits import Refusal

WORDS_MAX: Final = 200
"""Characters that name an expression, or an object to add or remove."""


class ShotSize(StrEnum):
    """How near the camera is to what matters."""

    EXTREME_WIDE = "extreme_wide"
    WIDE = "wide"
    FULL = "full"
    MEDIUM = "medium"
    CLOSE_UP = "close_up"
    EXTREME_CLOSE_UP = "extreme_close_up"


CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "light": ("left", "centre", "right"),
    "time_of_day": ("dawn", "day", "sunset", "dusk", "night"),
    "weather": ("clear", "cloudy", "rain", "snow", "fog"),
    "shot_size": tuple(ShotSize),
    "angle": ("eye_level", "low", "high", "overhead", "dutch", "over_shoulder", "profile"),
    "flip": ("none", "horizontal"),
}
WORDS: Final = ("expression", "add_object", "remove_object")
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "exposure": (-2.0, 2.0), "contrast": (-1.0, 1.0), "saturation": (-1.0, 1.0),
    "temperature": (-1.0, 1.0), "vignette": (0.0, 1.0), "grain": (0.0, 1.0),
    "seed_nudge": (-1_000.0, 1_000.0),
    "region_x": (0.0, 1.0), "region_y": (0.0, 1.0), "region_width": (0.0, 1.0),
    "region_height": (0.0, 1.0),
}  # fmt: skip
REGION: Final = ("region_x", "region_y", "region_width", "region_height")

_SENTENCES: Final[Mapping[str, str]] = {
    "light": "the main light comes from the {}", "time_of_day": "it is {}",
    "weather": "the weather is {}", "shot_size": "frame it as a {} shot",
    "angle": "seen from a {} angle", "expression": "the expression is {}", "add_object": "add {}",
    "remove_object": "remove {}", "flip": "mirror the picture: {}",
}  # fmt: skip
_DEGREES: Final[Mapping[str, tuple[str, str]]] = {
    "exposure": ("darker", "brighter"), "contrast": ("less contrast", "more contrast"),
    "saturation": ("paler colours", "stronger colours"),
    "temperature": ("cooler colours", "warmer colours"), "vignette": ("", "darker corners"),
    "grain": ("", "film grain"),
}  # fmt: skip


class BadAdjustment(Refusal):
    """An adjustment that is none, or a value that it may not have."""

    code = "bad_adjustment"

    def __init__(self, *, name: str, value: object, allowed: str) -> None:
        super().__init__(f"{name[:40]!r} cannot be {str(value)[:40]!r}: it may be {allowed}")
        self.name = name
        self.allowed = allowed


class NoAdjustments(Refusal):
    """A fine-tune that changes nothing."""

    code = "no_adjustments"

    def __init__(self) -> None:
        super().__init__(f"name what to change: one of {', '.join(names())}")


def names() -> tuple[str, ...]:
    """List what may be adjusted."""
    return (*CHOICES, *WORDS, *RANGES)


def checked_adjustments(adjustments: Mapping[str, str | float]) -> dict[str, str | float]:
    """Return adjustments by name, numbers as floats.

    :raises NoAdjustments: when there are none but a region.
    :raises BadAdjustment: when a name is unknown, a value is not one of its own, or a region is
        no whole rectangle inside the picture.
    """
    found = {name: _checked(name, adjustments[name]) for name in sorted(adjustments)}
    if not found.keys() - set(REGION):
        raise NoAdjustments
    _check_region(found)
    return found


def sentence_of(adjustments: Mapping[str, str | float]) -> str:
    """Return checked adjustments in words, for a provider that is told changes in words."""
    told = [_told(name, value) for name, value in sorted(adjustments.items())]
    changes = "; ".join(each for each in told if each)
    if "region_x" not in adjustments:
        return f"Change only this and keep all else: {changes}."
    left, top, width, height = (round(float(adjustments[name]) * 100) for name in REGION)
    where = f"{left} % from the left and {top} % from the top, {width} % wide, {height} % high"
    return f"Only inside the rectangle {where}, change this and keep all else: {changes}."


def _checked(name: str, value: str | float) -> str | float:
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise BadAdjustment(name=name, value=value, allowed=", ".join(CHOICES[name]))
        return str(value)
    if name in WORDS:
        words = " ".join(value.split()) if isinstance(value, str) else ""
        if not 0 < len(words) <= WORDS_MAX or not words.isprintable():
            allowed = f"1 to {WORDS_MAX} characters of words"
            raise BadAdjustment(name=name, value=value, allowed=allowed)
        return words
    if name not in RANGES:
        raise BadAdjustment(name=name, value=value, allowed=f"left out, or {', '.join(names())}")
    low, high = RANGES[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= float(value) <= high:
        raise BadAdjustment(name=name, value=value, allowed=f"a number from {low:g} to {high:g}")
    if name == "seed_nudge" and float(value) != int(value):
        raise BadAdjustment(name=name, value=value, allowed="a whole number")
    return float(value)


def _check_region(found: Mapping[str, str | float]) -> None:
    given = [name for name in REGION if name in found]
    if not given:
        return
    if len(given) < len(REGION):
        raise BadAdjustment(name=given[0], value="alone", allowed=f"given with {', '.join(REGION)}")
    left, top, width, height = (float(found[name]) for name in REGION)
    if width <= 0 or height <= 0 or left + width > 1 or top + height > 1:
        value = f"{left:g}, {top:g}, {width:g}, {height:g}"
        raise BadAdjustment(name="region", value=value, allowed="a rectangle inside the picture")


def _told(name: str, value: str | float) -> str:
    if name in _SENTENCES:
        return _SENTENCES[name].format(str(value).replace("_", " "))
    if name not in _DEGREES or not value:
        return ""
    degree = abs(float(value))
    return f"{_DEGREES[name][float(value) > 0]}{'' if degree > 1 / 3 else ', slightly'}"
