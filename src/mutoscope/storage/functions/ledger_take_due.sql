-- Locks wallets that are still due and loads what may be due on them, in one trip: their rows, their
-- open lots, and all that `ledger_load_due` finds. Wallets that are at work elsewhere are left out,
-- since whoever has them posts what is due.
CREATE OR REPLACE FUNCTION ledger_take_due(
    wanted wallet_name[], due_by timestamptz, instant timestamptz,
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
        array_agg(f.w),
        array_agg((
            (f.w).workspace_id, (f.w).kind, (f.w).placed_hold, (f.w).placed_deadline_at
        )::stored_holds)
    INTO found_wallets, names
    FROM unnest(wanted) AS n
    CROSS JOIN LATERAL (
        SELECT w FROM wallets AS w
        WHERE w.workspace_id = n.workspace_id AND w.kind = n.kind AND w.wake_at <= due_by
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS f;

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
