"""What staff tell of an order of which no machine could learn what became of it.

It was never taken, or is at work or done under an id, or was over and cost money. The job is given
back or followed accordingly; who told it is kept with the attempt.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mutoscope.app.conclude import Work, end
from mutoscope.app.ports import ErrorCode, Failure
from mutoscope.domain.attempts import AttemptState
from mutoscope.domain.credits import Refusal
from mutoscope.domain.jobs import FINAL, JobState
from mutoscope.storage import attempts, jobs, routes
from mutoscope.storage.session import SideRowRefused

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.attempts import Attempt

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What staff found at the provider, and who did.

    With `provider_job_id` the order is at work or done, and is looked at; else it was over with a
    cost in micros of a US dollar, 0 when it was never taken.
    """

    staff: str
    provider_job_id: str | None = None
    cost_micros: int = 0


async def resolve(studio: Studio, *, workspace_id: UUID, job_id: UUID, finding: Finding) -> None:
    """Take a finding of staff for what became of the order in doubt.

    :raises UnknownJob: when the workspace has no such job.
    :raises NotInDoubt: when none of its orders is in doubt.
    """
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
        found = await attempts.attempts_of(connection, workspace_id=workspace_id, job_id=job_id)
    doubtful = [attempt for attempt in found if attempt.state is AttemptState.UNKNOWN]
    if not doubtful:
        raise NotInDoubt(job_id=job_id)
    attempt = replace(doubtful[-1], closed_by=finding.staff)
    if finding.provider_job_id is not None:
        await _created(studio, attempt, finding.provider_job_id)
    elif job.state in FINAL or attempt.ordinal != found[-1].ordinal:
        await _closed(studio, attempt, finding.cost_micros)
    else:
        failure = _CLOSED if finding.cost_micros else _NOT_TAKEN
        await _closed(studio, attempt, finding.cost_micros)
        with suppress(SideRowRefused):  # it ended meanwhile
            await end(studio, Work(job=job, attempt=None), JobState.FAILED, failure)
    async with studio.reading() as connection:
        await routes.resolve_alerts(connection, subject=str(job_id), at=studio.clock.now())


async def _created(studio: Studio, attempt: Attempt, provider_job_id: str) -> None:
    at = studio.clock.now()
    async with studio.reading() as connection:
        await attempts.mark_created(
            connection, attempt=attempt, provider_job_id=provider_job_id, at=at, look_at=at
        )


async def _closed(studio: Studio, attempt: Attempt, cost_micros: int) -> None:
    at = studio.clock.now()
    async with studio.reading() as connection:
        if cost_micros:
            ended = replace(attempt, state=AttemptState.ENDED, cost_micros=cost_micros, ended_at=at)
            await attempts.end_attempts(connection, [ended.row()])
        else:
            refused = replace(attempt, reason=ErrorCode.NOT_CREATED, cost_micros=0)
            await attempts.mark_refused(connection, attempt=refused, at=at)
