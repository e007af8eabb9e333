"""One step of a job: order it, find out what became of its order, or look how its work stands.

Each step is short and may run again from its beginning after a crash, or twice at once; the rows of
the job and of its attempts fence it. A provider is never called inside a transaction. What ends a
job is in `app.conclude`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

from mutoscope.app.conclude import GIVEN_UP
from mutoscope.app.look import look, try_again
from mutoscope.app.order import NEVER, POLL_S, RETRY_S, Next, order, reconcile
from mutoscope.app.ports import Failure, ProviderError
from mutoscope.domain.credits import Refusal
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.storage import attempts, jobs
from mutoscope.storage.attempts import Look
from mutoscope.storage.session import SideRowRefused

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.jobs import Job

_BROKEN: Final = Failure(code="not_finished", sentence="The studio could not finish this job.")


async def advance(studio: Studio, *, workspace_id: UUID, job_id: UUID) -> Next:
    """Take one step of a job, and tell when the next one is due.

    :raises UnknownJob: when the workspace has no such job.
    """
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
    looked = await settled_step(studio, job, _step(studio, job))
    if isinstance(looked, Next):
        return looked
    at = studio.clock.now()
    async with studio.reading() as connection:
        await attempts.note_looks(connection, looks=[looked], at=at)
    return Next((looked.look_at - at).total_seconds(), is_watched=True)


async def settled_step(studio: Studio, job: Job, step: Awaitable[Next | Look]) -> Next | Look:
    """Take a step, and judge what keeps it from being taken."""
    try:
        return await step
    except SideRowRefused:
        return Next(POLL_S)  # another step took the job further: look again
    except ProviderError:
        return await try_again(studio, job, GIVEN_UP)
    except Refusal:
        return await try_again(studio, job, _BROKEN)  # a full disk, a catalog that lost a tool


async def stumble(studio: Studio, *, workspace_id: UUID, job_id: UUID) -> Next:
    """Count a step that failed as no step should, and tell when it is tried again.

    :raises UnknownJob: when the workspace has no such job.
    """
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
    return NEVER if job.state in FINAL else await try_again(studio, job, _BROKEN)


async def _step(studio: Studio, job: Job) -> Next | Look:
    if job.state is JobState.WAITING:
        return await order(studio, job)
    if not studio.is_ours(studio.routes.route(key=job.route or "")):
        return Next(RETRY_S)  # a worker that bears the route's label takes it
    if job.state is JobState.SUBMITTING:
        return await reconcile(studio, job)
    if job.look_at is None:
        return NEVER
    async with studio.reading() as connection:
        found = await attempts.attempts_of(
            connection, workspace_id=job.workspace_id, job_id=job.job_id
        )
    return await look(studio, job, found)
