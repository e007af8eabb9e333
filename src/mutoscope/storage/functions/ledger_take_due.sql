-- Locks the wallets that wait longest for the clock and loads what may be due on them, in one trip:
-- their rows, their open lots, and all that `ledger_load_due` finds. Wallets that are at work
-- elsewhere are left out, since whoever has them posts what is due, and so are those that failed
-- before. Beginning where the chunk before ended spares the index's dead rows.
CREATE OR REPLACE FUNCTION ledger_take_due(
    reached_at timestamptz, due_by timestamptz, failed wallet_name[], size integer,
    instant timestamptz,
    OUT found_wallets wallets[], OUT found_lots stored_lots[],
    OUT found_standing standing_grants[], OUT found_holds stored_holds[],
    OUT found_placings entries[], OUT found_postings further_postings[],
    OUT held_lots stored_lots[], OUT later_holds stored_holds[]
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
AS $$
DECLARE
    names stored_holds[];
BEGIN
    SELECT
        array_agg(t.w),
        array_agg((
            (t.w).workspace_id, (t.w).kind, (t.w).placed_hold, (t.w).placed_deadline_at
        )::stored_holds)
    INTO found_wallets, names
    FROM (
        SELECT w FROM wallets AS w
        WHERE
            w.wake_at >= reached_at AND w.wake_at <= due_by
            AND (w.workspace_id, w.kind) NOT IN (
                SELECT f.workspace_id, f.kind FROM unnest(failed) AS f
            )
        ORDER BY w.wake_at
        LIMIT size
        FOR UPDATE OF w SKIP LOCKED
    ) AS t;

    SELECT array_agg(f.l) INTO found_lots
    FROM unnest(names) AS n
    CROSS JOIN LATERAL (
        SELECT l FROM stored_lots AS l
        WHERE l.workspace_id = n.workspace_id AND l.kind = n.kind AND l.is_open
        ORDER BY l.effective_at
        LIMIT 10000
    ) AS f;

    SELECT
        d.found_standing, d.found_holds, d.found_placings, d.found_postings, d.found_lots,
        d.later_holds
    INTO found_standing, found_holds, found_placings, found_postings, held_lots, later_holds
    FROM ledger_load_due(names, instant) AS d;
END
$$;
