"""The statements of the ledger's functions touch few rows, however long the history is.

EXPLAIN does not look into functions, so the server's own counters are read instead: after
operations on a filled database no table may have been scanned, and each operation may have fetched
only a bounded number of rows. The plans are made when the tables are all but empty and analysed as
such, which is when a wrong one would be pinned.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from mutoscope.domain import actions as ask
from mutoscope.domain.caps import Subject
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.storage import caps
from mutoscope.storage.caps import Cap, check_caps
from mutoscope.storage.renewals import sweep
from mutoscope.storage.session import Session, Work
from mutoscope.storage.wallet_cache import WalletCache

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BUSY = UUID(int=1)
ADA, GRACE, RAIN = UUID(int=2), UUID(int=3), UUID(int=4)
ROWS_PER_OPERATION_MAX = 30
TABLES = ("wallets", "entries", "further_postings", "stored_lots", "stored_holds")
USES = 10
"""What one member has used in the period, among 20,000 entries of another for the same project."""


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[Session]:
    connection = await asyncpg.connect(database_url)
    session = await Session(connection, WalletCache()).prepared()
    terms = Terms(source="pack", effective_at=NOW)
    await do(session, "first", ask.Grant(1_000_000, terms))
    await connection.execute("ANALYZE")
    for number in range(10):
        await do(session, f"warm-{number}", ask.Charge(1))
    await fill(connection)
    yield session
    session.close()


async def do(session: Session, key: str, action: ask.Action) -> None:
    request = Request(BUSY, "video", "api", key, action)
    fresh = await Session(session.connection, WalletCache()).prepared()
    (outcome,) = await fresh.write([Work(Submission((request,)))], lambda: NOW)
    assert not isinstance(outcome, Exception), outcome


async def fill(connection: asyncpg.Connection) -> None:
    """Give the busy wallet 20,000 more entries, as rows alone."""
    await connection.execute(
        """
        INSERT INTO entries (workspace_id, kind, sequence, operation, namespace, key, digest,
            due_at, posted_at, available, held, hash, first_source, first_target, first_lot,
            first_amount)
        SELECT $1, 'video', -n, 'charge', 'filled', n::text, '\\x00', $2, $2, 0, 0, '\\x00',
            'available', 'captured', 1, 1
        FROM generate_series(1, 20000) AS n
        """,
        BUSY,
        NOW,
    )


async def touched(connection: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    """Return by table the rows read in scans, and the rows fetched through indexes."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    rows = await connection.fetch(
        "SELECT relname, coalesce(seq_tup_read, 0), coalesce(idx_tup_fetch, 0) "
        "FROM pg_stat_user_tables WHERE relname = ANY ($1)",
        TABLES,
    )
    return {name: (scanned, fetched) for name, scanned, fetched in rows}


@pytest.mark.parametrize(
    "actions",
    [
        pytest.param(lambda n: [ask.Charge(n)], id="charge"),
        pytest.param(
            lambda n: [
                ask.Hold(n, NOW + timedelta(hours=1)),
                ask.Settle(ask.Reference("api", f"{n}-0"), n - 1),
            ],
            id="hold and settle",
        ),
        pytest.param(
            lambda n: [ask.Charge(n), ask.Refund(ask.Reference("api", f"{n}-0"))],
            id="charge and refund",
        ),
        pytest.param(lambda _: [ask.Freeze(), ask.Thaw()], id="freeze and thaw"),
    ],
)
async def test_an_operation_touches_few_rows(
    session: Session, actions: Callable[[int], list[ask.Action]]
) -> None:
    before = await touched(session.connection)

    for number in range(2, 12):
        for step, action in enumerate(actions(number)):
            await do(session, f"{number}-{step}", action)

    after = await touched(session.connection)
    for table in TABLES:
        scanned, fetched = (a - b for a, b in zip(after[table], before[table], strict=True))
        assert scanned == 0, f"{table} was scanned"
        assert fetched <= 10 * 2 * ROWS_PER_OPERATION_MAX, f"{fetched} rows of {table}"


async def test_the_clock_finds_its_wallets_without_a_scan(session: Session) -> None:
    await do(session, "short", ask.Grant(5, Terms("promo", NOW, NOW + timedelta(days=1))))
    before = await touched(session.connection)

    due_by = NOW + timedelta(days=2)
    found = [await sweep(session.connection, due_by=due_by, failed=()) for _ in range(10)]
    posted = await session.post_due_short(found[0], due_by)

    after = await touched(session.connection)
    assert found == [[(str(BUSY), "video")]] * 10
    assert posted == (1, 1)
    for table in TABLES:
        assert after[table][0] == before[table][0], f"{table} was scanned"


async def use(
    connection: asyncpg.Connection, *, member_id: UUID, begin: int, at: datetime, count: int
) -> None:
    """Write holds of 2 credits that were settled at 1, as rows alone."""
    for ordinal, operation, sources, amount in (
        (0, "hold", ("available", "held"), 2), (1, "settle", ("held", "captured"), 1),
    ):  # fmt: skip
        first = begin + ordinal * 50_000
        await connection.execute(
            """
            INSERT INTO entries (workspace_id, kind, sequence, operation, namespace, key, digest,
                due_at, posted_at, available, held, hash, refers_to, member_id, project_id,
                first_source, first_target, first_lot, first_amount)
            SELECT $1, 'video', $2 + n, $3::text, 'used', $3 || $2 + n, '\\x00', $4, $4, 0, 0,
                '\\x00', CASE WHEN $3 = 'settle' THEN $5 + n END,
                CASE WHEN $3 = 'hold' THEN $6::uuid END, CASE WHEN $3 = 'hold' THEN $7::uuid END,
                $9, $10, 1, $11
            FROM generate_series(1, $8) AS n
            """,
            BUSY, first, operation, at, begin, member_id, RAIN, count, *sources, amount,
        )  # fmt: skip


async def use_much(connection: asyncpg.Connection) -> None:
    """Let another member use much for the same project, and this one much in an elder period."""
    await use(connection, member_id=GRACE, begin=100_000, at=NOW, count=20_000)
    elder = NOW - timedelta(days=40)
    await use(connection, member_id=ADA, begin=200_000, at=elder, count=5_000)
    await use(connection, member_id=ADA, begin=300_000, at=NOW, count=USES)


async def test_a_cap_counts_the_entries_of_one_member_in_the_period_alone(
    session: Session,
) -> None:
    connection = session.connection
    opened = "INSERT INTO workspaces VALUES ($1, 'Busy', NULL, 'UTC', true, $2)"
    await connection.execute(opened, BUSY, NOW - timedelta(days=90))
    whose = Cap(Subject.MEMBER, ADA, "video", 2 * USES)
    await caps.put(connection, workspace_id=BUSY, cap=whose, at=NOW)
    row = (BUSY, "video", ADA, None, 1)
    await check_caps(connection, [row])
    await use_much(connection)
    before = await touched(connection)

    assert await check_caps(connection, [row]) == 1

    after = await touched(connection)
    for table in TABLES:
        scanned, fetched = (a - b for a, b in zip(after[table], before[table], strict=True))
        assert scanned == 0, f"{table} was scanned"
        assert fetched <= 4 * USES, f"{fetched} rows of {table}"
