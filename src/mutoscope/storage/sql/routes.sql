-- The health of routes, what was spent a day, and what staff have to look at.

-- name: health
-- What is known of every route that had trouble.
SELECT route, failures, open_until, parked_at, parked_reason, changed_at
FROM route_health;

-- name: note_failure^
-- One more failure in a row.
INSERT INTO route_health (route, failures, changed_at)
VALUES (:route, 1, :at)
ON CONFLICT ON CONSTRAINT route_health_pkey DO UPDATE
SET failures = route_health.failures + 1, changed_at = excluded.changed_at
RETURNING failures;

-- name: open_breaker!
-- No orders over a route for a time.
UPDATE route_health SET open_until = :until, changed_at = :at
WHERE route = :route;

-- name: note_success!
-- They work: nothing is held against some routes any more.
UPDATE route_health SET failures = 0, open_until = NULL, changed_at = :at
WHERE route = any(:routes::text[]) AND failures > 0;

-- name: park!
-- No orders over a route until staff say so.
INSERT INTO route_health (route, failures, parked_at, parked_reason, changed_at)
VALUES (:route, 0, :at, :reason, :at)
ON CONFLICT ON CONSTRAINT route_health_pkey DO UPDATE
SET
    parked_at = excluded.parked_at, parked_reason = excluded.parked_reason,
    changed_at = excluded.changed_at;

-- name: unpark^
-- Staff let orders over a route again.
UPDATE route_health
SET parked_at = NULL, parked_reason = NULL, failures = 0, open_until = NULL, changed_at = :at
WHERE route = :route AND parked_at IS NOT NULL
RETURNING route;

-- name: claim_spend^
-- The list price of an order, if the day's limit leaves room for it.
INSERT INTO provider_spend AS s (spent_on, micros)
SELECT :spent_on::date, :micros::bigint
WHERE :micros::bigint <= :micros_max::bigint
ON CONFLICT ON CONSTRAINT provider_spend_pkey DO UPDATE
SET micros = s.micros + excluded.micros
WHERE s.micros + excluded.micros <= :micros_max::bigint
RETURNING micros;

-- name: return_spend!
-- An order that was not begun, or that cost less.
UPDATE provider_spend SET micros = greatest(micros - :micros::bigint, 0)
WHERE spent_on = :spent_on::date;

-- name: raise_alert!
-- Something for staff; the same trouble is told once until it is over.
INSERT INTO staff_alerts (alert_id, code, subject, sentence, raised_at)
VALUES (:alert_id, :code, :subject, :sentence, :at)
ON CONFLICT (code, subject) WHERE resolved_at IS NULL DO NOTHING;

-- name: resolve_alerts!
-- The trouble of a subject is over.
UPDATE staff_alerts SET resolved_at = :at
WHERE subject = :subject AND resolved_at IS NULL;

-- name: open_alerts
-- What staff have to look at, the oldest first.
SELECT alert_id, code, subject, sentence, raised_at
FROM staff_alerts
WHERE resolved_at IS NULL
ORDER BY raised_at
LIMIT :limit;
