-- What payment gateways tell by themselves, and the studio's own book of payments beside theirs.

-- name: keep_event^
-- An event as it came; the same id again is nothing new.
INSERT INTO payment_events (
    gateway, event_id, code, body, payment_reference, refund_reference, dispute_reference,
    created_at, received_at, retry_at, processed_at, outcome
)
VALUES (
    :gateway, :event_id, :code, :body, :payment_reference, :refund_reference, :dispute_reference,
    :created_at, :received_at, :retry_at, :processed_at, :outcome
)
ON CONFLICT ON CONSTRAINT payment_events_pkey DO NOTHING
RETURNING event_id;

-- name: take_event^
-- The event that waits longest, for one process: another may take it after a pause that doubles
-- with every try, so that one which always fails holds up no other.
UPDATE payment_events AS e SET
    tries = e.tries + 1,
    retry_at = :at::timestamptz
    + least(:pause_max::interval, :pause::interval * power(2, least(e.tries, 20)))
FROM (
    SELECT gateway, event_id
    FROM payment_events
    WHERE outcome IS NULL AND retry_at <= :at
    ORDER BY retry_at, event_id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
) AS w
WHERE e.gateway = w.gateway AND e.event_id = w.event_id
RETURNING
    e.gateway, e.event_id, e.code, e.payment_reference, e.refund_reference, e.dispute_reference,
    e.created_at, e.received_at, e.tries, e.retry_at, e.reason, e.processed_at, e.outcome;

-- name: finish_event!
-- What came of an event, once; two processes may have looked into it.
UPDATE payment_events SET
    outcome = :outcome, processed_at = :at, retry_at = NULL, reason = NULL
WHERE gateway = :gateway AND event_id = :event_id AND outcome IS NULL;

-- name: note_failure!
-- Why it was not possible to look into an event; it is tried again.
UPDATE payment_events SET reason = :reason
WHERE gateway = :gateway AND event_id = :event_id AND outcome IS NULL;

-- name: events
-- What came before the one that was reached, the newest first; those alone that wait, where these
-- are asked for.
SELECT
    gateway, event_id, code, payment_reference, refund_reference, dispute_reference, created_at,
    received_at, tries, retry_at, reason, processed_at, outcome
FROM payment_events
WHERE
    (outcome IS NULL OR NOT :is_waiting::boolean)
    AND (received_at, event_id) < (:before_at, :before_id)
ORDER BY received_at DESC, event_id DESC
LIMIT :limit;

-- name: booked
-- Payments of ours by the gateway's references, what went back over it, and what was asked back and
-- has no end yet.
SELECT
    c.reference, p.workspace_id, p.payment_id, p.amount, p.currency,
    p.refunded - coalesce((
        SELECT sum(r.amount)
        FROM refunds AS r
        WHERE
            r.workspace_id = p.workspace_id AND r.payment_id = p.payment_id
            AND r.state = 'succeeded' AND refund_gateway(r.workspace_id, r.refund_id) <> p.gateway
    ), 0)::bigint AS refunded,
    coalesce((
        SELECT sum(r.amount)
        FROM refunds AS r
        WHERE r.workspace_id = p.workspace_id AND r.payment_id = p.payment_id AND r.state = 'asked'
    ), 0)::bigint AS asked_back
FROM unnest(:names::text[]) AS asked (reference)
INNER JOIN payment_claims AS c ON c.gateway = :gateway AND asked.reference = c.reference
INNER JOIN payments AS p ON c.workspace_id = p.workspace_id AND c.payment_id = p.payment_id;

-- name: booked_since
-- References of what came over a gateway since an instant.
SELECT reference
FROM payments
WHERE gateway = :gateway AND received_at >= :since
ORDER BY received_at, reference;

-- name: refunds_in_doubt
-- Refunds that were asked for a while ago and have not ended, with the payments that they are of.
SELECT r.workspace_id, r.refund_id, r.reference, p.reference AS payment_reference
FROM refunds AS r
INNER JOIN payments AS p ON r.workspace_id = p.workspace_id AND r.payment_id = p.payment_id
WHERE r.state = 'asked' AND r.asked_at < :before AND p.gateway = :gateway
ORDER BY r.asked_at, r.refund_id
LIMIT :limit;

-- name: refunds_sent
-- Refunds of a payment that have gone out over its gateway, by the gateway's names.
SELECT r.reference
FROM refunds AS r
INNER JOIN payments AS p ON r.workspace_id = p.workspace_id AND r.payment_id = p.payment_id
WHERE
    p.gateway = :gateway AND p.reference = :payment_reference AND r.state = 'succeeded'
    AND r.reference IS NOT NULL AND refund_gateway(r.workspace_id, r.refund_id) = p.gateway
ORDER BY r.asked_at, r.refund_id;

-- name: note_refund_reference!
-- What the gateway calls a refund, told by the key that it was sent under.
UPDATE refunds SET reference = :reference
WHERE
    workspace_id = :workspace_id AND refund_id = :refund_id AND reference IS NULL
    AND state = 'asked';
