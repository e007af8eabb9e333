"""One step of a job: order it, look how it stands, or end it with its settlement.

Each step is short and may run again from its beginning after a crash, or twice at once; the job's
row fences it. The intent is committed before the provider is called, and a step that finds an
intent asks the provider what became of it before it orders again. The provider is never called
inside a transaction. A final state and the settlement of its hold are one transaction.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from mutoscope.app.frames import frame_at
from mutoscope.app.generate import NAMESPACE, hold_of
from mutoscope.app.ports import Failure, Order, Output, ProviderError, Render, RenderState
from mutoscope.app.studio import ENGINE
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.estimate import captured
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.domain.spending import HoldAlreadySettled
from mutoscope.storage import jobs
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.ports import Generator
    from mutoscope.app.studio import Studio
    from mutoscope.storage.jobs import Job

POLL_S: Final = 0.5
"""Seconds between looks at a job of the built-in engine."""

RETRY_S: Final = 5.0
"""Seconds until a step that could not be taken is tried again."""

SUBMITTING: Final = timedelta(seconds=30)
"""How long an order may be on its way: a second step never orders while the first still might."""

TRIES_MAX: Final = 60
"""Tries in a row before a job is given up: five minutes of a provider that does not answer."""

OVERDUE: Final = timedelta(hours=24)
"""After this a provider's work counts as lost, whatever it says."""

_ENDS: Final = {
    RenderState.FAILED: JobState.FAILED,
    RenderState.CANCELLED: JobState.CANCELLED,
    RenderState.LOST: JobState.LOST,
}
_LOST: Final = Failure(code="lost", sentence="The provider lost this job.")
_CANCELLED: Final = Failure(code="cancelled", sentence="Stopped as you asked.")
_GIVEN_UP: Final = Failure(code="provider_unavailable", sentence="The provider did not answer.")
_NOTHING: Final = Failure(code="nothing_delivered", sentence="The provider delivered nothing.")
_BROKEN: Final = Failure(code="not_finished", sentence="The studio could not finish this job.")
_LATE: Final = "This came after its credits were given back: it is yours, at no charge."


async def advance(studio: Studio, *, workspace_id: UUID, job_id: UUID) -> float | None:
    """Take one step of a job; return the seconds until the next one, or None when it is final.

    :raises UnknownJob: when the workspace has no such job.
    """
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
    if job.state in FINAL:
        return None
    try:
        return await _step(studio, job)
    except SideRowRefused:
        return POLL_S  # another step took the job further: look again
    except ProviderError as error:
        if not error.permanent:
            return await _try_again(studio, job)
        await _end(studio, job, JobState.FAILED, Failure(code=error.code, sentence=str(error)))
    except Refusal:
        return await _try_again(studio, job, _BROKEN)  # a full disk, a catalog that lost a tool
    return None


async def stumble(studio: Studio, *, workspace_id: UUID, job_id: UUID) -> float | None:
    """Count a step that failed as no step should; return the seconds until it is tried again.

    :raises UnknownJob: when the workspace has no such job.
    """
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
    return None if job.state in FINAL else await _try_again(studio, job, _BROKEN)


async def _step(studio: Studio, job: Job) -> float | None:
    if job.state is JobState.WAITING:
        return await _order(studio, job)
    generator = studio.generators[job.provider]
    if job.state is JobState.SUBMITTING:
        return await _reconcile(studio, job, generator)
    return await _look(studio, job, generator)


async def _order(studio: Studio, job: Job) -> float | None:
    at = studio.clock.now()
    if job.is_cancel_asked:
        return await _end(studio, job, JobState.CANCELLED, _CANCELLED)
    if at < job.starts_at:
        return (job.starts_at - at).total_seconds()
    if at >= job.deadline_at:
        return await _end(studio, job, JobState.LOST, _GIVEN_UP)
    async with studio.reading() as connection:
        is_first = await jobs.begin_submitting(connection, job=job, at=at)
    if not is_first:
        return POLL_S
    return await _submit(studio, replace(job, state=JobState.SUBMITTING, submitting_at=at))


async def _reconcile(studio: Studio, job: Job, generator: Generator) -> float | None:
    found = await generator.find(job_id=job.job_id)
    if found is not None:
        return await _mark_running(studio, job, found)
    assert job.submitting_at is not None
    at = studio.clock.now()
    under_way = job.submitting_at + SUBMITTING - at
    if under_way > timedelta(0):
        return max(POLL_S, under_way.total_seconds())
    if job.is_cancel_asked:
        return await _end(studio, job, JobState.CANCELLED, _CANCELLED)
    if at >= job.deadline_at:
        return await _end(studio, job, JobState.FAILED, _GIVEN_UP)
    async with studio.reading() as connection:
        is_ours = await jobs.submit_again(connection, job=job, at=at)
    return await _submit(studio, replace(job, submitting_at=at)) if is_ours else POLL_S


async def _submit(studio: Studio, job: Job) -> float | None:
    order = await _order_of(studio, job)
    try:
        provider_job_id = await studio.generators[job.provider].submit(order=order)
    except ProviderError as error:
        if not error.permanent:
            raise
        failure = Failure(code=error.code, sentence=str(error))
        return await _end(studio, job, JobState.FAILED, failure)
    return await _mark_running(studio, job, provider_job_id)


async def _mark_running(studio: Studio, job: Job, provider_job_id: str) -> float:
    async with studio.reading() as connection:
        await jobs.mark_running(
            connection, job=job, provider_job_id=provider_job_id, at=studio.clock.now()
        )
    return POLL_S


async def _look(studio: Studio, job: Job, generator: Generator) -> float | None:
    assert job.provider_job_id is not None
    if job.is_cancel_asked and await generator.cancel(provider_job_id=job.provider_job_id):
        return await _end(studio, job, JobState.CANCELLED, _CANCELLED)
    render = await generator.poll(provider_job_id=job.provider_job_id)
    if render.state is RenderState.SUCCEEDED:
        return await _deliver(studio, job, render.outputs)
    if render.state in _ENDS:
        return await _end(studio, job, _ENDS[render.state], render.failure or _LOST)
    if studio.clock.now() - job.starts_at > OVERDUE:
        return await _end(studio, job, JobState.LOST, _LOST)
    await _note_progress(studio, job, render)
    return POLL_S


async def _note_progress(studio: Studio, job: Job, render: Render) -> None:
    """Record the progress, and renew the hold in good time while the job lives."""
    at = studio.clock.now()
    minutes = studio.catalog.version(key=job.version).rules.deadline_minutes
    lasts = timedelta(minutes=minutes)
    deadline_at = job.deadline_at
    if deadline_at - at < lasts / 2:
        deadline_at = at + lasts
        action = ask.Renew(hold_of(job), deadline_at)
        request = Request(job.workspace_id, job.kind, NAMESPACE, f"renew/{job.job_id}", action)
        try:
            await studio.journal.submit(Submission((request,)))
        except HoldAlreadySettled:
            deadline_at = job.deadline_at  # released while nobody looked: the rest is absorbed
    async with studio.reading() as connection:
        await jobs.mark_progress(
            connection, job=job, progress=render.progress, deadline_at=deadline_at, at=at
        )


async def _try_again(studio: Studio, job: Job, failure: Failure = _GIVEN_UP) -> float | None:
    """Count a step that could not be taken; give up after too many in a row.

    What a provider has begun is waited for until the hold's deadline: it may be a success yet.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        tries = await jobs.count_try(connection, job=job, at=at)
        job = await jobs.get(connection, workspace_id=job.workspace_id, job_id=job.job_id)
    is_begun = job.state is JobState.RUNNING
    if tries < TRIES_MAX or (is_begun and at < job.deadline_at):
        return RETRY_S
    state = JobState.LOST if job.state is not JobState.SUBMITTING else JobState.FAILED
    return await _end(studio, job, state, failure)


async def _deliver(studio: Studio, job: Job, outputs: tuple[Output, ...]) -> float | None:
    """Store what came, then capture for what was measured on the files."""
    if not outputs:
        return await _end(studio, job, JobState.FAILED, _NOTHING)
    rows = [
        await asyncio.to_thread(_stored, studio, ordinal, output)
        for ordinal, output in enumerate(outputs, 1)
    ]
    side_rows = tuple(
        SideRow(jobs.add_outputs, (job.workspace_id, job.job_id, *row)) for row in rows
    )
    tool = studio.catalog.version(key=job.version).tool(key=job.tool)
    measured_s = sum((_duration(output) for output in outputs), Fraction(0))
    amount = captured(
        tool=tool, held=job.price, images_delivered=len(outputs), measured_s=measured_s
    )
    done = replace(job, state=JobState.SUCCEEDED, captured=amount, progress=1.0)
    if not await _finished(studio, done, ask.Settle(hold_of(job), amount), side_rows):
        await _absorb(studio, done, amount, side_rows)
    return await _discarded(studio, job)


async def _absorb(studio: Studio, job: Job, amount: int, side_rows: tuple[SideRow, ...]) -> None:
    """Give what came after its hold's release; the operator pays, on a line of its own."""
    late = replace(job, captured=0, reason="late", sentence=_LATE)
    if amount:
        await _finished(studio, late, ask.Absorb(amount, hold_of(job)), side_rows)
    else:
        await _close_without_hold(studio, late)


async def _end(studio: Studio, job: Job, state: JobState, failure: Failure) -> float | None:
    told = "Nothing was counted." if job.is_metered else "Its credits were returned."
    sentence = f"{failure.sentence} {told}"
    ended = replace(job, state=state, captured=0, reason=failure.code, sentence=sentence)
    if not await _finished(studio, ended, ask.Release(hold_of(job)), ()):
        await _close_without_hold(studio, ended)
    return await _discarded(studio, job)


async def _discarded(studio: Studio, job: Job) -> float | None:
    """Remove what was only needed until the job was final: no further step."""
    generator = studio.generators.get(job.provider)
    if generator is not None:
        with suppress(ProviderError):  # the job is final: what is left over costs only space
            await generator.discard(job_id=job.job_id)
    return None


async def _finished(
    studio: Studio, job: Job, action: ask.Action, side_rows: tuple[SideRow, ...]
) -> bool:
    """Write a final state with its entry; false when the hold was released before.

    :raises SideRowRefused: when another step took the job further; nothing was written.
    """
    finished = replace(job, finished_at=studio.clock.now())
    request = Request(
        job.workspace_id, job.kind, NAMESPACE, f"end/{job.job_id}", action, reason=job.reason
    )
    rows = (SideRow(jobs.finish_jobs, finished.row()), *side_rows)
    try:
        await studio.journal.submit(Submission((request,)), side_rows=rows)
    except HoldAlreadySettled:
        return False
    return True


async def _close_without_hold(studio: Studio, job: Job) -> None:
    finished = replace(job, finished_at=studio.clock.now())
    async with studio.reading() as connection:
        await jobs.finish_jobs(connection, [finished.row()])


async def _order_of(studio: Studio, job: Job) -> Order:
    spec = job.spec
    source_path = None
    if spec.source is not None:
        output, _ = await frame_at(studio, workspace_id=job.workspace_id, frame=spec.source)
        source_path = studio.assets.path(digest=output.asset)
    return Order(
        job_id=job.job_id,
        tool=job.tool,
        prompt=spec.prompt,
        seed=spec.seed,
        width=spec.width,
        height=spec.height,
        images=spec.images,
        duration_s=spec.duration_s,
        source_path=source_path,
        instruction=spec.instruction,
        adjustments=spec.adjustments,
        is_demo=job.provider == ENGINE,
    )


def _stored(studio: Studio, ordinal: int, output: Output) -> tuple[object, ...]:
    digest = studio.assets.put(path=output.path)
    duration_ms = None if output.duration_s is None else round(output.duration_s * 1000)
    return (
        ordinal, digest, output.media_type, output.path.stat().st_size, output.width,
        output.height, duration_ms, output.frames,
    )  # fmt: skip


def _duration(output: Output) -> Fraction:
    return Fraction(round((output.duration_s or 0) * 1000), 1000)
