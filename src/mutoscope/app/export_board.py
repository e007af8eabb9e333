"""What an export shows: a storyboard with its pictures as files, and how it is to look.

Owns these values; where the pictures come from is `app.export`'s matter, what is made of them that
of the documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from mutoscope.domain.credits import Refusal


class Form(StrEnum):
    """What a storyboard can be exported as."""

    PDF = "pdf"
    ANIMATIC = "animatic"
    ZIP = "zip"


class Field(StrEnum):
    """What can stand beside a picture."""

    NUMBER = "number"
    DESCRIPTION = "description"
    DIALOGUE = "dialogue"
    DURATION = "duration"
    TOOL = "tool"
    COST = "cost"


GRIDS: Final = ("2x2", "2x3", "3x3", "list")
"""Rows by columns of a page; a list has as many rows as fit, and never shortens a text."""


class BadExport(Refusal):
    """An export of a form, grid or field that there is not."""

    code = "bad_export"

    def __init__(self, *, name: str, value: object, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no {name} {value!r}: choose of {', '.join(known)}")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How an export looks: the PDF's grid and fields, and whether the animatic has titles."""

    grid: str = "2x3"
    fields: tuple[Field, ...] = tuple(Field)
    has_titles: bool = False

    def plain(self) -> dict[str, Any]:
        """Return them as they are stored."""
        return {"grid": self.grid, "fields": list(self.fields), "has_titles": self.has_titles}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWish:
    """What is asked for: a form, and how it looks."""

    form: Form
    options: ExportOptions = field(default_factory=ExportOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFrame:
    """One shot: what it shows, for how long it is wanted, and its files, as far as there are any.

    `tool` is a name for people; `cost` is what was charged for it so far, by kind; `clip_s` was
    measured on the clip.
    """

    number: int
    description: str
    dialogue: str
    duration_s: int
    tool: str | None
    cost: Mapping[str, int]
    still: Path | None
    clip: Path | None
    clip_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportScene:
    """Shots under one heading."""

    heading: str
    frames: tuple[ExportFrame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportBoard:
    """A storyboard, in order; frames are numbered through all scenes from 1."""

    title: str
    scenes: tuple[ExportScene, ...]

    @property
    def frames(self) -> tuple[ExportFrame, ...]:
        """Return the frames of all scenes."""
        return tuple(frame for scene in self.scenes for frame in scene.frames)


def read_options(found: Mapping[str, Any]) -> ExportOptions:
    """Return options as they were stored or asked for.

    :raises BadExport: when a grid or a field is none of ours.
    """
    options = ExportOptions()
    grid = found.get("grid", options.grid)
    if grid not in GRIDS:
        raise BadExport(name="grid", value=grid, known=GRIDS)
    asked = tuple(found.get("fields", options.fields))
    for name in asked:
        if name not in tuple(Field):
            raise BadExport(name="field", value=name, known=tuple(Field))
    fields = tuple(field for field in Field if field in asked)
    has_titles = bool(found.get("has_titles", options.has_titles))
    return ExportOptions(grid=grid, fields=fields, has_titles=has_titles)


def cost_words(cost: Mapping[str, int]) -> str:
    """Return a cost for people, such as `1 image, 25 video credits`."""
    parts = [f"{amount:,} {kind}" for kind, amount in sorted(cost.items()) if amount]
    if not parts:
        return ""
    is_one = len(parts) == 1 and parts[0].startswith("1 ")
    return f"{', '.join(parts)} {'credit' if is_one else 'credits'}"
