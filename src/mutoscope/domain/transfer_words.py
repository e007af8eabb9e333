"""The words that a payer writes in a transfer, such as `MU-7ZZZ-0G3K-9QT2`: whose payment it is.

Invariant: they come from the request's id alone, so that they are the same whenever they are asked
for, and lead back to it. People and banks change such words: spaces, small letters, an O for a 0.
"""

import re
from typing import Final
from uuid import UUID

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and letters of which none is taken for another."""

GROUPS: Final = 3
GROUP: Final = 4
END: Final = 16
"""Characters of an id, written out, that the words of a transfer come from."""

_BITS: Final = 5
_MARK: Final = "MU"
_MEANT: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_LETTER: Final = r"[\s./-]*[0-9A-Z]"
_WRITTEN: Final = re.compile(
    rf"(?<![0-9A-Z])(?={_MARK}((?:{_LETTER}){{{GROUPS * GROUP}}})(?![0-9A-Z]))"
)
_APART: Final = re.compile(r"[\s./-]+")


def transfer_words(*, request_id: UUID) -> str:
    """Return what a payer writes in the transfer, such as `MU-7ZZZ-0G3K-9QT2`."""
    number = request_id.int
    letters = [ALPHABET[number >> (_BITS * place) & 31] for place in range(GROUPS * GROUP)]
    groups = ["".join(letters[place : place + GROUP]) for place in range(0, len(letters), GROUP)]
    return "-".join((_MARK, *groups))


def request_end(text: str) -> str | None:
    """Return how the id of the request ends whose words stand in a text; None when none do."""
    for found in _WRITTEN.finditer(text.upper()):
        letters = _APART.sub("", found[1]).translate(_MEANT)
        if set(letters) <= set(ALPHABET):
            return str(UUID(int=_number(letters)))[-END:]
    return None


def _number(letters: str) -> int:
    return sum(ALPHABET.index(letter) << (_BITS * place) for place, letter in enumerate(letters))
