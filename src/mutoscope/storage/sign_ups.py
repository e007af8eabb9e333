"""Counts of sign-ups over the API, by the digests of what they come from, and the unproven ones.

Invariant: a sign-up is counted in its own transaction, under the lock of the row, so that one that
is refused for another reason is not counted at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.storage.database import Connection

_SQL: Final = queries("sign_ups")


async def count(
    connection: Connection, *, subject_digest: bytes, passed_max: int, at: datetime,
    ends_at: datetime,
) -> datetime | None:  # fmt: skip
    """Count a sign-up in a span that ends at an instant, unless another span runs already.

    Return None when it passes, or else when the next one may.
    """
    is_counted = await _SQL.count_sign_up(
        connection, subject_digest=subject_digest, passed_max=passed_max, at=at, ends_at=ends_at
    )
    if is_counted is not None:
        return None
    retry_at: datetime = await _SQL.span_ends_at(connection, subject_digest=subject_digest)
    return retry_at


async def forget(connection: Connection, *, at: datetime, limit: int) -> int:
    """Forget counts whose span is over; return how many."""
    forgotten: int = await _SQL.forget(connection, at=at, limit=limit)
    return forgotten


async def remove_unproven(
    connection: Connection, *, before: datetime, at: datetime, limit: int
) -> int:
    """Remove workspaces of before an instant whose address nobody proved; return how many."""
    removed: int = await _SQL.remove_unproven(connection, before=before, at=at, limit=limit)
    return removed
