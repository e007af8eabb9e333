"""Jobs and their outputs as rows.

The writers named `add_*` and `finish_jobs` commit together with the ledger's entries: they take
rows in the table's order and return how many were written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.jobs import FrameName, JobSpec, JobState
from mutoscope.storage.database import queries
from mutoscope.storage.place import LAST, cursor_of, place_of
from mutoscope.storage.queue import STEP

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("jobs")


class UnknownJob(Refusal):
    """An id that names no job of the workspace."""

    code = "unknown_job"

    def __init__(self, *, job_id: UUID) -> None:
        super().__init__(f"there is no job {job_id} in this workspace: the list of jobs names them")
        self.job_id = job_id


class UnknownOutput(Refusal):
    """A number of which a job has not delivered a file."""

    code = "unknown_output"

    def __init__(self, *, job_id: UUID, ordinal: int) -> None:
        super().__init__(f"job {job_id} has delivered no file {ordinal}: the job lists its outputs")
        self.job_id = job_id
        self.ordinal = ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOutput:
    """A file that a job delivered: its place in the asset store, and what was measured on it."""

    ordinal: int
    asset: bytes
    media_type: str
    size_bytes: int
    width: int
    height: int
    duration_ms: int | None
    frames: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One generation; `price` is what was held, `captured` what was charged in the end.

    `route` is the one of its last order; `look_at` is when somebody looks at the provider's work
    next, also after the job's end, until its last order's outcome is known.
    """

    workspace_id: UUID
    job_id: UUID
    request_key: str
    request_digest: bytes
    tool: str
    kind: str
    version: str
    price: int
    is_metered: bool
    spec: JobSpec
    state: JobState
    is_cancel_asked: bool
    progress: float
    provider: str
    provider_job_id: str | None
    tries: int
    captured: int | None
    reason: str | None
    sentence: str | None
    created_at: datetime
    starts_at: datetime
    deadline_at: datetime
    submitting_at: datetime | None
    submitted_at: datetime | None
    finished_at: datetime | None
    stepped_at: datetime
    route: str | None = None
    look_at: datetime | None = None

    def row(self) -> tuple[Any, ...]:
        """Return its columns in the table's order."""
        return (
            self.workspace_id, self.job_id, self.request_key, self.request_digest, self.tool,
            self.kind, self.version, self.price, self.is_metered,
            json.dumps(self.spec._asdict()), self.state, self.is_cancel_asked, self.progress,
            self.provider, self.provider_job_id, self.tries, self.captured, self.reason,
            self.sentence, self.created_at, self.starts_at, self.deadline_at,
            self.submitting_at, self.submitted_at, self.finished_at, self.stepped_at,
            self.route, self.look_at,
        )  # fmt: skip


class JobPage(NamedTuple):
    """Jobs, newest first; `next` is the cursor of the page after, None on the last."""

    jobs: tuple[Job, ...]
    next: str | None


async def get(connection: Connection, *, workspace_id: UUID, job_id: UUID) -> Job:
    """Return a job.

    :raises UnknownJob: when the workspace has none of that id.
    """
    row = await _SQL.job(connection, workspace_id=workspace_id, job_id=job_id)
    if row is None:
        raise UnknownJob(job_id=job_id)
    return job_from(row)


async def by_request(connection: Connection, *, workspace_id: UUID, request_key: str) -> Job | None:
    """Return the job that a request has placed, if it did."""
    row = await _SQL.job_by_request(connection, workspace_id=workspace_id, request_key=request_key)
    return None if row is None else job_from(row)


async def page(
    connection: Connection, *, workspace_id: UUID, limit: int, after: str | None = None,
    state: JobState | None = None,
) -> JobPage:  # fmt: skip
    """Return jobs of a workspace, in any state or in one, newest first, after a cursor.

    :raises BadCursor: when no page has given the cursor.
    """
    place = place_of(after, begin=LAST)
    rows = _SQL.jobs_before(
        connection, workspace_id=workspace_id, before_at=place.at, before_id=place.item_id,
        state=state, limit=limit + 1,
    )  # fmt: skip
    found = tuple([job_from(row) async for row in rows])
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(at=last.created_at, item_id=last.job_id) if last else None
    return JobPage(found[:limit], following)


async def outputs_of(
    connection: Connection, *, workspace_id: UUID, job_id: UUID
) -> tuple[StoredOutput, ...]:
    """Return what a job delivered, in order."""
    rows = _SQL.outputs_of(connection, workspace_id=workspace_id, job_id=job_id)
    return tuple([StoredOutput(**row) async for row in rows])


async def output(
    connection: Connection, *, workspace_id: UUID, job_id: UUID, ordinal: int
) -> StoredOutput:
    """Return one of the files that a job delivered.

    :raises UnknownJob: when the workspace has no such job.
    :raises UnknownOutput: when the job has not delivered so many.
    """
    await get(connection, workspace_id=workspace_id, job_id=job_id)
    found = await outputs_of(connection, workspace_id=workspace_id, job_id=job_id)
    for each in found:
        if each.ordinal == ordinal:
            return each
    raise UnknownOutput(job_id=job_id, ordinal=ordinal)


async def count_try(connection: Connection, *, job: Job, at: datetime) -> int:
    """Count a step that could not be taken; return how many there were in a row."""
    row = await _SQL.count_try(connection, workspace_id=job.workspace_id, job_id=job.job_id, at=at)
    return 0 if row is None else row["tries"]


async def note_step(connection: Connection, *, job: Job, at: datetime) -> None:
    """Record that somebody works on a job, so that the sweep leaves it alone."""
    await _SQL.note_step(connection, workspace_id=job.workspace_id, job_id=job.job_id, at=at)


async def note_waiting(
    connection: Connection, *, job: Job, deadline_at: datetime, at: datetime
) -> None:
    """Record how long the hold of a job lasts that waits for its turn."""
    await _SQL.note_waiting(
        connection, workspace_id=job.workspace_id, job_id=job.job_id, deadline_at=deadline_at,
        at=at,
    )  # fmt: skip


async def stop_looking(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Look no more at jobs that were followed after their end; return how many."""
    written: int = await _SQL.stop_looking(
        connection, workspaces=[row[0] for row in rows], jobs=[row[1] for row in rows]
    )
    return written


async def ask_cancel(connection: Connection, *, workspace_id: UUID, job_id: UUID) -> bool:
    """Record that the creator wants a job stopped; false when it is final already."""
    row = await _SQL.ask_cancel(connection, workspace_id=workspace_id, job_id=job_id)
    return row is not None


async def take_stale(
    connection: Connection, *, before: datetime, at: datetime, limit: int
) -> tuple[tuple[UUID, UUID], ...]:
    """Mark open jobs without a step since an instant, or in the queue; return their ids.

    Each is (workspace id, job id).
    """
    rows = _SQL.take_stale_jobs(connection, entrypoint=STEP, before=before, at=at, limit=limit)
    return tuple([(row["workspace_id"], row["job_id"]) async for row in rows])


async def metered_since(
    connection: Connection, *, workspace_id: UUID, kind: str, since: datetime
) -> int:
    """Return the credits' worth of unlimited use since an instant."""
    used: int = await _SQL.metered_since(
        connection, workspace_id=workspace_id, kind=kind, since=since
    )
    return used


async def add_jobs(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new jobs."""
    written: int = await _SQL.add_jobs(connection, jobs=rows)
    return written


async def finish_jobs(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write final states, unless another step has taken the job further in the meantime."""
    written: int = await _SQL.finish_jobs(connection, jobs=rows)
    return written


async def add_outputs(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write what jobs have delivered."""
    written: int = await _SQL.add_outputs(connection, outputs=rows)
    return written


def job_from(row: Any) -> Job:  # noqa: ANN401  # a row of asyncpg
    """Return the job of a row of `jobs`."""
    fields = dict(row)
    spec = json.loads(fields.pop("spec"))
    if spec["source"] is not None:
        spec["source"] = FrameName(*spec["source"])
    for name in ("references", "history"):
        spec[name] = tuple(spec.get(name, ()))
    return Job(**fields | {"spec": JobSpec(**spec), "state": JobState(fields["state"])})
