"""Attempts as rows: what was ordered of providers, what they answered, and what it cost.

Writers that end attempts commit together with the ledger's entries; the others stand alone. Each
is fenced by the states before it and tells whether it wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID, uuid5

from mutoscope.domain.attempts import AttemptState, OrderName, states_before
from mutoscope.storage import routes
from mutoscope.storage.database import queries
from mutoscope.storage.jobs import job_from
from mutoscope.storage.together import Together

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection, Pool
    from mutoscope.storage.jobs import Job

_SQL: Final = queries("attempts")
JobName = tuple[UUID, UUID]
"""A workspace's id and a job's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One order to a provider; costs are in micros of a US dollar.

    `list_micros` is what it costs by the provider's list, `cost_micros` what is certain to have
    been charged. `reason` is our code of a failure, `provider_code` the provider's own;
    `closed_by` names the member of staff who told an outcome that no machine could learn.
    """

    workspace_id: UUID
    job_id: UUID
    ordinal: int
    route: str
    provider: str
    model: str
    state: AttemptState
    list_micros: int
    cost_micros: int | None
    provider_job_id: str | None
    provider_state: str | None
    reason: str | None
    provider_code: str | None
    intended_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    closed_by: str | None

    @property
    def name(self) -> OrderName:
        """Return which order it is."""
        return OrderName(self.provider, self.workspace_id, self.job_id, self.ordinal)

    @property
    def order_id(self) -> UUID:
        """Return the id that the provider is given: the job's, or another for a later order.

        Some providers refuse an id that they have seen, whatever became of it.
        """
        return self.job_id if self.ordinal == 1 else uuid5(self.job_id, str(self.ordinal))

    def row(self) -> tuple[Any, ...]:
        """Return its columns in the table's order."""
        return (
            self.workspace_id, self.job_id, self.ordinal, self.route, self.provider, self.model,
            self.state, self.list_micros, self.cost_micros, self.provider_job_id,
            self.provider_state, self.reason, self.provider_code, self.intended_at,
            self.answered_at, self.ended_at, self.closed_by,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look at a running job told: its progress from 0 to 1, and when to look again.

    `deadline_at` is how long its hold lasts by now.
    """

    job: Job
    progress: float
    look_at: datetime
    deadline_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Paid to providers for certain, and what open orders may still cost, in micros."""

    certain_micros: int
    possible_micros: int


class Turn(NamedTuple):
    """An order to be made, its ordinal not yet known, and how many may be at work with it."""

    attempt: Attempt
    route_max: int
    workspace_max: int


class Created(NamedTuple):
    """A provider's answer that it has an order, and when the job is looked at first."""

    attempt: Attempt
    provider_job_id: str
    at: datetime
    look_at: datetime


class Orders:
    """Intents and answers of many steps, each kind in one transaction for all that wait."""

    def __init__(self, pool: Pool) -> None:
        """Take the connections."""
        self._turns = Together[Turn, int | None](pool, intend)
        self._answers = Together[Created, bool](pool, _record)

    async def intend(self, turn: Turn) -> int | None:
        """Commit the intent to order; return the attempt's ordinal.

        None when another step was first, the route is full, or the workspace has enough at work.
        """
        return await self._turns(turn)

    async def mark_created(self, answer: Created) -> bool:
        """Record that a provider has an order, whoever waited for it; False when it is known.

        Nothing is held against its route any more.
        """
        return await self._answers(answer)


async def _record(connection: Connection, answers: Sequence[Created]) -> list[bool]:
    are_new = await mark_created(connection, answers)
    over = {answer.attempt.route for answer in answers}
    await routes.note_success(connection, routes=over, at=max(answer.at for answer in answers))
    return are_new


async def intend(connection: Connection, turns: Sequence[Turn]) -> list[int | None]:
    """Commit intents to order, in the order given; return the ordinal of each, or None."""
    rows = [turn.attempt.row() for turn in turns]
    over = sorted({turn.attempt.route for turn in turns})
    workspaces = sorted({turn.attempt.workspace_id for turn in turns})
    async with connection.transaction():
        await _SQL.lock_turns(connection, routes=over, workspaces=workspaces)
        busy = await _SQL.at_work(connection, routes=over, workspaces=workspaces)
        over_routes = dict(zip(over, busy["of_routes"], strict=True))
        of_workspaces = dict(zip(workspaces, busy["of_workspaces"], strict=True))
        taken: dict[JobName, tuple[Any, ...]] = {}
        for (attempt, route_max, workspace_max), row in zip(turns, rows, strict=True):
            name = (attempt.workspace_id, attempt.job_id)
            if (
                name not in taken
                and over_routes[attempt.route] < route_max
                and of_workspaces[attempt.workspace_id] < workspace_max
            ):
                taken[name] = row
                over_routes[attempt.route] += 1
                of_workspaces[attempt.workspace_id] += 1
        written = {
            (row["workspace_id"], row["job_id"]): row["ordinal"]
            async for row in _SQL.intend(connection, attempts=list(taken.values()))
        }
    return [
        written.get(name) if taken.get(name) is row else None
        for name, row in zip(((row[0], row[1]) for row in rows), rows, strict=True)
    ]


async def intend_again(connection: Connection, *, attempt: Attempt, at: datetime) -> bool:
    """Claim the same order once more; false when another step was first."""
    row = await _SQL.intend_again(
        connection, workspace_id=attempt.workspace_id, job_id=attempt.job_id,
        ordinal=attempt.ordinal, intended_at=attempt.intended_at, at=at,
    )  # fmt: skip
    return row is not None


async def mark_created(connection: Connection, answers: Sequence[Created]) -> list[bool]:
    """Record that providers have orders, whoever waited for them; False for what is known."""
    rows = _SQL.mark_created(
        connection,
        workspaces=[each.attempt.workspace_id for each in answers],
        jobs=[each.attempt.job_id for each in answers],
        ordinals=[each.attempt.ordinal for each in answers],
        provider_jobs=[each.provider_job_id for each in answers],
        instants=[each.at for each in answers],
        looks=[each.look_at for each in answers],
        before=states_before(AttemptState.CREATED),
    )
    written = {(row["workspace_id"], row["job_id"], row["ordinal"]) async for row in rows}
    return [_took(written, each.attempt) for each in answers]


def _took(written: set[tuple[UUID, UUID, int]], attempt: Attempt) -> bool:
    """Tell whether an order was written, to the first who asks."""
    name = (attempt.workspace_id, attempt.job_id, attempt.ordinal)
    is_written = name in written
    written.discard(name)
    return is_written


async def mark_unknown(
    connection: Connection, *, attempt: Attempt, reason: str, at: datetime
) -> bool:
    """Put an order on the queue of those of which nobody knows; false when it is known."""
    written: int = await _SQL.mark_unknown(
        connection, workspace_id=attempt.workspace_id, job_id=attempt.job_id,
        ordinal=attempt.ordinal, reason=reason, at=at,
        before=states_before(AttemptState.UNKNOWN),
    )  # fmt: skip
    return bool(written)


async def mark_refused(connection: Connection, *, attempt: Attempt, at: datetime) -> bool:
    """Record that nothing was begun, with `reason`, codes and cost; false when it is known."""
    written: int = await _SQL.mark_refused(
        connection, workspace_id=attempt.workspace_id, job_id=attempt.job_id,
        ordinal=attempt.ordinal, reason=attempt.reason, provider_code=attempt.provider_code,
        cost_micros=attempt.cost_micros or 0, closed_by=attempt.closed_by, at=at,
        before=states_before(AttemptState.REFUSED),
    )  # fmt: skip
    return bool(written)


async def wait_again(
    connection: Connection, *, job: Job, starts_at: datetime, at: datetime
) -> bool:
    """Let a job of which nothing was begun wait for its turn; false when a step was first."""
    row = await _SQL.wait_again(
        connection, workspace_id=job.workspace_id, job_id=job.job_id, starts_at=starts_at, at=at,
        submitting_at=job.submitting_at,
    )  # fmt: skip
    return row is not None


async def end_attempts(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write outcomes and costs, each once; return how many were written."""
    written: int = await _SQL.end_attempts(connection, attempts=rows)
    return written


async def doubt_attempts(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Put orders that a provider lost on the queue of doubts; return how many were written."""
    written: int = await _SQL.doubt_attempts(connection, attempts=rows)
    return written


async def attempts_of(
    connection: Connection, *, workspace_id: UUID, job_id: UUID
) -> tuple[Attempt, ...]:
    """Return the attempts of a job, in order."""
    rows = _SQL.attempts_of(connection, workspace_id=workspace_id, job_id=job_id)
    return tuple([_attempt(row) async for row in rows])


async def unknown_attempts(connection: Connection, *, limit: int) -> tuple[Attempt, ...]:
    """Return orders of which nobody knows whether they were taken, the longest waiting first."""
    return tuple([_attempt(row) async for row in _SQL.unknown_attempts(connection, limit=limit)])


async def jobs_of(
    connection: Connection, *, provider: str, provider_job_id: str
) -> tuple[JobName, ...]:
    """Return the jobs that a provider calls back about."""
    rows = _SQL.jobs_of_provider_job(connection, provider=provider, provider_job_id=provider_job_id)
    return tuple([(row["workspace_id"], row["job_id"]) async for row in rows])


async def costs(connection: Connection) -> Costs:
    """Return what providers were paid in all, and what is still open."""
    row = await _SQL.costs(connection)
    return Costs(certain_micros=row["certain_micros"], possible_micros=row["possible_micros"])


async def waiting_jobs(connection: Connection, *, at: datetime, limit: int) -> tuple[JobName, ...]:
    """Return jobs that may be ordered, in a fair turn."""
    rows = _SQL.waiting_jobs(connection, at=at, limit=limit)
    return tuple([(row["workspace_id"], row["job_id"]) async for row in rows])


async def take_looks(
    connection: Connection,
    *,
    at: datetime,
    again_at: datetime,
    limit: int,
    not_over: Sequence[str] = (),
) -> tuple[tuple[Job, tuple[Attempt, ...]], ...]:
    """Take the jobs whose turn it is to be looked at, with their attempts.

    Each is put off until `again_at`, so that no other worker looks at it meanwhile. Those over the
    routes of `not_over` are left to others.
    """
    taken = [
        job_from(row)
        async for row in _SQL.take_looks(
            connection, at=at, again_at=again_at, limit=limit, not_over=list(not_over)
        )
    ]
    found: dict[UUID, list[Attempt]] = {job.job_id: [] for job in taken}
    rows = _SQL.attempts_of_jobs(
        connection, workspaces=[job.workspace_id for job in taken],
        jobs=[job.job_id for job in taken],
    )  # fmt: skip
    async for row in rows:
        found[row["job_id"]].append(_attempt(row))
    return tuple((job, tuple(found[job.job_id])) for job in taken)


async def stop_look(connection: Connection, *, job: Job) -> None:
    """Look at a job no more, unless an answer came since it was read."""
    await _SQL.stop_look(
        connection, workspace_id=job.workspace_id, job_id=job.job_id, look_at=job.look_at
    )


async def look_now(connection: Connection, *, names: Sequence[JobName], at: datetime) -> None:
    """Let jobs that are at work be looked at now."""
    await _SQL.look_now(
        connection, workspaces=[name[0] for name in names], jobs=[name[1] for name in names],
        at=at,
    )  # fmt: skip


async def note_looks(connection: Connection, *, looks: Sequence[Look], at: datetime) -> None:
    """Record how far some jobs are, in one statement."""
    await _SQL.note_looks(
        connection,
        workspaces=[look.job.workspace_id for look in looks],
        jobs=[look.job.job_id for look in looks],
        progresses=[look.progress for look in looks],
        looks=[look.look_at for look in looks],
        deadlines=[look.deadline_at for look in looks],
        at=at,
    )


async def deliver_late(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Give what came after its job was given up; return how many jobs were."""
    written: int = await _SQL.deliver_late(connection, jobs=rows)
    return written


def _attempt(row: Any) -> Attempt:  # noqa: ANN401  # a row of asyncpg
    fields = dict(row)
    return Attempt(**fields | {"state": AttemptState(fields["state"])})
