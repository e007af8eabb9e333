"""Two workers at one job, late answers, findings of staff: the first to write decides, once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from company_stage import UNANSWERED, Companies, ScriptedCompany, open_companies, route
from mutoscope.app.cancel import cancel
from mutoscope.app.generate import RouteCannot
from mutoscope.app.order import order, order_of
from mutoscope.app.ports import Order, ProviderError, Render, RenderState
from mutoscope.app.renew import run as renew
from mutoscope.app.resolve import Finding, resolve
from mutoscope.app.studio import Studio
from mutoscope.app.watch import LEASE, admit, watch
from mutoscope.domain.jobs import JobState
from mutoscope.domain.routes import RouteTable
from mutoscope.storage import attempts
from mutoscope.storage.attempts import Created, Orders
from mutoscope.storage.database import open_pool
from mutoscope.storage.jobs import Job
from mutoscope.storage.journal import Journal
from soundness import assert_sound
from studio_fixture import lines, open_workspace

MICROS_A_DAY = 1_000_000


@pytest.fixture
async def companies(database_url: str, tmp_path: Path) -> AsyncIterator[Companies]:
    async with open_companies(database_url, tmp_path) as companies:
        yield companies
        await assert_sound(database_url)


async def at_work(companies: Companies, key: str = "job-1") -> Job:
    job = await companies.place(key)
    await companies.step(job)
    return await companies.stage.read(job)


async def operations(companies: Companies) -> list[str]:
    found = await lines(companies.stage, workspace_id=companies.workspace_id)
    told = [operation for operation, _ in found]
    return told[told.index("hold") :]


async def spent(companies: Companies) -> int:
    async with companies.studio.reading() as connection:
        return int(await connection.fetchval("SELECT sum(micros) FROM provider_spend"))


async def answer_late(companies: Companies, job: Job, *, ordinal: int = 1) -> None:
    """Let an answer come to an order of which nobody waits any more."""
    found = (await companies.attempts(job))[ordinal - 1]
    at = companies.stage.clock.now()
    async with companies.studio.reading() as connection:
        await attempts.mark_created(connection, [Created(found, str(found.order_id), at, at)])


async def order_again(companies: Companies, job: Job) -> Order:
    """Return what the company was asked for in the first order of a job."""
    return await order_of(companies.studio, job, route("acme"))


class Slow(ScriptedCompany):
    """A company whose answers to polls all wait for one another: two looks overlap."""

    def __init__(self, folder: Path, *, looks: int) -> None:
        super().__init__(folder)
        self.meeting = asyncio.Barrier(looks)

    async def poll(self, *, provider_job_id: str, job_id: UUID, is_clip: bool) -> Render:
        render = await super().poll(provider_job_id=provider_job_id, job_id=job_id, is_clip=is_clip)
        await self.meeting.wait()
        return render


def slowly(companies: Companies, *, looks: int = 2) -> Companies:
    slow = Slow(companies.acme.folder, looks=looks)
    slow.orders, slow.render = companies.acme.orders, companies.acme.render
    company = {**companies.studio.providers, "acme": slow}
    studio = replace(
        companies.studio, providers=company, generators={**companies.studio.generators, **company}
    )
    return replace(companies, studio=studio, acme=slow)


async def test_two_workers_that_see_the_same_success_capture_once(companies: Companies) -> None:
    companies = companies.with_routes(route("acme"), daily_micros_max=MICROS_A_DAY)
    job = await at_work(companies)
    companies.acme.succeed(images=1)
    companies = slowly(companies)

    await asyncio.gather(companies.step(job), companies.step(job))
    done = await companies.stage.read(job)

    assert (done.state, done.captured, done.look_at) == (JobState.SUCCEEDED, 1, None)
    assert await operations(companies) == ["hold", "settle"]
    assert len(await companies.stage.outputs(job)) == 1


async def test_two_workers_that_see_the_same_failure_give_the_money_of_the_day_back_once(
    companies: Companies,
) -> None:
    companies = companies.with_routes(route("acme"), daily_micros_max=MICROS_A_DAY)
    await at_work(companies, "another")
    job = await at_work(companies)
    companies.acme.fail(state=RenderState.FAILED, code="moderated")
    before = await spent(companies)
    companies = slowly(companies)

    await asyncio.gather(companies.step(job), companies.step(job))

    assert before - await spent(companies) == before // 2
    assert (await operations(companies)).count("release") == 1


async def test_a_worker_whose_lease_is_over_does_not_disturb_the_next_one(
    companies: Companies,
) -> None:
    job = await at_work(companies)
    companies.acme.succeed(images=1)
    companies = slowly(companies)
    companies.stage.clock.move(seconds=10)
    slow = asyncio.create_task(watch(companies.studio))
    while not companies.acme.meeting.n_waiting:  # noqa: ASYNC110 -- a barrier has no event
        await asyncio.sleep(0.01)
    companies.stage.clock.move(seconds=LEASE.total_seconds() + 1)

    looked = await watch(companies.studio)

    assert (looked, await slow) == (1, 1)
    assert (await companies.stage.read(job)).state is JobState.SUCCEEDED
    assert await operations(companies) == ["hold", "settle"]


async def test_a_success_that_meets_a_give_up_is_given_and_absorbed(companies: Companies) -> None:
    companies.acme.can_cancel = False
    job = await at_work(companies)
    companies.stage.clock.move(minutes=21)
    succeeded = slowly(companies, looks=1)
    succeeded.acme.succeed(images=1)
    _, late = await asyncio.gather(companies.step(job), succeeded.step(job))

    done = await succeeded.play(job)

    assert late is None or late > 0
    assert done.state is JobState.SUCCEEDED
    assert await operations(companies) in (["hold", "settle"], ["hold", "release", "absorb"])
    assert [each.cost_micros for each in await companies.attempts(job)] == [60_000]


async def test_a_cancel_that_meets_a_success_leaves_one_end(companies: Companies) -> None:
    job = await at_work(companies)
    await cancel(companies.studio, workspace_id=companies.workspace_id, job_id=job.job_id)
    succeeded = slowly(companies, looks=1)
    succeeded.acme.can_cancel = False
    succeeded.acme.succeed(images=1)

    await asyncio.gather(companies.step(job), succeeded.step(job))
    done = await companies.play(job)

    assert done.state in {JobState.SUCCEEDED, JobState.CANCELLED}
    assert done.captured == (done.state is JobState.SUCCEEDED)
    assert len(await operations(companies)) == 2


async def test_an_answer_after_staff_said_that_nothing_was_taken_is_given_and_absorbed(
    companies: Companies,
) -> None:
    companies.acme.mishap = UNANSWERED
    job = await at_work(companies)
    await resolve(
        companies.studio, workspace_id=job.workspace_id, job_id=job.job_id,
        finding=Finding(staff="ada"),
    )  # fmt: skip
    given_back = await companies.stage.read(job)
    await answer_late(companies, job)
    companies.acme.succeed(images=1)

    done = await companies.play(job)

    assert (given_back.state, done.state, done.captured) == (JobState.FAILED, "succeeded", 0)
    assert (await operations(companies), done.look_at) == (["hold", "release", "absorb"], None)
    assert await companies.states(job) == ["ended"]


async def test_an_answer_after_a_cancel_only_costs(companies: Companies) -> None:
    companies.acme.trouble = ProviderError("Slow down.", code="rate_limited", permanent=False)
    job = await at_work(companies)
    companies.stage.clock.move(seconds=10)
    await cancel(companies.studio, workspace_id=companies.workspace_id, job_id=job.job_id)
    companies.acme.trouble = None
    companies.acme.orders.append(await order_again(companies, job))
    await answer_late(companies, job)
    companies.acme.succeed(images=1)

    done = await companies.play(job)

    assert (done.state, done.look_at) == (JobState.CANCELLED, None)
    assert not await companies.stage.outputs(job)
    assert [each.cost_micros for each in await companies.attempts(job)] == [60_000]


async def test_the_end_of_a_job_whose_hold_has_lapsed_is_absorbed_or_left(
    companies: Companies, database_url: str
) -> None:
    jobs_ = [await at_work(companies, key) for key in ("job-1", "job-2")]
    companies.stage.clock.move(minutes=31)
    await renew(url=database_url, at=companies.stage.clock.now())
    companies.acme.succeed(images=1)
    await companies.step(jobs_[0])
    companies.acme.fail(state=RenderState.FAILED, code="moderated")
    await companies.step(jobs_[1])

    late, failed = [await companies.stage.read(job) for job in jobs_]

    assert (late.state, late.captured, late.reason) == (JobState.SUCCEEDED, 0, "late")
    assert (failed.state, failed.captured) == (JobState.FAILED, 0)
    assert Counter(await operations(companies)) == {"hold": 2, "release": 2, "absorb": 1}


async def test_an_earlier_order_that_was_taken_after_all_costs_and_delivers_nothing(
    companies: Companies,
) -> None:
    companies.acme.trouble = ProviderError("Slow down.", code="rate_limited", permanent=False)
    job = await at_work(companies)
    companies.stage.clock.move(seconds=10)
    companies.acme.trouble = None
    await companies.step(job)
    companies.acme.orders.append(await order_again(companies, job))
    companies.acme.succeed(images=1)
    await companies.play(job)
    await answer_late(companies, job)

    done = await companies.play(job)

    assert (done.state, done.look_at) == (JobState.SUCCEEDED, None)
    assert len(await companies.stage.outputs(job)) == 1
    assert [each.cost_micros for each in await companies.attempts(job)] == [60_000, 60_000]


async def test_what_a_company_lost_is_in_doubt_until_staff_know_its_cost(
    companies: Companies,
) -> None:
    job = await at_work(companies)
    companies.acme.fail(state=RenderState.LOST, code="output_lost")
    lost = await companies.play(job)
    doubtful = await companies.states(job)

    await resolve(
        companies.studio, workspace_id=job.workspace_id, job_id=job.job_id,
        finding=Finding(staff="ada", cost_micros=60_000),
    )  # fmt: skip

    assert (lost.state, await companies.held(), doubtful) == (JobState.LOST, 0, ["unknown"])
    assert [each.cost_micros for each in await companies.attempts(job)] == [60_000]


async def test_orders_in_doubt_keep_a_workspace_from_no_other_work(companies: Companies) -> None:
    companies = companies.with_routes(*[route(name, jobs_max=50) for name in ("acme", "bell")])
    running = await at_work(companies)
    doubtful = [await companies.place(f"doubt-{number}") for number in range(3)]
    for job in doubtful:  # with the one that runs they are as many as the plan allows at once
        companies.acme.mishap = UNANSWERED
        await companies.step(job)
    companies.bell.succeed(images=1)  # acme rests after so many failures

    done = await companies.play(await companies.place("one-more"))

    assert [await companies.states(job) for job in doubtful] == [["unknown"]] * 3
    assert (await companies.stage.read(running)).state is JobState.RUNNING
    assert done.state is JobState.SUCCEEDED


async def test_an_order_of_a_company_that_cannot_be_asked_is_never_called_free(
    companies: Companies,
) -> None:
    companies.acme.gate = asyncio.Event()
    job = await companies.place()
    dying = asyncio.create_task(companies.step(job))
    await companies.acme.reached.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    without = {**companies.studio.generators}
    del without["acme"]
    companies = replace(companies, studio=replace(companies.studio, generators=without))

    lost = await companies.play(job, steps=300)

    assert (lost.state, await companies.held()) == (JobState.LOST, 0)
    assert await companies.states(job) == ["unknown"]


@pytest.mark.parametrize(
    ("reason", "state"), [("rate_limited", "waiting"), ("moderated", "failed")]
)
async def test_a_refusal_whose_worker_died_is_acted_upon_at_once(
    companies: Companies, reason: str, state: str
) -> None:
    companies.acme.mishap = UNANSWERED
    job = await at_work(companies)
    (found,) = await companies.attempts(job)
    refused = replace(found, reason=reason)
    async with companies.studio.reading() as connection:
        await attempts.mark_refused(connection, attempt=refused, at=companies.stage.clock.now())

    await companies.step(job)

    assert (await companies.stage.read(job)).state == state


async def test_many_workers_keep_the_limits_of_routes_and_workspaces(
    companies: Companies, database_url: str
) -> None:
    companies = companies.with_routes(route("acme", jobs_max=3), route("bell", jobs_max=50))
    others = [await open_workspace(companies.stage, plan="pro", is_demo=False) for _ in range(3)]
    for workspace_id in (companies.workspace_id, *others):
        for number in range(8):
            await companies.place(f"job-{number}", workspace_id=workspace_id)
    async with more_workers(companies, database_url, count=3) as studios:
        await asyncio.gather(*(admit(studio) for studio in studios for _ in range(2)))

    at_routes, at_workspaces = await open_orders(companies)

    assert at_routes["image_acme"] <= 3
    assert max(at_workspaces.values()) <= 4
    assert len(at_workspaces) == 4 or at_routes.total() == 3


async def test_two_routes_do_not_let_a_workspace_have_more_than_its_plan_allows(
    companies: Companies, database_url: str
) -> None:
    placed = [await companies.place(f"job-{number}") for number in range(16)]
    tables = [RouteTable(routes=(route(name, jobs_max=50),)) for name in ("acme", "bell")]
    async with more_workers(companies, database_url, count=2) as studios:
        split = [replace(each, routes=table) for each, table in zip(studios, tables, strict=True)]
        await asyncio.gather(*(order(split[number % 2], job) for number, job in enumerate(placed)))

    _, at_workspaces = await open_orders(companies)

    assert at_workspaces == {companies.workspace_id: 4}


async def open_orders(companies: Companies) -> tuple[Counter[str], Counter[UUID]]:
    async with companies.studio.reading() as connection:
        rows = await connection.fetch(
            "SELECT route, workspace_id FROM attempts WHERE state IN ('intended', 'created')"
        )
    return Counter(row["route"] for row in rows), Counter(row["workspace_id"] for row in rows)


@asynccontextmanager
async def more_workers(
    companies: Companies, url: str, *, count: int
) -> AsyncIterator[list[Studio]]:
    """Open studios as other workers have them: with connections and a writer of their own."""
    async with AsyncExitStack() as stack:
        studios = []
        for _ in range(count):
            pool = await open_pool(url, connections_max=5)
            stack.push_async_callback(pool.close)
            journal = Journal(url=url, now=companies.stage.clock.now)
            await journal.open()
            stack.push_async_callback(journal.close)
            studios.append(
                replace(companies.studio, pool=pool, orders=Orders(pool), journal=journal)
            )
        yield studios


async def test_of_several_models_the_most_that_one_makes_at_once_is_told(
    companies: Companies,
) -> None:
    for company, images_max in ((companies.acme, 4), (companies.bell, 10)):
        company.able = replace(company.able, images_max=images_max)

    with pytest.raises(RouteCannot, match=r"in one job: at most 10 at once$"):
        await companies.place(images=11)

    assert (await companies.place(images=10)).provider == "bell"
