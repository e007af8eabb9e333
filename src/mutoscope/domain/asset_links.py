"""Links to files of a workspace: signed, and dead at an instant.

Invariant: nobody without the house's key can write a link, or change one in any bit. The
surprising choice: a link is opened without a session or a key of the API, since it is made for a
browser or a program that has neither; it names one file for a short time.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Final
from uuid import UUID

from mutoscope.domain.credits import Refusal

LASTS_MAX: Final = timedelta(days=7)
"""What the buckets of every provider sign at most."""

_CONTEXT: Final = b"mutoscope/asset-link/1\n"
_FIELDS: Final = Struct(">16s32sQ?")
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
        super().__init__(f"this link ended at {expires_at.isoformat()}: ask for a new one")
        self.expires_at = expires_at


class BadLasting(Refusal):
    """A time for a link that is none, or longer than any store allows."""

    code = "bad_lasting"

    def __init__(self, *, lasts: timedelta) -> None:
        super().__init__(
            f"a link may last from 1 second to {LASTS_MAX.days} days, not {lasts.total_seconds():g}"
            " seconds"
        )
        self.lasts_s = int(lasts.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetLink:
    """One file of one workspace, to look at or to keep, until an instant (whole seconds)."""

    workspace_id: UUID
    asset: bytes
    expires_at: datetime
    is_download: bool


def signed(link: AssetLink, *, key: bytes) -> str:
    """Return a link as text for an address."""
    content = _FIELDS.pack(
        link.workspace_id.bytes, link.asset, int(link.expires_at.timestamp()), link.is_download
    )
    return urlsafe_b64encode(content + _seal(content, key)).rstrip(b"=").decode()


def opened(text: str, *, key: bytes, at: datetime) -> AssetLink:
    """Return what a link names.

    :raises LinkForged: when it was not signed with the key.
    :raises LinkExpired: when its time is over.
    """
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (NotBase64, ValueError):
        raise LinkForged from None
    content, seal = sealed[:-_DIGEST_BYTES], sealed[-_DIGEST_BYTES:]
    is_canonical = urlsafe_b64encode(sealed).rstrip(b"=").decode() == text
    if not hmac.compare_digest(seal, _seal(content, key)) or not is_canonical:
        raise LinkForged
    workspace, asset, expires, is_download = _FIELDS.unpack(content)
    expires_at = datetime.fromtimestamp(expires, UTC)
    if at >= expires_at:
        raise LinkExpired(expires_at=expires_at)
    return AssetLink(
        workspace_id=UUID(bytes=workspace), asset=asset, expires_at=expires_at,
        is_download=is_download,
    )  # fmt: skip


def checked_lasting(lasts: timedelta) -> timedelta:
    """Return how long a link lasts.

    :raises BadLasting: when it is less than a second or more than `LASTS_MAX`.
    """
    if not timedelta(seconds=1) <= lasts <= LASTS_MAX:
        raise BadLasting(lasts=lasts)
    return lasts


def _seal(content: bytes, key: bytes) -> bytes:
    assert key, "a house has a key for its links"
    return hmac.digest(key, _CONTEXT + content, _DIGEST)
