-- Renewals: which wallets the clock takes next. The wallets' own wake-up is the only record of what
-- is still to be done.

-- name: pin_sweep#
-- Keeps the choice to the index of wake-ups, also when the statistics tell of an empty table.
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;

-- name: sweep^
-- The wallets that wait longest, in the order of their rows in the indexes.
SELECT
    array_agg(t.workspace_id::text ORDER BY t.workspace_id, t.kind) AS workspace_ids,
    array_agg(t.kind ORDER BY t.workspace_id, t.kind) AS kinds
FROM (
    SELECT
        w.workspace_id,
        w.kind
    FROM wallets AS w
    WHERE
        w.wake_at <= :due_by
        AND (w.workspace_id, w.kind) NOT IN (
            SELECT
                f.workspace_id,
                f.kind
            FROM unnest(:failed::wallet_name[]) AS f
        )
    ORDER BY w.wake_at
    LIMIT :size
) AS t;

-- name: take_chunk
-- Locks wallets that are still due, leaving those that are at work elsewhere: whoever has them
-- posts what is due.
SELECT
    f.workspace_id,
    f.kind
FROM unnest(:wanted::wallet_name[]) AS n
CROSS JOIN LATERAL (
    SELECT
        w.workspace_id,
        w.kind
    FROM wallets AS w
    WHERE w.workspace_id = n.workspace_id AND w.kind = n.kind AND w.wake_at <= :due_by
    LIMIT 1
    FOR UPDATE SKIP LOCKED
) AS f;

-- name: wait_little#
-- A wallet that somebody keeps locked is left to be passed over.
SET lock_timeout = '50ms';

-- name: wait_long#
-- What is locked in this transaction is nobody else's; tables may be altered meanwhile.
SET LOCAL lock_timeout = 0;

-- name: count_due$
-- How many wallets wait for the clock.
SELECT count(*)
FROM wallets
WHERE wake_at <= :at;
