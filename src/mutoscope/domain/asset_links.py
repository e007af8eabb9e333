"""Links to files of a workspace: signed, and dead at an instant.

Invariant: nobody without the house's key can write a link, or change one in any bit. The
surprising choice: a link is opened without a session or a key of the API, since it is made for a
browser or a program that has neither; it names one file for a short time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Final
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.sealed_links import LinkExpired, sealed, unsealed

LASTS_MAX: Final = timedelta(days=7)
"""What the buckets of every provider sign at most."""

_CONTEXT: Final = b"mutoscope/asset-link/1\n"
_FIELDS: Final = Struct(">16s32sQ?")


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
    return sealed(content, key=key, context=_CONTEXT)


def opened(text: str, *, key: bytes, at: datetime) -> AssetLink:
    """Return what a link names.

    :raises LinkForged: when it was not signed with the key.
    :raises LinkExpired: when its time is over.
    """
    content = unsealed(text, key=key, context=_CONTEXT)
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
