"""One step of a job: order it, look how it stands, or end it with its settlement.

Each step is short and may run again from its beginning after a crash; the job's row fences it. The
intent is committed before the provider is called, and a step that finds an intent asks the provider
what became of it before it orders again. The provider is never called inside a transaction. A
final state and the settlement of its hold are one transaction.
"""

from __future__ import annotations

import asyncio
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
"""Seconds until a provider that could not be asked is asked again."""

LATE: Final = "This came after its credits were given back: it is yours, at no charge."

_ENDS: Final = {
    RenderState.FAILED: JobState.FAILED,
    RenderState.CANCELLED: JobState.CANCELLED,
    RenderState.LOST: JobState.LOST,
}
_LOST: Final = Failure(
    code="lost", sentence="The provider lost this job. Nothing was charged."
)  # fmt: skip
_CANCELLED: Final = Failure(
    code="cancelled", sentence="Stopped as you asked. Nothing was charged."
)  # fmt: skip


async def advance(studio: Studio, *, workspace_id: UUID, job_id: UUID) -> float | None:
    """Take one step of a job; return the seconds until the next one, or None when it is final.

    :raises UnknownJob: when the workspace has no such job.
    """
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
    if job.state in FINAL:
        return None
    if job.state is JobState.WAITING:
        return await _order(studio, job)
    generator = studio.generators[job.provider]
    if job.state is JobState.SUBMITTING:
        return await _reconcile(studio, job, generator)
    return await _look(studio, job, generator)


async def _order(studio: Studio, job: Job) -> float | None:
    if job.is_cancel_asked:
        return await _end(studio, job, JobState.CANCELLED, _CANCELLED)
    at = studio.clock.now()
    async with studio.reading() as connection:
        is_first = await jobs.begin_submitting(connection, job=job, at=at)
    if not is_first:
        return POLL_S
    return await _submit(studio, replace(job, state=JobState.SUBMITTING, submitting_at=at))


async def _reconcile(studio: Studio, job: Job, generator: Generator) -> float | None:
    try:
        found = await generator.find(job_id=job.job_id)
    except ProviderError:
        return RETRY_S
    if found is None:
        return await _submit(studio, job)
    return await _mark_running(studio, job, found)


async def _submit(studio: Studio, job: Job) -> float | None:
    try:
        order = await _order_of(studio, job)
        provider_job_id = await studio.generators[job.provider].submit(order=order)
    except ProviderError as error:
        if not error.permanent:
            return RETRY_S
        failure = Failure(code=error.code, sentence=f"{error} Nothing was charged.")
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
    try:
        if job.is_cancel_asked and await generator.cancel(provider_job_id=job.provider_job_id):
            return await _end(studio, job, JobState.CANCELLED, _CANCELLED)
        render = await generator.poll(provider_job_id=job.provider_job_id)
    except ProviderError:
        return RETRY_S
    if render.state is RenderState.SUCCEEDED:
        return await _deliver(studio, job, render.outputs)
    if render.state in _ENDS:
        return await _end(studio, job, _ENDS[render.state], render.failure or _LOST)
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


async def _deliver(studio: Studio, job: Job, outputs: tuple[Output, ...]) -> float | None:
    """Store what came, then capture for what was measured on the files."""
    try:
        stored = [
            await asyncio.to_thread(_stored, studio, ordinal, output)
            for ordinal, output in enumerate(outputs, 1)
        ]
    except Refusal:
        return RETRY_S  # the store takes nothing now; if it stays so, the deadline gives back
    rows = tuple(
        SideRow(jobs.add_outputs, (job.workspace_id, job.job_id, *each)) for each in stored
    )
    tool = studio.catalog.version(key=job.version).tool(key=job.tool)
    measured_s = sum((_duration(output) for output in outputs), Fraction(0))
    amount = captured(
        tool=tool, held=job.price, images_delivered=len(outputs), measured_s=measured_s
    )
    done = replace(job, state=JobState.SUCCEEDED, captured=amount, progress=1.0)
    action = ask.Settle(hold_of(job), amount)
    if not await _finished(studio, done, action, rows):
        await _absorb(studio, done, rows)
    await studio.generators[job.provider].discard(job_id=job.job_id)
    return None


async def _absorb(studio: Studio, job: Job, rows: tuple[SideRow, ...]) -> None:
    """Give a clip that came after its hold's release; the operator pays, on a line of its own."""
    assert job.captured is not None
    late = replace(job, captured=0, reason="late", sentence=LATE)
    await _finished(studio, late, ask.Absorb(job.captured, hold_of(job)), rows)


async def _end(studio: Studio, job: Job, state: JobState, failure: Failure) -> None:
    ended = replace(
        job, state=state, captured=0, reason=failure.code, sentence=failure.sentence
    )
    if not await _finished(studio, ended, ask.Release(hold_of(job)), ()):
        await _close_without_hold(studio, ended)
    await studio.generators[job.provider].discard(job_id=job.job_id)


async def _finished(
    studio: Studio, job: Job, action: ask.Action, rows: tuple[SideRow, ...]
) -> bool:
    """Write a final state with its entry; false when the hold was released before."""
    finished = replace(job, finished_at=studio.clock.now())
    request = Request(
        job.workspace_id, job.kind, NAMESPACE, f"end/{job.job_id}", action, reason=job.reason
    )
    side_rows = (SideRow(jobs.finish_jobs, finished.row()), *rows)
    try:
        await studio.journal.submit(Submission((request,)), side_rows=side_rows)
    except HoldAlreadySettled:
        return False
    except SideRowRefused:
        return True  # another step was first: the job is final, and nothing was written twice
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
