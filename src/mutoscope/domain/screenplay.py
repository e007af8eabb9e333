"""Screenplays in Fountain, read into scenes, and scenes into the prompts of shots.

Owns a subset of the form: title page, scene headings (forced ones too), action, characters with
their dialogue, transitions, centred lines; notes, boneyard, sections, synopses, lyrics and page
breaks are left out. The invariant: every paragraph of action becomes one shot, in the order of
the text. The surprising choice: dialogue makes no shot, since a picture cannot be heard.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mutoscope.domain.credits import Refusal

TEXT_MAX = 500_000  # characters; a feature film has about 200,000
LINE_MAX = 200  # characters of a heading, a transition or a character's name; more is action

_HEADING = re.compile(r"(INT\.?/EXT|EXT\.?/INT|INT|EXT|EST|I/E)(?:\.\s*|\s+)(?=\S)", re.IGNORECASE)
_FORCED_HEADING = re.compile(r"\.(?=\w)")
_SCENE_NUMBER = re.compile(r"#[\w.-]+#$")
_DASH = re.compile(r"\s[-\u2013\u2014]+\s")
_TIME = re.compile(
    r"\b(day|night|dawn|dusk|morning|noon|midday|afternoon|evening|midnight|sunrise|sunset"
    r"|twilight)\b"
)
_SAME_TIME = re.compile(r"(moments )?later|continuous|same( time)?")
_TITLE_KEY = re.compile(
    r"(title|credit|authors?|source|notes|draft date|date|contact|copyright|revision|format):",
    re.IGNORECASE,
)
_TRANSITION = re.compile(r"[^a-z]*TO:|FADE (IN|OUT)[.:]?")
_CUE = re.compile(r"@.+|(?!!)[^a-z(]*[A-Z][^a-z(]*(\(.*\))?\s*\^?")
_LEFT_OUT = ("#", "=", "~")
_EMPHASIS = re.compile(r"(?<!\w)[*_]+|[*_]+(?!\w)")
_BLANK_LINES = re.compile(r"\n[ \t\f]*(?:\n[ \t\f]*)+")
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
    """A heading, what it says (in small letters, empty when it does not), and the action."""

    heading: str
    place: str
    time_of_day: str
    details: tuple[str, ...]
    action: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screenplay:
    """A title, empty when there is none, and the scenes that have action."""

    title: str
    scenes: tuple[Scene, ...]


def parse_screenplay(*, text: str) -> Screenplay:
    """Read a screenplay.

    :raises ScreenplayTooLong: when it has more than `TEXT_MAX` characters.
    :raises NotText: when it holds a control or stray character.
    :raises EmptyScreenplay: when no action is left to picture.
    """
    if len(text) > TEXT_MAX:
        raise ScreenplayTooLong(length=len(text), length_max=TEXT_MAX)
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    _refuse_control(plain)
    plain = _without(_without(plain, "/*", "*/"), "[[", "]]")
    blocks = [block.splitlines() for block in _BLANK_LINES.split(plain.strip())]
    title = _title(blocks[0])
    opened = _scenes(blocks if title is None else blocks[1:])
    scenes = tuple(scene for scene in opened if scene.action)
    if not scenes:
        raise EmptyScreenplay
    return Screenplay(title=title or "", scenes=scenes)


def _refuse_control(text: str) -> None:
    """Refuse the first character that no text has, with its place counted from 1."""
    found = _NO_TEXT.search(text)
    if found is not None:
        before = text[: found.start()]
        column = found.start() - before.rfind("\n")
        raise NotText(line=before.count("\n") + 1, column=column, character=found.group())


def _without(text: str, opening: str, closing: str) -> str:
    """Return a text without what stands between two marks; one that is not closed stays."""
    kept, position = [], 0
    while (begin := text.find(opening, position)) >= 0:
        end = text.find(closing, begin + len(opening))
        if end < 0:
            break
        kept.append(text[position:begin])
        position = end + len(closing)
    return "".join((*kept, text[position:]))


def _title(lines: list[str]) -> str | None:
    """Return the title that a title page gives, or None when the block is no title page."""
    if not lines or not _TITLE_KEY.match(lines[0]):
        return None
    parts: list[str] = []
    key = ""
    for line in lines:
        found = _TITLE_KEY.match(line)
        if found is not None:
            key = found.group(1).lower()
        if key == "title":
            parts.append(line[found.end() :] if found is not None else line)
    return _plain(" ".join(parts))


def _scenes(blocks: Iterable[list[str]]) -> Iterator[Scene]:
    """Yield the scenes that have action; what stands before the first heading has no place."""
    scene = Scene(heading="", place="", time_of_day="", details=(), action=())
    action: list[str] = []
    for block in blocks:
        lines = deque(line.strip() for line in block)
        while lines and (lines[0].startswith(_LEFT_OUT) or _is_heading(lines[0])):
            line = lines.popleft()
            if _is_heading(line):
                yield replace(scene, action=tuple(action))
                scene, action = _opened(line, scene.time_of_day), []
        action += _action(list(lines))
    yield replace(scene, action=tuple(action))


def _is_heading(line: str) -> bool:
    return len(line) <= LINE_MAX and bool(_HEADING.match(line) or _FORCED_HEADING.match(line))


def _opened(line: str, time_before: str) -> Scene:
    """Return the scene that a heading opens; "continuous" goes on at the time before."""
    heading = _plain(_SCENE_NUMBER.sub("", line).removeprefix("."))
    setting = _HEADING.match(heading)
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


def _action(lines: list[str]) -> tuple[str, ...]:
    """Return a block as a paragraph of action, or nothing when it is something else."""
    if not lines or _is_transition(lines) or _is_dialogue(lines):
        return ()
    kept = (line for line in lines if not line.startswith(_LEFT_OUT))
    paragraph = _plain(" ".join(line.removeprefix("!").strip("><") for line in kept))
    return (paragraph,) if paragraph else ()


def _is_transition(lines: list[str]) -> bool:
    """Tell whether a block is a transition; between > and < stands a centred line instead."""
    line = lines[0]
    if len(lines) > 1 or len(line) > LINE_MAX:
        return False
    is_forced = line.startswith(">") and not line.endswith("<")
    return is_forced or bool(_TRANSITION.fullmatch(line))


def _is_dialogue(lines: list[str]) -> bool:
    """Tell whether a block is a character's name with what is said under it."""
    return len(lines) > 1 and len(lines[0]) <= LINE_MAX and bool(_CUE.fullmatch(lines[0]))


def _plain(text: str) -> str:
    """Return a text on one line without marks of emphasis."""
    return " ".join(_EMPHASIS.sub("", text).split())
