"""Disputes as rows, and where they meet what is decided about their payments.

Invariant: whoever uses a payment, sends money of it back, or tells a dispute of it or its end holds
the payment's row until it commits; what was read before is looked at again under that lock, so that
neither overlooks the other. These writers come before those of a purchase, and hold several
payments in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

DEBTS_MAX: Final = 1_000
"""Debts that are listed: whoever has more of them has other worries than a list."""

_SQL: Final = queries("disputes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A payment that its payer disputes."""

    workspace_id: UUID
    gateway: str
    reference: str
    payment_id: UUID
    purchase_id: UUID | None
    amount: int
    currency: str
    state: str
    opened_at: datetime
    closed_at: datetime | None

    def row(self) -> tuple[Any, ...]:
        """Return its columns in the table's order."""
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """What a lost dispute left unpaid, in minor units: of a purchase, or of a plan's payment."""

    workspace_id: UUID
    gateway: str
    reference: str
    title: str
    purchase_id: UUID | None
    amount: int
    currency: str
    closed_at: datetime


async def add_disputes(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write payments that are disputed; one that is known is not written again."""
    written: int = await _SQL.add_disputes(connection, disputes=rows)
    return written


async def close_disputes(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Note (workspace id, gateway, reference, state, instant) of open disputes."""
    workspaces, gateways, names, states, instants = zip(*rows, strict=True)
    written: int = await _SQL.close_disputes(
        connection, workspaces=workspaces, gateways=gateways, names=names, states=states,
        instants=instants,
    )  # fmt: skip
    return written


async def get(
    connection: Connection, *, workspace_id: UUID, gateway: str, reference: str
) -> Dispute | None:
    """Return a dispute of a workspace, if there is one."""
    row = await _SQL.dispute(
        connection, workspace_id=workspace_id, gateway=gateway, reference=reference
    )
    return None if row is None else Dispute(**row["found"])


async def of_workspace(connection: Connection, *, workspace_id: UUID) -> tuple[Dispute, ...]:
    """Return the disputes of a workspace, the newest first."""
    rows = _SQL.disputes_of(connection, workspace_id=workspace_id)
    return tuple([Dispute(**row["found"]) async for row in rows])


async def undecided(connection: Connection, *, limit: int) -> tuple[Dispute, ...]:
    """Return the disputes that are not decided, the eldest first."""
    rows = _SQL.open_disputes(connection, limit=limit)
    return tuple([Dispute(**row["found"]) async for row in rows])


async def debts(
    connection: Connection, *, limit: int, workspace_id: UUID | None = None
) -> tuple[Debt, ...]:
    """Return what lost disputes left unpaid, the newest first."""
    rows = _SQL.debts(connection, workspace_id=workspace_id, limit=limit)
    return tuple([Debt(**dict(row)) async for row in rows])


async def expect_payments(connection: Connection, rows: Sequence[tuple[UUID, UUID, str]]) -> int:
    """Hold (workspace id, payment id, state) as they were read until the transaction ends."""
    held = await _held(connection, ((workspace, payment) for workspace, payment, _ in rows))
    return len(held & set(rows))


async def lock_payments(connection: Connection, rows: Sequence[tuple[UUID, UUID]]) -> int:
    """Hold (workspace id, payment id) until the transaction ends, whatever their state."""
    return len(await _held(connection, rows))


async def expect_undisputed(connection: Connection, rows: Sequence[tuple[UUID, UUID, int]]) -> int:
    """Hold (workspace id, payment id, minor units that lost disputes took): none may be open."""
    workspaces, payments, taken = zip(*rows, strict=True)
    await lock_payments(connection, list(zip(workspaces, payments, strict=True)))
    found: int = await _SQL.expect_undisputed(
        connection, workspaces=workspaces, payments=payments, taken=taken
    )
    return found


async def _held(
    connection: Connection, names: Iterable[tuple[UUID, UUID]]
) -> set[tuple[UUID, UUID, str]]:
    workspaces, payments = zip(*names, strict=True)
    rows = _SQL.lock_payments(connection, workspaces=workspaces, payments=payments)
    return {tuple(row) async for row in rows}
