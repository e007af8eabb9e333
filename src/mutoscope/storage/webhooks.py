"""Webhooks as rows: endpoints, and each event on its way to each of them.

Invariant: an event goes to an endpoint under one row, however often it is sent; a try is counted
before it is made, and its outcome is noted over that very try alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("webhooks")


class UnknownEndpoint(Refusal):
    """An id that names no endpoint of the workspace."""

    code = "unknown_endpoint"

    def __init__(self, *, endpoint_id: UUID) -> None:
        super().__init__(f"the workspace has no webhook {endpoint_id}: its list names them")
        self.endpoint_id = endpoint_id


class UnknownDelivery(Refusal):
    """An event that was never on its way to the endpoint."""

    code = "unknown_delivery"

    def __init__(self, *, event_id: UUID) -> None:
        super().__init__(
            f"event {event_id} was never sent there: the deliveries name those that were"
        )
        self.event_id = event_id


class DeliveryState(StrEnum):
    """Where a delivery stands; a failed one is sent again when somebody asks for it."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a workspace wants its events; none of `event_types` means all.

    `failing_since` is the first failure since the last success.
    """

    workspace_id: UUID
    endpoint_id: UUID
    creation_key: str
    url: str
    event_types: tuple[str, ...]
    secret: str = field(repr=False)
    previous_secret: str | None = field(repr=False)
    previous_until: datetime | None
    rotation_key: str | None
    state: str
    off_reason: str | None
    failing_since: datetime | None
    created_at: datetime
    off_at: datetime | None

    @property
    def is_on(self) -> bool:
        """Tell whether events are sent to it."""
        return self.state == "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way; `status` and `error` are those of the last try."""

    endpoint_id: UUID
    event_id: UUID
    type: str
    body: str
    state: DeliveryState
    tries: int
    next_try_at: datetime | None
    status: int | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None


class Taken(NamedTuple):
    """A delivery that this worker sends now: its `tries` are a fence."""

    workspace_id: UUID
    endpoint_id: UUID
    event_id: UUID
    tries: int
    body: str
    url: str
    secret: str
    previous_secret: str | None


class Outcome(NamedTuple):
    """What became of a try, in the columns' order of its type."""

    workspace_id: UUID
    endpoint_id: UUID
    event_id: UUID
    tries: int
    state: DeliveryState
    next_try_at: datetime | None
    status: int | None
    error: str | None
    finished_at: datetime | None


class SwitchedOff(NamedTuple):
    """An endpoint that was just switched off, and why."""

    workspace_id: UUID
    endpoint_id: UUID
    url: str
    reason: str


EndpointName = tuple[UUID, UUID]
"""A workspace's id and an endpoint's."""


async def add_endpoint(connection: Connection, *, endpoint: Endpoint) -> bool:
    """Keep a new endpoint; tell whether its idempotency key is new, too."""
    written = await _SQL.add_endpoint(
        connection, workspace_id=endpoint.workspace_id, endpoint_id=endpoint.endpoint_id,
        creation_key=endpoint.creation_key, url=endpoint.url,
        event_types=list(endpoint.event_types), secret=endpoint.secret,
        created_at=endpoint.created_at,
    )  # fmt: skip
    return bool(written)


async def endpoint(connection: Connection, *, workspace_id: UUID, endpoint_id: UUID) -> Endpoint:
    """Return an endpoint.

    :raises UnknownEndpoint: when the workspace has no such endpoint.
    """
    row = await _SQL.endpoint(connection, workspace_id=workspace_id, endpoint_id=endpoint_id)
    if row is None:
        raise UnknownEndpoint(endpoint_id=endpoint_id)
    return _endpoint(workspace_id, row)


async def endpoints(
    connection: Connection, *, workspace_id: UUID, limit: int
) -> tuple[Endpoint, ...]:
    """Return the endpoints of a workspace by age."""
    rows = _SQL.endpoints(connection, workspace_id=workspace_id, limit=limit)
    return tuple([_endpoint(workspace_id, row) async for row in rows])


async def count_endpoints(connection: Connection, *, workspace_id: UUID) -> int:
    """Return how many endpoints a workspace has."""
    found: int = await _SQL.count_endpoints(connection, workspace_id=workspace_id)
    return found


async def change_endpoint(
    connection: Connection, *, before: Endpoint, url: str, event_types: Sequence[str],
    is_on: bool, at: datetime,
) -> None:  # fmt: skip
    """Change an endpoint.

    :raises UnknownEndpoint: when it was removed meanwhile.
    """
    written = await _SQL.change_endpoint(
        connection, workspace_id=before.workspace_id, endpoint_id=before.endpoint_id, url=url,
        event_types=list(event_types), is_on=is_on, at=at,
    )  # fmt: skip
    if not written:
        raise UnknownEndpoint(endpoint_id=before.endpoint_id)


async def remove_endpoint(
    connection: Connection, *, workspace_id: UUID, endpoint_id: UUID, at: datetime
) -> None:
    """Send nothing more to an endpoint, and forget its secrets.

    :raises UnknownEndpoint: when the workspace has no such endpoint.
    """
    written = await _SQL.remove_endpoint(
        connection, workspace_id=workspace_id, endpoint_id=endpoint_id, at=at
    )
    if not written:
        raise UnknownEndpoint(endpoint_id=endpoint_id)


async def rotate_secret(
    connection: Connection, *, before: Endpoint, secret: str, key: str, previous_until: datetime
) -> bool:
    """Give an endpoint a new secret; tell whether the key is another than the last rotation's."""
    written = await _SQL.rotate_secret(
        connection, workspace_id=before.workspace_id, endpoint_id=before.endpoint_id,
        secret=secret, rotation_key=key, previous_until=previous_until,
    )  # fmt: skip
    return bool(written)


async def write_events(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Put events on their way to whoever wants them; nobody may, and each is written all the same.

    A row is a workspace's id, the event's id, its type, its data as JSON, and when it happened.
    """
    await _SQL.write_events(connection, events=rows)
    return len(rows)


async def take_due(
    connection: Connection, *, at: datetime, again_at: datetime, limit: int
) -> tuple[Taken, ...]:
    """Take deliveries whose time has come; they come again at an instant unless they are noted."""
    rows = _SQL.take_due(connection, at=at, again_at=again_at, limit=limit)
    return tuple([Taken(*row) async for row in rows])


async def note_outcomes(connection: Connection, *, outcomes: Sequence[Outcome]) -> int:
    """Note what became of tries; return how many were still this worker's."""
    written: int = await _SQL.note_outcomes(connection, outcomes=outcomes)
    return written


async def note_endpoints(
    connection: Connection, *, took: Sequence[EndpointName], failed: Sequence[EndpointName],
    at: datetime,
) -> None:  # fmt: skip
    """Note which endpoints took something, and which failed."""
    names = [sorted(set(each)) for each in (took, failed)]
    await _SQL.note_success(
        connection, workspaces=[name[0] for name in names[0]],
        endpoints=[name[1] for name in names[0]],
    )  # fmt: skip
    await _SQL.note_failure(
        connection, workspaces=[name[0] for name in names[1]],
        endpoints=[name[1] for name in names[1]], at=at,
    )  # fmt: skip


async def switch_off(
    connection: Connection, *, failed: Sequence[EndpointName], gone: frozenset[EndpointName],
    failing_before: datetime, at: datetime,
) -> tuple[SwitchedOff, ...]:  # fmt: skip
    """Switch off the endpoints that are gone or fail too long; return those, once."""
    names = sorted(set(failed))
    rows = _SQL.switch_off(
        connection, workspaces=[name[0] for name in names], endpoints=[name[1] for name in names],
        gone=[name in gone for name in names], failing_before=failing_before, at=at,
    )  # fmt: skip
    return tuple([SwitchedOff(*row) async for row in rows])


async def deliveries(
    connection: Connection, *, workspace_id: UUID, endpoint_id: UUID,
    before: tuple[datetime, UUID], limit: int,
) -> tuple[Delivery, ...]:  # fmt: skip
    """Return what was sent to an endpoint, newest first, before a place."""
    rows = _SQL.deliveries(
        connection, workspace_id=workspace_id, endpoint_id=endpoint_id, before_at=before[0],
        before_id=before[1], limit=limit,
    )  # fmt: skip
    return tuple([_delivery(row) async for row in rows])


async def replay(
    connection: Connection, *, workspace_id: UUID, endpoint_id: UUID, event_id: UUID, at: datetime
) -> Delivery:
    """Let an event be sent once more, at once.

    :raises UnknownDelivery: when it was never on its way there.
    """
    row = await _SQL.replay(
        connection, workspace_id=workspace_id, endpoint_id=endpoint_id, event_id=event_id, at=at
    )
    if row is None:
        raise UnknownDelivery(event_id=event_id)
    return _delivery(row)


async def forget(connection: Connection, *, before: datetime, limit: int) -> int:
    """Forget deliveries that ended before an instant, the eldest first; return how many."""
    forgotten: int = await _SQL.forget(connection, before=before, limit=limit)
    return forgotten


def _endpoint(workspace_id: UUID, row: Any) -> Endpoint:  # noqa: ANN401 -- a row of asyncpg
    fields = {**row, "event_types": tuple(row["event_types"])}
    return Endpoint(workspace_id=workspace_id, **fields)


def _delivery(row: Any) -> Delivery:  # noqa: ANN401 -- the same
    return Delivery(**{**row, "state": DeliveryState(row["state"])})
