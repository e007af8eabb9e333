-- Refills: what buys itself when few credits are left.

-- name: set_refill!
-- What is bought by itself, and when; set anew it begins without declines.
INSERT INTO refills (workspace_id, kind, pack, threshold, monthly_max, set_at)
VALUES (:workspace_id, :kind, :pack, :threshold, :monthly_max, :set_at)
ON CONFLICT ON CONSTRAINT refills_pkey DO UPDATE
SET pack = excluded.pack, threshold = excluded.threshold, monthly_max = excluded.monthly_max,
    declines = 0, rests_until = NULL, set_at = excluded.set_at;

-- name: drop_refill$
-- Nothing is bought by itself any more.
WITH dropped AS (
    DELETE FROM refills
    WHERE workspace_id = :workspace_id AND kind = :kind
    RETURNING workspace_id
)

SELECT count(*) FROM dropped;

-- name: refills_of
-- What a workspace lets be bought by itself.
SELECT r AS found FROM refills AS r
WHERE r.workspace_id = :workspace_id
ORDER BY r.kind;

-- name: low_refills
-- Refills whose wallet has less than the threshold, orders that are under way counted in; what they
-- spent in the month before the instant, and how many there ever were.
SELECT
    r AS found,
    coalesce(o.spent, 0) AS spent,
    coalesce(o.refills, 0) AS refills
FROM refills AS r
INNER JOIN wallets AS w ON r.workspace_id = w.workspace_id AND r.kind = w.kind
LEFT JOIN LATERAL (
    SELECT
        sum(p.credits) FILTER (WHERE p.state IN ('ordered', 'paid')) AS pending,
        sum(p.price) FILTER (
            WHERE p.is_refill AND p.state <> 'cancelled'
            AND p.ordered_at > :at::timestamptz - interval '1 month'
        ) AS spent,
        count(*) FILTER (WHERE p.is_refill) AS refills
    FROM purchases AS p
    WHERE p.workspace_id = r.workspace_id AND p.kind = r.kind
) AS o ON TRUE
WHERE
    (r.rests_until IS NULL OR r.rests_until <= :at)
    AND w.available + coalesce(o.pending, 0) < r.threshold
ORDER BY r.workspace_id, r.kind
LIMIT :limit;

-- name: unpaid_refills
-- Refills with an order since an instant that is asked to be paid and is not, the eldest first.
SELECT
    r AS found,
    q AS request
FROM refills AS r
INNER JOIN purchases AS p ON r.workspace_id = p.workspace_id AND r.kind = p.kind
INNER JOIN payment_requests AS q
    ON p.workspace_id = q.workspace_id AND p.request_id = q.request_id
WHERE p.is_refill AND p.state = 'ordered' AND p.ordered_at > :since AND q.state = 'open'
ORDER BY p.ordered_at, p.purchase_id
LIMIT :limit;

-- name: rest_refill!
-- A refill that was declined rests; one that went through begins anew.
UPDATE refills SET declines = :declines, rests_until = :rests_until
WHERE workspace_id = :workspace_id AND kind = :kind;
