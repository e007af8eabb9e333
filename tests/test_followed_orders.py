"""Orders whose jobs were given up are followed: what they cost is learned, or staff are asked."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from company_stage import MICROS, Companies, costing, open_companies
from mutoscope.app.look import FOLLOWED
from mutoscope.app.ports import ProviderError
from mutoscope.domain.attempts import AttemptState
from mutoscope.domain.jobs import JobState
from mutoscope.storage.jobs import Job
from soundness import assert_sound

GONE = ProviderError(
    "Its link has run out.", code="output_lost", permanent=True, cost_micros=MICROS
)


@pytest.fixture
async def companies(database_url: str, tmp_path: Path) -> AsyncIterator[Companies]:
    async with open_companies(database_url, tmp_path) as companies:
        companies.acme.can_cancel = False
        yield companies
    await assert_sound(database_url)


async def given_up(companies: Companies) -> Job:
    """Order a still that never comes, until its job is given up."""
    job = await companies.place()
    await companies.step(job)
    companies.stage.clock.move(minutes=21)
    await companies.step(job)
    job = await companies.stage.read(job)
    assert (job.state, await companies.held()) == (JobState.LOST, 0)
    return job


async def alerts(companies: Companies) -> list[str]:
    async with companies.studio.reading() as connection:
        rows = await connection.fetch("SELECT sentence FROM staff_alerts ORDER BY raised_at")
    return [row["sentence"] for row in rows]


async def test_staff_are_asked_about_an_order_that_goes_on_for_a_day(companies: Companies) -> None:
    job = await given_up(companies)
    (order,) = await companies.attempts(job)

    waits = await companies.step(job)
    companies.stage.clock.at = order.intended_at + FOLLOWED
    still = await companies.step(job)
    companies.stage.clock.move(seconds=1)
    ended = await companies.step(job)

    assert (waits is not None, still is not None, ended) == (True, True, None)
    assert await companies.states(job) == [AttemptState.UNKNOWN]
    (told,) = await alerts(companies)
    assert told.startswith(f"acme never said what became of job {job.job_id}")
    assert (await companies.stage.read(job)).captured == 0


async def test_what_a_followed_order_brings_late_is_given_and_costs_the_studio(
    companies: Companies,
) -> None:
    job = await given_up(companies)
    companies.acme.succeed(images=1)
    companies.acme.render = costing(companies.acme.render, MICROS)

    done = await companies.play(job)

    (order,) = await companies.attempts(job)
    assert (done.state, done.captured) == (JobState.SUCCEEDED, 0)
    assert (order.state, order.cost_micros) == (AttemptState.ENDED, MICROS)


async def test_a_picture_that_its_company_has_lost_is_not_charged(companies: Companies) -> None:
    job = await companies.place()
    await companies.step(job)
    companies.acme.poll_trouble = GONE

    done = await companies.play(job)

    (order,) = await companies.attempts(job)
    assert (done.state, done.reason, done.captured) == (JobState.LOST, "output_lost", 0)
    assert (order.cost_micros, await companies.held()) == (MICROS, 0)
