"""Screenplays of Final Draft (FDX), read into the same scenes as Fountain.

Owns the paragraphs of `Content` with their types; notes, revisions and layout are left out. The
invariant: a file that declares a document type or an entity is refused before anything of it is
read, so that nothing outside is fetched and nothing expands. What the paragraphs say is Fountain's
business: each is told to `ScreenplayReader` by what it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from mutoscope.domain.credits import Refusal
from mutoscope.domain.screenplay import (
    TEXT_MAX,
    Screenplay,
    ScreenplayReader,
    ScreenplayTooLong,
    refuse_control,
)

MARKUP_FACTOR: Final = 8
"""How much longer the marks make a text: each word of a revised script may have its own."""

_TEXT: Final = ["FinalDraft", "Content", "Paragraph", "Text"]
_HEADINGS: Final = frozenset({"Scene Heading"})
_ACTIONS: Final = frozenset({"Action", "General", "Shot"})
_SPOKEN: Final = frozenset({"Dialogue"})
_CUES: Final = frozenset({"Character"})


class BadFinalDraft(Refusal):
    """A file that begins like Final Draft's and is none that can be read."""

    code = "bad_final_draft"

    def __init__(self, *, reason: str) -> None:
        super().__init__(
            f"the file is no Final Draft document that can be read ({reason}): "
            "save it anew as FDX, or export it as plain text"
        )
        self.reason = reason


class _Found(Exception):
    """What ends the reading of a file."""


@dataclass(slots=True)
class _Paragraphs:
    """The paragraphs of `Content` outside of nested ones, as (type, text)."""

    path: list[str] = field(default_factory=list)
    kind: str = ""
    words: list[str] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        """Enter an element."""
        if not self.path and name != "FinalDraft":
            raise _Found(f"its root is {name[:40]!r}, not 'FinalDraft'")
        self.path.append(name)
        if self._is_paragraph():
            self.kind, self.words = attributes.get("Type", ""), []

    def hear(self, text: str) -> None:
        """Keep the text of a paragraph's own runs."""
        if len(self.path) == len(_TEXT) and self.path == _TEXT:
            self.words.append(text)

    def end(self, _: str) -> None:
        """Leave an element."""
        if self._is_paragraph():
            self.told.append((self.kind, "".join(self.words)))
        self.path.pop()

    def _is_paragraph(self) -> bool:
        return len(self.path) == len(_TEXT) - 1 and self.path == _TEXT[:-1]


def parse_final_draft(*, text: str) -> Screenplay:
    """Read a Final Draft document.

    :raises ScreenplayTooLong: when it is longer than any film's.
    :raises BadFinalDraft: when it declares a document type or an entity, or is no whole document.
    :raises NotText: when it holds a control or stray character.
    :raises EmptyScreenplay: when no action is left to picture.
    """
    if len(text) > TEXT_MAX * MARKUP_FACTOR:
        raise ScreenplayTooLong(length=len(text), length_max=TEXT_MAX * MARKUP_FACTOR)
    reader = ScreenplayReader()
    for kind, words in _paragraphs(text):
        line = " ".join(words.split())
        refuse_control(line)
        if kind in _HEADINGS:
            reader.heading(line)
        elif kind in _ACTIONS:
            reader.action(line)
        elif kind in _CUES:
            reader.cue(line)
        elif kind in _SPOKEN:
            reader.spoken(line)
    return reader.screenplay()


def _paragraphs(text: str) -> list[tuple[str, str]]:
    found = _Paragraphs()
    parser = expat.ParserCreate("utf-8")  # the text is decoded: what it declares no longer holds
    parser.StartElementHandler = found.begin
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.hear
    parser.StartDoctypeDeclHandler = _refusing("a document type is declared")
    parser.EntityDeclHandler = _refusing("an entity is declared")
    try:
        parser.Parse(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"), True)
    except _Found as found_out:
        raise BadFinalDraft(reason=str(found_out)) from None
    except expat.ExpatError as error:
        told = f"line {error.lineno}: {expat.ErrorString(error.code)}"
        raise BadFinalDraft(reason=told) from None
    return found.told


def _refusing(reason: str) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise _Found(reason)

    return refuse
