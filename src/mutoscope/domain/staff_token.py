"""Tokens of staff: a prefix that tells what it opens, a secret, and a checksum of both.

Invariant: a token is kept by its digest alone, so that the database opens nothing. The checksum
finds a token that was cut short or mistyped without asking the database; it keeps no secret.
"""

from hashlib import sha256
from typing import Final
from zlib import crc32

STAFF_PREFIX: Final = "mts_staff_"
"""What opens the desk, in a person's name."""

VIEW_PREFIX: Final = "mts_view_"
"""What lets staff look at one workspace."""

SECRET_BYTES: Final = 32
TOKEN_LENGTH_MAX: Final = 100
_CHECKSUM_LENGTH: Final = 8


def token_of(*, prefix: str, secret: bytes) -> str:
    """Return the token of a secret."""
    assert len(secret) == SECRET_BYTES, len(secret)
    body = f"{prefix}{secret.hex()}"
    return f"{body}_{_checksum(body)}"


def is_whole(*, token: str, prefix: str) -> bool:
    """Tell whether a text is a token of that prefix, unharmed."""
    body, _, checksum = token.rpartition("_")
    is_ours = token.startswith(prefix) and len(token) <= TOKEN_LENGTH_MAX
    return is_ours and checksum == _checksum(body)


def token_digest(*, token: str) -> bytes:
    """Return what is kept of a token."""
    return sha256(token.encode()).digest()


def _checksum(body: str) -> str:
    return f"{crc32(body.encode()):0{_CHECKSUM_LENGTH}x}"
