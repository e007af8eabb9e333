"""What an operator has set about files: room, time, and how they are handed out."""

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRules:
    """A workspace's room in bytes, and how long an export is kept; 0 and None are without limit.

    `can_redirect` lets a link lead to the store's own address. `link_key` signs links.
    """

    link_key: bytes = field(default=b"", repr=False)
    quota_bytes: int = 0
    keep_exports: timedelta | None = None
    can_redirect: bool = False
