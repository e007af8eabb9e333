"""What desk actions read and write of workspaces. The writers are side writers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.lots import LotState
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

GOODWILL_RANK: Final = 2
"""After the proposal that it may be of, before the audit."""

_SQL: Final = queries("desk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A lot that credits were drawn from, and whether they would stay if they came back to it."""

    lot: int
    state: LotState
    expires_at: datetime | None
    purchase_id: UUID | None

    def is_lapsed(self, *, at: datetime) -> bool:
        """Tell whether what comes back to it lapses at once."""
        is_ended = self.state in {LotState.VOIDED, LotState.FORFEITED}
        return not is_ended and self.expires_at is not None and self.expires_at <= at


async def people(connection: Connection, *, workspace_id: UUID) -> tuple[str, ...]:
    """Return the e-mail addresses of all who belong to a workspace."""
    return tuple([row["email"] async for row in _SQL.people(connection, workspace_id=workspace_id)])


async def enable_purchases(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write (workspace id, plan that allows it, instant) where purchases were closed."""
    workspaces, plans, instants = zip(*rows, strict=True)
    written: int = await _SQL.enable_purchases(
        connection, workspaces=workspaces, plans=plans, instants=instants
    )
    return written


async def disable_purchases(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write (workspace id) where purchases were open."""
    written: int = await _SQL.disable_purchases(connection, workspaces=[row[0] for row in rows])
    return written


async def give_goodwill(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Count (month, kind, credits, the month's budget) where the budget has room for all of it.

    Several rows of one month are counted as one: when that is too much, none is written, and each
    is tried again alone.
    """
    sums: dict[tuple[date, str], int] = {}
    limits: dict[tuple[date, str], int] = {}
    for month, kind, amount, limit in rows:
        sums[month, kind] = sums.get((month, kind), 0) + amount
        limits[month, kind] = limit
    names = sorted(sums)
    given: int = await _SQL.give_goodwill(
        connection, months=[name[0] for name in names], kinds=[name[1] for name in names],
        credits=[sums[name] for name in names], limits=[limits[name] for name in names],
    )  # fmt: skip
    return len(rows) if given == len(names) else 0


async def goodwill_of(connection: Connection, *, month: date, kind: str) -> int:
    """Return the goodwill that was given in a month."""
    row = await _SQL.goodwill_of(connection, month=month, kind=kind)
    return 0 if row is None else row["granted"]


async def origins(
    connection: Connection, *, workspace_id: UUID, kind: str, lots: Sequence[int]
) -> dict[int, Origin]:
    """Return lots of a wallet by their numbers."""
    rows = _SQL.lots_of(connection, workspace_id=workspace_id, kind=kind, lots=list(lots))
    return {
        row["lot"]: Origin(
            lot=row["lot"], state=LotState(row["state"]), expires_at=row["expires_at"],
            purchase_id=row["purchase_id"],
        )
        async for row in rows
    }  # fmt: skip


async def is_refunded(
    connection: Connection, *, workspace_id: UUID, kind: str, sequence: int
) -> bool:
    """Tell whether an entry was refunded."""
    row = await _SQL.refund_of(connection, workspace_id=workspace_id, kind=kind, sequence=sequence)
    return row is not None


async def expect_returned(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Count (workspace id, namespace, key, lapsed, voided) where so much of it ended at once."""
    workspaces, namespaces, keys, lapsed, voided = zip(*rows, strict=True)
    found: int = await _SQL.expect_returned(
        connection, workspaces=workspaces, namespaces=namespaces, keys=keys, lapsed=lapsed,
        voided=voided,
    )  # fmt: skip
    return found
