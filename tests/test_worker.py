"""The worker brings jobs to their end with the real engine, and stops when it is told to."""

import asyncio
from pathlib import Path

from mutoscope.app import generate, sign_up
from mutoscope.bootstrap import House, open_house
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.settings import read_settings
from mutoscope.storage import jobs
from mutoscope.storage.jobs import Job
from mutoscope.worker.steps import work
from soundness import assert_sound
from studio_stage import FRAME

LOOK_S = 0.2


async def ended(house: House, job: Job) -> Job:
    """Return a job when it is final."""
    async with asyncio.timeout(40):
        while job.state not in FINAL:
            await asyncio.sleep(LOOK_S)
            async with house.studio.reading() as connection:
                job = await jobs.get(connection, workspace_id=job.workspace_id, job_id=job.job_id)
    return job


async def test_a_worker_ends_a_job_and_stops_cleanly(database_url: str, tmp_path: Path) -> None:
    settings = read_settings({"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path)})
    async with open_house(settings) as house:
        workspace = await sign_up.create(house.studio, name="Aurora", zone="UTC", is_demo=True)
        worker = asyncio.create_task(work(house))
        job, _ = await generate.place(
            house.studio, workspace_id=workspace.workspace_id, wish=FRAME, key="job-1"
        )
        job = await ended(house, job)
        worker.cancel()
        await asyncio.wait([worker])

    assert (job.state, job.captured, worker.cancelled()) == (JobState.SUCCEEDED, 1, True)
    await assert_sound(database_url)
