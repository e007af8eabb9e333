"""Files of screenplays: which bytes are text, and whether the text is Fountain or Final Draft.

Invariant: a file is read whole or refused, never in part or with characters replaced. The rule of
encodings: a byte order mark decides (UTF-8, UTF-16); without one it is UTF-8; bytes that are not
UTF-8 are Windows-1252, as old writing programs save, when each of them is a character there.
"""

import codecs
import re

from mutoscope.domain.credits import Refusal
from mutoscope.domain.final_draft import parse_final_draft
from mutoscope.domain.fountain import parse_screenplay
from mutoscope.domain.screenplay import Screenplay

BYTES_MAX = 4_000_000
"""Bytes of a file: the longest screenplay in the widest encoding, with the marks of Final Draft."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_XML = re.compile(r"\s*<(?:\?xml\b|!--|!DOCTYPE\b|FinalDraft\b)")


class UnknownEncoding(Refusal):
    """A screenplay's file whose bytes are no text in an encoding that is read."""

    code = "unknown_encoding"

    def __init__(self) -> None:
        super().__init__(
            "the file is no text in UTF-8, UTF-16 or Windows-1252: save it as UTF-8, then try again"
        )


class ScreenplayFileTooLarge(Refusal):
    """A screenplay's file with more bytes than any screenplay has."""

    code = "screenplay_file_too_large"

    def __init__(self, *, size_bytes: int, size_bytes_max: int) -> None:
        super().__init__(
            f"the file has {size_bytes:,} bytes: give {size_bytes_max:,} at most, in parts"
        )
        self.size_bytes = size_bytes
        self.size_bytes_max = size_bytes_max


def read_screenplay(*, content: bytes) -> Screenplay:
    """Read the file of a screenplay: plain text, Fountain or Final Draft.

    :raises ScreenplayFileTooLarge: when it has more than `BYTES_MAX` bytes.
    :raises UnknownEncoding: when its bytes are no text.
    :raises BadFinalDraft: when it begins like Final Draft and cannot be read as such.
    :raises Refusal: when its text is refused by `parse_screenplay`.
    """
    if len(content) > BYTES_MAX:
        raise ScreenplayFileTooLarge(size_bytes=len(content), size_bytes_max=BYTES_MAX)
    return screenplay_of(text=_decoded(content))


def screenplay_of(*, text: str) -> Screenplay:
    """Read a screenplay's text, whichever of the forms it has.

    :raises Refusal: as `read_screenplay` does.
    """
    is_final_draft = _XML.match(text.removeprefix("\ufeff"))
    return parse_final_draft(text=text) if is_final_draft else parse_screenplay(text=text)


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _strictly(content[len(mark) :], encoding)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _strictly(content, "cp1252")


def _strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise UnknownEncoding from None
