"""Fountain, the plain-text form of screenplays, read into scenes.

Owns a subset of the form: title page, scene headings (forced ones too), action, characters with
their dialogue, transitions; notes, boneyard, sections, synopses, lyrics, centred lines such as
`> THE END <`, and page breaks are left out. Text without any mark is action, by paragraph.
"""

import re
from collections import deque
from collections.abc import Sequence

from mutoscope.domain.screenplay import (
    HEADING,
    TEXT_MAX,
    Screenplay,
    ScreenplayReader,
    ScreenplayTooLong,
    plain_line,
    refuse_control,
)

LINE_MAX = 200  # characters of a heading, a transition or a character's name; more is action

_FORCED_HEADING = re.compile(r"\.(?=\w)")
_TITLE_KEY = re.compile(
    r"(title|credit|authors?|source|notes|draft date|date|contact|copyright|revision|format):",
    re.IGNORECASE,
)
_TRANSITION = re.compile(r"[^a-z]*TO:|FADE (IN|OUT)[.:]?")
_CUE = re.compile(r"@.+|(?!!)[^a-z(]*[A-Z][^a-z(]*(\(.*\))?\s*\^?")
_PARENTHETICAL = re.compile(r"\(.*\)")
_LEFT_OUT = ("#", "=", "~")
_BLANK_LINES = re.compile(r"\n[ \t\f]*(?:\n[ \t\f]*)+")


def parse_screenplay(*, text: str) -> Screenplay:
    """Read a screenplay.

    :raises ScreenplayTooLong: when it has more than `TEXT_MAX` characters.
    :raises NotText: when it holds a control or stray character.
    :raises EmptyScreenplay: when no action is left to picture.
    """
    if len(text) > TEXT_MAX:
        raise ScreenplayTooLong(length=len(text), length_max=TEXT_MAX)
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    refuse_control(plain)
    plain = _without(_without(plain, "/*", "*/"), "[[", "]]")
    blocks = [block.splitlines() for block in _BLANK_LINES.split(plain.strip())]
    title = _title(blocks[0])
    reader = ScreenplayReader(title=title or "")
    for block in blocks if title is None else blocks[1:]:
        _read_block(reader, deque(line.strip() for line in block))
    return reader.screenplay()


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
    return plain_line(" ".join(parts))


def _read_block(reader: ScreenplayReader, lines: deque[str]) -> None:
    """Tell a reader what stands between two empty lines."""
    while lines and (_is_left_out(lines[0]) or _is_heading(lines[0])):
        line = lines.popleft()
        if _is_heading(line):
            reader.heading(line)
    if not lines or _is_transition(lines):
        return
    if _is_dialogue(lines):
        reader.cue(lines.popleft())
        reader.spoken(" ".join(line for line in lines if not _PARENTHETICAL.fullmatch(line)))
        return
    kept = (line for line in lines if not _is_left_out(line))
    reader.action(" ".join(line.removeprefix("!").strip("><") for line in kept))


def _is_left_out(line: str) -> bool:
    """Tell whether nothing of a line is seen: centred ones, between > and <, are titles."""
    return line.startswith(_LEFT_OUT) or (line.startswith(">") and line.endswith("<"))


def _is_heading(line: str) -> bool:
    return len(line) <= LINE_MAX and bool(HEADING.match(line) or _FORCED_HEADING.match(line))


def _is_transition(lines: Sequence[str]) -> bool:
    """Tell whether a block is a transition."""
    line = lines[0]
    if len(lines) > 1 or len(line) > LINE_MAX:
        return False
    return line.startswith(">") or bool(_TRANSITION.fullmatch(line))


def _is_dialogue(lines: Sequence[str]) -> bool:
    """Tell whether a block is a character's name with what is said under it."""
    return len(lines) > 1 and len(lines[0]) <= LINE_MAX and bool(_CUE.fullmatch(lines[0]))
