-- Webhooks: where events are sent, and each event on its way to each endpoint.

-- name: add_endpoint$
-- A new endpoint; the same idempotency key again changes nothing.
WITH written AS (
    INSERT INTO webhook_endpoints (
        workspace_id, endpoint_id, creation_key, url, event_types, secret, state, created_at
    )
    VALUES (
        :workspace_id, :endpoint_id, :creation_key, :url, :event_types, :secret, 'on', :created_at
    )
    ON CONFLICT DO NOTHING
    RETURNING endpoint_id
)

SELECT count(*) FROM written;

-- name: endpoint^
-- One endpoint, unless it was removed.
SELECT
    endpoint_id, creation_key, url, event_types, secret, previous_secret, previous_until,
    rotation_key, state, off_reason, failing_since, created_at, off_at
FROM webhook_endpoints
WHERE workspace_id = :workspace_id AND endpoint_id = :endpoint_id AND removed_at IS NULL;

-- name: endpoints
-- The endpoints of a workspace by age, without those that were removed.
SELECT
    endpoint_id, creation_key, url, event_types, secret, previous_secret, previous_until,
    rotation_key, state, off_reason, failing_since, created_at, off_at
FROM webhook_endpoints
WHERE workspace_id = :workspace_id AND removed_at IS NULL
ORDER BY created_at, endpoint_id
LIMIT :limit;

-- name: count_endpoints$
-- How many endpoints a workspace has.
SELECT count(*) FROM webhook_endpoints
WHERE workspace_id = :workspace_id AND removed_at IS NULL;

-- name: change_endpoint$
-- Another address, other events, on or off; switched on it is no longer taken to be failing.
WITH written AS (
    UPDATE webhook_endpoints
    SET
        url = :url, event_types = :event_types,
        state = CASE WHEN :is_on::boolean THEN 'on' ELSE 'off' END,
        off_at = CASE WHEN :is_on THEN NULL ELSE coalesce(off_at, :at) END,
        off_reason = CASE WHEN :is_on THEN NULL ELSE coalesce(off_reason, 'asked') END,
        failing_since = CASE WHEN state = 'on' AND :is_on THEN failing_since END
    WHERE workspace_id = :workspace_id AND endpoint_id = :endpoint_id AND removed_at IS NULL
    RETURNING endpoint_id
)

SELECT count(*) FROM written;

-- name: remove_endpoint$
-- Nothing more is sent to it, not what waits either; what was sent stays on record.
WITH given_up AS (
    UPDATE webhook_deliveries
    SET state = 'failed', next_try_at = NULL, finished_at = :at, error = 'the webhook was removed'
    WHERE workspace_id = :workspace_id AND endpoint_id = :endpoint_id AND state = 'waiting'
),

written AS (
    UPDATE webhook_endpoints
    SET state = 'removed', removed_at = :at, secret = '', previous_secret = NULL,
        previous_until = NULL
    WHERE workspace_id = :workspace_id AND endpoint_id = :endpoint_id AND removed_at IS NULL
    RETURNING endpoint_id
)

SELECT count(*) FROM written;

-- name: rotate_secret$
-- A new secret; the one before signs along until its end. A repeat of the last key changes nothing.
WITH written AS (
    UPDATE webhook_endpoints
    SET
        previous_secret = secret, previous_until = :previous_until, secret = :secret,
        rotation_key = :rotation_key
    WHERE
        workspace_id = :workspace_id AND endpoint_id = :endpoint_id AND removed_at IS NULL
        AND rotation_key IS DISTINCT FROM :rotation_key
    RETURNING endpoint_id
)

SELECT count(*) FROM written;

-- name: write_events!
-- Events on their way to every endpoint that wants them, in the transaction of what they tell.
INSERT INTO webhook_deliveries (
    workspace_id, endpoint_id, event_id, type, body, state, next_try_at, created_at
)
SELECT
    n.workspace_id, d.endpoint_id, n.event_id, n.type, d.body, 'waiting', n.created_at,
    n.created_at
FROM unnest(:events::webhook_event[]) AS n
CROSS JOIN LATERAL
    event_deliveries(n.workspace_id, n.event_id, n.type, n.created_at, n.data) AS d
ON CONFLICT ON CONSTRAINT webhook_deliveries_pkey DO NOTHING;

-- name: take_due
-- Deliveries whose time has come, each taken by one worker: it counts the try, and comes again
-- after the lease if the worker dies. Endpoints that are off keep theirs waiting.
WITH due AS (
    SELECT d.workspace_id, d.endpoint_id, d.event_id, e.url, e.secret,
        CASE WHEN e.previous_until > :at THEN e.previous_secret END AS previous_secret
    FROM webhook_deliveries AS d
    CROSS JOIN LATERAL (
        SELECT x.url, x.secret, x.previous_secret, x.previous_until
        FROM webhook_endpoints AS x
        WHERE
            x.workspace_id = d.workspace_id AND x.endpoint_id = d.endpoint_id
            AND x.state = 'on'
        LIMIT 1
    ) AS e
    WHERE d.state = 'waiting' AND d.next_try_at <= :at
    ORDER BY d.next_try_at
    LIMIT :limit
    FOR UPDATE OF d SKIP LOCKED
)

UPDATE webhook_deliveries AS d
SET tries = d.tries + 1, next_try_at = :again_at
FROM due AS n
WHERE
    d.workspace_id = n.workspace_id AND d.endpoint_id = n.endpoint_id
    AND d.event_id = n.event_id
RETURNING
    d.workspace_id, d.endpoint_id, d.event_id, d.tries, d.body, n.url, n.secret,
    n.previous_secret;

-- name: note_outcomes$
-- What became of tries; one that another worker took over is left alone.
WITH written AS (
    UPDATE webhook_deliveries AS d
    SET
        state = n.state, next_try_at = n.next_try_at, status = n.status, error = n.error,
        finished_at = n.finished_at
    FROM unnest(:outcomes::webhook_outcome[]) AS n
    WHERE
        d.workspace_id = n.workspace_id AND d.endpoint_id = n.endpoint_id
        AND d.event_id = n.event_id AND d.state = 'waiting' AND d.tries = n.tries
    RETURNING d.event_id
)

SELECT count(*) FROM written;

-- name: note_success!
-- Endpoints that took something are not failing.
UPDATE webhook_endpoints AS e SET failing_since = NULL
FROM unnest(:workspaces::uuid[], :endpoints::uuid[]) AS n (workspace_id, endpoint_id)
WHERE
    e.workspace_id = n.workspace_id AND e.endpoint_id = n.endpoint_id
    AND e.failing_since IS NOT NULL;

-- name: note_failure!
-- Endpoints that fail, since when.
UPDATE webhook_endpoints AS e SET failing_since = :at
FROM unnest(:workspaces::uuid[], :endpoints::uuid[]) AS n (workspace_id, endpoint_id)
WHERE
    e.workspace_id = n.workspace_id AND e.endpoint_id = n.endpoint_id
    AND e.failing_since IS NULL AND e.state = 'on';

-- name: switch_off
-- Endpoints that are gone, or have failed for days without one success: each is told once.
UPDATE webhook_endpoints AS e
SET state = 'off', off_at = :at,
    off_reason = CASE WHEN n.is_gone THEN 'gone' ELSE 'failing' END
FROM unnest(:workspaces::uuid[], :endpoints::uuid[], :gone::boolean[])
AS n (workspace_id, endpoint_id, is_gone)
WHERE
    e.workspace_id = n.workspace_id AND e.endpoint_id = n.endpoint_id AND e.state = 'on'
    AND (n.is_gone OR e.failing_since <= :failing_before)
RETURNING e.workspace_id, e.endpoint_id, e.url, e.off_reason;

-- name: deliveries
-- What was sent to an endpoint, newest first, a page at a time.
SELECT
    endpoint_id, event_id, type, body, state, tries, next_try_at, status, error, created_at,
    finished_at
FROM webhook_deliveries
WHERE
    workspace_id = :workspace_id AND endpoint_id = :endpoint_id
    AND (created_at, event_id) < (:before_at, :before_id)
ORDER BY created_at DESC, event_id DESC
LIMIT :limit;

-- name: replay^
-- The same event once more, at once, with all its tries.
UPDATE webhook_deliveries
SET state = 'waiting', tries = 0, next_try_at = :at, status = NULL, error = NULL,
    finished_at = NULL
WHERE
    workspace_id = :workspace_id AND endpoint_id = :endpoint_id AND event_id = :event_id
RETURNING
    endpoint_id, event_id, type, body, state, tries, next_try_at, status, error, created_at,
    finished_at;

-- name: forget$
-- Deliveries that came to their end before an instant; one that is sent again meanwhile is left.
WITH old AS (
    SELECT d.workspace_id, d.endpoint_id, d.event_id
    FROM webhook_deliveries AS d
    WHERE d.finished_at < :before
    ORDER BY d.finished_at
    LIMIT :limit
    FOR UPDATE OF d SKIP LOCKED
),

forgotten AS (
    DELETE FROM webhook_deliveries AS d
    USING old AS o
    WHERE
        d.workspace_id = o.workspace_id AND d.endpoint_id = o.endpoint_id
        AND d.event_id = o.event_id
    RETURNING d.event_id
)

SELECT count(*) FROM forgotten;
