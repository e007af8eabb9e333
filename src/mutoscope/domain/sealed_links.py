"""Sealed texts for links: what is in one was written by this house, for one purpose.

Invariant: nobody without the house's key can write one, or change one in any bit; and one that was
made for a purpose (its context) opens nothing of another.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime
from typing import Final

from mutoscope.domain.credits import Refusal
from mutoscope.domain.instants import told

_DIGEST: Final = "sha256"
_DIGEST_BYTES: Final = 32


class LinkForged(Refusal):
    """A link that this house has not signed."""

    code = "link_forged"

    def __init__(self) -> None:
        super().__init__("this link is not whole, or not of this house: ask for a new one")


class LinkExpired(Refusal):
    """A link whose time is over."""

    code = "link_expired"

    def __init__(self, *, expires_at: datetime) -> None:
        super().__init__(f"this link ended at {told(expires_at)}: ask for a new one")
        self.expires_at = expires_at


def sealed(content: bytes, *, key: bytes, context: bytes) -> str:
    """Return content with its seal, as text for an address."""
    return urlsafe_b64encode(content + _seal(content, key, context)).rstrip(b"=").decode()


def unsealed(text: str, *, key: bytes, context: bytes) -> bytes:
    """Return the content of a sealed text.

    :raises LinkForged: when it was not sealed with the key, or for another purpose.
    """
    try:
        found = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (NotBase64, ValueError):
        raise LinkForged from None
    content, seal = found[:-_DIGEST_BYTES], found[-_DIGEST_BYTES:]
    is_canonical = urlsafe_b64encode(found).rstrip(b"=").decode() == text
    if not hmac.compare_digest(seal, _seal(content, key, context)) or not is_canonical:
        raise LinkForged
    return content


def _seal(content: bytes, key: bytes, context: bytes) -> bytes:
    assert key, "a house has a key for its links"
    return hmac.digest(key, context + content, _DIGEST)
