"""Reading a workspace's history: a page of lines, or the refusal of what it cannot have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.domain.caps import UnknownKind
from mutoscope.storage import history, workspaces

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection
    from mutoscope.storage.history import Filters, Page, Window


async def read_history(
    studio: Studio, *, workspace_id: UUID, kind: str | None, window: Window, filters: Filters
) -> Page:
    """Return a page of one wallet's lines, or of all wallets'.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises UnknownKind: when neither the catalog nor the workspace has such credits.
    :raises BadCursor: when a cursor is not one of this workspace and kind.
    :raises BadLimit: when the limit is not from 1 to `LIMIT_MAX`.
    :raises NaiveInstant: when an instant of the filters has no zone.
    """
    async with studio.reading() as connection:
        page = await history.page(
            connection, workspace_id=workspace_id, kind=kind, window=window, filters=filters
        )
        if not page.lines:  # what was asked for may not be there
            await workspaces.get(connection, workspace_id=workspace_id)
            if kind is not None:
                await _require_kind(studio, connection, workspace_id, kind)
    return page


async def _require_kind(
    studio: Studio, connection: Connection, workspace_id: UUID, kind: str
) -> None:
    version = studio.catalog.version_at(at=studio.clock.now())
    kinds = {each.key for each in version.kinds}
    kinds |= await history.kinds(connection, workspace_id=workspace_id)
    if kind not in kinds:
        raise UnknownKind(kind=kind, kinds=sorted(kinds))
