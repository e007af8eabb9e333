"""A job moves from state to state as the table of moves says, whatever statement moves it."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from mutoscope.domain.jobs import FINAL, TRANSITIONS, JobState

AT = datetime(2025, 1, 20, tzinfo=UTC)


async def place(connection: asyncpg.Connection, state: JobState) -> UUID:
    job_id = uuid4()
    await connection.execute(
        """
        INSERT INTO jobs (
            workspace_id, job_id, request_key, request_digest, tool, kind, version, price,
            is_metered, spec, state, provider, provider_job_id, captured, reason, created_at,
            starts_at, deadline_at, submitting_at, submitted_at, finished_at, stepped_at
        )
        VALUES (
            $1::uuid, $1::uuid, $1::uuid::text, '', 'image', 'image', '1', 1, false, '{}', $2,
            'engine', $3, $4, $5, $6, $6, $6, $7, $8, $9, $6
        )
        """,
        job_id, state.value,
        "render" if state in {JobState.RUNNING, JobState.SUCCEEDED} else None,
        0 if state in FINAL else None, "broken" if state in FINAL else None, AT,
        None if state is JobState.WAITING else AT,
        AT if state in {JobState.RUNNING, JobState.SUCCEEDED} else None,
        AT if state in FINAL else None,
    )  # fmt: skip
    return job_id


@pytest.mark.parametrize("before", JobState)
async def test_the_table_refuses_each_move_that_is_not_listed_and_no_other(
    connection: asyncpg.Connection, before: JobState
) -> None:
    refused = set()
    for after in JobState:
        if after is before:
            continue
        job_id = await place(connection, before)
        try:
            async with connection.transaction():
                await connection.execute(
                    "UPDATE jobs SET state = $2 WHERE job_id = $1", job_id, after
                )
        except asyncpg.RestrictViolationError:
            refused.add(after)
        except asyncpg.CheckViolationError:
            pass  # a permitted move, whose instants this test does not tell

    assert refused == set(JobState) - {before} - TRANSITIONS[before]


def test_every_job_comes_to_an_end_and_only_what_was_given_up_leaves_it() -> None:
    for state in JobState:
        reached = {state}
        for _ in JobState:
            reached |= {after for each in reached for after in TRANSITIONS[each]}

        assert reached & FINAL
        if state in FINAL:
            assert TRANSITIONS[state] <= {JobState.SUCCEEDED}
