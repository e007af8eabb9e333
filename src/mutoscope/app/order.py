"""Ordering a job: when it is its turn, over which route, and the one request that begins work.

The intent is committed before the provider is called, and the provider is called once. Another
order is sent only when it is certain that nothing was begun; what nobody can tell waits, first for
the provider's own answer, then for staff.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from mutoscope.app import routing
from mutoscope.app.conclude import CANCELLED, GIVEN_UP, Work, deliver, end, next_look, return_spend
from mutoscope.app.doubts import is_asked
from mutoscope.app.frames import frame_at
from mutoscope.app.lasting import renewed
from mutoscope.app.ports import (
    UNCREATED,
    ErrorCode,
    Failure,
    Order,
    ProviderError,
    RenderState,
    Submitted,
)
from mutoscope.app.studio import ENGINE
from mutoscope.domain.attempts import AttemptState
from mutoscope.domain.jobs import JobState
from mutoscope.storage import attempts, jobs, routes, workspaces
from mutoscope.storage.attempts import Attempt, Created, Turn

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.app.studio import Studio
    from mutoscope.domain.routes import Route
    from mutoscope.storage.jobs import Job
    from mutoscope.storage.workspaces import Workspace

POLL_S: Final = 0.5
"""Seconds until a step is taken again that another one was about to take."""

RETRY_S: Final = 5.0
"""Seconds until a step that could not be taken is tried again."""

QUEUE_S: Final = 1.0
"""Seconds until a job that waits for its turn is looked at again."""

UNDER_WAY: Final = timedelta(seconds=30)
"""How long an order of the engine may be on its way: no second step orders while a first might."""

UNDER_WAY_FAR: Final = timedelta(minutes=12)
"""The same for an order to a company: longer than the longest of their time limits."""

SURE: Final = timedelta(minutes=2)
"""After this a provider that can be asked about our id, and knows nothing of it, never will."""

ASK_STAFF_S: Final = 60.0
"""Seconds between looks at an order of which nobody knows."""

TRIES_MAX: Final = 60
"""Orders in a row that a provider does not take before a job is given up."""

_UNAVAILABLE: Final = Failure(
    code="tool_unavailable", sentence="No provider makes this at the moment."
)
_UNKNOWN: Final = Failure(
    code=ErrorCode.SUBMIT_UNKNOWN, sentence="The provider never said whether it began."
)
_REFUSED: Final = Failure(
    code=ErrorCode.PROVIDER_FAILED, sentence="The provider refused this order."
)
_KNOWN: Final = frozenset({AttemptState.REFUSED, AttemptState.ENDED})
_PARKING: Final = frozenset({ErrorCode.AUTH, ErrorCode.INSUFFICIENT_FUNDS, ErrorCode.RETIRED_MODEL})


class Next(NamedTuple):
    """When a job wants its next step: in so many seconds, or never (None).

    With `is_watched` one of the worker's loops takes it, and no step need be queued.
    """

    wait_s: float | None
    is_watched: bool = False


NEVER: Final = Next(None)


async def order(studio: Studio, job: Job) -> Next:
    """Order a job that waits, when it is its turn."""
    at = studio.clock.now()
    unordered = Work(job=job, attempt=None)
    if job.is_cancel_asked:
        await end(studio, unordered, JobState.CANCELLED, CANCELLED)
        return NEVER
    if at < job.starts_at:
        return Next((job.starts_at - at).total_seconds())
    if at >= job.deadline_at:
        await end(studio, unordered, JobState.LOST, GIVEN_UP)
        return NEVER
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=job.workspace_id)
        known = await routes.health(connection)
    usable = routing.usable_routes(studio, job, is_demo=workspace.is_demo, known=known, at=at)
    if usable is None:
        await end(studio, unordered, JobState.FAILED, _UNAVAILABLE)
        return NEVER
    if not usable or not studio.is_ours(usable[0]):
        return await _wait_in_line(studio, job)
    # the next route is for when the first one fails, not for when it is busy
    return await _take_turn(studio, job, workspace, usable[0], at=at)


async def reconcile(studio: Studio, job: Job) -> Next:
    """Find out what became of an order: of the provider, after a while of its silence."""
    attempt = await last_attempt(studio, job)
    assert attempt is not None, job
    work = Work(job=job, attempt=attempt)
    if attempt.state in _KNOWN:
        return await _go_on(studio, work)
    generator = studio.generator(attempt.provider)
    found = await generator.find(job_id=attempt.order_id)
    if found is not None:
        return await answered(studio, work, Submitted(provider_job_id=found))
    at = studio.clock.now()
    async with studio.reading() as connection:
        await jobs.note_step(connection, job=job, at=at)
    if attempt.state is AttemptState.UNKNOWN:
        return await _in_doubt(studio, work, at=at)
    is_far = attempt.provider in studio.providers
    under_way = attempt.intended_at + (UNDER_WAY_FAR if is_far else UNDER_WAY) - at
    if under_way > timedelta(0):
        return Next(max(POLL_S, under_way.total_seconds()))
    if is_far:
        return await _silent(studio, work, at=at)
    return await _send_again(studio, work, at=at)


async def in_doubt(studio: Studio, work: Work) -> Next:
    """Put an order about which its provider cannot be asked on the queue of doubts."""
    attempt, at = work.attempt, studio.clock.now()
    assert attempt is not None
    async with studio.reading() as connection:
        is_new = await attempts.mark_unknown(
            connection, attempt=attempt, reason=ErrorCode.SUBMIT_UNKNOWN, at=at
        )
    if is_new:
        await routing.tell_unknown(studio, attempt)
    return await _wait_for_staff(studio, work, at=at)


async def answered(studio: Studio, work: Work, submitted: Submitted) -> Next:
    """Record what a provider answered, and deliver at once what it has made already."""
    attempt, at = work.attempt, studio.clock.now()
    assert attempt is not None
    wait_s = next_look(work.job, poll_s=studio.poll_s(attempt.provider, attempt.model),
                       age=timedelta(0))  # fmt: skip
    look_at = at + timedelta(seconds=wait_s)
    is_new = await studio.orders.mark_created(
        Created(attempt, submitted.provider_job_id, at, look_at)
    )
    render = submitted.render
    if is_new and render is not None and render.state is RenderState.SUCCEEDED:
        async with studio.reading() as connection:
            job = await jobs.get(
                connection, workspace_id=attempt.workspace_id, job_id=attempt.job_id
            )
        created = replace(
            attempt, state=AttemptState.CREATED, provider_job_id=submitted.provider_job_id
        )
        await deliver(studio, Work(job=job, attempt=created), render)
        return NEVER
    return Next(wait_s, is_watched=True)


async def last_attempt(studio: Studio, job: Job) -> Attempt | None:
    """Return the last order of a job."""
    async with studio.reading() as connection:
        found = await attempts.attempts_of(
            connection, workspace_id=job.workspace_id, job_id=job.job_id
        )
    return found[-1] if found else None


async def order_of(studio: Studio, job: Job, route: Route) -> Order:
    """Return what a provider is asked to make over a route, with as much of the cast as it sees."""
    spec = job.spec
    able = studio.generator(route.provider).capabilities(model=route.model)
    source_path = None
    if spec.source is not None:
        output, _ = await frame_at(studio, workspace_id=job.workspace_id, frame=spec.source)
        source_path = studio.assets.path(digest=output.asset)
    return Order(
        job_id=job.job_id, tool=job.tool, prompt=spec.prompt, seed=spec.seed, width=spec.width,
        height=spec.height, images=spec.images, duration_s=spec.duration_s,
        source_path=source_path, instruction=spec.instruction, adjustments=spec.adjustments,
        is_demo=route.provider == ENGINE, model=route.model, parameters=route.parameters,
        reference_paths=tuple(
            studio.assets.path(digest=bytes.fromhex(digest))
            for digest in spec.references[: able.references_max]
        ),
        history=spec.history,
    )  # fmt: skip


async def _take_turn(
    studio: Studio, job: Job, workspace: Workspace, route: Route, *, at: datetime
) -> Next:
    """Order a job over a route, unless the route or the workspace has enough at work."""
    asked = await order_of(studio, job, route)
    attempt = await _intended(studio, job, workspace, route, at=at)
    if attempt is None:
        return await _wait_in_line(studio, job)
    begun = replace(
        job, state=JobState.SUBMITTING, submitting_at=at, submitted_at=None, route=route.key,
        provider=route.provider,
    )  # fmt: skip
    own = studio.call_backs.address(attempt.name)
    asked = replace(asked, job_id=attempt.order_id, callback_url=own)
    return await _send(studio, Work(job=begun, attempt=attempt), asked)


async def _wait_in_line(studio: Studio, job: Job) -> Next:
    """Let a job wait for room; its hold lives as long as it does."""
    deadline_at = await renewed(studio, job)
    if deadline_at != job.deadline_at:
        async with studio.reading() as connection:
            await jobs.note_waiting(
                connection, job=job, deadline_at=deadline_at, at=studio.clock.now()
            )
    return Next(QUEUE_S, is_watched=True)


async def _intended(
    studio: Studio, job: Job, workspace: Workspace, route: Route, *, at: datetime
) -> Attempt | None:
    """Commit the intent; None when it is not this job's turn, or the day's money is spent."""
    micros = route.price.of(images=job.spec.images, duration_s=job.spec.duration_s)
    if not await routing.claimed(studio, route, micros=micros, at=at):
        return None
    attempt = Attempt(
        workspace_id=job.workspace_id, job_id=job.job_id, ordinal=0, route=route.key,
        provider=route.provider, model=route.model, state=AttemptState.INTENDED,
        list_micros=micros, cost_micros=None, provider_job_id=None, provider_state=None,
        reason=None, provider_code=None, intended_at=at, answered_at=None, ended_at=None,
        closed_by=None,
    )  # fmt: skip
    workspace_max = studio.access_of(workspace, at=at).jobs_max
    ordinal = await studio.orders.intend(Turn(attempt, route.jobs_max, workspace_max))
    if ordinal is None:
        await return_spend(studio, attempt, micros=micros)
        return None
    return replace(attempt, ordinal=ordinal)


async def _send(studio: Studio, work: Work, asked: Order) -> Next:
    assert work.attempt is not None
    try:
        submitted = await studio.generator(work.attempt.provider).submit(order=asked)
    except ProviderError as error:
        return await _not_taken(studio, work, error)
    return await answered(studio, work, submitted)


async def _not_taken(studio: Studio, work: Work, error: ProviderError) -> Next:
    """Decide by what is certain: nothing begun, refused for good, or nobody knows."""
    attempt = work.attempt
    assert attempt is not None
    if error.code in UNCREATED:
        if error.code == ErrorCode.NOT_CREATED:
            await routing.failed(studio, attempt.route)
        return await _wait_again(studio, work, error)
    if error.permanent:
        return await _refused(studio, work, error)
    if attempt.provider in studio.providers:
        await routing.failed(studio, attempt.route)
        await _doubt(studio, work, error.code)
        return Next(RETRY_S)
    return Next(RETRY_S)  # the engine is asked what became of it, and ordered again


async def _refused(studio: Studio, work: Work, error: ProviderError) -> Next:
    attempt, at = work.attempt, studio.clock.now()
    assert attempt is not None
    cost_micros = error.cost_micros or 0
    refused = replace(
        attempt, reason=error.code, provider_code=error.provider_code, cost_micros=cost_micros
    )
    await return_spend(studio, attempt, micros=attempt.list_micros - cost_micros)
    async with studio.reading() as connection:
        await attempts.mark_refused(connection, attempt=refused, at=at)
    if error.code in _PARKING:
        await routing.park(studio, attempt, error)
        async with studio.reading() as connection:
            await attempts.wait_again(connection, job=work.job, starts_at=work.job.starts_at, at=at)
        return Next(0.0, is_watched=True)  # over another route, or given back without one
    failure = Failure(code=error.code, sentence=str(error), provider_code=error.provider_code)
    await end(
        studio, Work(job=work.job, attempt=replace(refused, state=AttemptState.REFUSED)),
        JobState.FAILED, failure,
    )  # fmt: skip
    return NEVER


async def _go_on(studio: Studio, work: Work) -> Next:
    """Draw the consequence of a refusal, which a step that died has recorded and no more."""
    job, attempt, at = work.job, work.attempt, studio.clock.now()
    assert attempt is not None
    if attempt.reason in UNCREATED or attempt.reason in _PARKING:
        async with studio.reading() as connection:
            await attempts.wait_again(connection, job=job, starts_at=at, at=at)
        return Next(0.0, is_watched=True)
    failure = replace(_REFUSED, code=attempt.reason or _REFUSED.code)
    await end(studio, work, JobState.FAILED, failure)
    return NEVER


async def _wait_again(studio: Studio, work: Work, error: ProviderError) -> Next:
    """Let a job of which nothing was begun wait for its turn; give up after too many tries."""
    attempt, at = work.attempt, studio.clock.now()
    assert attempt is not None
    refused = replace(attempt, reason=error.code, provider_code=error.provider_code)
    await return_spend(studio, attempt, micros=attempt.list_micros)
    wait_s = error.retry_after_s or RETRY_S
    async with studio.reading() as connection:
        await attempts.mark_refused(connection, attempt=refused, at=at)
        tries = await jobs.count_try(connection, job=work.job, at=at)
        if tries < TRIES_MAX:
            starts_at = at + timedelta(seconds=wait_s)
            await attempts.wait_again(connection, job=work.job, starts_at=starts_at, at=at)
            return Next(wait_s, is_watched=True)
    await end(
        studio, Work(job=work.job, attempt=replace(refused, state=AttemptState.REFUSED)),
        JobState.FAILED, GIVEN_UP,
    )  # fmt: skip
    return NEVER


async def _send_again(studio: Studio, work: Work, *, at: datetime) -> Next:
    """Order of the engine once more what it knows nothing of."""
    job, attempt = work.job, work.attempt
    assert attempt is not None
    if job.is_cancel_asked or at >= job.deadline_at:
        state, failure = (
            (JobState.CANCELLED, CANCELLED) if job.is_cancel_asked else (JobState.FAILED, GIVEN_UP)
        )
        await end(studio, work, state, failure)
        return NEVER
    async with studio.reading() as connection:
        is_ours = await attempts.intend_again(connection, attempt=attempt, at=at)
    if not is_ours:
        return Next(POLL_S)
    asked = await order_of(studio, job, routing.engine_route(job.tool))
    return await _send(studio, Work(job=job, attempt=replace(attempt, intended_at=at)), asked)


async def _silent(studio: Studio, work: Work, *, at: datetime) -> Next:
    """Judge an order whose answer never came: nobody knows what became of it."""
    await _doubt(studio, work, ErrorCode.SUBMIT_UNKNOWN)
    return await _in_doubt(studio, work, at=at)


async def _in_doubt(studio: Studio, work: Work, *, at: datetime) -> Next:
    """Judge an order in doubt: by the provider, if it would know of it by now, else by staff."""
    attempt = work.attempt
    assert attempt is not None
    if not is_asked(studio, attempt):
        return await _wait_for_staff(studio, work, at=at)
    if at - attempt.intended_at < SURE:
        return Next(RETRY_S)
    sentence = "The provider knows nothing of the order."
    error = ProviderError(sentence, code=ErrorCode.NOT_CREATED, permanent=False)
    return await _wait_again(studio, work, error)


async def _doubt(studio: Studio, work: Work, code: str) -> None:
    attempt, at = work.attempt, studio.clock.now()
    assert attempt is not None
    async with studio.reading() as connection:
        is_new = await attempts.mark_unknown(connection, attempt=attempt, reason=code, at=at)
    if is_new and not is_asked(studio, attempt):
        await routing.tell_unknown(studio, attempt)


async def _wait_for_staff(studio: Studio, work: Work, *, at: datetime) -> Next:
    """Keep the hold of an order in doubt for its time, then give it back; the doubt stays."""
    job, attempt = work.job, work.attempt
    assert attempt is not None
    minutes = studio.catalog.version(key=job.version).rules.submit_unknown_minutes
    left = attempt.intended_at + timedelta(minutes=minutes) - at
    if left > timedelta(0):
        return Next(min(ASK_STAFF_S, left.total_seconds()))
    await end(studio, work, JobState.LOST, _UNKNOWN, is_open=True)
    return NEVER
