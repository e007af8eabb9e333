"""What credits come to in the words of a creator: so many seconds of film, or so many images.

A pack is told by the tool that is priced by the second, since seconds are what a film is made of;
where a kind has none, by the first tool of the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mutoscope.domain.estimate import affordable
from mutoscope.domain.offers import Unit

if TYPE_CHECKING:
    from mutoscope.domain.catalog import Version

MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What credits buy of one tool, in whole jobs: images, or clips and their seconds in all."""

    tool: str
    tool_name: str
    images: int
    clips: int
    seconds: int

    def told(self) -> str:
        """Return it in words, with whole minutes beside the seconds."""
        if not self.clips:
            return f"{self.images:,} images with {self.tool_name}"
        minutes, rest = divmod(self.seconds, MINUTE_S)
        whole = f" ({minutes:,} min)" if minutes and not rest else ""
        return f"{self.seconds:,} s{whole} with {self.tool_name}"


def measure(*, version: Version, kind: str, amount: int) -> Measure | None:
    """Return what an amount of a kind comes to; None when no tool takes the kind."""
    tools = [tool for tool in version.tools if tool.kind == kind]
    if not tools:
        return None
    tool = next((each for each in tools if each.unit is Unit.PER_SECOND), tools[0])
    buys = affordable(tool=tool, available=amount)
    return Measure(
        tool=tool.key, tool_name=tool.name, images=buys.images, clips=buys.clips,
        seconds=buys.seconds,
    )  # fmt: skip
