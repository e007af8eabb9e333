"""The cast of a storyboard: characters and places, so that they look the same in every frame.

Owns which parts a frame shows, and how they are told to a provider. Invariant: a part goes with a
frame when the frame's text names it, and never otherwise.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Final
from uuid import UUID

from mutoscope.domain.jobs import PROMPT_MAX

PARTS_MAX: Final = 60
"""Parts of a cast: beyond, nobody keeps them apart."""

PICTURES_MAX: Final = 6
"""Pictures of one part: what providers look at."""

REFERENCES_MAX: Final = 10
"""Pictures that go with one job: the most that any provider takes for a frame."""


class PartKind(StrEnum):
    """What a part of the cast is."""

    CHARACTER = "character"
    PLACE = "place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A character or place of the cast; `pictures` are digests of assets that show it."""

    part_id: UUID
    kind: PartKind
    name: str
    description: str
    pictures: tuple[bytes, ...]


def shown(*, cast: Iterable[Part], text: str) -> tuple[Part, ...]:
    """Return the parts that a text names, in the order of the cast."""
    return tuple(
        part
        for part in cast
        if re.search(rf"(?<!\w){re.escape(part.name)}(?!\w)", text, re.IGNORECASE)
    )


def prompt_of(*, description: str, parts: Sequence[Part]) -> str:
    """Return what a provider is told of a frame: its description, and who and where it shows."""
    told = [f"{part.name}: {part.description.rstrip('.')}." for part in parts if part.description]
    prompt = description
    for sentence in told:
        if len(prompt) + 1 + len(sentence) <= PROMPT_MAX:
            prompt = f"{prompt} {sentence}"
    return prompt


def references_of(*, parts: Iterable[Part]) -> tuple[str, ...]:
    """Return the digests of pictures that go with a job: the first of each part, then others."""
    rounds = zip_longest(*(part.pictures for part in parts))
    found = dict.fromkeys(picture.hex() for each in rounds for picture in each if picture)
    return tuple(found)[:REFERENCES_MAX]
