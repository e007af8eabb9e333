"""Staff tell what no machine could learn of an order, and the job is settled accordingly."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from company_stage import ABLE, MICROS, UNANSWERED, Companies, open_companies
from mutoscope.app.call_backs import CallBacks
from mutoscope.app.doubts import what_to_do
from mutoscope.app.ports import Capabilities, ProviderError, Reconcile, RenderState
from mutoscope.app.resolve import Finding, NotAtProvider, NotInDoubt, resolve
from mutoscope.domain.jobs import JobState
from mutoscope.storage import routes
from mutoscope.storage.jobs import Job
from soundness import assert_sound


@pytest.fixture
async def companies(database_url: str, tmp_path: Path) -> AsyncIterator[Companies]:
    async with open_companies(database_url, tmp_path) as companies:
        yield companies
        await assert_sound(database_url)


async def alerts(companies: Companies) -> list[str]:
    async with companies.studio.reading() as connection:
        return [alert.code for alert in await routes.open_alerts(connection, limit=10)]


async def in_doubt(companies: Companies) -> Job:
    companies.acme.mishap = UNANSWERED
    job = await companies.place()
    await companies.step(job)
    return job


async def test_staff_tell_that_an_order_was_never_taken(companies: Companies) -> None:
    job = await in_doubt(companies)
    names = {"workspace_id": companies.workspace_id, "job_id": job.job_id}

    await resolve(companies.studio, **names, finding=Finding(staff="grace"))

    (attempt,) = await companies.attempts(job)
    assert (attempt.state, attempt.cost_micros, attempt.closed_by) == ("refused", 0, "grace")
    assert ((await companies.stage.read(job)).state, await companies.held()) == (
        JobState.FAILED, 0,
    )  # fmt: skip
    assert await alerts(companies) == []
    with pytest.raises(NotInDoubt):
        await resolve(companies.studio, **names, finding=Finding(staff="grace"))


async def test_staff_find_the_order_and_it_is_delivered(companies: Companies) -> None:
    job = await in_doubt(companies)
    companies.acme.succeed(images=1)
    finding = Finding(staff="grace", provider_job_id=str(job.job_id))

    await resolve(
        companies.studio, workspace_id=job.workspace_id, job_id=job.job_id, finding=finding
    )
    done = await companies.play(job)

    assert (done.state, done.captured, await companies.held()) == (JobState.SUCCEEDED, 1, 1)


@pytest.mark.parametrize("code", ["output_lost", "bad_input", None])
async def test_an_id_that_the_provider_does_not_know_changes_nothing(
    companies: Companies, code: str | None
) -> None:
    job = await in_doubt(companies)
    if code is None:
        companies.acme.fail(state=RenderState.LOST, code="output_lost")
    else:
        companies.acme.poll_trouble = ProviderError("Unknown.", code=code, permanent=True)
    finding = Finding(staff="grace", provider_job_id=str(job.job_id))

    with pytest.raises(NotAtProvider, match="acme has no order under the id"):
        await resolve(
            companies.studio, workspace_id=job.workspace_id, job_id=job.job_id, finding=finding
        )

    assert await companies.states(job) == ["unknown"]
    assert await alerts(companies) == ["submit_unknown"]


async def test_where_nothing_is_kept_no_id_is_believed(companies: Companies) -> None:
    companies.acme.able = replace(ABLE, id_form="")
    job = await in_doubt(companies)
    finding = Finding(staff="grace", provider_job_id="made-up")

    with pytest.raises(NotAtProvider, match="its answer brought is all that there is: tell"):
        await resolve(
            companies.studio, workspace_id=job.workspace_id, job_id=job.job_id, finding=finding
        )

    assert await companies.states(job) == ["unknown"]


@pytest.mark.parametrize(
    ("able", "url", "told"),
    [
        (ABLE, "", "look it up there by its time"),
        (replace(ABLE, reconcile=Reconcile.BY_CALL_BACK), "", "look it up there by its time"),
        (
            replace(ABLE, reconcile=Reconcile.BY_CALL_BACK), "https://studio.example",
            "wait for its call back, or look it up there",
        ),
        (replace(ABLE, id_form=""), "", "it keeps nothing to look up: --cost-micros"),
        (None, "", "look it up there by its time"),
    ],
)  # fmt: skip
async def test_staff_are_told_what_to_do(
    companies: Companies, able: Capabilities | None, url: str, told: str
) -> None:
    companies.acme.able = able or ABLE
    companies.studio = replace(companies.studio, call_backs=CallBacks(url=url, key=b"key"))
    (attempt,) = await companies.attempts(await in_doubt(companies))

    studio = companies.studio if able else replace(companies.studio, generators={})

    assert what_to_do(studio, attempt).startswith(told)


async def test_an_id_is_believed_while_the_provider_is_away(companies: Companies) -> None:
    job = await in_doubt(companies)
    companies.acme.poll_trouble = ProviderError("It is away.", code="transient", permanent=False)
    finding = Finding(staff="grace", provider_job_id=str(job.job_id))

    await resolve(
        companies.studio, workspace_id=job.workspace_id, job_id=job.job_id, finding=finding
    )

    assert await companies.states(job) == ["created"]


async def test_staff_tell_what_a_lost_order_cost(companies: Companies) -> None:
    job = await companies.play(await in_doubt(companies))
    finding = Finding(staff="grace", cost_micros=MICROS)

    await resolve(
        companies.studio, workspace_id=job.workspace_id, job_id=job.job_id, finding=finding
    )

    (attempt,) = await companies.attempts(job)
    assert (attempt.state, attempt.cost_micros) == ("ended", MICROS)
    assert (await companies.stage.read(job)).state is JobState.LOST
