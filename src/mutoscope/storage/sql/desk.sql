-- What desk actions look at, and what they change of a workspace beside its credits.

-- name: people
-- The addresses of all who belong to a workspace, or are invited.
SELECT w.email
FROM workspaces AS w
WHERE w.workspace_id = :workspace_id AND w.email IS NOT NULL
UNION
SELECT n.email
FROM members AS m
INNER JOIN member_names AS n ON m.workspace_id = n.workspace_id AND m.member_id = n.member_id
WHERE m.workspace_id = :workspace_id AND m.removed_at IS NULL;

-- name: enable_purchases$
-- Purchases are opened, where they were closed and the plan is the one that was looked at.
WITH written AS (
    UPDATE workspaces AS w SET purchases_enabled_at = n.at
    FROM unnest(:workspaces::uuid[], :plans::text[], :instants::timestamptz[])
        AS n (workspace_id, plan, at)
    INNER JOIN subscriptions AS s
        ON n.workspace_id = s.workspace_id AND n.plan = s.plan AND s.ends_at IS NULL
    WHERE
        w.workspace_id = n.workspace_id AND w.purchases_enabled_at IS NULL AND w.closed_at IS NULL
    RETURNING w.workspace_id
)

SELECT count(*) FROM written;

-- name: disable_purchases$
-- Purchases are closed, where they were open.
WITH written AS (
    UPDATE workspaces AS w SET purchases_enabled_at = NULL
    FROM unnest(:workspaces::uuid[]) AS n (workspace_id)
    WHERE w.workspace_id = n.workspace_id AND w.purchases_enabled_at IS NOT NULL
    RETURNING w.workspace_id
)

SELECT count(*) FROM written;

-- name: give_goodwill$
-- Counts goodwill against its month, where the month has room for it; the month's row is the lock.
WITH given AS (
    INSERT INTO goodwill_months AS m (month, kind, granted, granted_max)
    SELECT n.month, n.kind, n.granted, n.granted_max
    FROM unnest(:months::date[], :kinds::text[], :credits::bigint[], :limits::bigint[])
        AS n (month, kind, granted, granted_max)
    WHERE n.granted <= n.granted_max
    ON CONFLICT ON CONSTRAINT goodwill_months_pkey DO UPDATE
    SET granted = m.granted + excluded.granted, granted_max = excluded.granted_max
    WHERE m.granted + excluded.granted <= excluded.granted_max
    RETURNING m.kind
)

SELECT count(*) FROM given;

-- name: goodwill_of^
-- Goodwill of a kind that was given in a month.
SELECT granted FROM goodwill_months
WHERE month = :month AND kind = :kind;

-- name: lots_of
-- Where credits that come back to some lots of a wallet would go, and what the lots were bought by.
SELECT l.lot, l.state, l.expires_at, p.purchase_id
FROM lots AS l
LEFT JOIN purchases AS p
    ON l.workspace_id = p.workspace_id AND l.reference = p.purchase_id::text AND l.source = 'pack'
WHERE l.workspace_id = :workspace_id AND l.kind = :kind AND l.lot = any(:lots::bigint[]);

-- name: refund_of^
-- The refund of an entry, if there was one.
SELECT e.sequence FROM entries AS e
WHERE
    e.workspace_id = :workspace_id AND e.kind = :kind AND e.refers_to = :sequence
    AND e.operation = 'refund';

-- name: expect_returned$
-- Entries by which so many credits came back to lots that had lapsed, and to lots taken back.
SELECT count(*)
FROM
    unnest(
        :workspaces::uuid[], :namespaces::text[], :keys::text[], :lapsed::bigint[],
        :voided::bigint[]
    ) AS n (workspace_id, namespace, key, lapsed, voided)
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(p.amount) FILTER (WHERE l.state = 'voided'), 0) AS voided,
        coalesce(sum(p.amount) FILTER (
            WHERE l.state IN ('open', 'frozen') AND l.expires_at <= e.due_at
        ), 0) AS lapsed
    FROM entries AS e
    INNER JOIN postings AS p
        ON e.workspace_id = p.workspace_id AND e.kind = p.kind AND e.sequence = p.sequence
    INNER JOIN lots AS l
        ON p.workspace_id = l.workspace_id AND p.kind = l.kind AND p.lot = l.lot
    WHERE e.workspace_id = n.workspace_id AND e.namespace = n.namespace AND e.key = n.key
) AS f
WHERE f.lapsed = n.lapsed AND f.voided = n.voided;
