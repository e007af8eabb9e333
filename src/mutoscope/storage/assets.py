"""Files of workspaces as rows: what they keep beside the outputs of jobs, and who names a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("assets")


class Origin(StrEnum):
    """Where a file came from that no job delivered."""

    UPLOAD = "upload"
    EXPORT = "export"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file that a workspace keeps; a document has no width and height."""

    workspace_id: UUID
    asset: bytes
    origin: Origin
    name: str
    media_type: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFile:
    """A file of a workspace as it is downloaded; `made_at` decides what is allowed."""

    asset: bytes
    name: str
    media_type: str
    size_bytes: int
    is_export: bool = False
    made_at: datetime


async def add(connection: Connection, asset: Asset) -> None:
    """Note that a workspace keeps a file; noted twice it is one."""
    await _SQL.add_asset(
        connection, workspace_id=asset.workspace_id, asset=asset.asset, origin=asset.origin,
        name=asset.name, media_type=asset.media_type, size_bytes=asset.size_bytes,
        width=asset.width, height=asset.height, added_at=asset.added_at,
    )  # fmt: skip


async def find(connection: Connection, *, workspace_id: UUID, asset: bytes) -> NamedFile | None:
    """Return a file of a workspace, or None when it has none of that digest."""
    row = await _SQL.asset(connection, workspace_id=workspace_id, asset=asset)
    return None if row is None else NamedFile(**row)


async def used_bytes(connection: Connection, *, workspace_id: UUID) -> int:
    """Return what the files of a workspace take."""
    used: int = await _SQL.used_bytes(connection, workspace_id=workspace_id)
    return used


async def plan_at(connection: Connection, *, workspace_id: UUID, at: datetime) -> str | None:
    """Return the key of the plan that a workspace had at an instant, if it had one."""
    row = await _SQL.plan_at(connection, workspace_id=workspace_id, at=at)
    return None if row is None else row["plan"]


async def orphans(connection: Connection, *, digests: Sequence[bytes]) -> frozenset[bytes]:
    """Return those of some digests that no row names."""
    return frozenset([row["asset"] async for row in _SQL.orphans(connection, digests=digests)])


async def forget_exported(
    connection: Connection, *, before: datetime, is_dry_run: bool
) -> int:  # fmt: skip
    """Give up exported files from before an instant; return how many, also when only counting."""
    query = _SQL.count_exported if is_dry_run else _SQL.forget_exported
    forgotten: int = await query(connection, before=before)
    return forgotten
