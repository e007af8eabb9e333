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
