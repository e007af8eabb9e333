"""Ordering exports of a storyboard, asking for one to be stopped, and finding what was left behind.

What is made is judged when it is ordered; the file that comes of it stays open afterwards, as any
work made on a plan.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app import downloads
from mutoscope.app.downloads import Handed, UnknownAsset
from mutoscope.app.export_board import ExportWish
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.credits import Refusal, checked_key
from mutoscope.domain.offers import Entitlement
from mutoscope.domain.planner import KeyReused
from mutoscope.storage import exports, workspaces
from mutoscope.storage.board import board
from mutoscope.storage.exports import Export, ExportState
from mutoscope.storage.queue import enqueue_export

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio

NAMESPACE: Final = "export"
STALE_AFTER: Final = timedelta(minutes=2)
"""Whoever works on an export says so every second."""

SWEEP_MAX: Final = 100


class NothingToExport(Refusal):
    """A storyboard without any frame."""

    code = "nothing_to_export"

    def __init__(self) -> None:
        super().__init__("the storyboard has no frames: add one, or import a screenplay")


class ExportIsFinal(Refusal):
    """An export that has ended already."""

    code = "export_is_final"

    def __init__(self, *, state: str) -> None:
        super().__init__(f"this export has ended ({state}): order a new one")
        self.state = state


async def order(
    studio: Studio, *, workspace_id: UUID, project_id: UUID, wish: ExportWish, key: str,
    is_queued: bool = True,
) -> tuple[Export, bool]:  # fmt: skip
    """Order an export under a key of the client's; return it, and whether it was ordered before.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotEntitled: when its plan does not include exports.
    :raises UnknownProject: when it has no such project.
    :raises NothingToExport: when the storyboard is empty.
    :raises KeyReused: when the key was used for another export.
    """
    checked_key(key)
    at = studio.clock.now()
    export = Export(
        workspace_id=workspace_id, export_id=studio.ids.new(), project_id=project_id,
        request_key=key, form=wish.form, options=wish.options.plain(), state=ExportState.WAITING,
        is_cancel_asked=False, progress=0.0, tries=0, asset=None, name=None, reason=None,
        sentence=None, created_at=at, finished_at=None,
    )  # fmt: skip
    async with studio.reading() as connection:
        before = await exports.by_request(connection, workspace_id=workspace_id, request_key=key)
        if before is not None:
            return _same(before, export), True
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        studio.access_of(workspace, at=at).require(Entitlement.EXPORTS)
        found = await board(connection, workspace_id=workspace_id, project_id=project_id)
        if not found.frames:
            raise NothingToExport
        async with connection.transaction():
            is_new = await exports.add(connection, export)
            if is_new and is_queued:
                await enqueue_export(
                    connection, workspace_id=workspace_id, export_id=export.export_id
                )
        if is_new:
            return export, False
        winner = await exports.by_request(connection, workspace_id=workspace_id, request_key=key)
    assert winner is not None
    return _same(winner, export), True


async def cancel(studio: Studio, *, workspace_id: UUID, export_id: UUID) -> Export:
    """Ask for an export to be stopped; nothing of it is left.

    :raises UnknownExport: when the workspace has no such export.
    :raises ExportIsFinal: when it has ended.
    """
    async with studio.reading() as connection:
        is_asked = await exports.ask_cancel(
            connection, workspace_id=workspace_id, export_id=export_id, at=studio.clock.now()
        )
        export = await exports.get(connection, workspace_id=workspace_id, export_id=export_id)
    if not is_asked:
        raise ExportIsFinal(state=export.state)
    return export


async def link_of(studio: Studio, export: Export) -> Handed | None:
    """Return a link to an export's file, or None when it may not be had, or was given up."""
    if export.asset is None:
        return None
    try:
        return await downloads.hand_out(
            studio, workspace_id=export.workspace_id, asset=export.asset, is_download=True
        )
    except (NotEntitled, UnknownAsset):
        return None


async def sweep_exports(studio: Studio) -> int:
    """Queue the exports that nobody works on any more; return how many there were."""
    at = studio.clock.now()
    async with studio.reading() as connection, connection.transaction():
        stale = await exports.take_stale(
            connection, before=at - STALE_AFTER, at=at, limit=SWEEP_MAX
        )
        for workspace_id, export_id in stale:
            await enqueue_export(connection, workspace_id=workspace_id, export_id=export_id)
    return len(stale)


def _same(before: Export, asked: Export) -> Export:
    told = [(each.project_id, each.form, each.options) for each in (before, asked)]
    if told[0] != told[1]:
        raise KeyReused(namespace=NAMESPACE, key=asked.request_key)
    return before
