"""Cursors: the text in which a reader keeps the boundary that a page ended at.

Invariant: a cursor is read again only within the scope that it was given for, and only unchanged.
The surprising choice: it counts the lines of every wallet on its older side, instead of naming the
last line read, so that nothing that is written later can slip behind it.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from mutoscope.domain.credits import Refusal

CURSOR_LENGTH_MAX: Final = 2_000
"""Characters of a cursor: room for more wallets than a workspace has."""

Boundary = Mapping[str, int]
"""The lines of each wallet, by kind, on the older side."""

_CHECKSUM_LENGTH: Final = 6


class BadCursor(Refusal):
    """A cursor that no page of this history has given."""

    code = "bad_cursor"

    def __init__(self, *, cursor: str) -> None:
        super().__init__(
            f"the cursor {cursor[:80]!r} was not given by this history: begin without one"
        )
        self.cursor = cursor


def encoded(*, scope: str, boundary: Boundary) -> str:
    """Return the cursor of a boundary; the scope is what it may be used for."""
    text = ",".join(f"{kind}:{count}" for kind, count in sorted(boundary.items())).encode()
    return urlsafe_b64encode(_checksum(scope, text) + text).rstrip(b"=").decode()


def decoded(*, scope: str, cursor: str) -> Boundary:
    """Return the boundary of a cursor.

    :raises BadCursor: when it was not given for the same scope.
    """
    try:
        if len(cursor) > CURSOR_LENGTH_MAX:
            raise BadCursor(cursor=cursor)
        packed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadCursor(cursor=cursor) from error
    checksum, text = packed[:_CHECKSUM_LENGTH], packed[_CHECKSUM_LENGTH:]
    if checksum != _checksum(scope, text):
        raise BadCursor(cursor=cursor)
    return dict(_counts(text.decode()))


def _counts(text: str) -> Iterator[tuple[str, int]]:
    for part in text.split(",") if text else ():
        kind, _, count = part.partition(":")
        yield kind, int(count)


def _checksum(scope: str, text: bytes) -> bytes:
    """Return what guards a cursor against being mistyped or used elsewhere; it keeps no secret."""
    return sha256(scope.encode() + b"\n" + text).digest()[:_CHECKSUM_LENGTH]
