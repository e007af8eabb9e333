"""What must be true of a pipeline whose workers were killed: two sets of books, and the ledger.

The studio's side is read from its tables, the providers' side from the simulators' own books and
from the requests that they have seen. A job is known on both sides by its key in the prompt.
"""

import json
import re
from collections import Counter
from typing import Any

from mutoscope.app.resolve import Finding, resolve
from mutoscope.app.studio import Studio
from mutoscope.storage import attempts
from mutoscope.storage.attempts import Attempt
from mutoscope.storage.database import connect
from pipeline_stage import Scene
from soundness import assert_sound

_SHOT = re.compile(r"shot-[0-9-]+")
_FACTS = {
    "every_job_has_ended": """
        SELECT request_key, state FROM jobs WHERE finished_at IS NULL OR look_at IS NOT NULL
    """,
    "what_is_charged_was_delivered_once": """
        SELECT request_key, state, captured, o.outputs FROM jobs
        LEFT JOIN LATERAL (
            SELECT count(*) AS outputs FROM outputs AS o
            WHERE o.workspace_id = jobs.workspace_id AND o.job_id = jobs.job_id
        ) AS o ON true
        WHERE o.outputs <> CASE state WHEN 'succeeded' THEN 1 ELSE 0 END
            OR (captured > 0 AND state <> 'succeeded') OR captured > price
    """,
    "jobs_and_postings_tell_the_same_charge": """
        SELECT c.captured, p.captured FROM
            (SELECT sum(captured) AS captured FROM jobs) AS c,
            (SELECT sum(amount) AS captured FROM postings WHERE target = 'captured') AS p
        WHERE c.captured <> coalesce(p.captured, 0)
    """,
    "each_end_was_told_once_and_what_came_after_it_too": """
        SELECT request_key, jobs.state, t.ends, t.states FROM jobs
        LEFT JOIN LATERAL (
            SELECT
                count(*) FILTER (WHERE d.event_id = jobs.job_id) AS ends,
                array_agg(d.body::jsonb #>> '{data, state}' ORDER BY d.created_at) AS states
            FROM webhook_deliveries AS d
            WHERE d.workspace_id = jobs.workspace_id
                AND d.body::jsonb #>> '{data, job_id}' = jobs.job_id::text
        ) AS t ON true
        WHERE t.ends <> 1 OR t.states[cardinality(t.states)] <> jobs.state
            OR cardinality(t.states) > 2
            OR (cardinality(t.states) = 2 AND t.states[1] NOT IN ('lost', 'failed'))
    """,
    "nothing_is_held_any_more": "SELECT * FROM wallets WHERE held <> 0",
    "no_order_is_in_doubt": "SELECT * FROM attempts WHERE state NOT IN ('ended', 'refused')",
}
_ATTEMPTS = (
    "SELECT request_key, count(*) FROM attempts JOIN jobs USING (workspace_id, job_id) GROUP BY 1"
)


async def check_running(scene: Scene) -> None:
    """Check what holds at every instant, also right after a death."""
    connection = await connect(scene.url)
    try:
        before = await attempts.costs(connection)
        charges = await scene.told("charges")
        orders = dict(tuple(row) for row in await connection.fetch(_ATTEMPTS))
    finally:
        await connection.close()
    charged = sum(each["micros"] for each in charges)
    certain, possible = before.certain_micros, before.possible_micros
    assert certain <= charged <= certain + possible, (certain, charged, possible)
    taken = Counter(_shot(each["prompt"]) for each in charges)
    assert not [shot for shot, count in taken.items() if count > 1], ("bought twice", taken)
    sent = Counter(
        _shot(json.dumps(each["body"]))
        for each in await scene.told("requests")
        if each["act"] == "create" and each["body"] is not None  # cut off with its worker: refused
    )
    twice = {shot: count for shot, count in sent.items() if count > orders.get(shot, 0)}
    assert not twice, ("sent twice", twice)


async def check_ended(scene: Scene) -> None:
    """Check what holds when every job has ended and staff have closed every doubt."""
    await check_running(scene)
    connection = await connect(scene.url)
    try:
        for fact, query in _FACTS.items():
            broken = [dict(row) for row in await connection.fetch(query)]
            assert not broken, (fact, broken[:5])
        recorded = await attempts.costs(connection)
    finally:
        await connection.close()
    charged = sum(each["micros"] for each in await scene.told("charges"))
    assert (recorded.certain_micros, recorded.possible_micros) == (charged, 0)
    await assert_sound(scene.url)


async def close_doubts(scene: Scene, studio: Studio) -> None:
    """Tell what became of each order in doubt, as staff who look at the providers' pages do."""
    charges = await scene.told("charges")
    async with studio.reading() as connection:
        doubtful = await attempts.unknown_attempts(connection, limit=1_000)
        keys = {
            (row["workspace_id"], row["job_id"]): row["request_key"]
            for row in await connection.fetch("SELECT workspace_id, job_id, request_key FROM jobs")
        }
    for attempt in doubtful:
        name = keys[attempt.workspace_id, attempt.job_id]
        found = [each for each in charges if _shot(each["prompt"]) == name]
        await resolve(
            studio, workspace_id=attempt.workspace_id, job_id=attempt.job_id,
            finding=_finding(attempt, found[0] if found else None),
        )  # fmt: skip


def _finding(attempt: Attempt, charge: dict[str, Any] | None) -> Finding:
    if charge is None:
        return Finding(staff="ada")
    if attempt.provider_job_id is None and attempt.provider in ("kling", "runway"):
        return Finding(staff="ada", provider_job_id=charge["id"])
    return Finding(staff="ada", cost_micros=charge["micros"])


def _shot(text: str) -> str:
    found = _SHOT.search(text)
    assert found is not None, text
    return found[0]
