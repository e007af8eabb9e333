-- Balances: what a wallet has now, and what its postings tell of the past. Look-ups are lateral
-- ones with a limit, so that a plan made on small tables stays right on large ones.

-- name: facts^
-- A workspace's wallets with all that is open on them, in one snapshot: its cost is that of the
-- open lots and holds, whatever the journal's length.
WITH asked AS MATERIALIZED (
    SELECT w.workspace_id, w.kind
    FROM wallets AS w
    WHERE w.workspace_id = :workspace_id AND (:kind::text IS NULL OR w.kind = :kind)
),

open_holds AS MATERIALIZED (
    SELECT f.h
    FROM asked AS a
    CROSS JOIN LATERAL (
        SELECT h FROM holds AS h
        WHERE h.workspace_id = a.workspace_id AND h.kind = a.kind
        LIMIT 100000
    ) AS f
),

placings AS MATERIALIZED (
    SELECT f.e
    FROM open_holds AS o
    CROSS JOIN LATERAL (
        SELECT e FROM entries AS e
        WHERE
            e.workspace_id = (o.h).workspace_id AND e.kind = (o.h).kind
            AND e.sequence = (o.h).sequence
        LIMIT 1
    ) AS f
),

further AS MATERIALIZED (
    SELECT f.p
    FROM open_holds AS o
    CROSS JOIN LATERAL (
        SELECT p FROM further_postings AS p
        WHERE
            p.workspace_id = (o.h).workspace_id AND p.kind = (o.h).kind
            AND p.sequence = (o.h).sequence
        ORDER BY p.ordinal
        LIMIT 10000
    ) AS f
)

SELECT
    array(
        SELECT w FROM wallets AS w
        WHERE w.workspace_id = :workspace_id AND (:kind::text IS NULL OR w.kind = :kind)
        ORDER BY w.kind
    ) AS found_wallets,
    array(
        SELECT f.l
        FROM asked AS a
        CROSS JOIN LATERAL (
            SELECT l FROM stored_lots AS l
            WHERE l.workspace_id = a.workspace_id AND l.kind = a.kind AND l.is_open
            ORDER BY l.effective_at
            LIMIT 10000
        ) AS f
    ) AS open_lots,
    array(
        SELECT f.s
        FROM asked AS a
        CROSS JOIN LATERAL (
            SELECT s FROM standing_grants AS s
            WHERE s.workspace_id = a.workspace_id AND s.kind = a.kind
            LIMIT 1000
        ) AS f
    ) AS found_standing,
    array(SELECT o.h FROM open_holds AS o) AS found_holds,
    array(SELECT x.p FROM further AS x) AS found_postings,
    array(
        SELECT f.l
        FROM (
            SELECT (g.e).workspace_id, (g.e).kind, (g.e).first_lot AS lot
            FROM placings AS g
            UNION
            SELECT (g.e).workspace_id, (g.e).kind, (g.e).second_lot
            FROM placings AS g
            UNION
            SELECT (x.p).workspace_id, (x.p).kind, (x.p).lot
            FROM further AS x
        ) AS n
        CROSS JOIN LATERAL (
            SELECT l FROM stored_lots AS l
            WHERE l.workspace_id = n.workspace_id AND l.kind = n.kind AND l.lot = n.lot
            LIMIT 1
        ) AS f
    ) AS held_lots,
    array(SELECT g.e FROM placings AS g) AS hold_entries;

-- name: sequences_at
-- The last entry of a wallet that took effect by an instant, for each pair of a kind and an
-- instant. Since due_at never decreases along the gapless sequence, bisection by the primary key
-- finds it.
WITH RECURSIVE bisected (number, kind, instant, low, high) AS (
    SELECT n.number, n.kind, n.instant, 0::bigint, w.sequence
    FROM unnest(:kinds::text[], :instants::timestamptz[])
    WITH ORDINALITY AS n (kind, instant, number)
    INNER JOIN wallets AS w ON w.workspace_id = :workspace_id AND w.kind = n.kind
    UNION ALL
    SELECT
        b.number, b.kind, b.instant,
        CASE WHEN f.due_at <= b.instant THEN f.sequence ELSE b.low END,
        CASE WHEN f.due_at <= b.instant THEN b.high ELSE f.sequence - 1 END
    FROM bisected AS b
    CROSS JOIN LATERAL (
        SELECT e.sequence, e.due_at FROM entries AS e
        WHERE
            e.workspace_id = :workspace_id AND e.kind = b.kind
            AND e.sequence = (b.low + b.high + 1) / 2
        LIMIT 1
    ) AS f
    WHERE b.low < b.high
)

SELECT b.kind, b.instant, max(b.low) AS sequence
FROM bisected AS b
GROUP BY b.number, b.kind, b.instant
ORDER BY b.number;

-- name: moves
-- What the entries of a span have moved, summed up lot by lot.
SELECT p.lot, p.source, p.target, sum(p.amount)::bigint AS amount
FROM postings AS p
WHERE
    p.workspace_id = :workspace_id AND p.kind = :kind
    AND p.sequence > :after AND p.sequence <= :upto AND p.lot IS NOT NULL
GROUP BY p.lot, p.source, p.target;

-- name: halved_holds
-- The holds up to an entry of which a span has one line of the two: in a span that ends with the
-- entry those still open after it, in a span that begins there those ended since.
SELECT n.hold
FROM (
    SELECT CASE WHEN e.operation = 'hold' THEN e.sequence ELSE e.refers_to END AS hold
    FROM entries AS e
    WHERE
        e.workspace_id = :workspace_id AND e.kind = :kind
        AND e.sequence > :after AND e.sequence <= :upto
        AND e.operation IN ('hold', 'settle', 'release')
) AS n
WHERE n.hold <= :sequence
GROUP BY n.hold
HAVING count(*) = 1;

-- name: placed_holds
-- Holds as they were placed.
SELECT n.hold AS sequence, f.namespace, f.key, f.due_at AS placed_at, d.amount, d.is_metered
FROM unnest(:holds::bigint[]) AS n (hold)
CROSS JOIN LATERAL (
    SELECT e.namespace, e.key, e.due_at FROM entries AS e
    WHERE e.workspace_id = :workspace_id AND e.kind = :kind AND e.sequence = n.hold
    LIMIT 1
) AS f
CROSS JOIN LATERAL (
    SELECT sum(p.amount)::bigint AS amount, bool_and(p.lot IS NULL) AS is_metered
    FROM postings AS p
    WHERE p.workspace_id = :workspace_id AND p.kind = :kind AND p.sequence = n.hold
) AS d;

-- name: granted_lots
-- Lots as they were granted.
SELECT
    n.lot, f.source, f.effective_at, f.expires_at, f.reference, f.paid_amount, f.currency,
    d.target = 'frozen' AS is_frozen
FROM unnest(:lots::bigint[]) AS n (lot)
CROSS JOIN LATERAL (
    SELECT g.source, g.effective_at, g.expires_at, g.reference, g.paid_amount, g.currency
    FROM grants AS g
    WHERE g.workspace_id = :workspace_id AND g.kind = :kind AND g.lot = n.lot
    LIMIT 1
) AS f
CROSS JOIN LATERAL (
    SELECT p.target FROM postings AS p
    WHERE p.workspace_id = :workspace_id AND p.kind = :kind AND p.sequence = n.lot
    ORDER BY p.ordinal
    LIMIT 1
) AS d;

-- name: turns
-- The entries of a span that may turn lots without moving them.
SELECT e.sequence, e.operation, e.refers_to, e.reason, e.due_at
FROM entries AS e
WHERE
    e.workspace_id = :workspace_id AND e.kind = :kind
    AND e.sequence > :after AND e.sequence <= :upto
    AND e.operation IN ('freeze', 'thaw', 'void', 'forfeit', 'expire')
ORDER BY e.sequence;
