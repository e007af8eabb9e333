-- Payments that their payers take back through the bank, and what those who lose leave unpaid.

-- name: add_disputes$
-- Payments that are disputed; one that is known is not written again.
WITH written AS (
    INSERT INTO disputes (
        workspace_id, gateway, reference, payment_id, purchase_id, amount, currency, state,
        opened_at
    )
    SELECT
        n.workspace_id, n.gateway, n.reference, n.payment_id, n.purchase_id, n.amount,
        n.currency, n.state, n.opened_at
    FROM unnest(:disputes::disputes[]) AS n
    ON CONFLICT DO NOTHING
    RETURNING workspace_id
)

SELECT count(*) FROM written;

-- name: close_disputes$
-- Disputes that are won or lost. A parked payment of which lost ones have taken all has gone back.
WITH written AS (
    UPDATE disputes AS d SET state = n.state, closed_at = n.closed_at
    FROM
        unnest(
            :workspaces::uuid[], :gateways::text[], :names::text[], :states::text[],
            :instants::timestamptz[]
        ) AS n (workspace_id, gateway, reference, state, closed_at)
    WHERE
        d.workspace_id = n.workspace_id AND d.gateway = n.gateway
        AND d.reference = n.reference AND d.state = 'open'
    RETURNING d.workspace_id, d.payment_id, d.amount, d.state, d.closed_at
),

lost AS (
    SELECT
        w.workspace_id, w.payment_id, max(w.closed_at) AS closed_at,
        sum(w.amount) + (
            SELECT coalesce(sum(d.amount), 0) FROM disputes AS d
            WHERE
                d.workspace_id = w.workspace_id AND d.payment_id = w.payment_id
                AND d.state = 'lost'
        ) AS taken
    FROM written AS w
    WHERE w.state = 'lost'
    GROUP BY w.workspace_id, w.payment_id
),

gone AS (
    UPDATE payments AS p
    SET state = 'returned', reason = 'dispute_lost', settled_at = l.closed_at
    FROM lost AS l
    WHERE
        p.workspace_id = l.workspace_id AND p.payment_id = l.payment_id AND p.state = 'parked'
        AND p.amount <= l.taken
)

SELECT count(*) FROM written;

-- name: dispute^
-- A dispute of a workspace.
SELECT d AS found FROM disputes AS d
WHERE
    d.workspace_id = :workspace_id AND d.gateway = :gateway AND d.reference = :reference;

-- name: disputes_of
-- Disputes of a workspace, the newest first.
SELECT d AS found FROM disputes AS d
WHERE d.workspace_id = :workspace_id
ORDER BY d.opened_at DESC;

-- name: open_disputes
-- Disputes that are not decided, the eldest first; there are few disputes in all.
SELECT d AS found FROM disputes AS d
WHERE d.state = 'open'
ORDER BY d.opened_at, d.gateway, d.reference
LIMIT :limit;

-- name: debts
-- What lost disputes left unpaid, of one workspace or of all, the newest first: of purchases what
-- was spent, and of what else was paid and used all that the bank took back.
SELECT
    d.workspace_id, d.gateway, d.reference, r.title, upper(d.currency) AS currency, d.closed_at,
    p.purchase_id, coalesce(p.debt, d.amount) AS amount
FROM disputes AS d
INNER JOIN payments AS m
    ON d.workspace_id = m.workspace_id AND d.payment_id = m.payment_id AND m.state = 'applied'
INNER JOIN payment_requests AS r
    ON m.workspace_id = r.workspace_id AND m.request_id = r.request_id
LEFT JOIN purchases AS p
    ON d.workspace_id = p.workspace_id AND d.purchase_id = p.purchase_id
WHERE
    d.state = 'lost' AND coalesce(p.debt, d.amount) > 0
    AND (:workspace_id::uuid IS NULL OR d.workspace_id = :workspace_id)
ORDER BY d.closed_at DESC, d.workspace_id DESC, d.gateway DESC, d.reference DESC
LIMIT :limit;

-- name: lock_payments
-- Holds payments until the transaction ends, in the order of their ids; tells the state of each.
-- What is looked at under the lock is read by a statement of its own, since one that has waited
-- still sees what there was before it.
SELECT p.workspace_id, p.payment_id, p.state
FROM payments AS p
INNER JOIN unnest(:workspaces::uuid[], :payments::uuid[]) AS n (workspace_id, payment_id)
    ON p.workspace_id = n.workspace_id AND p.payment_id = n.payment_id
ORDER BY p.payment_id
FOR UPDATE OF p;

-- name: expect_undisputed$
-- Payments of which no dispute is open, and of which lost ones took so much.
SELECT count(*)
FROM
    unnest(:workspaces::uuid[], :payments::uuid[], :taken::bigint[])
        AS n (workspace_id, payment_id, taken)
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(d.amount) FILTER (WHERE d.state = 'lost'), 0) AS taken,
        count(*) FILTER (WHERE d.state = 'open') AS undecided
    FROM disputes AS d
    WHERE d.workspace_id = n.workspace_id AND d.payment_id = n.payment_id
) AS f
WHERE f.undecided = 0 AND f.taken = n.taken;
