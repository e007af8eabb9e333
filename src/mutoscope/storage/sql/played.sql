-- What has happened of each sort in a house, however often. Each of these reads its tables once:
-- they are for who plays a business to the end, never for a request of a workspace.

-- name: transitions
-- How often each event changed a plan in each state. Nobody writes that a trial lapses, nor that a
-- workspace without a plan is closed: both are told by its instants.
SELECT state_before, event, count(*) AS times
FROM subscription_changes
GROUP BY state_before, event
UNION ALL
SELECT 'trial', 'lapse', count(*)
FROM workspaces AS w
WHERE
    w.trial_ends_at <= least(w.closed_at, :at)
    AND NOT EXISTS (
        SELECT c.changed_at FROM subscription_changes AS c
        WHERE c.workspace_id = w.workspace_id AND c.changed_at < w.trial_ends_at
    )
UNION ALL
SELECT
    CASE
        WHEN
            EXISTS (
                SELECT c.changed_at FROM subscription_changes AS c
                WHERE c.workspace_id = w.workspace_id
            ) THEN 'cancelled'
        WHEN w.closed_at < w.trial_ends_at THEN 'trial'
        ELSE 'free'
    END AS state_before,
    'close', count(*)
FROM workspaces AS w
WHERE
    w.closed_at IS NOT NULL
    AND NOT EXISTS (
        SELECT c.changed_at FROM subscription_changes AS c
        WHERE c.workspace_id = w.workspace_id AND c.event = 'close'
    )
GROUP BY state_before;

-- name: requests
-- How often money of each purpose was asked for and paid, or not wanted any more.
SELECT purpose || ' ' || state AS what, count(*) AS times
FROM payment_requests
WHERE state <> 'open'
GROUP BY purpose, state;

-- name: payments
-- How often money that came was used, waits, or went back.
SELECT state AS what, count(*) AS times
FROM payments
GROUP BY state;

-- name: purchases
-- How often credits that were ordered came over the desk, by themselves, or as a refill, and how
-- often an order ended otherwise.
SELECT
    CASE
        WHEN p.is_refill THEN 'refill '
        WHEN p.granted_at IS NULL THEN ''
        WHEN
            EXISTS (
                SELECT a.sequence FROM audit_lines AS a
                WHERE
                    a.workspace_id = p.workspace_id AND a.action = 'add_credits'
                    AND a.data ->> 'purchase_id' = p.purchase_id::text
            ) THEN 'desk '
        ELSE 'automatic '
    END || p.state AS what,
    count(*) AS times
FROM purchases AS p
WHERE p.state <> 'ordered'
GROUP BY what;

-- name: refunds
-- How often money that went back was told to have gone or not, and the first, second or third time.
SELECT outcome || ' ' || ordinal AS what, count(*) AS times
FROM refund_outcomes
GROUP BY outcome, ordinal;

-- name: disputes
-- How often the bank decided a dispute for the house, and against it.
SELECT state AS what, count(*) AS times
FROM disputes
GROUP BY state;

-- name: documents
-- How many invoices and credit notes were issued.
SELECT kind AS what, count(*) AS times
FROM invoices
GROUP BY kind;

-- name: operations
-- How often the ledger wrote each operation.
SELECT operation AS what, count(*) AS times
FROM entries
GROUP BY operation;

-- name: alerts
-- How often each alert was raised and written into the outbox as a mail.
SELECT a.code AS what, count(*) AS times
FROM alerts AS a
WHERE
    EXISTS (
        SELECT o.message_id FROM outbox AS o
        WHERE
            o.workspace_id = a.workspace_id AND o.created_at = a.raised_at
            AND o.body = a.sentence
    )
GROUP BY a.code;

-- name: staff_acts
-- How often staff did each thing.
SELECT action AS what, count(*) AS times
FROM audit_lines
GROUP BY action;

-- name: terms
-- How many plans that run are of each version, by the months that a charge pays for.
SELECT version || ' ' || months_per_charge AS what, count(*) AS times
FROM subscriptions
WHERE ends_at IS NULL
GROUP BY version, months_per_charge;
