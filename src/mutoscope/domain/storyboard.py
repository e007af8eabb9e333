"""Storyboards: a project's scenes, its frames in order, its cast, and the versions of each frame.

Owns the values that a board is told in and what may be said of a frame. Invariant: a frame's still
is the version that was chosen, else its newest, and a frame is final only with a chosen one. The
surprising choice: versions are no things of their own; each is what a job delivered, or an upload.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from mutoscope.domain.cast import Part
from mutoscope.domain.credits import Refusal
from mutoscope.domain.fine_tune import ShotSize
from mutoscope.domain.jobs import FrameName
from mutoscope.domain.offers import Tool, Unit

NAME_MAX: Final = 200
"""Characters of a name or a heading: one line of a screen."""

FRAMES_MAX: Final = 500
"""Frames of a project: what one estimate, one order and one person can oversee."""

SCENES_MAX: Final = 300
"""Scenes of a project: a long film has as many."""

PROJECTS_MAX: Final = 1_000
"""Projects of a workspace: one list of a screen, by search."""

TOLD_MAX: Final = 10
"""Frames that a refusal names."""


class Wanted(StrEnum):
    """What of a frame a job makes."""

    STILL = "still"
    CLIP = "clip"


class BadText(Refusal):
    """A name, heading or description that is empty, too long, or no text."""

    code = "bad_text"

    def __init__(self, *, name: str, length_max: int) -> None:
        super().__init__(f"{name} has to be text of at most {length_max:,} characters, not empty")
        self.name = name
        self.length_max = length_max


class BadBoardRatio(Refusal):
    """A ratio in which no tool makes stills."""

    code = "bad_board_ratio"

    def __init__(self, *, ratio: str, allowed: Iterable[str]) -> None:
        listed = ", ".join(allowed)
        super().__init__(f"{ratio[:20]!r} is no ratio of width to height here: it may be {listed}")
        self.ratio = ratio[:20]


class BoardFull(Refusal):
    """More scenes, frames, parts or pictures than a project takes."""

    code = "board_full"

    def __init__(self, *, things: str, count_max: int) -> None:
        super().__init__(f"a project takes {count_max:,} {things}: delete some, or begin another")
        self.things = things
        self.count_max = count_max


class FrameNotFinal(Refusal):
    """A clip of a frame that is not marked final: edits come before animation."""

    code = "frame_not_final"

    def __init__(self, *, numbers: Sequence[int]) -> None:
        super().__init__(
            f"{told_frames(numbers, one='is', more='are')} not marked final, and after an edit a "
            "clip is paid again: mark what is ready, or confirm that it is animated as it is"
        )
        self.numbers = tuple(numbers)


class FrameNotMade(Refusal):
    """Something that needs a still, of a frame that has none."""

    code = "frame_not_made"

    def __init__(self, *, numbers: Sequence[int]) -> None:
        super().__init__(
            f"{told_frames(numbers, one='has', more='have')} no still yet: "
            "generate or upload one first"
        )
        self.numbers = tuple(numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A storyboard's name and the ratio of its pictures."""

    workspace_id: UUID
    project_id: UUID
    name: str
    ratio: str
    created_at: datetime
    archived_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameVersion:
    """One still or clip of a frame, measured on the file; an upload has no tool and cost nothing.

    `charged` is None for unlimited use. `source` is the still that it was made from.
    """

    name: FrameName
    asset: bytes
    media_type: str
    width: int
    height: int
    duration_ms: int | None
    tool: str | None
    prompt: str
    instruction: str | None
    adjustments: dict[str, str | float] | None
    seed: int | None
    source: FrameName | None
    charged: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A slot of the board, with its versions and clips from the oldest to the newest.

    `number` counts from 1 through the board. `chosen` is the version that was chosen, if one was;
    `pending` names what jobs that are not final will bring. A frame without a tool stays a still.
    """

    frame_id: UUID
    scene_id: UUID
    number: int
    description: str
    dialogue: str
    shot_size: ShotSize | None
    tool: str | None
    duration_s: int | None
    chosen: FrameName | None
    is_final: bool
    versions: tuple[FrameVersion, ...]
    clips: tuple[FrameVersion, ...]
    pending: frozenset[Wanted]

    @property
    def still(self) -> FrameVersion | None:
        """Return the chosen version, else the newest, if there is one."""
        chosen = (each for each in self.versions if each.name == self.chosen)
        return next(chosen, self.versions[-1] if self.versions else None)

    @property
    def clip(self) -> FrameVersion | None:
        """Return the newest clip, if there is one."""
        return self.clips[-1] if self.clips else None

    def lacks(self, wanted: Wanted) -> bool:
        """Tell whether a still, or a clip that it is to have, is neither there nor on its way."""
        if wanted in self.pending:
            return False
        if wanted is Wanted.STILL:
            return not self.versions
        return self.tool is not None and not self.clips


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardScene:
    """A scene of the board with its frames in order."""

    scene_id: UUID
    heading: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A project with its scenes, frames and cast, as they stood when it was read."""

    project: Project
    scenes: tuple[BoardScene, ...]
    cast: tuple[Part, ...]

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Return the frames of all scenes in order."""
        return tuple(frame for scene in self.scenes for frame in scene.frames)


def checked_text(text: str, *, name: str, length_max: int = NAME_MAX) -> str:
    """Return a text without surrounding space.

    :raises BadText: when it is empty, too long, or has a character that no text has.
    """
    kept = text.strip()
    is_plain = all(character.isprintable() or character in "\n\t" for character in kept)
    if not kept or len(kept) > length_max or not is_plain:
        raise BadText(name=name, length_max=length_max)
    return kept


def checked_ratio(ratio: str, *, tools: Iterable[Tool]) -> str:
    """Return a ratio of width to height in which one of the tools makes stills.

    :raises BadBoardRatio: when none does.
    """
    stills = [tool for tool in tools if tool.unit is Unit.PER_IMAGE]
    allowed = tuple(dict.fromkeys(each for tool in stills for each in tool.ratios))
    if ratio not in allowed:
        raise BadBoardRatio(ratio=ratio, allowed=allowed)
    return ratio


def moved(*, order: Sequence[UUID], item: UUID, place: int) -> tuple[UUID, ...]:
    """Return an order in which an item stands at a place, from 1; beyond the end is the end."""
    others = [each for each in order if each != item]
    others.insert(max(0, place - 1), item)
    return tuple(others)


def told_frames(numbers: Sequence[int], *, one: str, more: str) -> str:
    """Return frames by their numbers with a sentence's verb: the first ones, when they are many."""
    if len(numbers) == 1:
        return f"frame {numbers[0]} {one}"
    shown = ", ".join(map(str, numbers[:TOLD_MAX]))
    return f"frames {shown}{', ...' if len(numbers) > TOLD_MAX else ''} {more}"
