"""Looking at a provider's work: how far it is, whether it has ended, and what it cost.

A job that is given up (it took too long) gives its credits back at once; its order is followed on,
so that a late success still reaches the creator and its cost the books.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app import routing
from mutoscope.app.conclude import CANCELLED, LOST, Work, deliver, end, is_lost, next_look
from mutoscope.app.lasting import renewed
from mutoscope.app.order import NEVER, RETRY_S, TRIES_MAX, Next, in_doubt
from mutoscope.app.ports import ErrorCode, Failure, ProviderError, Render, RenderState
from mutoscope.app.studio import ENGINE
from mutoscope.domain.attempts import AttemptState
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.storage import attempts, jobs
from mutoscope.storage.attempts import Attempt, Look

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.app.studio import Studio
    from mutoscope.storage.jobs import Job

FOLLOW_S: Final = 60.0
"""Seconds between looks at the order of a job that was given up."""

PATIENCE: Final = 12
"""How many times longer than the first a pause becomes: a minute, as at an order given up."""

FOLLOWED: Final = timedelta(hours=24)
"""How long such an order is followed, before staff are asked what became of it."""

_ENDS: Final = {
    RenderState.FAILED: JobState.FAILED,
    RenderState.CANCELLED: JobState.CANCELLED,
    RenderState.LOST: JobState.LOST,
}
_TOO_LONG: Final = Failure(code=ErrorCode.TIMEOUT, sentence="The provider took too long.")


async def look(studio: Studio, job: Job, found: Sequence[Attempt]) -> Next | Look:
    """Ask a provider about the attempts of a job that are at work, and act on what it tells.

    What only goes on comes back as a look, so that whoever looks at many writes them together.
    """
    strays = [each for each in found[:-1] if each.state is AttemptState.CREATED]
    is_learned = [await _is_learned(studio, job, stray) for stray in strays]
    if not found or found[-1].state is not AttemptState.CREATED:
        if not all(is_learned):
            return Next(FOLLOW_S, is_watched=True)
        async with studio.reading() as connection:
            await attempts.stop_look(connection, job=job)
        return NEVER
    return await _look(studio, Work(job=job, attempt=found[-1]))


async def _look(studio: Studio, work: Work) -> Next | Look:
    job, attempt = work.job, work.attempt
    assert attempt is not None
    if job.is_cancel_asked and job.state not in FINAL and await _is_stopped(studio, attempt):
        await end(studio, work, JobState.CANCELLED, CANCELLED)
        return NEVER
    render = await _asked(studio, attempt, is_clip=job.spec.duration_s is not None)
    if render.state is RenderState.SUCCEEDED:
        await deliver(studio, work, render)
        return NEVER
    if render.state in _ENDS:
        failure = render.failure or (CANCELLED if render.state is RenderState.CANCELLED else LOST)
        await end(studio, work, _ENDS[render.state], failure, render=render)
        if is_lost(studio, attempt, render):
            await routing.tell_unknown(studio, attempt)
        return NEVER
    return await _goes_on(studio, work, render)


async def _goes_on(studio: Studio, work: Work, render: Render) -> Next | Look:
    job, attempt, at = work.job, work.attempt, studio.clock.now()
    assert attempt is not None
    age = at - (job.submitted_at or at)
    if job.state in FINAL:
        return await _follow(studio, work, at=at)
    if age > _deadline(studio, job, attempt):
        await give_up(studio, work, _TOO_LONG)
        return Next(FOLLOW_S, is_watched=True)
    wait_s = next_look(job, poll_s=studio.poll_s(attempt.provider, attempt.model), age=age)
    return Look(
        job=job, progress=render.progress, look_at=at + timedelta(seconds=wait_s),
        deadline_at=await renewed(studio, job),
    )  # fmt: skip


async def give_up(studio: Studio, work: Work, failure: Failure) -> None:
    """End a job whose order goes on: its credits are returned, and the order is followed."""
    assert work.attempt is not None
    await _is_stopped(studio, work.attempt)
    look_at = studio.clock.now() + timedelta(seconds=FOLLOW_S)
    followed = replace(work.job, look_at=look_at)
    await end(
        studio, Work(job=followed, attempt=work.attempt), JobState.LOST, failure, is_open=True
    )


async def try_again(studio: Studio, job: Job, failure: Failure) -> Next:
    """Count a step that could not be taken; give up after too many in a row.

    What a provider has begun is waited for until the hold's deadline: it may be a success yet.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        tries = await jobs.count_try(connection, job=job, at=at)
        job = await jobs.get(connection, workspace_id=job.workspace_id, job_id=job.job_id)
        found = await attempts.attempts_of(
            connection, workspace_id=job.workspace_id, job_id=job.job_id
        )
    if job.state in FINAL:
        return Next(FOLLOW_S, is_watched=True) if job.look_at is not None else NEVER
    is_begun = job.state is JobState.RUNNING
    work = Work(job=job, attempt=found[-1] if found else None)
    if job.state is JobState.SUBMITTING and _is_far(work.attempt):
        return await in_doubt(studio, work)
    if tries < TRIES_MAX or (is_begun and at < job.deadline_at):
        return Next(RETRY_S * min(tries, PATIENCE), is_watched=is_begun)
    if is_begun and work.attempt is not None and _is_far(work.attempt):
        await give_up(studio, work, failure)
        return Next(FOLLOW_S, is_watched=True)
    state = JobState.FAILED if job.state is JobState.SUBMITTING else JobState.LOST
    await end(studio, work, state, failure)
    return NEVER


def _is_far(attempt: Attempt | None) -> bool:
    return attempt is not None and attempt.provider != ENGINE


async def _asked(studio: Studio, attempt: Attempt, *, is_clip: bool) -> Render:
    """Poll; a provider that knows nothing of the work any more has lost it."""
    assert attempt.provider_job_id is not None
    generator = studio.generator(attempt.provider)
    try:
        return await generator.poll(
            provider_job_id=attempt.provider_job_id, job_id=attempt.order_id, is_clip=is_clip
        )
    except ProviderError as error:
        if error.code != ErrorCode.OUTPUT_LOST:
            raise
        failure = Failure(code=error.code, sentence=str(error), provider_code=error.provider_code)
        return Render(state=RenderState.LOST, failure=failure, cost_micros=error.cost_micros)


async def _is_stopped(studio: Studio, attempt: Attempt) -> bool:
    """Ask a provider to stop; true only when it confirms that it did."""
    assert attempt.provider_job_id is not None
    try:
        return await studio.generator(attempt.provider).cancel(
            provider_job_id=attempt.provider_job_id
        )
    except ProviderError:
        return False  # it was not confirmed: the job runs on, as the screen said


async def _follow(studio: Studio, work: Work, *, at: datetime) -> Next:
    """Follow the order of a job that was given up; after a day staff are asked about it."""
    attempt = work.attempt
    assert attempt is not None
    if at - attempt.intended_at <= FOLLOWED:
        return Next(FOLLOW_S, is_watched=True)
    async with studio.reading() as connection:
        await attempts.mark_unknown(connection, attempt=attempt, reason=ErrorCode.TIMEOUT, at=at)
        await attempts.stop_look(connection, job=work.job)
    await routing.tell_unknown(studio, attempt)
    return NEVER


async def _is_learned(studio: Studio, job: Job, attempt: Attempt) -> bool:
    """Record what an order cost in whose place another was sent; nothing of it is delivered."""
    at = studio.clock.now()
    try:
        render = await _asked(studio, attempt, is_clip=job.spec.duration_s is not None)
    except ProviderError:
        return False  # asked again at the next look
    is_over = render.state is RenderState.SUCCEEDED or render.state in _ENDS
    if is_lost(studio, attempt, render) or (not is_over and at - attempt.intended_at > FOLLOWED):
        async with studio.reading() as connection:
            await attempts.mark_unknown(
                connection, attempt=attempt, reason=ErrorCode.OUTPUT_LOST, at=at
            )
        await routing.tell_unknown(studio, attempt)
        return True
    if is_over:
        is_paid = render.state is RenderState.SUCCEEDED
        cost_micros = render.cost_micros or (attempt.list_micros if is_paid else 0)
        ended = replace(
            attempt, state=AttemptState.ENDED, cost_micros=cost_micros,
            provider_state=render.provider_state, ended_at=studio.clock.now(),
        )  # fmt: skip
        async with studio.reading() as connection:
            await attempts.end_attempts(connection, [ended.row()])
    return is_over


def _deadline(studio: Studio, job: Job, attempt: Attempt) -> timedelta:
    route = studio.routes.route(key=attempt.route)
    return (route or routing.engine_route(job.tool)).deadline
