"""A labelled route is taken and looked at by workers that bear its label, and waits for them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from company_stage import ABLE, Companies, open_companies, route
from mutoscope.app.ports import Reconcile
from mutoscope.app.watch import admit, watch
from mutoscope.domain.jobs import JobState
from soundness import assert_sound


@pytest.fixture
async def companies(database_url: str, tmp_path: Path) -> AsyncIterator[Companies]:
    async with open_companies(database_url, tmp_path) as companies:
        yield companies.with_routes(replace(route("acme"), label="gpu"))
        await assert_sound(database_url)


def labelled(companies: Companies) -> Companies:
    studio = replace(companies.studio, labels=frozenset({"gpu"}))
    return replace(companies, studio=studio)


async def test_a_job_waits_for_a_worker_with_the_label_of_its_route(companies: Companies) -> None:
    job = await companies.place()
    await companies.step(job)
    await admit(companies.studio)
    waiting, calls = await companies.stage.read(job), companies.acme.calls

    await admit(labelled(companies).studio)

    assert (waiting.state, calls) == (JobState.WAITING, 0)
    assert (await companies.stage.read(job)).state is JobState.RUNNING


async def test_only_workers_with_the_label_look_at_the_work(companies: Companies) -> None:
    ours = labelled(companies)
    job = await companies.place()
    await ours.step(job)
    companies.acme.succeed(images=1)
    companies.stage.clock.move(seconds=30)

    looks = [await watch(companies.studio), await watch(ours.studio)]

    assert looks == [0, 1]
    assert (await companies.stage.read(job)).state is JobState.SUCCEEDED


async def test_an_order_that_was_cut_off_is_asked_about_by_those_workers_alone(
    companies: Companies,
) -> None:
    companies.acme.able = replace(ABLE, reconcile=Reconcile.BY_ID)
    ours = labelled(companies)
    job = await companies.place()
    companies.acme.known[job.job_id] = str(job.job_id)
    companies.acme.mishap = RuntimeError("the worker dies")  # type: ignore[assignment]
    with pytest.raises(RuntimeError):
        await ours.step(job)

    await companies.step(job)
    elsewhere = await companies.stage.read(job)
    await ours.step(job)

    assert elsewhere.state is JobState.SUBMITTING
    assert (await companies.stage.read(job)).state is JobState.RUNNING
