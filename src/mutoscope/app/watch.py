"""Looking at all work that is due to be looked at, and ordering all jobs whose turn has come.

One pass looks at many jobs at once: they are read and written together, whatever their number, and
the providers are asked side by side. What only goes on costs one row; what ends is settled by
itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from mutoscope.app.advance import advance, settled_step, stumble
from mutoscope.app.look import look
from mutoscope.app.order import Next
from mutoscope.storage import attempts
from mutoscope.storage.attempts import Attempt, JobName, Look
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
    foreign = [route.key for route in studio.routes.routes if not studio.is_ours(route)]
    async with studio.reading() as connection:
        taken = await attempts.take_looks(
            connection, at=at, again_at=at + LEASE, limit=LOOKS_MAX, not_over=foreign
        )
    looked = await _side_by_side(_looked(studio, *each) for each in taken)
    looks = [each for each in looked if isinstance(each, Look)]
    if looks:
        async with studio.reading() as connection:
            await attempts.note_looks(connection, looks=looks, at=studio.clock.now())
    await _stumbled(studio, [(job.workspace_id, job.job_id) for job, _ in taken], looked)
    return len(taken)


async def admit(studio: Studio) -> int:
    """Order the jobs whose turn has come, workspaces in turn; return how many were tried."""
    async with studio.reading() as connection:
        waiting = await attempts.waiting_jobs(connection, at=studio.clock.now(), limit=TURNS_MAX)
    steps = await _side_by_side(
        advance(studio, workspace_id=workspace_id, job_id=job_id)
        for workspace_id, job_id in waiting
    )
    wanted = [
        (*name, step.wait_s)
        for name, step in zip(waiting, steps, strict=True)
        if isinstance(step, Next) and step.wait_s is not None and not step.is_watched
    ]
    if wanted:
        async with studio.reading() as connection:
            await enqueue_steps(connection, wanted)
    await _stumbled(studio, waiting, steps)
    return len(waiting)


async def _side_by_side(steps: Iterable[Awaitable[Step]]) -> list[Step | BaseException]:
    """Take steps side by side; one that fails is told and keeps no other from being taken."""
    slots = asyncio.Semaphore(AT_ONCE_MAX)

    async def within(step: Awaitable[Step]) -> Step:
        async with slots:
            return await step

    return await asyncio.gather(*map(within, steps), return_exceptions=True)


async def _stumbled(studio: Studio, names: Sequence[JobName], steps: Sequence[object]) -> None:
    """Count the steps that failed as no step should, once all others are written.

    :raises ExceptionGroup: when there was one, for the worker to record.
    """
    failed = [
        (name, step) for name, step in zip(names, steps, strict=True) if isinstance(step, Exception)
    ]
    for (workspace_id, job_id), _ in failed:
        await stumble(studio, workspace_id=workspace_id, job_id=job_id)
    if failed:
        raise ExceptionGroup("jobs whose step failed", [error for _, error in failed])


async def _looked(studio: Studio, job: Job, found: tuple[Attempt, ...]) -> Look | None:
    """Look at one job; what has to be looked at again is told, what ended is not."""
    step = await settled_step(studio, job, look(studio, job, found))
    if isinstance(step, Look):
        return step
    if step.wait_s is None:
        return None
    look_at = studio.clock.now() + timedelta(seconds=step.wait_s)
    return Look(job=job, progress=job.progress, look_at=look_at, deadline_at=job.deadline_at)
