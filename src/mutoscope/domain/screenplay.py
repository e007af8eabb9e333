"""Screenplays: scenes with their action and dialogue, whatever file they were read from.

Owns what a heading says and which scenes count. The invariant: every paragraph of action becomes
one shot, in the order of the text. The surprising choice: dialogue makes no shot, since a picture
cannot be heard; it goes with the action that it follows.
"""

import re
from dataclasses import dataclass, replace

from mutoscope.domain.credits import Refusal

TEXT_MAX = 500_000  # characters; a feature film has about 200,000
HEADING = re.compile(r"(INT\.?/EXT|EXT\.?/INT|INT|EXT|EST|I/E)(?:\.\s*|\s+)(?=\S)", re.IGNORECASE)
"""How a scene heading begins."""

_SCENE_NUMBER = re.compile(r"#[\w.-]+#$")
_DASH = re.compile(r"\s[-\u2013\u2014]+\s")
_TIME = re.compile(
    r"\b(day|night|dawn|dusk|morning|noon|midday|afternoon|evening|midnight|sunrise|sunset"
    r"|twilight)\b"
)
_SAME_TIME = re.compile(r"(moments )?later|continuous|same( time)?")
_EXTENSION = re.compile(r"\(.*\)")
_EMPHASIS = re.compile(r"(?<!\w)[*_]+|[*_]+(?!\w)")
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffd-\uffff]")


class EmptyScreenplay(Refusal):
    """A screenplay has no action that could be pictured."""

    code = "empty_screenplay"

    def __init__(self) -> None:
        super().__init__(
            "the screenplay has no action to picture: write a scene heading, such as"
            " EXT. BEACH - DAWN, an empty line, and what is seen"
        )


class NotText(Refusal):
    """A screenplay holds a character that no text has."""

    code = "screenplay_not_text"

    def __init__(self, *, line: int, column: int, character: str) -> None:
        super().__init__(
            f"line {line}, column {column} has the character U+{ord(character):04X}:"
            " give plain text in UTF-8"
        )
        self.line = line
        self.column = column
        self.character = character


class ScreenplayTooLong(Refusal):
    """A screenplay is longer than any film's."""

    code = "screenplay_too_long"

    def __init__(self, *, length: int, length_max: int) -> None:
        super().__init__(
            f"the screenplay has {length} characters: give {length_max} at most, in parts"
        )
        self.length = length
        self.length_max = length_max


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A heading, what it says (in small letters, empty when it does not), and the action.

    `dialogue` has what is said with each paragraph of action, a line for each speech.
    """

    heading: str
    place: str
    time_of_day: str
    details: tuple[str, ...]
    action: tuple[str, ...]
    dialogue: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Screenplay:
    """A title, empty when there is none, and the scenes that have action."""

    title: str
    scenes: tuple[Scene, ...]


class ScreenplayReader:
    """Builds a screenplay of headings, action and speeches, told in the order of the text.

    What stands before the first heading has no place; a scene without action is left out.
    """

    def __init__(self, *, title: str = "") -> None:
        self._title = title
        self._scenes: list[Scene] = []
        self._scene = Scene(heading="", place="", time_of_day="", details=(), action=())
        self._action: list[str] = []
        self._speeches: list[list[str]] = []
        self._unheard: list[str] = []
        self._speaker = ""

    def heading(self, line: str) -> None:
        """Open a scene."""
        self._close()
        self._scene = _opened(line, self._scene.time_of_day)

    def action(self, line: str) -> None:
        """Take a paragraph of action."""
        paragraph = plain_line(line)
        if paragraph:
            self._action.append(paragraph)
            self._speeches.append(self._unheard)
            self._unheard = []

    def cue(self, line: str) -> None:
        """Hear who speaks next."""
        self._speaker = plain_line(_EXTENSION.sub("", line.lstrip("@").rstrip("^ ")))

    def spoken(self, line: str) -> None:
        """Take what is said; before any action it goes with the one that comes."""
        speech = ": ".join(part for part in (self._speaker, plain_line(line)) if part)
        (self._speeches[-1] if self._speeches else self._unheard).append(speech)

    def screenplay(self) -> Screenplay:
        """Return what was read.

        :raises EmptyScreenplay: when no action is left to picture.
        """
        self._close()
        if not self._scenes:
            raise EmptyScreenplay
        return Screenplay(title=self._title, scenes=tuple(self._scenes))

    def _close(self) -> None:
        if self._action:
            dialogue = tuple("\n".join(speeches) for speeches in self._speeches)
            closed = replace(self._scene, action=tuple(self._action), dialogue=dialogue)
            self._scenes.append(closed)
        self._action, self._speeches, self._unheard, self._speaker = [], [], [], ""


def refuse_control(text: str) -> None:
    """Refuse the first character that no text has, with its place counted from 1.

    :raises NotText: when there is one.
    """
    found = _NO_TEXT.search(text)
    if found is not None:
        before = text[: found.start()]
        column = found.start() - before.rfind("\n")
        raise NotText(line=before.count("\n") + 1, column=column, character=found.group())


def plain_line(text: str) -> str:
    """Return a text on one line without marks of emphasis."""
    return " ".join(_EMPHASIS.sub("", text).split())


def _opened(line: str, time_before: str) -> Scene:
    """Return the scene that a heading opens; "continuous" goes on at the time before."""
    heading = plain_line(_SCENE_NUMBER.sub("", line).removeprefix("."))
    setting = HEADING.match(heading)
    words = heading[setting.end() :] if setting is not None else heading
    place, *rest = (part.strip().lower() for part in _DASH.split(words))
    times = [part for part in rest if _TIME.search(part)]
    goes_on = any(_SAME_TIME.fullmatch(part) for part in rest)
    details = [part for part in rest if part not in times and not _SAME_TIME.fullmatch(part)]
    if setting is not None and setting.group(1).upper() == "INT":
        details.append("interior")
    return Scene(
        heading=heading,
        place=place,
        time_of_day=times[0] if times else time_before if goes_on else "",
        details=tuple(details),
        action=(),
    )
