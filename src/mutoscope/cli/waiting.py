"""Waiting for jobs: this process works on them until they are final.

Owns the worker inside a command. Invariant: a job that is waited for is worked on, whether another
worker runs or not; two workers share the same queue, and a job's row fences its steps.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from mutoscope.bootstrap import House
from mutoscope.cli.screen import bars, console, tell
from mutoscope.domain.attempts import AttemptState
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.storage import attempts, jobs
from mutoscope.storage.jobs import Job
from mutoscope.worker.steps import work

LOOK_S: Final = 0.15
"""Seconds between looks at a job's row: quick to the eye, one read of one row to the database."""

SOON: Final = timedelta(seconds=5)
"""A job that waits longer than this after its turn came lacks room or money, not a worker."""

Hear = Callable[[tuple[Job, ...]], None]
TellOf = Callable[[Job, str], None]


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
    looked = tuple(placed)
    async for looked in _looks(house, placed=placed):
        hear(looked)
    return looked


async def watched(house: House, *, placed: Sequence[Job]) -> tuple[Job, ...]:
    """Work until jobs are final, and tell how they stand: in bars at a terminal, else in lines.

    Whoever interrupts it is told which jobs go on.
    """
    looked = tuple(placed)
    try:
        with _telling(placed) as tell_of:
            async with working(house):
                async for looked in _looks(house, placed=placed):
                    for job in looked:
                        tell_of(job, await _standing(house, job))
    except asyncio.CancelledError:
        for job in looked:
            if job.state not in FINAL:
                stop = f"`mutoscope cancel {job.workspace_id} {job.job_id}` stops it."
                tell(f"Job {job.job_id} goes on; {stop}")
        raise
    return looked


async def _looks(house: House, *, placed: Sequence[Job]) -> AsyncIterator[tuple[Job, ...]]:
    """Yield jobs as they stand, again and again until all are final."""
    while True:
        looked = tuple([await _look(house, job.workspace_id, job.job_id) for job in placed])
        yield looked
        if all(job.state in FINAL for job in looked):
            return
        await asyncio.sleep(LOOK_S)


@contextmanager
def _telling(placed: Sequence[Job]) -> Iterator[TellOf]:
    """Yield what tells how a job stands: in its bar at a terminal, else in a line."""
    if not console(is_error=True).is_terminal:
        yield _line_teller()
        return
    with bars() as progress:
        tasks = {job.job_id: progress.add_task(job.tool, total=1.0) for job in placed}

        def tell_of(job: Job, standing: str) -> None:
            description = f"{job.tool} {standing}"
            progress.update(tasks[job.job_id], completed=job.progress, description=description)

        yield tell_of


def _line_teller() -> TellOf:
    said: dict[UUID, str] = {}

    def tell_of(job: Job, standing: str) -> None:
        if said.get(job.job_id) != standing:
            said[job.job_id] = standing
            tell(f"job {job.job_id}: {standing}")

    return tell_of


async def _standing(house: House, job: Job) -> str:
    """Return a job's state, and what holds it up."""
    if job.state is JobState.WAITING:
        turn_at = max(job.created_at, job.starts_at)
        is_long = house.studio.clock.now() - turn_at > SOON
        return f"{job.state} for room, or for tomorrow's limit" if is_long else job.state
    if job.state is JobState.SUBMITTING and await _is_in_doubt(house, job):
        return "in doubt: its provider is asked, or staff are told"
    return job.state


async def _is_in_doubt(house: House, job: Job) -> bool:
    async with house.studio.reading() as connection:
        found = await attempts.attempts_of(
            connection, workspace_id=job.workspace_id, job_id=job.job_id
        )
    return bool(found) and found[-1].state is AttemptState.UNKNOWN


async def _look(house: House, workspace_id: UUID, job_id: UUID) -> Job:
    async with house.studio.reading() as connection:
        return await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
