"""The versions of a frame: what was said on the way to one, and how two of them differ.

Invariant: a version's way is told by its own source alone, back to the still that began it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mutoscope.domain.credits import Refusal
from mutoscope.domain.jobs import FrameName
from mutoscope.domain.storyboard import FrameVersion

HISTORY_MAX: Final = 20
"""Earlier instructions that go with an edit: the latest say what still holds."""

COMPARED: Final = (
    "tool", "prompt", "instruction", "adjustments", "seed", "source", "width", "height",
    "duration_ms", "charged",
)  # fmt: skip
"""What two versions are compared by, in the order in which it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in which two versions differ."""

    name: str
    first: object
    second: object


class NoSuchVersion(Refusal):
    """A number that none of a frame's versions has."""

    code = "no_such_version"

    def __init__(self, *, number: int, count: int) -> None:
        there = f"it has the versions 1 to {count}" if count else "it has none yet"
        super().__init__(f"the frame has no version {number}: {there}")
        self.number = number


def numbered(*, versions: Sequence[FrameVersion], number: int) -> FrameVersion:
    """Return a version by its place among a frame's, the oldest being 1.

    :raises NoSuchVersion: when there are not so many.
    """
    if not 1 <= number <= len(versions):
        raise NoSuchVersion(number=number, count=len(versions))
    return versions[number - 1]


def conversation(*, versions: Sequence[FrameVersion], source: FrameName | None) -> tuple[str, ...]:
    """Return the instructions that led to a version, the oldest first."""
    by_name = {each.name: each for each in versions}
    said: list[str] = []
    seen: set[FrameName] = set()
    while source is not None and source in by_name and source not in seen:
        seen.add(source)
        if (instruction := by_name[source].instruction) is not None:
            said.append(instruction)
        source = by_name[source].source
    return tuple(reversed(said[:HISTORY_MAX]))


def differences(*, first: FrameVersion, second: FrameVersion) -> tuple[Difference, ...]:
    """Return in what two versions differ; nothing when the same was asked for."""
    return tuple(
        Difference(name=name, first=getattr(first, name), second=getattr(second, name))
        for name in COMPARED
        if getattr(first, name) != getattr(second, name)
    )
