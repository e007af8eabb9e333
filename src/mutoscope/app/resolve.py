"""What staff tell of an order of which no machine could learn what became of it.

It was never taken, or is at work or done under an id, or was over and cost money. The job is given
back or followed accordingly; who told it is kept with the attempt.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.conclude import Work, end
from mutoscope.app.doubts import our_id
from mutoscope.app.ports import ErrorCode, Failure, ProviderError, RenderState
from mutoscope.domain.attempts import AttemptState
from mutoscope.domain.credits import Refusal
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.storage import attempts, jobs, routes
from mutoscope.storage.attempts import Created
from mutoscope.storage.session import SideRow, SideRowRefused, write_side_rows

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.attempts import Attempt
    from mutoscope.storage.jobs import Job

_UNKNOWN = frozenset({ErrorCode.OUTPUT_LOST, ErrorCode.BAD_INPUT})
"""How providers refuse to be asked about an id that is none of theirs."""

_NOT_TAKEN = Failure(code=ErrorCode.NOT_CREATED, sentence="The provider never took this order.")
_CLOSED = Failure(code=ErrorCode.SUBMIT_UNKNOWN, sentence="The provider delivered nothing.")


class NotInDoubt(Refusal):
    """An order of which everything is known already."""

    code = "not_in_doubt"

    def __init__(self, *, job_id: UUID) -> None:
        super().__init__(
            f"no order of job {job_id} is in doubt: `providers unknown` lists those that are"
        )
        self.job_id = job_id


class NotAtProvider(Refusal):
    """An id under which the provider has no order."""

    code = "not_at_provider"

    def __init__(self, *, provider: str, provider_job_id: str, told: str) -> None:
        super().__init__(
            f"{provider} has no order under the id {provider_job_id!r}: look it up there again "
            f"(it says: {told})"
        )
        self.provider = provider
        self.provider_job_id = provider_job_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What staff found at the provider, and who did.

    With `provider_job_id` the order is at work or done, and is looked at; else it was over with a
    cost in micros of a US dollar, 0 when it was never taken.
    """

    staff: str
    provider_job_id: str | None = None
    cost_micros: int = 0


async def resolve(
    studio: Studio, *, workspace_id: UUID, job_id: UUID, finding: Finding, act: Act = NOBODYS
) -> None:
    """Take a finding of staff for what became of the order in doubt.

    What the act brings along commits with the order's outcome.

    :raises UnknownJob: when the workspace has no such job.
    :raises NotInDoubt: when none of its orders is in doubt.
    :raises NotAtProvider: when the provider knows no order of the id that was found.
    """
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
        found = await attempts.attempts_of(connection, workspace_id=workspace_id, job_id=job_id)
    doubtful = [attempt for attempt in found if attempt.state is AttemptState.UNKNOWN]
    if not doubtful:
        raise NotInDoubt(job_id=job_id)
    attempt = replace(doubtful[-1], closed_by=finding.staff)
    if finding.provider_job_id is not None:
        provider_job_id = await _known(studio, job, attempt, finding.provider_job_id)
        await follow(studio, attempt, provider_job_id=provider_job_id, act=act)
    elif job.state in FINAL or attempt.ordinal != found[-1].ordinal:
        await _closed(studio, attempt, finding.cost_micros, act)
    else:
        failure = _CLOSED if finding.cost_micros else _NOT_TAKEN
        await _closed(studio, attempt, finding.cost_micros, act)
        with suppress(SideRowRefused):  # it ended meanwhile
            await end(studio, Work(job=job, attempt=None), JobState.FAILED, failure)
    async with studio.reading() as connection:
        await routes.resolve_alerts(connection, subject=str(job_id), at=studio.clock.now())


async def follow(
    studio: Studio, attempt: Attempt, *, provider_job_id: str, act: Act = NOBODYS
) -> None:
    """Look from now on at an order in doubt, under the id that was learned."""
    at = studio.clock.now()
    created = Created(attempt, provider_job_id, at, look_at=at)
    async with studio.reading() as connection, connection.transaction():
        (is_written,) = await attempts.mark_created(connection, [created])
        if is_written:
            await write_side_rows(connection, _told(attempt, act, AttemptState.CREATED))


async def _known(studio: Studio, job: Job, attempt: Attempt, found: str) -> str:
    """Return our id of an order, unless the provider says that it knows nothing of it.

    One that is away is asked later.
    """
    provider_job_id = our_id(studio, attempt, found=found)
    if provider_job_id is None:
        told = "what its answer brought is all that there is: tell what it cost"
        raise NotAtProvider(provider=attempt.provider, provider_job_id=found, told=told)
    generator = studio.generator(attempt.provider)
    try:
        render = await generator.poll(
            provider_job_id=provider_job_id, job_id=attempt.order_id,
            is_clip=job.spec.duration_s is not None,
        )  # fmt: skip
        is_known = render.state is not RenderState.LOST
        told = render.failure.sentence if render.failure else str(render.state)
    except ProviderError as error:
        is_known, told = error.code not in _UNKNOWN, str(error)
    if not is_known:
        await generator.discard(job_id=attempt.order_id)  # the answer is not kept for the true id
        raise NotAtProvider(provider=attempt.provider, provider_job_id=found, told=told)
    return provider_job_id


async def _closed(studio: Studio, attempt: Attempt, cost_micros: int, act: Act) -> None:
    at = studio.clock.now()
    state = AttemptState.ENDED if cost_micros else AttemptState.REFUSED
    async with studio.reading() as connection, connection.transaction():
        if cost_micros:
            ended = replace(attempt, state=state, cost_micros=cost_micros, ended_at=at)
            is_written = bool(await attempts.end_attempts(connection, [ended.row()]))
        else:
            refused = replace(attempt, reason=ErrorCode.NOT_CREATED, cost_micros=0)
            is_written = await attempts.mark_refused(connection, attempt=refused, at=at)
        if is_written:
            await write_side_rows(connection, _told(attempt, act, state, cost_micros))


def _told(
    attempt: Attempt, act: Act, state: AttemptState, cost_micros: int = 0
) -> tuple[SideRow, ...]:
    return act.telling(
        job_id=str(attempt.job_id), ordinal=attempt.ordinal, outcome=state.value,
        cost_micros=cost_micros,
    )  # fmt: skip
