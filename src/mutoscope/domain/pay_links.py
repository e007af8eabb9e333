"""Links to pay what is asked for: sealed, and dead at an instant.

The surprising choice: a link opens a payment and nothing else, so that a reminder can be forwarded
to whoever pays the bills.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from struct import Struct
from typing import Final
from uuid import UUID

from mutoscope.domain.sealed_links import LinkExpired, sealed, unsealed

_CONTEXT: Final = b"mutoscope/pay-link/1\n"
_FIELDS: Final = Struct(">16s16sQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class PayLink:
    """One payment request of one workspace, until an instant (whole seconds)."""

    workspace_id: UUID
    request_id: UUID
    expires_at: datetime


def signed(link: PayLink, *, key: bytes) -> str:
    """Return a link as text for an address."""
    expires = int(link.expires_at.timestamp())
    content = _FIELDS.pack(link.workspace_id.bytes, link.request_id.bytes, expires)
    return sealed(content, key=key, context=_CONTEXT)


def opened(text: str, *, key: bytes, at: datetime) -> PayLink:
    """Return what a link names.

    :raises LinkForged: when it was not sealed with the key.
    :raises LinkExpired: when its time is over.
    """
    workspace, request, expires = _FIELDS.unpack(unsealed(text, key=key, context=_CONTEXT))
    expires_at = datetime.fromtimestamp(expires, UTC)
    if at >= expires_at:
        raise LinkExpired(expires_at=expires_at)
    return PayLink(
        workspace_id=UUID(bytes=workspace), request_id=UUID(bytes=request), expires_at=expires_at
    )
