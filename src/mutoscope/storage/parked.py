"""Payments that wait for staff, whosever they are, and what staff noted about each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from mutoscope.storage.database import queries
from mutoscope.storage.payments import Payment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mutoscope.storage.database import Connection

_SQL: Final = queries("parked")


class PaymentNote(NamedTuple):
    """Why a payment is kept open: who of staff noted it, and when; the text may be erased."""

    by: str
    at: datetime
    text: str | None


async def waiting(
    connection: Connection, *, limit: int, workspace_id: UUID | None = None
) -> tuple[Payment, ...]:
    """Return payments that wait for staff, of all or of one workspace, the eldest first."""
    rows = _SQL.waiting(connection, limit=limit, workspace_id=workspace_id)
    return tuple([Payment(**row["found"]) async for row in rows])


async def of_requests(
    connection: Connection, *, workspace_id: UUID, requests: Sequence[UUID]
) -> tuple[Payment, ...]:
    """Return payments of a workspace that wait for staff and name one of these requests."""
    rows = _SQL.of_requests(connection, workspace_id=workspace_id, requests=requests)
    return tuple([Payment(**row["found"]) async for row in rows])


async def disputed(
    connection: Connection, *, about: Sequence[Payment]
) -> dict[UUID, tuple[bool, int]]:
    """Return whether a dispute of them is open, and what lost ones took, by the payments' ids."""
    rows = _SQL.disputed(connection, payments=[each.payment_id for each in about])
    return {row["payment_id"]: (row["is_open"], row["taken"]) async for row in rows}


async def notes(
    connection: Connection, *, about: Sequence[Payment]
) -> dict[UUID, PaymentNote]:  # fmt: skip
    """Return what staff noted last about payments that wait, by the payments' ids."""
    rows = _SQL.notes(connection, payments=[str(each.payment_id) for each in about])
    return {row["payment_id"]: PaymentNote(*tuple(row)[1:]) async for row in rows}
