-- What became of a use: an entry that held, charged or metered. `taken` is what it took; `returned`
-- what its end and its refund gave back, whenever they came; `captured` what its end captured, or
-- itself when it is a charge. Each look-up has one index that can serve it.
CREATE OR REPLACE FUNCTION ledger_use(
    of_workspace uuid, of_kind text, of_sequence bigint,
    OUT taken bigint, OUT metered bigint, OUT captured bigint, OUT returned bigint
) LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    ended bigint;
    refunded bigint;
BEGIN
    SELECT e.sequence INTO ended FROM entries AS e
    WHERE
        e.workspace_id = of_workspace AND e.kind = of_kind AND e.refers_to = of_sequence
        AND e.operation IN ('settle', 'release')
    LIMIT 1;
    SELECT e.sequence INTO refunded FROM entries AS e
    WHERE
        e.workspace_id = of_workspace AND e.kind = of_kind
        AND e.refers_to = coalesce(ended, of_sequence) AND e.operation = 'refund'
    LIMIT 1;
    SELECT
        coalesce(sum(p.amount) FILTER (WHERE p.sequence = of_sequence), 0),
        coalesce(sum(p.amount) FILTER (WHERE p.source = 'unlimited'), 0),
        coalesce(sum(p.amount) FILTER (WHERE p.target = 'captured'), 0),
        coalesce(sum(p.amount) FILTER (
            WHERE p.target IN ('available', 'frozen', 'unlimited')
        ), 0)
    INTO taken, metered, captured, returned
    FROM unnest(ARRAY[of_sequence, ended, refunded]) AS n (sequence)
    CROSS JOIN LATERAL (
        SELECT e FROM entries AS e
        WHERE e.workspace_id = of_workspace AND e.kind = of_kind AND e.sequence >= n.sequence
        ORDER BY e.sequence
        LIMIT 1
    ) AS f
    CROSS JOIN LATERAL (
        VALUES
        ((f.e).sequence, (f.e).first_source, (f.e).first_target, (f.e).first_amount),
        ((f.e).sequence, (f.e).second_source, (f.e).second_target, (f.e).second_amount)
        UNION ALL
        (
            SELECT g.sequence, g.source, g.target, g.amount FROM further_postings AS g
            WHERE
                g.workspace_id = of_workspace AND g.kind = of_kind AND g.sequence = n.sequence
            ORDER BY g.ordinal
            LIMIT 10000
        )
    ) AS p (sequence, source, target, amount)
    WHERE p.sequence = n.sequence;
END
$$;

-- What members and projects have used in spans: what they took less what came back, for each span
-- in the order asked. It is asked under the lock of the wallet, after the holds that are judged.
CREATE OR REPLACE FUNCTION ledger_used(spans used_span[]) RETURNS bigint[] LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
AS $$
DECLARE
    span used_span;
    used bigint;
    found bigint[] := '{}';
BEGIN
    FOREACH span IN ARRAY spans LOOP
        IF span.subject = 'member' THEN
            SELECT coalesce(sum(u.taken - u.returned), 0) INTO used
            FROM entries AS e
            CROSS JOIN LATERAL ledger_use(e.workspace_id, e.kind, e.sequence) AS u
            WHERE
                e.workspace_id = span.workspace_id AND e.kind = span.kind
                AND e.member_id = span.subject_id AND e.posted_at >= span.starts_at
                AND e.posted_at < span.ends_at AND e.operation IN ('hold', 'charge', 'meter');
        ELSE
            SELECT coalesce(sum(u.taken - u.returned), 0) INTO used
            FROM entries AS e
            CROSS JOIN LATERAL ledger_use(e.workspace_id, e.kind, e.sequence) AS u
            WHERE
                e.workspace_id = span.workspace_id AND e.kind = span.kind
                AND e.project_id = span.subject_id AND e.posted_at >= span.starts_at
                AND e.posted_at < span.ends_at AND e.operation IN ('hold', 'charge', 'meter');
        END IF;
        found := found || used;
    END LOOP;
    RETURN found;
END
$$;

-- The first line of a wallet that was written at an instant or later: lines are numbered without
-- gaps and never go back in time, so that some twenty looks find it.
CREATE OR REPLACE FUNCTION ledger_sequence_at(
    of_workspace uuid, of_kind text, instant timestamptz
) RETURNS bigint LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    before bigint := 0;
    after bigint;
    middle bigint;
    written_at timestamptz;
BEGIN
    SELECT w.sequence + 1 INTO after FROM wallets AS w
    WHERE w.workspace_id = of_workspace AND w.kind = of_kind;
    WHILE after - before > 1 LOOP
        middle := (before + after) / 2;
        SELECT e.posted_at INTO written_at FROM entries AS e
        WHERE e.workspace_id = of_workspace AND e.kind = of_kind AND e.sequence = middle;
        IF written_at >= instant THEN
            after := middle;
        ELSE
            before := middle;
        END IF;
    END LOOP;
    RETURN after;
END
$$;
