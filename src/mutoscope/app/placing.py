"""For whom jobs are placed, read once: the prices of that instant, and what the plan allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mutoscope.domain.offers import Entitlement, Tool, Unit
from mutoscope.storage import routes, workspaces

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.access import Access
    from mutoscope.domain.catalog import Version
    from mutoscope.storage.workspaces import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """Whose jobs are placed, and what holds at that instant: the prices, and what is allowed.

    `parked` are the routes over which no orders go until staff say so.
    """

    workspace: Workspace
    version: Version
    access: Access
    at: datetime
    parked: frozenset[str]

    def require(self, *, tool: Tool) -> None:
        """Pass when the workspace may use a tool now.

        :raises MayNotSpend: when its plan is suspended, over or closed.
        :raises NotEntitled: when the plan does not include the tool.
        """
        self.access.require_spending()
        if tool.unit is not Unit.PER_IMAGE:
            self.access.require(Entitlement.VIDEO)


async def placing_now(studio: Studio, *, workspace_id: UUID) -> Placing:
    """Return what holds now for the jobs of a workspace.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        health = await routes.health(connection)
    return Placing(
        workspace=workspace, version=studio.catalog.version_at(at=at),
        access=studio.access_of(workspace, at=at), at=at,
        parked=frozenset(name for name, known in health.items() if known.parked_at is not None),
    )  # fmt: skip
