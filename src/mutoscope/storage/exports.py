"""Exports as rows: each ends once, whoever works on it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("exports")


class ExportState(StrEnum):
    """Where an export stands; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class UnknownExport(Refusal):
    """An id that names no export of the workspace."""

    code = "unknown_export"

    def __init__(self, *, export_id: UUID) -> None:
        super().__init__(f"there is no export {export_id} in this workspace: order a new one")
        self.export_id = export_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One file that is made of a storyboard; `asset` is there when it succeeded."""

    workspace_id: UUID
    export_id: UUID
    project_id: UUID
    request_key: str
    form: str
    options: dict[str, Any]
    state: ExportState
    is_cancel_asked: bool
    progress: float
    tries: int
    asset: bytes | None
    name: str | None
    reason: str | None
    sentence: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an export ended: with a file and its name, or with a reason and a sentence."""

    state: ExportState
    asset: bytes | None = None
    name: str | None = None
    reason: str | None = None
    sentence: str | None = None


async def add(connection: Connection, export: Export) -> bool:
    """Write a new export; false when its request was made before."""
    row = await _SQL.add_export(
        connection, workspace_id=export.workspace_id, export_id=export.export_id,
        project_id=export.project_id, request_key=export.request_key, form=export.form,
        options=json.dumps(export.options), created_at=export.created_at,
    )  # fmt: skip
    return row is not None


async def get(connection: Connection, *, workspace_id: UUID, export_id: UUID) -> Export:
    """Return an export.

    :raises UnknownExport: when the workspace has none of that id.
    """
    row = await _SQL.export(connection, workspace_id=workspace_id, export_id=export_id)
    if row is None:
        raise UnknownExport(export_id=export_id)
    return _export(row)


async def by_request(
    connection: Connection, *, workspace_id: UUID, request_key: str
) -> Export | None:
    """Return the export that a request has ordered, if it did."""
    row = await _SQL.export_by_request(
        connection, workspace_id=workspace_id, request_key=request_key
    )
    return None if row is None else _export(row)


async def of_project(
    connection: Connection, *, workspace_id: UUID, project_id: UUID, limit: int
) -> tuple[Export, ...]:
    """Return the exports of a project, newest first."""
    rows = _SQL.exports_of(
        connection, workspace_id=workspace_id, project_id=project_id, limit=limit
    )
    return tuple([_export(row) async for row in rows])


async def begin(connection: Connection, *, export: Export, at: datetime) -> int | None:
    """Note that the work begins; return how many times it has, or None when it has ended."""
    row = await _SQL.begin_export(
        connection, workspace_id=export.workspace_id, export_id=export.export_id, at=at
    )
    return None if row is None else row["tries"]


async def note_progress(
    connection: Connection, *, export: Export, progress: float, at: datetime
) -> bool:
    """Note how far the work is, from 0 to 1; true while it is still wanted."""
    row = await _SQL.note_progress(
        connection, workspace_id=export.workspace_id, export_id=export.export_id,
        progress=progress, at=at,
    )  # fmt: skip
    return row is not None and not row["is_cancel_asked"]


async def ask_cancel(
    connection: Connection, *, workspace_id: UUID, export_id: UUID, at: datetime
) -> bool:
    """Note that an export is not wanted any more; false when it has ended."""
    row = await _SQL.ask_cancel(
        connection, workspace_id=workspace_id, export_id=export_id, at=at
    )  # fmt: skip
    return row is not None


async def finish(
    connection: Connection, *, export: Export, ending: Ending, at: datetime
) -> bool:  # fmt: skip
    """Write how an export ended; false when it had ended before."""
    row = await _SQL.finish_export(
        connection, workspace_id=export.workspace_id, export_id=export.export_id,
        state=ending.state, progress=float(ending.state is ExportState.SUCCEEDED),
        asset=ending.asset, name=ending.name, reason=ending.reason, sentence=ending.sentence,
        at=at,
    )  # fmt: skip
    return row is not None


async def take_stale(
    connection: Connection, *, before: datetime, at: datetime, limit: int
) -> tuple[tuple[UUID, UUID], ...]:
    """Mark open exports without work since an instant; return (workspace id, export id)."""
    rows = _SQL.take_stale_exports(connection, before=before, at=at, limit=limit)
    return tuple([(row["workspace_id"], row["export_id"]) async for row in rows])


def _export(row: Any) -> Export:  # noqa: ANN401  # a row of asyncpg
    fields = dict(row)
    read = {"options": json.loads(fields["options"]), "state": ExportState(fields["state"])}
    return Export(**fields | read)
