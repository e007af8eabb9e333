"""Looking at all work that is due to be looked at, and ordering all jobs whose turn has come.

One pass looks at many jobs at once: they are read and written together, whatever their number, and
the providers are asked side by side. What only goes on costs one row; what ends is settled by
itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from mutoscope.app.advance import advance, settled_step
from mutoscope.app.look import look
from mutoscope.storage import attempts
from mutoscope.storage.attempts import Attempt, Look
from mutoscope.storage.queue import enqueue_steps

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.jobs import Job

LOOKS_MAX: Final = 200
"""Jobs that one pass looks at."""

AT_ONCE_MAX: Final = 50
"""Providers' answers, and orders, that one pass waits for side by side."""

LEASE: Final = timedelta(minutes=3)
"""How long a job that is being looked at is left alone: longer than a download takes."""

TURNS_MAX: Final = 50
"""Jobs that one pass tries to order."""

Step = TypeVar("Step")


async def watch(studio: Studio) -> int:
    """Look at the jobs whose time has come; return how many."""
    at = studio.clock.now()
    async with studio.reading() as connection:
        taken = await attempts.take_looks(connection, at=at, again_at=at + LEASE, limit=LOOKS_MAX)
    slots = asyncio.Semaphore(AT_ONCE_MAX)
    looked = await asyncio.gather(*(_within(slots, _looked(studio, *each)) for each in taken))
    looks = [each for each in looked if each is not None]
    if looks:
        async with studio.reading() as connection:
            await attempts.note_looks(connection, looks=looks, at=studio.clock.now())
    return len(taken)


async def admit(studio: Studio) -> int:
    """Order the jobs whose turn has come, workspaces in turn; return how many were tried."""
    async with studio.reading() as connection:
        waiting = await attempts.waiting_jobs(connection, at=studio.clock.now(), limit=TURNS_MAX)
    slots = asyncio.Semaphore(AT_ONCE_MAX)
    names = [{"workspace_id": workspace_id, "job_id": job_id} for workspace_id, job_id in waiting]
    steps = await asyncio.gather(*(_within(slots, advance(studio, **name)) for name in names))
    wanted = [
        (*name, step.wait_s)
        for name, step in zip(waiting, steps, strict=True)
        if step.wait_s is not None and not step.is_watched
    ]
    if wanted:
        async with studio.reading() as connection:
            await enqueue_steps(connection, wanted)
    return len(waiting)


async def _within(slots: asyncio.Semaphore, step: Awaitable[Step]) -> Step:
    async with slots:
        return await step


async def _looked(studio: Studio, job: Job, found: tuple[Attempt, ...]) -> Look | None:
    """Look at one job; what has to be looked at again is told, what ended is not."""
    step = await settled_step(studio, job, look(studio, job, found))
    if isinstance(step, Look):
        return step
    if step.wait_s is None:
        return None
    look_at = studio.clock.now() + timedelta(seconds=step.wait_s)
    return Look(job=job, progress=job.progress, look_at=look_at, deadline_at=job.deadline_at)
