-- Loads in one trip what a batch of requests needs: its wallets, their open lots, the entries that
-- its keys name with their further postings, lots and refunds, and the open holds among them. With
-- is_locked it first takes the wallets' rows, in the order of the names as given, in a statement
-- of its own: one that locks and reads lots at once may read them from before the lock. is_whole
-- asks for every lot of a wallet, spent ones too; due_by for what is due by that instant on the
-- wallets that the clock has to look at. Each look-up is a lateral one with a limit, and an order
-- that one index alone can give, so that a plan made on small tables stays right on large ones.
CREATE OR REPLACE FUNCTION ledger_load(
    is_locked boolean,
    wallet_names wallet_name[], entry_names entry_name[], due_by timestamptz,
    OUT found_wallets wallets[], OUT found_lots stored_lots[], OUT found_entries entries[],
    OUT found_postings further_postings[], OUT found_holds holds[], OUT found_refunds entries[],
    OUT due_standing standing_grants[], OUT due_holds stored_holds[],
    OUT due_placings entries[], OUT due_postings further_postings[],
    OUT due_lots stored_lots[], OUT later_holds stored_holds[]
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
AS $$
DECLARE
    due_names stored_holds[];
BEGIN
    IF is_locked THEN
        SELECT array_agg(f.w) INTO found_wallets
        FROM unnest(wallet_names) AS n
        CROSS JOIN LATERAL (
            SELECT w FROM wallets AS w
            WHERE w.workspace_id = n.workspace_id AND w.kind = n.kind
            LIMIT 1
            FOR UPDATE
        ) AS f;
    ELSE
        SELECT array_agg(f.w) INTO found_wallets
        FROM unnest(wallet_names) AS n
        CROSS JOIN LATERAL (
            SELECT w FROM wallets AS w
            WHERE w.workspace_id = n.workspace_id AND w.kind = n.kind
            LIMIT 1
        ) AS f;
    END IF;

    SELECT array_agg(f.l) INTO found_lots
    FROM unnest(wallet_names) AS n
    CROSS JOIN LATERAL (
        SELECT l FROM stored_lots AS l
        WHERE l.workspace_id = n.workspace_id AND l.kind = n.kind AND l.is_open
        ORDER BY l.effective_at
        LIMIT 10000
    ) AS f;

    SELECT array_agg(f.e) INTO found_entries
    FROM unnest(entry_names) AS n
    CROSS JOIN LATERAL (
        SELECT e FROM entries AS e
        WHERE e.workspace_id = n.workspace_id AND e.namespace = n.namespace AND e.key >= n.key
        ORDER BY e.key
        LIMIT 1
    ) AS f
    WHERE (f.e).key = n.key;

    IF EXISTS (SELECT 1 FROM unnest(wallet_names) AS n WHERE n.is_whole) THEN
        SELECT array_cat(found_lots, array_agg(f.l)) INTO found_lots
        FROM unnest(wallet_names) AS n
        CROSS JOIN LATERAL (
            SELECT l FROM stored_lots AS l
            WHERE l.workspace_id = n.workspace_id AND l.kind = n.kind AND NOT l.is_open
            ORDER BY l.lot
            LIMIT 10000
        ) AS f
        WHERE n.is_whole;
    END IF;

    IF due_by IS NOT NULL THEN
        SELECT
            array_agg(
                (w.workspace_id, w.kind, w.placed_hold, w.placed_deadline_at)::stored_holds
            )
        INTO due_names
        FROM unnest(found_wallets) AS w
        WHERE w.wake_at <= greatest(due_by, w.posted_at);
        IF due_names IS NOT NULL THEN
            SELECT
                d.found_standing, d.found_holds, d.found_placings, d.found_postings, d.found_lots,
                d.later_holds
            INTO due_standing, due_holds, due_placings, due_postings, due_lots, later_holds
            FROM ledger_load_due(due_names, due_by) AS d;
        END IF;
    END IF;

    IF found_entries IS NULL THEN
        RETURN;
    END IF;

    SELECT array_agg(f.p) INTO found_postings
    FROM unnest(found_entries) AS e
    CROSS JOIN LATERAL (
        SELECT p FROM further_postings AS p
        WHERE p.workspace_id = e.workspace_id AND p.kind = e.kind AND p.sequence = e.sequence
        ORDER BY p.ordinal
        LIMIT 10000
    ) AS f;

    SELECT array_cat(found_lots, array_agg(f.l)) INTO found_lots
    FROM (
        SELECT e.workspace_id, e.kind, e.first_lot AS lot FROM unnest(found_entries) AS e
        UNION
        SELECT e.workspace_id, e.kind, e.second_lot FROM unnest(found_entries) AS e
        UNION
        SELECT p.workspace_id, p.kind, p.lot FROM unnest(found_postings) AS p
    ) AS n
    CROSS JOIN LATERAL (
        SELECT l FROM stored_lots AS l
        WHERE l.workspace_id = n.workspace_id AND l.kind = n.kind AND l.lot = n.lot
        LIMIT 1
    ) AS f
    WHERE NOT (f.l).is_open;

    SELECT array_agg(f.h) INTO found_holds
    FROM unnest(found_entries) AS e
    CROSS JOIN LATERAL (
        SELECT h FROM holds AS h
        WHERE h.workspace_id = e.workspace_id AND h.kind = e.kind AND h.sequence = e.sequence
        LIMIT 1
    ) AS f
    WHERE e.operation = 'hold';

    SELECT array_agg(f.r) INTO found_refunds
    FROM unnest(found_entries) AS e
    CROSS JOIN LATERAL (
        SELECT r FROM entries AS r
        WHERE
            r.workspace_id = e.workspace_id AND r.kind = e.kind AND r.operation = 'refund'
            AND r.refers_to >= e.sequence
        ORDER BY r.refers_to
        LIMIT 1
    ) AS f
    WHERE e.operation IN ('charge', 'settle') AND (f.r).refers_to = e.sequence;
END
$$;
