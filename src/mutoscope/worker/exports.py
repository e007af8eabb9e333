"""The worker's part in exports: making those that are queued, and finding those left behind.

One that breaks is logged by the queue and left open: the sweep queues it again, and after a few
tries it is given up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job as Step

from mutoscope.app.export import sweep_exports
from mutoscope.app.export_run import run
from mutoscope.storage.queue import EXPORT

if TYPE_CHECKING:
    from mutoscope.bootstrap import House

EXPORTS_MAX: Final = 2
"""Exports made at once by all workers of a queue: a film takes a processor for itself."""

_log = structlog.get_logger()


def take_exports(manager: QueueManager, house: House) -> None:
    """Let a queue's manager make the exports that are queued."""

    @manager.entrypoint(EXPORT, concurrency_limit=EXPORTS_MAX)
    async def take(step: Step) -> None:
        assert step.payload is not None
        workspace_id, export_id = (UUID(part) for part in step.payload.decode().split("/"))
        await run(house.studio, workspace_id=workspace_id, export_id=export_id)


async def sweep(house: House) -> None:
    """Queue the exports that nobody works on any more."""
    found = await sweep_exports(house.studio)
    if found:
        _log.warning("exports_without_work", found=found)
