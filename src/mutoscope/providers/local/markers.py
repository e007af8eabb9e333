"""Failure markers: words in a prompt that make the engine fail, for demonstrations and tests.

They are honoured in orders marked demo alone, and never drawn in any:

- ``[[fail]]``: the render fails with the code ``provider_failed``;
- ``[[moderated]]``: the content is refused with the code ``moderated``;
- ``[[lost]]``: the work is lost, as when a provider forgets it;
- ``[[partial:N]]``: only N of the images asked are delivered, and the render succeeds;
- ``[[slow:S]]``: the render takes at least S whole seconds, with progress, and can be cancelled.
"""

import re
from dataclasses import dataclass

SLOW_S_MAX = 600  # longer than any deadline that a demonstration needs

_MARKER = re.compile(r"\[\[(fail|moderated|lost|partial:\d+|slow:\d+)\]\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Markers:
    """What the markers of a prompt ask for."""

    fails: bool = False
    is_moderated: bool = False
    is_lost: bool = False
    images_max: int | None = None
    slow_s: int = 0


def read_markers(*, prompt: str) -> Markers:
    """Read the markers of a prompt."""
    found = dict(match.lower().partition(":")[::2] for match in _MARKER.findall(prompt))
    return Markers(
        fails="fail" in found,
        is_moderated="moderated" in found,
        is_lost="lost" in found,
        images_max=int(found["partial"]) if "partial" in found else None,
        slow_s=min(int(found.get("slow", "0")), SLOW_S_MAX),
    )


def without_markers(*, text: str) -> str:
    """Return a text without its markers."""
    return " ".join(_MARKER.sub(" ", text).split())
