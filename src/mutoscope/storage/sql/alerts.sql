-- Alerts: which wallets are to be looked at, what they look like, and what was told of them.

-- name: mark$
-- Up to which instant the journals were looked at; nothing before the first pass.
SELECT looked_until
FROM alert_marks
WHERE mark = 'journal';

-- name: write_mark!
-- The mark only ever moves on, whichever of two passes writes it last.
INSERT INTO alert_marks AS m (mark, looked_until) VALUES ('journal', :looked_until)
ON CONFLICT ON CONSTRAINT alert_marks_pkey DO UPDATE
SET looked_until = greatest(m.looked_until, excluded.looked_until);

-- name: moved_wallets
-- Wallets with entries of a span that were not looked at since. Those on which something is due are
-- left until it is posted: a month's end is no empty wallet. Look-ups are lateral ones with a
-- limit, so that a million wallets at rest cost nothing.
SELECT m.workspace_id, m.kind
FROM (
    SELECT DISTINCT e.workspace_id, e.kind
    FROM entries AS e
    WHERE e.posted_at >= :since AND e.posted_at < :until
) AS m
CROSS JOIN LATERAL (
    SELECT w.version, w.wake_at FROM wallets AS w
    WHERE w.workspace_id = m.workspace_id AND w.kind = m.kind
    LIMIT 1
) AS w
LEFT JOIN LATERAL (
    SELECT s.version FROM alert_states AS s
    WHERE s.workspace_id = m.workspace_id AND s.kind = m.kind
    LIMIT 1
) AS s ON TRUE
WHERE s.version IS DISTINCT FROM w.version AND (w.wake_at IS NULL OR w.wake_at > :at)
LIMIT :limit;

-- name: due_wallets
-- Wallets of which a lapse comes near though nothing was posted on them.
SELECT s.workspace_id, s.kind
FROM alert_states AS s
CROSS JOIN LATERAL (
    SELECT w.wake_at FROM wallets AS w
    WHERE w.workspace_id = s.workspace_id AND w.kind = s.kind
    LIMIT 1
) AS w
WHERE s.look_at <= :at AND (w.wake_at IS NULL OR w.wake_at > :at)
ORDER BY s.look_at
LIMIT :limit;

-- name: next_wallets
-- All wallets in the order of their names, for the first pass of a studio.
SELECT w.workspace_id, w.kind
FROM wallets AS w
WHERE
    (w.workspace_id, w.kind) > (:workspace_id, :kind)
    AND (w.wake_at IS NULL OR w.wake_at > :at)
ORDER BY w.workspace_id, w.kind
LIMIT :limit;

-- name: views
-- Some wallets with all that their alerts depend on. The reference is what the current period was
-- given, else the last grant of a trial, plan or pack. Wallets of an embedder have no workspace;
-- one on which something fell due meanwhile is left out.
SELECT
    w.workspace_id, w.kind, w.version, w.held,
    coalesce(s.change, 0) AS change, s.told_percent, coalesce(s.total, 0) AS total,
    coalesce(s.newest_lot, 0) AS told_newest_lot, s.told_lots, s.told_days, s.told_until,
    coalesce(g.newest_lot, 0) AS newest_lot,
    coalesce(g.current_plan, g.last_source, 0)::bigint AS reference,
    h.email, coalesce(h.zone, 'UTC') AS zone, h.trial_ends_at,
    h.closed_at IS NOT NULL AS is_closed, c.plan, c.version AS plan_version,
    array(
        SELECT l FROM lots AS l
        WHERE l.workspace_id = w.workspace_id AND l.kind = w.kind AND l.is_open
        ORDER BY l.effective_at
        LIMIT 10000
    ) AS lots,
    array(
        SELECT x FROM standing_grants AS x
        WHERE x.workspace_id = w.workspace_id AND x.kind = w.kind
        LIMIT 100
    ) AS standing,
    array(
        SELECT p FROM alert_preferences AS p
        WHERE p.workspace_id = w.workspace_id
        LIMIT 100
    ) AS preferences
FROM unnest(:workspaces::uuid[], :kinds::text[]) AS n (workspace_id, kind)
INNER JOIN wallets AS w ON w.workspace_id = n.workspace_id AND w.kind = n.kind
LEFT JOIN alert_states AS s ON s.workspace_id = n.workspace_id AND s.kind = n.kind
LEFT JOIN workspaces AS h ON h.workspace_id = n.workspace_id
LEFT JOIN subscriptions AS c ON c.workspace_id = n.workspace_id AND c.ends_at IS NULL
CROSS JOIN LATERAL (
    SELECT
        max(x.lot) AS newest_lot,
        sum(x.amount) FILTER (
            WHERE x.source = 'plan' AND x.effective_at <= :at AND x.expires_at > :at
        ) AS current_plan,
        (
            array_agg(x.amount ORDER BY x.lot DESC)
            FILTER (WHERE x.source IN ('trial', 'plan', 'pack'))
        )[1] AS last_source
    FROM (
        SELECT y.lot, y.granted AS amount, y.source, y.effective_at, y.expires_at
        FROM stored_lots AS y
        WHERE y.workspace_id = n.workspace_id AND y.kind = n.kind
        ORDER BY y.lot DESC
        LIMIT 50
    ) AS x
) AS g
WHERE w.wake_at IS NULL OR w.wake_at > :at;

-- name: write_states
-- What is remembered of some wallets, unless another pass was first: it returns those written.
INSERT INTO alert_states AS s (
    workspace_id, kind, version, change, told_percent, total, newest_lot, told_lots, told_days,
    told_until, look_at
)
SELECT
    n.workspace_id, n.kind, n.version, n.change, n.told_percent, n.total, n.newest_lot,
    n.told_lots, n.told_days, n.told_until, n.look_at
FROM unnest(:states::alert_states[]) AS n
ORDER BY n.workspace_id, n.kind
ON CONFLICT ON CONSTRAINT alert_states_pkey DO UPDATE
SET
    version = excluded.version, change = excluded.change,
    told_percent = excluded.told_percent, total = excluded.total,
    newest_lot = excluded.newest_lot, told_lots = excluded.told_lots,
    told_days = excluded.told_days, told_until = excluded.told_until, look_at = excluded.look_at
WHERE s.change = excluded.change - 1
RETURNING s.workspace_id, s.kind;

-- name: write_alerts$
-- New alerts, in the transaction of what they tell about.
WITH written AS (
    INSERT INTO alerts (
        workspace_id, alert_id, code, kind, threshold, credits, sentence, data, raised_at, read_at
    )
    SELECT
        n.workspace_id, n.alert_id, n.code, n.kind, n.threshold, n.credits, n.sentence, n.data,
        n.raised_at, n.read_at
    FROM unnest(:alerts::alerts[]) AS n
    ON CONFLICT ON CONSTRAINT alerts_pkey DO NOTHING
    RETURNING alert_id
)

SELECT count(*) FROM written;

-- name: page
-- The alerts of a workspace, newest first, a page at a time.
SELECT alert_id, code, kind, threshold, credits, sentence, data, raised_at, read_at
FROM alerts
WHERE
    workspace_id = :workspace_id AND (raised_at, alert_id) < (:before_at, :before_id)
    AND (NOT :is_unread OR read_at IS NULL)
ORDER BY raised_at DESC, alert_id DESC
LIMIT :limit;

-- name: mark_read^
-- Somebody has read an alert; the first reading counts.
UPDATE alerts SET read_at = coalesce(read_at, greatest(:at, raised_at))
WHERE workspace_id = :workspace_id AND alert_id = :alert_id
RETURNING alert_id, code, kind, threshold, credits, sentence, data, raised_at, read_at;

-- name: mark_all_read$
-- Somebody has read all that was raised by then.
WITH written AS (
    UPDATE alerts SET read_at = greatest(:at, raised_at)
    WHERE workspace_id = :workspace_id AND read_at IS NULL AND raised_at <= :at
    RETURNING alert_id
)

SELECT count(*) FROM written;

-- name: preferences
-- What a workspace has set; nothing for what was left as it is.
SELECT code, by_email, by_webhook
FROM alert_preferences
WHERE workspace_id = :workspace_id;

-- name: write_preference!
-- Where alerts of a kind go from now on.
INSERT INTO alert_preferences (workspace_id, code, by_email, by_webhook)
VALUES (:workspace_id, :code, :by_email, :by_webhook)
ON CONFLICT ON CONSTRAINT alert_preferences_pkey DO UPDATE
SET by_email = excluded.by_email, by_webhook = excluded.by_webhook;
