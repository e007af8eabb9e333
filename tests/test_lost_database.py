"""A worker whose database is killed goes on when it is back, and ends its job once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mutoscope.app import generate, sign_up
from mutoscope.app.receipt import receipt
from mutoscope.bootstrap import House, open_house
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.settings import read_settings
from mutoscope.storage import jobs
from mutoscope.storage.embedded import NOT_READY
from mutoscope.storage.jobs import Job
from mutoscope.worker import steps
from servers import enterable_folder, postmaster
from soundness import assert_sound
from studio_stage import FRAME

LIMIT_S = 60


@pytest.fixture
async def house() -> AsyncIterator[tuple[House, Path]]:
    """Give a house on a database of its own, and the database's folder."""
    with enterable_folder() as data:
        async with open_house(read_settings({"MUTOSCOPE_DATA": str(data)})) as house:
            yield house, data / "postgres"
            await assert_sound(house.database_url)


async def reached(house: House, job: Job, states: frozenset[JobState]) -> Job:
    """Return a job when it is in one of some states, through any absence of the database."""
    async with asyncio.timeout(LIMIT_S):
        while job.state not in states:
            await asyncio.sleep(0.05)
            try:
                async with house.studio.reading() as connection:
                    job = await jobs.get(
                        connection, workspace_id=job.workspace_id, job_id=job.job_id
                    )
            except NOT_READY:
                continue
    return job


async def placed(house: House) -> Job:
    workspace = await sign_up.create(house.studio, name="Aurora", zone="UTC", is_demo=True)
    names = {"workspace_id": workspace.workspace_id, "key": "job-1"}
    job, _ = await generate.place(house.studio, wish=FRAME, **names)
    return job


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.WAITING])
async def test_a_worker_outlives_its_database_and_ends_the_job_once(
    house: tuple[House, Path], monkeypatch: pytest.MonkeyPatch, state: JobState
) -> None:
    monkeypatch.setattr(steps, "RESTART_S", 0.1)
    home, folder = house
    job = await placed(home)
    working = asyncio.create_task(steps.work(home))

    await reached(home, job, frozenset({state}))
    os.kill(postmaster(folder), signal.SIGKILL)
    done = await reached(home, job, FINAL)
    working.cancel()
    await asyncio.wait((working,))

    told = await receipt(home.studio, workspace_id=job.workspace_id, job_id=job.job_id)
    assert (done.state, done.captured) == (JobState.SUCCEEDED, 1)
    assert [str(line.entry.operation) for line in told.lines] == ["hold", "settle"]
    assert working.cancelled()
