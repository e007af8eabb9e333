"""What is done to a picture after it is painted: exposure, colour, grain, caption.

Owns the grade as a value with its ranges, and its application to pixels. Every number is 0 for
"as painted". The order is fixed, so that a grade built in any order of edits looks the same.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mutoscope.providers.local.canvas import (
    Floats,
    columns,
    rows,
    size_of,
    step,
)
from mutoscope.providers.local.chance import stream

RANGES = {
    "exposure": (-2.0, 2.0),
    "contrast": (-1.0, 1.0),
    "saturation": (-1.0, 1.0),
    "temperature": (-1.0, 1.0),
    "vignette": (0.0, 1.0),
    "grain": (0.0, 1.0),
}
CAPTION_CHARACTERS_MAX = 80  # a longer line would be too small to read

_LUMA = np.asarray([0.2126, 0.7152, 0.0722], dtype=np.float32)
_SEPIA = np.asarray([1.08, 0.92, 0.7], dtype=np.float32)
_MIDDLE = np.float32(0.42)


class Tone(StrEnum):
    """Which colours remain."""

    COLOUR = "colour"
    MONOCHROME = "monochrome"
    SEPIA = "sepia"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """The changes to a picture's pixels; exposure is in stops."""

    exposure: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    temperature: float = 0.0
    vignette: float = 0.0
    grain: float = 0.0
    tone: Tone = Tone.COLOUR
    is_flipped: bool = False
    caption: str = ""


HOUSE_GRADE = Grade(vignette=0.4, grain=0.25)


def develop(*, pixels: Floats, grade: Grade, seed: int) -> Floats:
    """Apply a grade to pixels; the caption is not pixels and comes with the label."""
    developed = pixels[:, ::-1] if grade.is_flipped else pixels
    developed = _exposed(developed, grade)
    developed = _coloured(developed, grade)
    if grade.vignette:
        developed = developed * _vignette(developed, grade.vignette)[..., None]
    if grade.grain:
        developed = developed + _grain(developed, grade.grain, seed)[..., None]
    return np.clip(developed, 0, 1).astype(np.float32)


def _exposed(pixels: Floats, grade: Grade) -> Floats:
    exposed = pixels
    if grade.exposure:
        linear = np.power(pixels, np.float32(2.2)) * np.float32(2**grade.exposure)
        exposed = np.power(linear / (1 + np.maximum(linear - 0.8, 0)), np.float32(1 / 2.2))
    if grade.contrast:
        exposed = (exposed - _MIDDLE) * np.float32(1 + 0.6 * grade.contrast) + _MIDDLE
    return exposed


def _coloured(pixels: Floats, grade: Grade) -> Floats:
    coloured = pixels
    if grade.temperature:
        shift = 0.14 * grade.temperature
        coloured = coloured * np.asarray([1 + shift, 1, 1 - shift], dtype=np.float32)
    if grade.saturation or grade.tone is not Tone.COLOUR:
        share = 1 + grade.saturation if grade.tone is Tone.COLOUR else 0
        grey = (coloured @ _LUMA)[..., None]
        coloured = grey + (coloured - grey) * np.float32(share)
    return coloured * _SEPIA if grade.tone is Tone.SEPIA else coloured


def _vignette(pixels: Floats, strength: float) -> Floats:
    size = size_of(pixels)
    across = columns(size) / size.aspect - 0.5
    away = np.sqrt(across * across + (rows(size) - 0.5) ** 2).astype(np.float32)
    return (1 - np.float32(0.75 * strength) * step(away, 0.25, 0.85)).astype(np.float32)


def _grain(pixels: Floats, strength: float, seed: int) -> Floats:
    noise = stream(seed=seed, name="grain").standard_normal(pixels.shape[:2], dtype=np.float32)
    return noise * np.float32(0.05 * strength)
