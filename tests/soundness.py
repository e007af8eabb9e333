"""The self check after every test that touched the journal: what must be true of any ledger.

Each query looks for rows that must not exist and is named after the fact that it proves. The chain
is computed anew from the rows. The surprising choice: nothing here reads a projection to explain a
projection; lots, holds and balances are added up from the postings.
"""

from collections import defaultdict
from typing import Any

from mutoscope.domain.journal import GENESIS, Posting, canonical_line, chained
from mutoscope.storage.database import connect
from mutoscope.storage.facts import entry_from
from mutoscope.storage.session import Connection

_LINES = """
    SELECT
        p.workspace_id, p.kind, p.sequence, p.lot, e.due_at, e.operation, e.refers_to, m.account,
        m.amount
    FROM postings AS p
    JOIN entries AS e USING (workspace_id, kind, sequence)
    CROSS JOIN LATERAL (VALUES (p.source, -p.amount), (p.target, p.amount)) AS m (account, amount)
"""
FACTS = {
    "sequences_have_no_gap": """
        SELECT w.workspace_id, w.kind FROM wallets AS w
        LEFT JOIN entries AS e USING (workspace_id, kind)
        GROUP BY w.workspace_id, w.kind, w.sequence
        HAVING count(e.sequence) <> w.sequence OR coalesce(max(e.sequence), 0) <> w.sequence
    """,
    "time_never_goes_back": """
        SELECT * FROM (
            SELECT
                workspace_id, kind, sequence, due_at, posted_at,
                lag(due_at) OVER w AS due_before, lag(posted_at) OVER w AS posted_before
            FROM entries WINDOW w AS (PARTITION BY workspace_id, kind ORDER BY sequence)
        ) AS e
        WHERE due_at < due_before OR posted_at < posted_before OR due_at > posted_at
    """,
    "every_entry_tells_the_balance_after_it": f"""
        SELECT * FROM (
            SELECT
                e.workspace_id, e.kind, e.sequence, e.available, e.held,
                sum(m.available) OVER w AS should_be_available, sum(m.held) OVER w AS should_be_held
            FROM entries AS e
            LEFT JOIN (
                SELECT
                    workspace_id, kind, sequence,
                    sum(amount) FILTER (WHERE account = 'available') AS available,
                    sum(amount) FILTER (WHERE account = 'held') AS held
                FROM ({_LINES}) AS l GROUP BY workspace_id, kind, sequence
            ) AS m USING (workspace_id, kind, sequence)
            WINDOW w AS (PARTITION BY e.workspace_id, e.kind ORDER BY e.sequence)
        ) AS e
        WHERE available <> coalesce(should_be_available, 0) OR held <> coalesce(should_be_held, 0)
    """,
    "wallets_show_their_last_entry": """
        SELECT w.workspace_id, w.kind FROM wallets AS w
        JOIN entries AS e USING (workspace_id, kind, sequence)
        WHERE w.available <> e.available OR w.held <> e.held OR w.head <> e.hash
            OR w.due_at <> e.due_at
    """,
    "lots_are_the_sum_of_their_postings": f"""
        SELECT l.workspace_id, l.kind, l.lot, a.account, a.amount, s.amount AS should_be
        FROM lots AS l
        CROSS JOIN LATERAL (VALUES
            ('available', l.available), ('frozen', l.frozen), ('held', l.held),
            ('captured', l.captured), ('expired', l.expired), ('voided', l.voided),
            ('forfeited', l.forfeited), ('issued', -l.granted)
        ) AS a (account, amount)
        LEFT JOIN (
            SELECT workspace_id, kind, lot, account, sum(amount) AS amount
            FROM ({_LINES}) AS x GROUP BY workspace_id, kind, lot, account
        ) AS s
            ON s.workspace_id = l.workspace_id AND s.kind = l.kind AND s.lot = l.lot
            AND s.account = a.account
        WHERE a.amount <> coalesce(s.amount, 0)
    """,
    "every_posting_has_its_lot": """
        SELECT p.* FROM postings AS p
        LEFT JOIN lots AS l USING (workspace_id, kind, lot)
        LEFT JOIN grants AS g USING (workspace_id, kind, lot)
        WHERE p.lot IS NOT NULL AND (l.lot IS NULL OR g.lot IS NULL OR g.amount <> l.granted)
    """,
    "open_holds_are_those_that_nothing_ended": """
        SELECT workspace_id, kind, sequence FROM entries AS e
        LEFT JOIN holds AS h USING (workspace_id, kind, sequence)
        WHERE e.operation = 'hold' AND (h.sequence IS NULL) <> EXISTS (
            SELECT 1 FROM entries AS s
            WHERE s.workspace_id = e.workspace_id AND s.kind = e.kind
                AND s.refers_to = e.sequence AND s.operation IN ('settle', 'release')
        )
    """,
    "a_hold_ends_once_and_whole": f"""
        SELECT workspace_id, kind, hold, sum(amount), max(ends) FROM (
            SELECT workspace_id, kind, sequence AS hold, account, amount, 0 AS ends
            FROM ({_LINES}) AS l WHERE operation = 'hold' AND account IN ('held', 'metering')
            UNION ALL
            SELECT workspace_id, kind, refers_to, account, amount, 0
            FROM ({_LINES}) AS l
            WHERE operation IN ('settle', 'release') AND account IN ('held', 'metering')
            UNION ALL
            SELECT workspace_id, kind, refers_to, '', 0, count(*)
            FROM entries WHERE operation IN ('settle', 'release')
            GROUP BY workspace_id, kind, refers_to
        ) AS m
        GROUP BY workspace_id, kind, hold
        HAVING max(ends) > 1 OR sum(amount) < 0 OR (max(ends) = 1 AND sum(amount) <> 0)
    """,
    "nothing_is_drawn_from_a_lot_outside_its_span": """
        SELECT p.*, e.due_at, g.effective_at, g.expires_at FROM postings AS p
        JOIN entries AS e USING (workspace_id, kind, sequence)
        JOIN grants AS g USING (workspace_id, kind, lot)
        WHERE p.source = 'available' AND p.target IN ('held', 'captured')
            AND (e.due_at < g.effective_at OR e.due_at >= g.expires_at)
    """,
    "a_lapse_touches_only_lots_that_are_over": """
        SELECT p.*, e.due_at, l.expires_at FROM postings AS p
        JOIN entries AS e USING (workspace_id, kind, sequence)
        JOIN lots AS l USING (workspace_id, kind, lot)
        WHERE p.target = 'expired' AND (l.expires_at IS NULL OR e.due_at < l.expires_at)
    """,
    "refunds_are_at_most_what_was_captured_and_come_once": """
        SELECT e.workspace_id, e.kind, e.refers_to, count(DISTINCT e.sequence)
        FROM entries AS e
        JOIN postings AS p USING (workspace_id, kind, sequence)
        WHERE e.operation = 'refund'
        GROUP BY e.workspace_id, e.kind, e.refers_to
        HAVING count(DISTINCT e.sequence) > 1 OR sum(p.amount) > (
            SELECT sum(c.amount) FROM postings AS c
            WHERE c.workspace_id = e.workspace_id AND c.kind = e.kind
                AND c.sequence = e.refers_to AND c.target = 'captured'
        )
    """,
    "no_credit_waits_in_a_lot_that_is_closed": """
        SELECT l.* FROM lots AS l
        JOIN wallets AS w USING (workspace_id, kind)
        WHERE l.available + l.frozen > 0
            AND (l.expires_at <= w.due_at OR l.state IN ('voided', 'forfeited'))
    """,
    "the_clock_will_look_in_time": """
        SELECT w.workspace_id, w.kind FROM wallets AS w
        LEFT JOIN LATERAL (
            SELECT min(h.deadline_at) AS at FROM holds AS h
            WHERE h.workspace_id = w.workspace_id AND h.kind = w.kind
            UNION ALL
            SELECT min(l.expires_at) FROM lots AS l
            WHERE l.workspace_id = w.workspace_id AND l.kind = w.kind AND l.is_open
        ) AS d ON true
        WHERE d.at IS NOT NULL AND (w.wake_at IS NULL OR w.wake_at > d.at)
    """,
    "what_is_open_is_less_by_what_was_credited_of_its_invoice": """
        SELECT r.request_id, r.credited, sum(c.total) FROM payment_requests AS r
        LEFT JOIN invoices AS c ON c.workspace_id = r.workspace_id AND c.refers_to = r.invoice_id
        WHERE r.state = 'open'
        GROUP BY r.workspace_id, r.request_id, r.credited
        HAVING r.credited <> coalesce(sum(c.total), 0)
    """,
}


async def assert_sound(url: str) -> None:
    """Fail when the ledger in a database breaks an invariant, and tell which."""
    connection = await connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for fact, query in FACTS.items():
                broken = await connection.fetch(query)
                assert not broken, (fact, [dict(row) for row in broken[:5]])
            await _assert_chained(connection)
    finally:
        await connection.close()


async def _assert_chained(connection: Connection) -> None:
    lines: dict[Any, list[Posting]] = defaultdict(list)
    for row in await connection.fetch("SELECT * FROM postings ORDER BY 1, 2, 3, 4"):
        lines[tuple(row)[:3]].append(Posting(*tuple(row)[4:]))
    heads: dict[Any, bytes] = defaultdict(lambda: GENESIS)
    for row in await connection.fetch("SELECT * FROM entries ORDER BY 1, 2, 3"):
        workspace_id, kind, sequence = name = tuple(row)[:3]
        entry = entry_from(row, tuple(lines[name]))
        line = canonical_line(workspace_id=workspace_id, kind=kind, entry=entry)
        heads[name[:2]] = chained(previous=heads[name[:2]], line=line)
        assert heads[name[:2]] == entry.hash, ("the_chain_is_whole", kind, sequence)
