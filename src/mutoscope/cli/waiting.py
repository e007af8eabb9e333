"""Waiting for jobs: this process works on them until they are final.

Owns the worker inside a command. Invariant: a job that is waited for is worked on, whether another
worker runs or not; two workers share the same queue, and a job's row fences its steps.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import UUID

from mutoscope.bootstrap import House
from mutoscope.cli.screen import bars
from mutoscope.domain.jobs import FINAL
from mutoscope.storage import jobs
from mutoscope.storage.jobs import Job
from mutoscope.worker.steps import work

LOOK_S: Final = 0.15
"""Seconds between looks at a job's row: quick to the eye, one read of one row to the database."""

Hear = Callable[[tuple[Job, ...]], None]


@asynccontextmanager
async def working(house: House) -> AsyncIterator[None]:
    """Work in this process while the body runs."""
    worker = asyncio.create_task(work(house))
    try:
        yield
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def until_final(house: House, *, placed: Sequence[Job], hear: Hear) -> tuple[Job, ...]:
    """Look at jobs until all are final, telling each look; somebody has to work meanwhile."""
    while True:
        looked = tuple([await _look(house, job.workspace_id, job.job_id) for job in placed])
        hear(looked)
        if all(job.state in FINAL for job in looked):
            return looked
        await asyncio.sleep(LOOK_S)


async def watched(house: House, *, placed: Sequence[Job]) -> tuple[Job, ...]:
    """Work until jobs are final, behind a progress bar for each."""
    with bars() as progress:
        tasks = [progress.add_task(job.tool, total=1.0) for job in placed]

        def hear(looked: tuple[Job, ...]) -> None:
            for task, job in zip(tasks, looked, strict=True):
                progress.update(task, completed=job.progress, description=f"{job.tool} {job.state}")

        async with working(house):
            return await until_final(house, placed=placed, hear=hear)


async def _look(house: House, workspace_id: UUID, job_id: UUID) -> Job:
    async with house.studio.reading() as connection:
        return await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
