"""Letters that no font of this machine has, so that nobody prints empty boxes unawares."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import typst

from mutoscope.domain.credits import Refusal

NO_LETTER: Final = "\U0010fffd"
"""A place that Unicode leaves empty for ever: what a font shows for it is its sign for nothing."""

EMPTY_BOX: Final = "\u25a1"
TOLD_MAX: Final = 20
_TEMPLATE: Final = Path(__file__).with_name("letters.typ")
_GLYPH: Final = re.compile(r'href="#(\w+)"')


class FontMissing(Refusal):
    """A text with letters that no font of this machine has."""

    code = "font_missing"

    def __init__(self, *, letters: str) -> None:
        super().__init__(
            f"no font here has the letters {letters[:TOLD_MAX]}: the operator has to install one "
            "that has them, such as Noto Sans CJK, or put its file into the folder fonts of "
            "MUTOSCOPE_DATA"
        )
        self.letters = letters


def replacements(texts: Iterable[str], *, fonts: Path) -> dict[int, str]:
    """Return what stands for signs that cannot be printed, as `str.translate` takes it.

    :raises FontMissing: when letters are among them, without which nobody could read the text.
    """
    signs = sorted({each for text in texts for each in text if _is_drawn(each)})
    missing = _missing(signs, fonts) if signs else ""
    letters = "".join(sign for sign in missing if unicodedata.category(sign).startswith("L"))
    if letters:
        raise FontMissing(letters=letters)
    return {ord(sign): EMPTY_BOX for sign in missing}


def font_folders(fonts: Path) -> list[Path]:
    """Return the folder of the operator's fonts, if there is one."""
    return [fonts] if fonts.is_dir() else []


def _is_drawn(sign: str) -> bool:
    """Tell whether a sign needs a font: not spaces, controls, or what joins others."""
    kind = unicodedata.category(sign)
    return not sign.isascii() and (kind[0] in "LNPS" or kind in {"Cn", "Co"})


def _missing(signs: list[str], fonts: Path) -> str:
    drawn = typst.compile(
        _TEMPLATE, format="svg", font_paths=font_folders(fonts),
        sys_inputs={"letters": NO_LETTER + "".join(signs)},
    )  # fmt: skip
    assert isinstance(drawn, bytes)
    nothing, *found = _GLYPH.findall(drawn.decode())
    assert len(found) == len(signs), "every sign is drawn once"
    return "".join(
        sign for sign, glyph in zip(signs, found, strict=True) if glyph == nothing
    )  # fmt: skip
