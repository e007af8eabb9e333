"""Every end of a job is told to webhooks once, in the transaction that ends it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest

from company_stage import Companies, open_companies
from hook_receiver import Receiver, receiving
from hook_stage import NOWHERE, add, deliver_all, open_hooked, sent, told
from mutoscope.app import webhooks
from mutoscope.app.cancel import cancel
from mutoscope.app.ports import RenderState
from mutoscope.domain.jobs import JobState
from mutoscope.domain.planner import Submission
from mutoscope.hooks.http_hooks import HttpHooks
from mutoscope.storage import jobs
from mutoscope.storage.jobs import Job
from mutoscope.storage.session import SideRow, SideRowRefused
from mutoscope.storage.webhooks import Endpoint
from scripted_generator import REFUSED
from studio_fixture import open_workspace
from studio_stage import Stage

JOB, OTHER = "job.finished", "invoice.issued"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_hooked(database_url, tmp_path) as stage:
        stage.workspace_id = await open_workspace(stage)
        yield stage


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def states(stage: Stage, endpoint: Endpoint) -> list[tuple[str, str | None, int]]:
    return [
        (each["state"], each["reason"], each["captured"]) for each in await told(stage, endpoint)
    ]


async def test_a_delivered_job_is_told_signed_and_once(stage: Stage, receiver: Receiver) -> None:
    endpoint = await add(stage, receiver.url, JOB)
    stage.generator.succeed(images=2)
    job = await stage.play(await stage.place(images=3))
    await stage.step(job)
    await deliver_all(stage)

    assert receiver.ids() == [str(job.job_id)]
    event = receiver.verified(endpoint.secret)
    data = event.pop("data")
    instants = (data.pop("finished_at"), event.pop("timestamp"))
    assert [datetime.fromisoformat(at) for at in instants] == [job.finished_at] * 2
    assert data == {
        "job_id": str(job.job_id), "key": "job-1", "tool": "image_generation", "kind": "image",
        "price": 3, "captured": 2, "is_metered": False, "state": "succeeded", "reason": None,
        "sentence": None,
    }  # fmt: skip
    assert event == {
        "id": str(job.job_id), "type": JOB, "workspace_id": str(stage.workspace_id)
    }  # fmt: skip


@pytest.mark.parametrize("state", [RenderState.FAILED, RenderState.LOST])
async def test_a_failure_is_told_with_its_reason(stage: Stage, state: RenderState) -> None:
    endpoint = await add(stage, NOWHERE)
    stage.generator.fail(state=state, code="failed")

    job = await stage.play(await stage.place())

    (event,) = await told(stage, endpoint)
    assert (event["state"], event["reason"], event["captured"]) == (state, "failed", 0)
    assert event["sentence"] == job.sentence


async def test_a_refused_order_and_one_that_nobody_began_are_told(stage: Stage) -> None:
    endpoint = await add(stage, NOWHERE)
    stage.generator.trouble = REFUSED
    await stage.play(await stage.place(key="refused"))
    late = await stage.place(key="late")
    stage.clock.move(hours=3)

    lost = await stage.play(late)

    assert lost.state is JobState.LOST
    assert await states(stage, endpoint) == [("failed", "moderated", 0), ("lost", lost.reason, 0)]


async def test_a_cancelled_job_is_told_whether_it_waited_or_ran(stage: Stage) -> None:
    endpoint = await add(stage, NOWHERE)
    waiting = await stage.place(key="waiting")
    await cancel(stage.studio, workspace_id=stage.workspace_id, job_id=waiting.job_id)
    running = await stage.place(key="running")
    await stage.step(running)
    await cancel(stage.studio, workspace_id=stage.workspace_id, job_id=running.job_id)

    await stage.play(running)

    assert await states(stage, endpoint) == [("cancelled", "cancelled", 0)] * 2


async def test_a_success_after_the_hold_was_given_back_is_told_once(stage: Stage) -> None:
    endpoint = await add(stage, NOWHERE)
    job = await stage.place()
    await stage.step(job)
    stage.clock.move(hours=3)
    stage.generator.succeed(images=1)

    await stage.play(job)

    assert await states(stage, endpoint) == [("succeeded", "late", 0)]


async def given_up(companies: Companies) -> Job:
    """Place a job that takes too long; its provider goes on with it."""
    companies.acme.can_cancel = False
    job = await companies.place()
    await companies.step(job)
    companies.stage.clock.move(minutes=21)
    await companies.step(job)
    companies.stage.clock.move(minutes=5)
    return job


async def test_what_comes_after_a_job_was_given_up_is_an_event_of_its_own(
    database_url: str, tmp_path: Path
) -> None:
    async with open_companies(database_url, tmp_path) as companies:
        stage = companies.stage
        stage.studio = replace(companies.studio, hooks=HttpHooks(is_local_allowed=True))
        endpoint = await add(stage, NOWHERE, JOB, workspace_id=companies.workspace_id)
        job = await given_up(companies)
        companies.acme.succeed(images=1)

        await companies.play(job)

        assert await states(stage, endpoint) == [
            ("lost", "timeout", 0), ("succeeded", "late", 0)
        ]  # fmt: skip
        lost, late = await sent(stage, endpoint)
        assert (lost.event_id, late.event_id != job.job_id) == (job.job_id, True)


async def test_eight_steps_at_once_tell_one_end(stage: Stage) -> None:
    endpoint = await add(stage, NOWHERE)
    job = await stage.place(images=4)
    await stage.step(job)
    stage.generator.succeed(images=3)

    await asyncio.gather(*(stage.step(job) for _ in range(8)))
    await stage.play(job)

    assert await states(stage, endpoint) == [("succeeded", None, 3)]


async def refuse(_connection: object, _rows: object) -> int:
    return 0


async def test_an_end_that_is_undone_was_never_told(stage: Stage) -> None:
    endpoint = await add(stage, NOWHERE)
    job = await stage.place()
    over = replace(
        job, state=JobState.CANCELLED, captured=0, reason="cancelled",
        finished_at=stage.clock.now(),
    )  # fmt: skip

    with pytest.raises(SideRowRefused):
        await stage.studio.journal.submit(
            Submission(()), side_rows=(SideRow(jobs.finish_jobs, over.row()), SideRow(refuse, ()))
        )

    assert (await stage.read(job)).state is JobState.WAITING
    assert await told(stage, endpoint) == []


async def test_each_endpoint_that_wants_a_job_s_end_and_is_on_is_told(stage: Stage) -> None:
    all_types = await add(stage, NOWHERE, key="all")
    two_types = await add(stage, NOWHERE, OTHER, JOB, key="two")
    invoices = await add(stage, NOWHERE, OTHER, key="invoices")
    off = await add(stage, NOWHERE, key="off")
    await webhooks.change_endpoint(
        stage.studio, before=off, url=NOWHERE, event_types=(), is_on=False
    )
    elsewhere = await add(stage, NOWHERE, workspace_id=await open_workspace(stage))
    stage.generator.succeed(images=1)

    await stage.play(await stage.place())

    assert [len(await told(stage, each)) for each in (all_types, two_types)] == [1, 1]
    assert [await told(stage, each) for each in (invoices, off, elsewhere)] == [[]] * 3


async def test_an_end_looks_for_webhooks_of_its_workspace_alone(
    stage: Stage, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "INSERT INTO webhook_endpoints (workspace_id, endpoint_id, creation_key, url, event_types,"
        " secret, state, created_at) SELECT gen_random_uuid(), gen_random_uuid(), '', '', '{}',"
        " '', 'on', now() FROM generate_series(1, 20000)"
    )
    job = await stage.place()
    over = replace(job, state=JobState.CANCELLED, captured=0, finished_at=stage.clock.now())
    before = await fetched(connection)

    written = await jobs.finish_jobs(connection, [over.row()])

    assert (written, await fetched(connection)) == (1, before)


async def fetched(connection: asyncpg.Connection) -> tuple[int, int]:
    """Return the endpoints that were read so far, in scans and through indexes."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    row = await connection.fetchrow(
        "SELECT seq_tup_read, coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables"
        " WHERE relname = 'webhook_endpoints'"
    )
    assert row is not None
    return tuple(row)
