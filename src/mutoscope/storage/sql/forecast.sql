-- Forecasts: the use of the last days, and the grants that are promised.

-- name: daily_use
-- What a workspace captured of each kind on each of the last days, counted back from an instant: a
-- refund counts on the day of what it gives back, metered use not at all. The span begins after a
-- known entry of each wallet, so that its own postings alone are read.
SELECT n.kind, f.due_at AS first_at, u.day, u.amount
FROM unnest(:kinds::text[], :afters::bigint[]) AS n (kind, after)
CROSS JOIN LATERAL (
    SELECT x.due_at FROM entries AS x
    WHERE x.workspace_id = :workspace_id AND x.kind = n.kind AND x.sequence = 1
    LIMIT 1
) AS f
LEFT JOIN LATERAL (
    SELECT
        d.day,
        sum(CASE WHEN p.target = 'captured' THEN p.amount ELSE -p.amount END)::bigint AS amount
    FROM postings AS p
    CROSS JOIN LATERAL (
        SELECT x.due_at, x.operation, x.refers_to FROM entries AS x
        WHERE
            x.workspace_id = p.workspace_id AND x.kind = p.kind AND x.sequence = p.sequence
        LIMIT 1
    ) AS e
    LEFT JOIN LATERAL (
        SELECT x.due_at FROM entries AS x
        WHERE
            e.operation = 'refund' AND x.workspace_id = p.workspace_id AND x.kind = p.kind
            AND x.sequence = e.refers_to
        LIMIT 1
    ) AS o ON TRUE
    CROSS JOIN LATERAL (
        SELECT
            floor(
                extract(EPOCH FROM :at::timestamptz - coalesce(o.due_at, e.due_at)) / 86400
            )::bigint AS day
    ) AS d
    WHERE
        p.workspace_id = :workspace_id AND p.kind = n.kind AND p.sequence > n.after
        AND 'captured' IN (p.source, p.target)
    GROUP BY d.day
) AS u ON TRUE
ORDER BY n.kind, u.day;

-- name: promises
-- What is granted each period, and until when: a plan that is cancelled gives nothing from then on.
SELECT
    s.kind, s.subscription_id, s.amount, s.anchor_at, s.zone, s.next_index, s.change,
    least(s.ends_at, c.cancels_at) AS ends_at, s.begins_at
FROM standing_grants AS s
LEFT JOIN subscriptions AS c
    ON c.workspace_id = s.workspace_id AND c.subscription_id = s.subscription_id
WHERE s.workspace_id = :workspace_id
ORDER BY s.kind, s.subscription_id, s.change;
