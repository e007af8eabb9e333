-- How far each wallet's journal was written before an instant. The sequence follows the instants of
-- writing and has no gaps, so that it is found by halves: some ten look-ups in the primary key for
-- a wallet of a thousand entries, where to walk back from the last would read all of them. A wallet
-- may have been looked at since its last entry. The function's own settings keep it from being
-- inlined, where a wrong guess of its rows would spoil the query around it.
CREATE OR REPLACE FUNCTION sequences_before(instant timestamptz) RETURNS TABLE (
    workspace_id uuid, kind text, upto bigint
) LANGUAGE sql STABLE PARALLEL SAFE
ROWS 10000
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    WITH RECURSIVE halves AS (
        SELECT
            w.workspace_id, w.kind,
            CASE WHEN w.posted_at < instant THEN w.sequence ELSE 0 END AS least_sequence,
            w.sequence AS most_sequence
        FROM wallets AS w
        UNION ALL
        SELECT
            h.workspace_id, h.kind,
            CASE WHEN m.is_before THEN m.sequence ELSE h.least_sequence END AS least_sequence,
            CASE WHEN m.is_before THEN h.most_sequence ELSE m.sequence - 1 END AS most_sequence
        FROM halves AS h
        CROSS JOIN LATERAL (
            SELECT e.sequence, e.posted_at < instant AS is_before
            FROM entries AS e
            WHERE
                e.workspace_id = h.workspace_id AND e.kind = h.kind
                AND e.sequence = (h.least_sequence + h.most_sequence + 1) / 2
            LIMIT 1
        ) AS m
        WHERE h.least_sequence < h.most_sequence
    )

    SELECT h.workspace_id, h.kind, h.least_sequence AS upto
    FROM halves AS h
    WHERE h.least_sequence = h.most_sequence
$$;
