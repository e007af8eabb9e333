"""Cancelling a job: a wish until the provider confirms that it stopped.

Before the job was ordered everything is given back at once. After that the job runs on when the
provider cannot stop it, and is captured on delivery; its state tells which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.app.advance import advance
from mutoscope.domain.credits import Refusal
from mutoscope.domain.jobs import JobState
from mutoscope.storage import jobs

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.jobs import Job


class JobIsFinal(Refusal):
    """A job that has ended already."""

    code = "job_is_final"

    def __init__(self, *, job: Job) -> None:
        super().__init__(f"the job ended before, as {job.state}: its receipt tells what it cost")
        self.job = job


async def cancel(studio: Studio, *, workspace_id: UUID, job_id: UUID) -> Job:
    """Ask for a job to be stopped, and return it as it stands.

    :raises UnknownJob: when the workspace has no such job.
    :raises JobIsFinal: when it has ended already.
    """
    async with studio.reading() as connection:
        is_asked = await jobs.ask_cancel(connection, workspace_id=workspace_id, job_id=job_id)
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
    if not is_asked:
        raise JobIsFinal(job=job)
    if job.state is JobState.WAITING:
        await advance(studio, workspace_id=workspace_id, job_id=job_id)
        async with studio.reading() as connection:
            job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
    return job
