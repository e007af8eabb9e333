"""The recipe of a still: its scene and grade, kept inside the PNG.

Owns the text form. A still whose recipe is missing, or is not ours, counts as uploaded: it can
be graded and animated, but its scene cannot be changed.
"""

from dataclasses import dataclass

import msgspec

from mutoscope.providers.local.grade import HOUSE_GRADE, Grade
from mutoscope.providers.local.scene import Scene

CHUNK = "mutoscope-recipe"  # the keyword of the text chunk; stills in the world carry it


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that a still was made from."""

    scene: Scene
    grade: Grade = HOUSE_GRADE


def to_text(*, recipe: Recipe) -> str:
    """Write a recipe as JSON."""
    return msgspec.json.encode(recipe).decode()


def from_text(*, text: str) -> Recipe | None:
    """Read a recipe, or return None when the text is none."""
    try:
        return msgspec.json.decode(text, type=Recipe)
    except msgspec.DecodeError:
        return None
