"""How long a job's hold lasts: it is moved on while the job lives, waiting for its turn or at work.

A job that nobody works on is not moved on: its hold is given back at its deadline.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mutoscope.app.generate import NAMESPACE, hold_of
from mutoscope.domain import actions as ask
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.domain.spending import HoldAlreadySettled

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.jobs import Job


async def renewed(studio: Studio, job: Job) -> datetime:
    """Return the deadline of a living job's hold, moved on when half its time is over."""
    at = studio.clock.now()
    lasts = timedelta(minutes=studio.catalog.version(key=job.version).rules.deadline_minutes)
    if job.deadline_at - at >= lasts / 2:
        return job.deadline_at
    action = ask.Renew(hold_of(job), at + lasts)
    request = Request(job.workspace_id, job.kind, NAMESPACE, f"renew/{job.job_id}", action)
    try:
        await studio.journal.submit(Submission((request,)))
    except HoldAlreadySettled:
        return job.deadline_at  # released while nobody looked: the rest is absorbed
    return at + lasts
