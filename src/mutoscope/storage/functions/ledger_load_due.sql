-- Loads what may be due at an instant on wallets that are loaded: their standing grants, the holds
-- whose deadline has come with the entries that placed them, their draws and lots, and the earliest
-- deadline of the other holds. A wallet is named with the hold that its own row tells of, if any.
CREATE OR REPLACE FUNCTION ledger_load_due(
    of_wallets stored_holds[], instant timestamptz,
    OUT found_standing standing_grants[], OUT found_holds stored_holds[],
    OUT found_placings entries[], OUT found_postings further_postings[],
    OUT found_lots stored_lots[], OUT later_holds stored_holds[]
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
BEGIN
    SELECT array_agg(f.s) INTO found_standing
    FROM unnest(of_wallets) AS w
    CROSS JOIN LATERAL (
        SELECT s FROM standing_grants AS s
        WHERE s.workspace_id = w.workspace_id AND s.kind = w.kind
        LIMIT 1000
    ) AS f;

    WITH open_holds AS MATERIALIZED (
        SELECT
            w.workspace_id, w.kind, f.due,
            least(f.later_at, CASE WHEN w.deadline_at > instant THEN w.deadline_at END)
                AS later_at
        FROM unnest(of_wallets) AS w
        CROSS JOIN LATERAL (
            SELECT
                array_agg(h) FILTER (WHERE h.deadline_at <= instant) AS due,
                min(h.deadline_at) FILTER (WHERE h.deadline_at > instant) AS later_at
            FROM stored_holds AS h
            WHERE h.workspace_id = w.workspace_id AND h.kind = w.kind
        ) AS f
    )

    SELECT
        array_cat(
            (SELECT array_agg(w) FROM unnest(of_wallets) AS w WHERE w.deadline_at <= instant),
            (SELECT array_agg(h) FROM open_holds AS o CROSS JOIN LATERAL unnest(o.due) AS h)
        ),
        (
            SELECT array_agg((o.workspace_id, o.kind, 0, o.later_at)::stored_holds)
            FROM open_holds AS o
            WHERE o.later_at IS NOT NULL
        )
    INTO found_holds, later_holds;

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
