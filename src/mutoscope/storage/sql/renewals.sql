-- Renewals: which wallets the clock takes next. The wallets' own wake-up is the only record of what
-- is still to be done.

-- name: pin_plans#
-- Keeps the choice of a chunk to the index of wake-ups, also when it was planned on empty tables.
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;

-- name: take_chunk
-- Locks the wallets that wait longest, leaving those that are at work elsewhere: whoever has them
-- posts what is due. Beginning where the chunk before ended spares the index's dead rows.
SELECT
    w.workspace_id,
    w.kind,
    w.wake_at
FROM wallets AS w
WHERE
    w.wake_at >= :reached_at AND w.wake_at <= :at
    AND (w.workspace_id, w.kind) NOT IN (
        SELECT
            f.workspace_id,
            f.kind
        FROM unnest(:failed::wallet_name[]) AS f
    )
ORDER BY w.wake_at
LIMIT :size
FOR UPDATE OF w SKIP LOCKED;

-- name: take_due^
-- Locks the wallets that wait longest, and loads them with what may be due on them.
SELECT
    found_wallets, found_lots, found_standing, found_holds, found_placings, found_postings,
    held_lots, later_holds
FROM ledger_take_due(:reached_at, :due_by, :failed, :size, :instant);

-- name: count_due$
-- How many wallets wait for the clock.
SELECT count(*)
FROM wallets
WHERE wake_at <= :at;
