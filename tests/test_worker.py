"""The worker brings jobs to their end with the real engine, and stops when it is told to."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mail_server import open_mail_server
from mutoscope.app import generate, sign_up
from mutoscope.app.receipt import receipt
from mutoscope.bootstrap import House, open_house
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.settings import read_settings
from mutoscope.storage import jobs
from mutoscope.storage.jobs import Job
from mutoscope.storage.queue import enqueue_steps
from mutoscope.worker.steps import work
from soundness import assert_sound
from studio_stage import FRAME

LOOK_S = 0.1
LONG_AGO = "UPDATE jobs SET stepped_at = stepped_at - interval '1 hour'"
CUT_OFF = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE
        datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'
"""
WORKER = """
import asyncio, os
from mutoscope.bootstrap import open_house
from mutoscope.settings import read_settings
from mutoscope.worker.steps import work

async def main():
    async with open_house(read_settings(os.environ)) as house:
        await work(house)

asyncio.run(main())
"""


async def reached(house: House, job: Job, states: Container[JobState]) -> Job:
    """Return a job when it is in one of some states."""
    async with asyncio.timeout(40):
        while job.state not in states:
            await asyncio.sleep(LOOK_S)
            job = await read(house, job)
    return job


async def ended(house: House, job: Job) -> Job:
    """Return a job when it is final."""
    return await reached(house, job, FINAL)


async def read(house: House, job: Job) -> Job:
    async with house.studio.reading() as connection:
        return await jobs.get(connection, workspace_id=job.workspace_id, job_id=job.job_id)


async def execute(house: House, statement: str) -> None:
    async with house.studio.reading() as connection:
        await connection.execute(statement)


@asynccontextmanager
async def at_work(house: House, *, workers: int = 1) -> AsyncIterator[None]:
    """Let workers work, and see that each stops when it is told to."""
    tasks = [asyncio.create_task(work(house)) for _ in range(workers)]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)


async def operations(house: House, job: Job) -> list[str]:
    found = await receipt(house.studio, workspace_id=job.workspace_id, job_id=job.job_id)
    return [str(line.entry.operation) for line in found.lines]


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    settings = read_settings({"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path)})
    async with open_house(settings) as house:
        yield house
    await assert_sound(database_url)


async def place(house: House, *, prompt: str = FRAME.prompt, key: str = "job-1") -> Job:
    """Place a job in the demo workspace, which the first one opens."""
    async with house.studio.reading() as connection:
        workspace_id = await connection.fetchval("SELECT workspace_id FROM workspaces")
    if workspace_id is None:
        opened = await sign_up.create(house.studio, name="Aurora", zone="UTC", is_demo=True)
        workspace_id = opened.workspace_id
    wish = replace(FRAME, prompt=prompt)
    job, _ = await generate.place(house.studio, workspace_id=workspace_id, wish=wish, key=key)
    return job


async def test_a_worker_ends_a_job_and_stops_cleanly(house: House) -> None:
    job = await place(house)

    async with at_work(house):
        job = await ended(house, job)

    assert (job.state, job.captured) == (JobState.SUCCEEDED, 1)


async def test_workers_side_by_side_end_each_job_once(house: House) -> None:
    placed = [await place(house, key=f"job-{number}") for number in range(2)]
    failing = await place(house, prompt="a lighthouse [[moderated]]", key="failing")

    async with at_work(house, workers=2):
        done = [await ended(house, job) for job in placed]
        failed = await ended(house, failing)

    assert [job.captured for job in done] == [1, 1]
    assert (failed.state, failed.reason, failed.captured) == (JobState.FAILED, "moderated", 0)
    assert await operations(house, failing) == ["hold", "release"]


async def test_a_job_whose_step_was_lost_is_found_by_the_sweep(house: House) -> None:
    job = await place(house)
    await execute(house, "DELETE FROM pgqueuer")
    await execute(house, LONG_AGO)

    async with at_work(house):
        job = await ended(house, job)

    assert job.state is JobState.SUCCEEDED


async def test_steps_that_are_queued_too_often_or_of_no_job_do_no_harm(house: House) -> None:
    job = await place(house)
    nobody = (house.studio.ids.new(), house.studio.ids.new(), 0.0)
    async with house.studio.reading() as connection:
        await enqueue_steps(connection, [nobody] + [(job.workspace_id, job.job_id, 0.0)] * 5)

    async with at_work(house):
        job = await ended(house, job)

    assert (job.captured, await operations(house, job)) == (1, ["hold", "settle"])


async def test_a_worker_that_loses_its_connections_goes_on(
    house: House, database_url: str, tmp_path: Path
) -> None:
    job = await place(house, prompt="a lighthouse [[slow:2]]")
    settings = read_settings({"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path)})

    async with at_work(house):
        await reached(house, job, {JobState.RUNNING})
        await execute(house, CUT_OFF)
        async with open_house(settings) as onlooker:  # whose connections nobody has cut
            await execute(onlooker, LONG_AGO)
            job = await ended(onlooker, job)

    assert (job.captured, await operations(house, job)) == (1, ["hold", "settle"])


async def test_a_worker_stops_in_the_middle_of_a_job_and_another_ends_it(house: House) -> None:
    job = await place(house, prompt="a lighthouse [[slow:1]]")
    async with at_work(house):
        await reached(house, job, {JobState.RUNNING})
    await execute(house, LONG_AGO)

    async with at_work(house):
        job = await ended(house, job)

    assert (job.captured, await operations(house, job)) == (1, ["hold", "settle"])


async def test_what_a_killed_worker_began_another_finishes_and_charges_once(
    house: House, database_url: str, tmp_path: Path
) -> None:
    job = await place(house, prompt="a lighthouse [[slow:2]]")
    place_of = {"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path)}
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, env={**os.environ, **place_of}
    )
    await reached(house, job, {JobState.RUNNING})
    victim.kill()
    assert await victim.wait() == -signal.SIGKILL
    assert not (await read(house, job)).finished_at
    await execute(house, LONG_AGO)

    async with at_work(house):
        job = await ended(house, job)

    assert (job.state, job.captured) == (JobState.SUCCEEDED, 1)
    assert await operations(house, job) == ["hold", "settle"]


async def test_a_worker_sends_what_lies_in_the_outbox(database_url: str, tmp_path: Path) -> None:
    settings = read_settings({"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path)})
    async with open_house(settings) as house, open_mail_server(tmp_path) as server:
        posting = replace(house, studio=replace(house.studio, mailer=server.mailer()))
        await sign_up.sign_up(house.studio, name="Ada", email="ada@example.org", zone="UTC")

        async with at_work(posting), asyncio.timeout(40):
            await server.has_taken.wait()

        assert server.envelopes[0].rcpt_tos == ["ada@example.org"]
