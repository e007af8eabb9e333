"""Finding jobs that nobody works on any more, and giving them their next step again.

A step that was lost (a worker killed at the wrong moment, a queue that was cleared) leaves a job
open without a look at it. Taking a step twice does no harm, so the sweeper simply queues one. A job
whose step still waits in the queue, for want of a worker, is not one of them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.storage import jobs
from mutoscope.storage.queue import enqueue_steps

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio

STALE_AFTER: Final = timedelta(minutes=2)
SWEEP_MAX: Final = 1_000


async def sweep(studio: Studio) -> int:
    """Queue a step for each open job without one; return how many were found."""
    at = studio.clock.now()
    async with studio.reading() as connection, connection.transaction():
        stale = await jobs.take_stale(connection, before=at - STALE_AFTER, at=at, limit=SWEEP_MAX)
        if stale:
            await enqueue_steps(connection, [(*name, 0.0) for name in stale])
    return len(stale)
