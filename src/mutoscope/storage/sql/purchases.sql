-- Purchases of credits, money that goes back, and promo codes.

-- name: add_purchases$
-- New orders.
WITH written AS (
    INSERT INTO purchases (
        workspace_id, purchase_id, request_id, pack, kind, credits, price, currency, version,
        state, is_refill, ordered_by, ordered_at
    )
    SELECT
        n.workspace_id, n.purchase_id, n.request_id, n.pack, n.kind, n.credits, n.price,
        n.currency, n.version, n.state, n.is_refill, n.ordered_by, n.ordered_at
    FROM unnest(:purchases::purchases[]) AS n
    ON CONFLICT DO NOTHING
    RETURNING workspace_id
)

SELECT count(*) FROM written;

-- name: change_purchases$
-- Purchases as they are from now on, where they still are as they were read.
-- Webhooks are told of credits that come for money that came; a refund that failed and a dispute
-- that was won give no others. The grant is written by now: its lot is the newest of the purchase.
WITH written AS (
    UPDATE purchases AS p
    SET
        state = n.state, paid_at = n.paid_at, granted_at = n.granted_at, ended_at = n.ended_at,
        taken_back = n.taken_back, refunded = n.refunded, debt = n.debt
    FROM
        unnest(
            :purchases::purchases[], :before::text[], :taken_back::bigint[], :refunded::bigint[]
        ) AS n (
            workspace_id, purchase_id, request_id, pack, kind, credits, price, currency, version,
            state, is_refill, ordered_by, ordered_at, paid_at, granted_at, ended_at, taken_back,
            refunded, debt, state_before, taken_back_before, refunded_before
        )
    WHERE
        p.workspace_id = n.workspace_id AND p.purchase_id = n.purchase_id
        AND p.state = n.state_before AND p.taken_back = n.taken_back_before
        AND p.refunded = n.refunded_before
    RETURNING
        p.workspace_id, p.purchase_id, p.pack, p.kind, p.credits, p.price, p.currency,
        p.is_refill, p.granted_at, p.state, n.state_before
),

granted AS (
    SELECT
        w.workspace_id, w.purchase_id, w.pack, w.kind, w.credits, l.lot, w.price, w.currency,
        w.is_refill, w.granted_at
    FROM written AS w
    LEFT JOIN LATERAL (
        SELECT g.lot FROM stored_lots AS g
        WHERE
            g.workspace_id = w.workspace_id AND g.kind = w.kind
            AND g.reference = w.purchase_id::text
        ORDER BY g.lot DESC
        LIMIT 1
    ) AS l ON TRUE
    WHERE w.state = 'granted' AND w.state_before IN ('ordered', 'paid')
),

told AS (
    INSERT INTO webhook_deliveries (
        workspace_id, endpoint_id, event_id, type, body, state, next_try_at, created_at
    )
    SELECT
        g.workspace_id, d.endpoint_id, g.purchase_id, 'purchase.granted', d.body, 'waiting',
        g.granted_at, g.granted_at
    FROM granted AS g
    CROSS JOIN LATERAL
        event_deliveries(
            g.workspace_id, g.purchase_id, 'purchase.granted', g.granted_at, to_jsonb(g)
        ) AS d
    ON CONFLICT ON CONSTRAINT webhook_deliveries_pkey DO NOTHING
)

SELECT count(*) FROM written;

-- name: purchase^
-- A purchase of a workspace.
SELECT p AS found FROM purchases AS p
WHERE p.workspace_id = :workspace_id AND p.purchase_id = :purchase_id;

-- name: list_purchases
-- Purchases of a workspace before the one that was reached, the newest first.
SELECT p AS found FROM purchases AS p
WHERE p.workspace_id = :workspace_id AND (p.ordered_at, p.purchase_id) < (:before_at, :before_id)
ORDER BY p.ordered_at DESC, p.purchase_id DESC
LIMIT :limit;

-- name: waiting_purchases
-- Purchases that are paid and wait for staff, the eldest first.
SELECT
    p AS found, w.closed_at IS NOT NULL AS is_closed
FROM purchases AS p
INNER JOIN workspaces AS w ON p.workspace_id = w.workspace_id
WHERE p.state = 'paid'
ORDER BY p.paid_at, p.purchase_id
LIMIT :limit;

-- name: add_refunds$
-- Money that is to go back.
WITH written AS (
    INSERT INTO refunds (
        workspace_id, refund_id, payment_id, purchase_id, credits, amount, currency, state,
        reason, asked_at
    )
    SELECT
        n.workspace_id, n.refund_id, n.payment_id, n.purchase_id, n.credits, n.amount,
        n.currency, n.state, n.reason, n.asked_at
    FROM unnest(:refunds::refunds[]) AS n
    ON CONFLICT DO NOTHING
    RETURNING workspace_id
),

counted AS (
    UPDATE payments AS p SET refunded = p.refunded + n.amount
    FROM unnest(:refunds::refunds[]) AS n
    WHERE p.workspace_id = n.workspace_id AND p.payment_id = n.payment_id
    RETURNING p.workspace_id
)

SELECT least((SELECT count(*) FROM written), (SELECT count(*) FROM counted));

-- name: finish_refunds$
-- Refunds of which an outcome is told, each where it stands as it was read. What failed counts no
-- more against its payment, and a payment that was to go back whole waits for staff again, unless
-- lost disputes have taken all of it; what was owed and is sent counts anew.
WITH told AS (
    SELECT
        n.workspace_id, n.refund_id, n.before, n.state, n.outcome, n.gateway, n.reference, n.told_at
    FROM
        unnest(
            :workspaces::uuid[], :refunds::uuid[], :before::text[], :states::text[],
            :outcomes::text[], :gateways::text[], :names::text[], :instants::timestamptz[]
        ) AS n (workspace_id, refund_id, before, state, outcome, gateway, reference, told_at)
),

written AS (
    UPDATE refunds AS r
    SET state = n.state, finished_at = n.told_at, reference = coalesce(n.reference, r.reference)
    FROM told AS n
    WHERE
        r.workspace_id = n.workspace_id AND r.refund_id = n.refund_id AND r.state = n.before
    RETURNING
        r.workspace_id, r.refund_id, r.payment_id, r.amount, r.reference, n.before, n.outcome,
        n.gateway, n.told_at
),

noted AS (
    INSERT INTO refund_outcomes (
        workspace_id, refund_id, ordinal, outcome, gateway, reference, told_at
    )
    SELECT
        w.workspace_id, w.refund_id,
        1 + (
            SELECT count(*) FROM refund_outcomes AS o
            WHERE o.workspace_id = w.workspace_id AND o.refund_id = w.refund_id
        ),
        w.outcome, w.gateway, w.reference, w.told_at
    FROM written AS w
),

touched AS (
    SELECT
        w.workspace_id, w.payment_id, m.state = 'returned' AS was_returned,
        CASE w.outcome WHEN 'failed' THEN -w.amount ELSE w.amount END AS refunded,
        m.amount <= (
            SELECT coalesce(sum(d.amount), 0) FROM disputes AS d
            WHERE
                d.workspace_id = w.workspace_id AND d.payment_id = w.payment_id
                AND d.state = 'lost'
        ) AS is_taken
    FROM written AS w
    INNER JOIN payments AS m ON w.workspace_id = m.workspace_id AND w.payment_id = m.payment_id
    WHERE w.outcome = 'failed' OR w.before = 'owed'
),

counted AS (
    UPDATE payments AS p
    SET refunded = p.refunded + t.refunded,
        state = CASE WHEN t.was_returned AND NOT t.is_taken THEN 'parked' ELSE p.state END,
        reason = CASE
            WHEN NOT t.was_returned THEN p.reason
            WHEN t.is_taken THEN 'dispute_lost'
            ELSE 'refund_failed'
        END,
        settled_at = CASE WHEN t.was_returned AND NOT t.is_taken THEN NULL ELSE p.settled_at END
    FROM touched AS t
    WHERE p.workspace_id = t.workspace_id AND p.payment_id = t.payment_id
)

SELECT count(*) FROM written;

-- name: note_refund!
-- What a gateway calls a refund.
UPDATE refunds SET reference = :reference
WHERE workspace_id = :workspace_id AND refund_id = :refund_id;

-- name: refund^
-- Money of a workspace that goes back.
SELECT r AS found FROM refunds AS r
WHERE r.workspace_id = :workspace_id AND r.refund_id = :refund_id;

-- name: refund_by_reference^
-- The refund that a gateway calls so.
SELECT r AS found FROM refunds AS r
INNER JOIN payments AS p ON r.workspace_id = p.workspace_id AND r.payment_id = p.payment_id
WHERE p.gateway = :gateway AND r.reference = :reference;

-- name: asked_refunds
-- Refunds whose outcome is not known, the eldest first.
SELECT r AS found FROM refunds AS r
WHERE r.state = 'asked'
ORDER BY r.asked_at, r.refund_id
LIMIT :limit;

-- name: owed_refunds
-- Refunds of which the money came back, the eldest first.
SELECT r AS found FROM refunds AS r
WHERE r.state = 'owed'
ORDER BY r.asked_at, r.refund_id
LIMIT :limit;

-- name: refund_outcomes
-- What was told of a refund, in order.
SELECT o.ordinal, o.outcome, o.gateway, o.reference, o.told_at FROM refund_outcomes AS o
WHERE o.workspace_id = :workspace_id AND o.refund_id = :refund_id
ORDER BY o.ordinal;

-- name: refunds_of
-- Money of a workspace that went back, or is to, the newest first.
SELECT r AS found FROM refunds AS r
WHERE r.workspace_id = :workspace_id
ORDER BY r.asked_at DESC, r.refund_id ASC
LIMIT :limit;

-- name: bought_captures
-- Keys of charges and settlements that captured credits of a purchase.
SELECT DISTINCT e.key
FROM entries AS e
INNER JOIN postings AS m
    ON e.workspace_id = m.workspace_id AND e.kind = m.kind AND e.sequence = m.sequence
INNER JOIN lots AS l
    ON m.workspace_id = l.workspace_id AND m.kind = l.kind AND m.lot = l.lot
INNER JOIN purchases AS p
    ON l.workspace_id = p.workspace_id AND l.reference = p.purchase_id::text
WHERE
    e.workspace_id = :workspace_id AND e.namespace = :namespace AND e.key = any(:keys::text[])
    AND m.target = 'captured' AND l.source = 'pack';

-- name: paid_names
-- Purchases and subscriptions of a workspace, of those that are named.
SELECT p.purchase_id AS name FROM purchases AS p
WHERE p.workspace_id = :workspace_id AND p.purchase_id = any(:names::uuid[])
UNION ALL
SELECT s.subscription_id AS name FROM subscriptions AS s
WHERE s.workspace_id = :workspace_id AND s.subscription_id = any(:names::uuid[]);

-- name: disputed_purchases
-- The purchases of a workspace whose lots stay frozen while they are disputed.
SELECT p.purchase_id, p.kind FROM purchases AS p
WHERE p.workspace_id = :workspace_id AND p.state = 'disputed'
ORDER BY p.purchase_id;

-- name: add_promo_code^
-- A new promo code; one of that name is left as it is.
INSERT INTO promo_codes (
    code, kind, credits, lasts_days, redemptions_max, ends_at, created_at
)
VALUES (:code, :kind, :credits, :lasts_days, :redemptions_max, :ends_at, :created_at)
ON CONFLICT ON CONSTRAINT promo_codes_pkey DO NOTHING
RETURNING code;

-- name: promo_code^
-- A promo code.
SELECT c AS found FROM promo_codes AS c
WHERE c.code = :code;

-- name: list_promo_codes
-- Promo codes before the one that was reached, the newest first.
SELECT c AS found FROM promo_codes AS c
WHERE (c.created_at, c.code) < (:before_at, :before_code)
ORDER BY c.created_at DESC, c.code DESC
LIMIT :limit;

-- name: redeem_codes$
-- Redemptions: each takes one of those that are left of its code, under the code's lock.
WITH wanted AS (
    SELECT n.workspace_id, n.code, n.redeemed_at
    FROM
        unnest(:workspaces::uuid[], :codes::text[], :instants::timestamptz[])
            AS n (workspace_id, code, redeemed_at)
),

counted AS (
    UPDATE promo_codes AS c SET redeemed = c.redeemed + w.redemptions
    FROM (
        SELECT
            wanted.code,
            count(*) AS redemptions,
            max(wanted.redeemed_at) AS redeemed_at
        FROM wanted
        GROUP BY wanted.code
    ) AS w
    WHERE
        c.code = w.code AND c.redeemed + w.redemptions <= c.redemptions_max
        AND (c.ends_at IS NULL OR c.ends_at > w.redeemed_at)
    RETURNING c.code
),

written AS (
    INSERT INTO promo_redemptions (workspace_id, code, redeemed_at)
    SELECT
        wanted.workspace_id,
        wanted.code,
        wanted.redeemed_at
    FROM wanted
    INNER JOIN counted ON wanted.code = counted.code
    ON CONFLICT DO NOTHING
    RETURNING workspace_id
)

SELECT count(*) FROM written;

-- name: redemption^
-- When a workspace redeemed a code, if it did.
SELECT r.redeemed_at FROM promo_redemptions AS r
WHERE r.workspace_id = :workspace_id AND r.code = :code;
