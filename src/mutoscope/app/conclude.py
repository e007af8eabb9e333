"""The end of a job: delivered and captured, or given back, once, with what its order cost.

A final state, the settlement of its hold, its outputs and the order's outcome are one transaction.
What comes after the hold's release is the creator's all the same; the operator pays for it, on a
line of its own.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from mutoscope.app.generate import NAMESPACE, hold_of
from mutoscope.app.ports import Failure, Output, ProviderError, Render, RenderState
from mutoscope.domain import actions as ask
from mutoscope.domain.attempts import AttemptState
from mutoscope.domain.estimate import captured
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.domain.planner import KeyReused, Submission
from mutoscope.domain.requests import Request
from mutoscope.domain.spending import HoldAlreadySettled
from mutoscope.storage import attempts, jobs, routes
from mutoscope.storage.attempts import Attempt
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.jobs import Job

CANCELLED: Final = Failure(code="cancelled", sentence="Stopped as you asked.")
LOST: Final = Failure(code="lost", sentence="The provider lost this job.")
GIVEN_UP: Final = Failure(code="provider_unavailable", sentence="The provider did not answer.")
NOTHING: Final = Failure(code="nothing_delivered", sentence="The provider delivered nothing.")
_GIVEN_BACK: Final = frozenset({JobState.LOST, JobState.FAILED})
_LATE: Final = "This came after its credits were given back: it is yours, at no charge."


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A job and its last order; None for a job that was never ordered."""

    job: Job
    attempt: Attempt | None


async def deliver(studio: Studio, work: Work, render: Render) -> None:
    """Store what came, capture for it, and end the job; what comes late is absorbed."""
    if not render.outputs:
        await end(studio, work, JobState.FAILED, render.failure or NOTHING, render=render)
        return
    job = work.job
    rows = [
        SideRow(jobs.add_outputs, (job.workspace_id, job.job_id, *_stored(studio, number, output)))
        for number, output in enumerate(render.outputs, 1)
    ]
    cost = _cost(studio, work, render, images=len(render.outputs))
    ended = _ended(studio, work, render, cost_micros=cost)
    amount = _amount(studio, job, render.outputs)
    if job.state in _GIVEN_BACK:
        await _absorb(studio, job, amount, (SideRow(attempts.deliver_late, _late(studio, job)),
                                            *rows, *ended))  # fmt: skip
    elif job.state in FINAL:  # cancelled, which a provider had confirmed: only its cost is learned
        await _write(studio, (*ended, _unwatched(job)))
    else:
        await _settle(studio, job, amount, (*rows, *ended))
    await _afterwards(studio, work, cost_micros=cost)


async def end(
    studio: Studio, work: Work, state: JobState, failure: Failure, *,
    render: Render | None = None, is_open: bool = False,
) -> None:  # fmt: skip
    """End a job without a delivery, and give its credits back.

    With `is_open` its order goes on, so that its cost is learned and a late success delivered.
    """
    job = work.job
    cost = (render.cost_micros if render is not None else None) or 0
    rows = () if is_open else _ended(studio, work, render, failure=failure, cost_micros=cost)
    if job.state in FINAL:  # it was given up before: only its order ends now
        await _write(studio, (*rows, _unwatched(job)))
    else:
        told = "Nothing was counted." if job.is_metered else "Its credits were returned."
        over = replace(
            job, state=state, captured=0, reason=failure.code,
            sentence=f"{_closed(failure.sentence)} {told}",
            look_at=job.look_at if is_open else None,
        )  # fmt: skip
        await _finish(studio, over, ask.Release(hold_of(job)), rows)
    if not is_open:
        await _afterwards(studio, work, cost_micros=cost)


async def _settle(studio: Studio, job: Job, amount: int, rows: tuple[SideRow, ...]) -> None:
    done = replace(job, state=JobState.SUCCEEDED, captured=amount, progress=1.0, look_at=None)
    finished = replace(done, finished_at=studio.clock.now())
    try:
        await _submit(
            studio, finished, ask.Settle(hold_of(job), amount),
            (SideRow(jobs.finish_jobs, finished.row()), *rows),
        )  # fmt: skip
    except HoldAlreadySettled:
        late = replace(finished, captured=0, reason="late", sentence=_LATE)
        await _absorb(studio, job, amount, (SideRow(jobs.finish_jobs, late.row()), *rows))


async def _absorb(studio: Studio, job: Job, amount: int, rows: tuple[SideRow, ...]) -> None:
    if amount:
        action = ask.Absorb(amount, hold_of(job))
        await _submit(studio, replace(job, reason="late"), action, rows, key="late")
    else:
        await _write(studio, rows)


def _late(studio: Studio, job: Job) -> tuple[object, ...]:
    return replace(
        job, captured=0, reason="late", sentence=_LATE, stepped_at=studio.clock.now()
    ).row()


async def _finish(studio: Studio, job: Job, action: ask.Action, rows: tuple[SideRow, ...]) -> None:
    """Write a final state with its entry; without one when the hold was released before.

    :raises SideRowRefused: when another step took the job further; nothing was written.
    """
    finished = replace(job, finished_at=studio.clock.now())
    written = (SideRow(jobs.finish_jobs, finished.row()), *rows)
    try:
        await _submit(studio, finished, action, written)
    except HoldAlreadySettled:
        await _write(studio, written)


async def _submit(
    studio: Studio, job: Job, action: ask.Action, rows: tuple[SideRow, ...], *, key: str = "end"
) -> None:
    """Write the one entry that ends a job, with its rows.

    :raises SideRowRefused: when another step took the job further; nothing was written.
    """
    request = Request(
        job.workspace_id, job.kind, NAMESPACE, f"{key}/{job.job_id}", action, reason=job.reason
    )
    try:
        answers = await studio.journal.submit(Submission((request,)), side_rows=rows)
    except KeyReused as reused:  # another step ended the job otherwise
        raise _refused(rows) from reused
    if all(answer.is_replay for answer in answers):
        raise _refused(rows)


async def _write(studio: Studio, rows: tuple[SideRow, ...]) -> None:
    """Write rows that need no entry, all of them or none.

    :raises SideRowRefused: when one of them found another state than it was made for.
    """
    async with studio.reading() as connection, connection.transaction():
        for side_row in rows:
            if not await side_row.writer(connection, [side_row.row]):
                raise _refused((side_row,))


def _refused(rows: tuple[SideRow, ...]) -> SideRowRefused:
    return SideRowRefused(writer=rows[0].writer.__name__, wanted=len(rows), written=0)


def _unwatched(job: Job) -> SideRow:
    return SideRow(jobs.stop_looking, (job.workspace_id, job.job_id))


async def _afterwards(studio: Studio, work: Work, *, cost_micros: int) -> None:
    """Give back what the day's limit need not count, and the files that are stored by now."""
    attempt = work.attempt
    if attempt is None:
        return
    await return_spend(studio, attempt, micros=attempt.list_micros - cost_micros)
    generator = studio.generators.get(attempt.provider)
    if generator is not None:
        with suppress(ProviderError):  # the job is final: what is left over costs only space
            await generator.discard(job_id=attempt.order_id)


async def return_spend(studio: Studio, attempt: Attempt, *, micros: int) -> None:
    """Give back a part of what an order claimed of its day's limit."""
    if micros > 0:
        async with studio.reading() as connection:
            await routes.return_spend(
                connection, spent_on=attempt.intended_at.date(), micros=micros
            )


def _ended(
    studio: Studio, work: Work, render: Render | None, *, cost_micros: int,
    failure: Failure | None = None,
) -> tuple[SideRow, ...]:  # fmt: skip
    attempt = work.attempt
    if attempt is None or attempt.state in {AttemptState.REFUSED, AttemptState.ENDED}:
        return ()
    told = (render.failure if render is not None else None) or failure
    ended = replace(
        attempt, state=AttemptState.ENDED, cost_micros=cost_micros,
        provider_state=None if render is None else render.provider_state,
        reason=None if told is None else told.code,
        provider_code=None if told is None else told.provider_code,
        ended_at=studio.clock.now(),
    )  # fmt: skip
    writer = attempts.doubt_attempts if is_lost(studio, attempt, render) else attempts.end_attempts
    return (SideRow(writer, ended.row()),)


def is_lost(studio: Studio, attempt: Attempt, render: Render | None) -> bool:
    """Tell whether a company lost an order and did not say what it costs: that is in doubt."""
    return (
        render is not None
        and render.state is RenderState.LOST
        and render.cost_micros is None
        and attempt.provider in studio.providers
    )


def _cost(studio: Studio, work: Work, render: Render, *, images: int) -> int:
    """Return what a delivery cost: as the provider says, else by its list."""
    if render.cost_micros is not None:
        return render.cost_micros
    if work.attempt is None:
        return 0
    route = studio.routes.route(key=work.attempt.route)
    if route is None:
        return work.attempt.list_micros
    return route.price.of(images=images, duration_s=work.job.spec.duration_s)


def _amount(studio: Studio, job: Job, outputs: tuple[Output, ...]) -> int:
    tool = studio.catalog.version(key=job.version).tool(key=job.tool)
    measured_s = sum((_duration(output) for output in outputs), Fraction(0))
    return captured(tool=tool, held=job.price, images_delivered=len(outputs), measured_s=measured_s)


def _stored(studio: Studio, ordinal: int, output: Output) -> tuple[object, ...]:
    digest = studio.assets.put(path=output.path)
    duration_ms = None if output.duration_s is None else round(output.duration_s * 1000)
    return (
        ordinal, digest, output.media_type, output.path.stat().st_size, output.width,
        output.height, duration_ms, output.frames,
    )  # fmt: skip


def _duration(output: Output) -> Fraction:
    return Fraction(round((output.duration_s or 0) * 1000), 1000)


def next_look(job: Job, *, poll_s: float, age: timedelta) -> float:
    """Return the seconds until a job is looked at again: apart from others, later when old."""
    spread = 0.75 + 0.5 * (job.job_id.int % 997) / 997
    return poll_s * spread * (1 if age < timedelta(minutes=1) else 2)


def _closed(sentence: str) -> str:
    """Return a provider's words as a sentence, so that ours can follow."""
    text = sentence.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
