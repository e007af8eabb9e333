-- Money that waits for staff, and what they noted about it.

-- name: waiting
-- Payments that wait for staff, of one workspace when it is named, the eldest first.
SELECT p AS found FROM payments AS p
WHERE
    p.state = 'parked'
    AND (:workspace_id::uuid IS NULL OR p.workspace_id = :workspace_id)
ORDER BY p.received_at, p.payment_id
LIMIT :limit;

-- name: of_requests
-- Payments of a workspace that wait for staff and name one of these requests, the eldest first.
SELECT p AS found FROM payments AS p
WHERE
    p.state = 'parked' AND p.workspace_id = :workspace_id
    AND p.request_id = any(:requests::uuid[])
ORDER BY p.received_at, p.payment_id;

-- name: disputed
-- Of some payments those that are or were disputed, whether that is open, and how much the bank
-- took back; there are few disputes in all.
SELECT
    d.payment_id, bool_or(d.state = 'open') AS is_open,
    coalesce(sum(d.amount) FILTER (WHERE d.state = 'lost'), 0)::bigint AS taken
FROM disputes AS d
WHERE d.payment_id = any(:payments::uuid[])
GROUP BY d.payment_id;

-- name: notes
-- What staff noted last about each payment, when they entered it or kept it open; a reason may have
-- been erased.
SELECT DISTINCT ON (l.data ->> 'payment_id')
    (l.data ->> 'payment_id')::uuid AS payment_id, s.name, l.at, r.reason
FROM audit_lines AS l
LEFT JOIN audit_reasons AS r ON l.sequence = r.sequence
LEFT JOIN staff AS s ON l.staff_id = s.staff_id
WHERE
    l.action IN ('keep_payment', 'enter_payment')
    AND l.data ->> 'payment_id' = any(:payments::text[])
ORDER BY l.data ->> 'payment_id', l.sequence DESC;
