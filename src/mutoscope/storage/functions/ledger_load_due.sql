-- Loads what may be due on some wallets at an instant: their standing grants, the holds whose
-- deadline has come with the entries that placed them, their draws and lots, and the earliest
-- deadline of the other holds. The wallets are locked already.
CREATE OR REPLACE FUNCTION ledger_load_due(
    wallet_names wallet_name[], instant timestamptz,
    OUT found_standing standing_grants[], OUT found_holds holds[], OUT found_placings entries[],
    OUT found_postings further_postings[], OUT found_lots stored_lots[], OUT later_holds holds[]
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
BEGIN
    SELECT array_agg(f.s) INTO found_standing
    FROM unnest(wallet_names) AS n
    CROSS JOIN LATERAL (
        SELECT s FROM standing_grants AS s
        WHERE s.workspace_id = n.workspace_id AND s.kind = n.kind
        LIMIT 1000
    ) AS f;

    SELECT
        array_agg(f.h) FILTER (WHERE (f.h).deadline_at <= instant),
        array_agg(f.h) FILTER (WHERE (f.h).deadline_at > instant AND f.is_next)
    INTO found_holds, later_holds
    FROM unnest(wallet_names) AS n
    CROSS JOIN LATERAL (
        SELECT
            h,
            row_number() OVER (PARTITION BY h.deadline_at > instant ORDER BY h.deadline_at) = 1
                AS is_next
        FROM holds AS h
        WHERE h.workspace_id = n.workspace_id AND h.kind = n.kind
        LIMIT 100000
    ) AS f;

    IF found_holds IS NULL THEN
        RETURN;
    END IF;

    SELECT array_agg(f.e) INTO found_placings
    FROM unnest(found_holds) AS h
    CROSS JOIN LATERAL (
        SELECT e FROM entries AS e
        WHERE e.workspace_id = h.workspace_id AND e.kind = h.kind AND e.sequence = h.sequence
        LIMIT 1
    ) AS f;

    SELECT array_agg(f.p) INTO found_postings
    FROM unnest(found_holds) AS h
    CROSS JOIN LATERAL (
        SELECT p FROM further_postings AS p
        WHERE p.workspace_id = h.workspace_id AND p.kind = h.kind AND p.sequence = h.sequence
        ORDER BY p.ordinal
        LIMIT 10000
    ) AS f;

    SELECT array_agg(f.l) INTO found_lots
    FROM (
        SELECT e.workspace_id, e.kind, e.first_lot AS lot FROM unnest(found_placings) AS e
        UNION
        SELECT e.workspace_id, e.kind, e.second_lot FROM unnest(found_placings) AS e
        UNION
        SELECT p.workspace_id, p.kind, p.lot FROM unnest(found_postings) AS p
    ) AS n
    CROSS JOIN LATERAL (
        SELECT l FROM stored_lots AS l
        WHERE l.workspace_id = n.workspace_id AND l.kind = n.kind AND l.lot = n.lot
        LIMIT 1
    ) AS f;
END
$$;
