"""What payment gateways tell, as rows; and the studio's own book of payments, to compare with.

Invariant: an event is kept once by the gateway's own id, and has one outcome. It is taken by one
process at a time, for a while: one that is killed loses it to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.storage.database import queries
from mutoscope.storage.place import LAST_NAMED, NamedPlace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mutoscope.storage.database import Connection

PAUSE: Final = timedelta(seconds=10)
PAUSE_MAX: Final = timedelta(hours=1)
"""Until an event that failed is tried again: twice as long each time, at most an hour."""

_SQL: Final = queries("payment_events")


class Outcome(StrEnum):
    """What came of an event; `foreign` is a payment that nobody here asked for."""

    RECEIVED = "received"
    REFUND_TOLD = "refund_told"
    DISPUTE_TOLD = "dispute_told"
    NOT_PAID = "not_paid"
    FOREIGN = "foreign"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as it is kept, without its body; one without an outcome waits until `retry_at`."""

    gateway: str
    event_id: str
    code: str
    payment_reference: str | None
    refund_reference: str | None
    dispute_reference: str | None
    created_at: datetime
    received_at: datetime
    tries: int = 0
    retry_at: datetime | None = None
    reason: str | None = None
    processed_at: datetime | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A payment in the studio's own book; `asked_back` is on its way, or never went out."""

    reference: str
    workspace_id: UUID
    payment_id: UUID
    amount: int
    currency: str
    refunded: int
    asked_back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A refund that was asked for, and of which nobody knows whether it went out."""

    workspace_id: UUID
    refund_id: UUID
    reference: str | None
    payment_reference: str


async def keep(connection: Connection, *, event: StoredEvent, body: bytes) -> bool:
    """Keep an event as it came; false when it was kept before."""
    row = await _SQL.keep_event(
        connection, gateway=event.gateway, event_id=event.event_id, code=event.code, body=body,
        payment_reference=event.payment_reference, refund_reference=event.refund_reference,
        dispute_reference=event.dispute_reference, created_at=event.created_at,
        received_at=event.received_at, retry_at=event.retry_at, processed_at=event.processed_at,
        outcome=event.outcome,
    )  # fmt: skip
    return row is not None


async def take(connection: Connection, *, at: datetime) -> StoredEvent | None:
    """Take the event that waits longest, for a while; None when none is due."""
    row = await _SQL.take_event(connection, at=at, pause=PAUSE, pause_max=PAUSE_MAX)
    return None if row is None else _event(row)


async def finish(
    connection: Connection, *, event: StoredEvent, outcome: Outcome, at: datetime
) -> None:  # fmt: skip
    """Note what came of an event."""
    await _SQL.finish_event(
        connection, gateway=event.gateway, event_id=event.event_id, outcome=outcome, at=at
    )


async def note_failure(connection: Connection, *, event: StoredEvent, reason: str) -> None:
    """Note why an event could not be looked into."""
    await _SQL.note_failure(
        connection, gateway=event.gateway, event_id=event.event_id, reason=reason
    )


async def latest(
    connection: Connection, *, limit: int, is_waiting: bool = False,
    before: NamedPlace = LAST_NAMED,
) -> tuple[StoredEvent, ...]:  # fmt: skip
    """Return what came, the newest first, before what was reached, or those of it that wait."""
    rows = _SQL.events(
        connection, limit=limit, is_waiting=is_waiting, before_at=before.at, before_id=before.name
    )
    return tuple([_event(row) async for row in rows])


async def booked(
    connection: Connection, *, gateway: str, references: Sequence[str]
) -> dict[str, Booked]:
    """Return the payments of ours among a gateway's, by its references."""
    rows = _SQL.booked(connection, gateway=gateway, names=references)
    return {row["reference"]: Booked(**row) async for row in rows}


async def booked_since(
    connection: Connection, *, gateway: str, since: datetime
) -> tuple[str, ...]:  # fmt: skip
    """Return the references of what came over a gateway since an instant."""
    rows = _SQL.booked_since(connection, gateway=gateway, since=since)
    return tuple([row["reference"] async for row in rows])


async def refunds_in_doubt(
    connection: Connection, *, gateway: str, before: datetime, limit: int
) -> tuple[Doubt, ...]:
    """Return the refunds that were asked for before an instant and have not ended."""
    rows = _SQL.refunds_in_doubt(connection, gateway=gateway, before=before, limit=limit)
    return tuple([Doubt(**row) async for row in rows])


async def refunds_sent(
    connection: Connection, *, gateway: str, reference: str
) -> tuple[str, ...]:  # fmt: skip
    """Return what a gateway calls the refunds of a payment that have gone out over it."""
    rows = _SQL.refunds_sent(connection, gateway=gateway, payment_reference=reference)
    return tuple([row["reference"] async for row in rows])


async def note_refund_reference(
    connection: Connection, *, workspace_id: UUID, refund_id: UUID, reference: str
) -> None:
    """Note what the gateway calls a refund of ours, unless that is known."""
    await _SQL.note_refund_reference(
        connection, workspace_id=workspace_id, refund_id=refund_id, reference=reference
    )


def _event(row: Any) -> StoredEvent:  # noqa: ANN401 -- a row of asyncpg
    outcome = None if row["outcome"] is None else Outcome(row["outcome"])
    return StoredEvent(**dict(row) | {"outcome": outcome})
