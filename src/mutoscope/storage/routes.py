"""The health of routes, the day's spend, and alerts for staff: house tables, of no workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("routes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is held against a route: failures in a row, and since when and why it is parked."""

    route: str
    failures: int
    open_until: datetime | None
    parked_at: datetime | None
    parked_reason: str | None
    changed_at: datetime

    def is_usable(self, *, at: datetime) -> bool:
        """Tell whether orders may take the route at an instant."""
        is_open = self.open_until is not None and at < self.open_until
        return self.parked_at is None and not is_open


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that staff have to look at; `subject` names the route or job it is about."""

    alert_id: UUID
    code: str
    subject: str
    sentence: str
    raised_at: datetime


async def health(connection: Connection) -> dict[str, Health]:
    """Return what is held against routes, by their names."""
    return {row["route"]: Health(**row) async for row in _SQL.health(connection)}


async def note_failure(connection: Connection, *, route: str, at: datetime) -> int:
    """Count a failure of a route; return how many there were in a row."""
    row = await _SQL.note_failure(connection, route=route, at=at)
    failures: int = row["failures"]
    return failures


async def open_breaker(
    connection: Connection, *, route: str, until: datetime, at: datetime
) -> None:
    """Let no orders over a route for a time."""
    await _SQL.open_breaker(connection, route=route, until=until, at=at)


async def note_success(connection: Connection, *, routes: set[str], at: datetime) -> None:
    """Hold nothing against some routes any more."""
    await _SQL.note_success(connection, routes=sorted(routes), at=at)


async def park(connection: Connection, *, route: str, reason: str, at: datetime) -> None:
    """Let no orders over a route until staff say so."""
    await _SQL.park(connection, route=route, reason=reason, at=at)


async def unpark(connection: Connection, *, route: str, at: datetime) -> bool:
    """Let orders over a parked route again; false when it was not parked."""
    return await _SQL.unpark(connection, route=route, at=at) is not None


async def claim_spend(
    connection: Connection, *, spent_on: date, micros: int, micros_max: int
) -> bool:
    """Claim an order's list price from a day's limit; false when there is no room for it."""
    row = await _SQL.claim_spend(
        connection, spent_on=spent_on, micros=micros, micros_max=micros_max
    )
    return row is not None


async def return_spend(connection: Connection, *, spent_on: date, micros: int) -> None:
    """Give back what was claimed and not spent."""
    await _SQL.return_spend(connection, spent_on=spent_on, micros=micros)


async def raise_alert(connection: Connection, alert: Alert) -> None:
    """Tell staff, unless the same is told and not over."""
    await _SQL.raise_alert(
        connection, alert_id=alert.alert_id, code=alert.code, subject=alert.subject,
        sentence=alert.sentence, at=alert.raised_at,
    )  # fmt: skip


async def resolve_alerts(connection: Connection, *, subject: str, at: datetime) -> None:
    """Record that the trouble of a subject is over."""
    await _SQL.resolve_alerts(connection, subject=subject, at=at)


async def open_alerts(connection: Connection, *, limit: int) -> tuple[Alert, ...]:
    """Return what staff have to look at, the oldest first."""
    return tuple([Alert(**row) async for row in _SQL.open_alerts(connection, limit=limit)])
