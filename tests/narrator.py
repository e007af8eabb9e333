"""A writer of stories into a real journal, whose clock the story turns; and what EXPLAIN tells."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from mutoscope.domain import actions as ask
from mutoscope.domain.journal import NOBODY, Attribution, Entry
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Note, Request
from mutoscope.storage.journal import Journal

BEGINNING = datetime(2025, 1, 31, 9, tzinfo=UTC)


@dataclass
class Narrator:
    """Tells a journal what happens in one workspace, a second after the other."""

    journal: Journal
    workspace_id: UUID = field(default_factory=uuid4)
    now: datetime = BEGINNING
    told: int = 0

    async def tell(
        self,
        action: ask.Action,
        *,
        kind: str = "video",
        key: str | None = None,
        attribution: Attribution = NOBODY,
        reason: str | None = None,
        note: Note | None = None,
    ) -> Entry | None:
        self.told += 1
        self.now += timedelta(seconds=1)
        request = Request(
            self.workspace_id, kind, "api", key or f"line-{self.told}", action,
            attribution=attribution, reason=reason, note=note,
        )  # fmt: skip
        (answer,) = await self.journal.submit(Submission((request,)))
        return answer.entry

    def wait(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


def plan(amount: int, story: Narrator, *, days: float) -> ask.Grant:
    ends_at = story.now + timedelta(days=days)
    return ask.Grant(amount, Terms("plan", story.now, ends_at))


def pack(amount: int, story: Narrator) -> ask.Grant:
    return ask.Grant(amount, Terms("pack", story.now, None, "order-1", 3_900, "USD"))


def hold(amount: int, story: Narrator, *, days: float = 1) -> ask.Hold:
    return ask.Hold(amount, story.now + timedelta(days=days))


@asynccontextmanager
async def narrator(url: str) -> AsyncIterator[Narrator]:
    """Open a journal whose clock is the narrator's."""
    journal = Journal(url=url, now=lambda: teller.now)
    teller = Narrator(journal)
    await journal.open()
    try:
        yield teller
    finally:
        await journal.close()


async def fill(connection: asyncpg.Connection, *, entries: int, grants: int = 10) -> UUID:
    """Write a long journal at once: some grants, then charges of one credit, a second apart."""
    workspace_id = uuid4()
    await connection.execute(_FILLING, workspace_id, BEGINNING, grants, entries)
    await connection.execute("ANALYZE")
    return workspace_id


async def scans(connection: asyncpg.Connection, sql: str, *arguments: object) -> dict[str, int]:
    """Return the rows that a query touched of each table, a sequential scan being named so."""
    text = f"EXPLAIN (ANALYZE, FORMAT JSON) {sql.rstrip().rstrip(';')}"
    plan = json.loads(await connection.fetchval(text, *arguments))[0]["Plan"]
    touched: dict[str, int] = {}
    for node in _nodes(plan):
        if (table := node.get("Relation Name")) is not None:
            name = f"Seq Scan on {table}" if node["Node Type"] == "Seq Scan" else table
            dropped = node.get("Rows Removed by Filter", 0)
            rows = round((node["Actual Rows"] + dropped) * node["Actual Loops"])
            touched[name] = touched.get(name, 0) + rows
    return touched


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


_FILLING = """
WITH lines AS (
    SELECT n, n <= $3::bigint AS is_grant, $2::timestamptz + n * interval '1 second' AS at
    FROM generate_series(1::bigint, $4::bigint) AS n
), written AS (
    INSERT INTO entries (workspace_id, kind, sequence, operation, namespace, key, digest, due_at,
        posted_at, available, held, hash, first_source, first_target, first_lot, first_amount,
        lot_source, lot_effective_at)
    SELECT $1::uuid, 'video', n, CASE WHEN is_grant THEN 'grant' ELSE 'charge' END, 'api',
        'line-' || n, '\\x00', at, at, 0, 0, '\\x00',
        CASE WHEN is_grant THEN 'issued' ELSE 'available' END,
        CASE WHEN is_grant THEN 'available' ELSE 'captured' END,
        CASE WHEN is_grant THEN n ELSE 1 END, CASE WHEN is_grant THEN 1000000 ELSE 1 END,
        CASE WHEN is_grant THEN 'pack' END, CASE WHEN is_grant THEN $2 END
    FROM lines
), filled AS (
    INSERT INTO stored_lots (workspace_id, kind, lot, source, effective_at, state, granted,
        available, frozen, held, captured, expired, voided, forfeited)
    SELECT $1, 'video', n, 'pack', $2, 'open', 1000000, 1000000 - spent, 0, 0, spent, 0, 0, 0
    FROM (SELECT n, CASE WHEN n = 1 THEN $4 - $3 ELSE 0 END AS spent FROM lines WHERE is_grant)
)
INSERT INTO wallets (workspace_id, kind, sequence, available, due_at, posted_at)
SELECT $1, 'video', $4, $3 * 1000000 - ($4 - $3), max(at), max(at) FROM lines
"""
