-- Money that is asked for, and money that comes.

-- name: add_requests$
-- Payment requests; one of a key that is there is not written again.
WITH written AS (
    INSERT INTO payment_requests (
        workspace_id, request_id, request_key, purpose, subject_id, gateway, title, wish, lines,
        net, tax, total, currency, state, invoice_id, created_at, due_at, paid_at, remind_at, taxed,
        credited
    )
    SELECT
        n.workspace_id, n.request_id, n.request_key, n.purpose, n.subject_id, n.gateway, n.title,
        n.wish, n.lines, n.net, n.tax, n.total, n.currency, n.state, n.invoice_id, n.created_at,
        n.due_at, n.paid_at, n.remind_at, n.taxed, n.credited
    FROM unnest(:requests::payment_requests[]) AS n
    ON CONFLICT DO NOTHING
    RETURNING workspace_id
)

SELECT count(*) FROM written;

-- name: pay_requests$
-- Requests that are paid from now on, with the invoice that tells it and its lines, unless some of
-- it has been credited meanwhile.
WITH written AS (
    UPDATE payment_requests AS r
    SET
        state = 'paid', paid_at = n.paid_at, remind_at = NULL,
        invoice_id = coalesce(r.invoice_id, n.invoice_id), lines = n.lines
    FROM
        unnest(
            :workspaces::uuid[], :requests::uuid[], :invoices::uuid[], :instants::timestamptz[],
            :credited::bigint[], :lines::jsonb[]
        ) AS n (workspace_id, request_id, invoice_id, paid_at, credited, lines)
    WHERE
        r.workspace_id = n.workspace_id AND r.request_id = n.request_id AND r.state = 'open'
        AND r.credited = n.credited
    RETURNING r.workspace_id
)

SELECT count(*) FROM written;

-- name: credit_requests$
-- Open requests of which some is credited: so much less is to be paid.
WITH written AS (
    UPDATE payment_requests AS r
    SET credited = r.credited + n.amount
    FROM
        unnest(:workspaces::uuid[], :requests::uuid[], :credited::bigint[], :amounts::bigint[])
            AS n (workspace_id, request_id, credited, amount)
    WHERE
        r.workspace_id = n.workspace_id AND r.request_id = n.request_id AND r.state = 'open'
        AND r.credited = n.credited
    RETURNING r.workspace_id
)

SELECT count(*) FROM written;

-- name: cancel_requests$
-- Requests that nobody has to pay any more.
WITH written AS (
    UPDATE payment_requests AS r
    SET state = 'cancelled', cancelled_at = n.cancelled_at, remind_at = NULL
    FROM
        unnest(:workspaces::uuid[], :requests::uuid[], :instants::timestamptz[])
            AS n (workspace_id, request_id, cancelled_at)
    WHERE
        r.workspace_id = n.workspace_id AND r.request_id = n.request_id AND r.state = 'open'
    RETURNING r.workspace_id
)

SELECT count(*) FROM written;

-- name: remind_requests$
-- Requests of which somebody was reminded, and when the next reminder is due.
WITH written AS (
    UPDATE payment_requests AS r
    SET reminders = n.reminders, remind_at = n.remind_at
    FROM
        unnest(
            :workspaces::uuid[], :requests::uuid[], :counts::smallint[], :instants::timestamptz[]
        ) AS n (workspace_id, request_id, reminders, remind_at)
    WHERE
        r.workspace_id = n.workspace_id AND r.request_id = n.request_id AND r.state = 'open'
        AND r.reminders = n.reminders - 1
    RETURNING r.workspace_id
)

SELECT count(*) FROM written;

-- name: request^
-- A payment request of a workspace.
SELECT r AS found FROM payment_requests AS r
WHERE r.workspace_id = :workspace_id AND r.request_id = :request_id;

-- name: request_of_anybody^
-- A payment request by its id alone, as a gateway names it.
SELECT r AS found FROM payment_requests AS r
WHERE r.request_id = :request_id;

-- name: requests_ending
-- The payment requests whose ids end so, as the words of a transfer tell.
SELECT r AS found FROM payment_requests AS r
WHERE right(r.request_id::text, 16) = :ending
ORDER BY r.created_at DESC, r.request_id DESC;

-- name: open_requests_of_all
-- What all workspaces have to pay, before the one that was reached, the newest first.
SELECT r AS found FROM payment_requests AS r
WHERE r.state = 'open' AND (r.created_at, r.request_id) < (:before_at, :before_id)
ORDER BY r.created_at DESC, r.request_id DESC
LIMIT :limit;

-- name: request_by_key^
-- The payment request that was made for something.
SELECT r AS found FROM payment_requests AS r
WHERE r.workspace_id = :workspace_id AND r.request_key = :request_key;

-- name: open_requests
-- What a workspace has to pay, the eldest first.
SELECT r AS found FROM payment_requests AS r
WHERE r.workspace_id = :workspace_id AND r.state = 'open'
ORDER BY r.created_at, r.request_id;

-- name: list_requests
-- What a workspace was asked to pay, before the one that was reached, the newest first.
SELECT r AS found FROM payment_requests AS r
WHERE r.workspace_id = :workspace_id AND (r.created_at, r.request_id) < (:before_at, :before_id)
ORDER BY r.created_at DESC, r.request_id DESC
LIMIT :limit;

-- name: to_remind
-- Requests whose reminder has come due, after the one that was reached.
SELECT r AS found FROM payment_requests AS r
WHERE
    r.state = 'open' AND r.remind_at <= :at
    AND (r.remind_at, r.request_id) > (:reached_at, :reached_id)
ORDER BY r.remind_at, r.request_id
LIMIT :size;

-- name: orders_to_lapse
-- Orders that nobody has paid for long, and upgrades whose billing date has come.
SELECT r AS found FROM payment_requests AS r
WHERE
    r.state = 'open' AND r.purpose IN ('purchase', 'plan', 'upgrade') AND r.invoice_id IS NULL
    AND (r.created_at <= :before OR (r.purpose = 'upgrade' AND r.due_at <= :at))
ORDER BY r.created_at
LIMIT :size;

-- name: claim_payment^
-- Whose payment a reference is: this workspace's, when nobody claimed it before.
INSERT INTO payment_claims AS c (gateway, reference, workspace_id, payment_id, claimed_at)
VALUES (:gateway, :reference, :workspace_id, :payment_id, :claimed_at)
ON CONFLICT ON CONSTRAINT payment_claims_pkey DO UPDATE SET workspace_id = c.workspace_id
RETURNING c.workspace_id, c.payment_id;

-- name: payment_of_claim^
-- Whose payment a reference is, if anybody claimed it.
SELECT c.workspace_id, c.payment_id FROM payment_claims AS c
WHERE c.gateway = :gateway AND c.reference = :reference;

-- name: add_payments$
-- Money that came, of whoever holds its claim until this commits; a payment that is there is not
-- written again.
WITH claimed AS (
    SELECT c.workspace_id, c.payment_id
    FROM payment_claims AS c
    INNER JOIN unnest(:payments::payments[]) AS n
        ON
            c.gateway = n.gateway AND c.reference = n.reference
            AND c.workspace_id = n.workspace_id AND c.payment_id = n.payment_id
    FOR SHARE OF c
),

written AS (
    INSERT INTO payments (
        workspace_id, payment_id, gateway, reference, request_id, amount, currency, state, reason,
        received_at, settled_at
    )
    SELECT
        n.workspace_id, n.payment_id, n.gateway, n.reference, n.request_id, n.amount, n.currency,
        n.state, n.reason, n.received_at, n.settled_at
    FROM unnest(:payments::payments[]) AS n
    INNER JOIN claimed AS c ON n.workspace_id = c.workspace_id AND n.payment_id = c.payment_id
    ON CONFLICT DO NOTHING
    RETURNING workspace_id
)

SELECT count(*) FROM written;

-- name: settle_payments$
-- Parked payments that staff have decided about. One of nobody becomes its owner's, and so does all
-- that is about it; its claim goes first, since whoever is told of the payment again waits there.
WITH decided AS (
    SELECT n.workspace_id, n.payment_id, n.state, n.request_id, n.settled_at, n.owner_id
    FROM
        unnest(
            :workspaces::uuid[], :payments::uuid[], :states::text[], :requests::uuid[],
            :instants::timestamptz[], :owners::uuid[]
        ) AS n (workspace_id, payment_id, state, request_id, settled_at, owner_id)
),

claimed AS (
    UPDATE payment_claims AS c SET workspace_id = n.owner_id
    FROM decided AS n
    WHERE c.payment_id = n.payment_id AND c.workspace_id = n.workspace_id
    RETURNING c.payment_id
),

written AS (
    UPDATE payments AS p
    SET workspace_id = n.owner_id, state = n.state, settled_at = n.settled_at,
        request_id = coalesce(n.request_id, p.request_id)
    FROM decided AS n
    INNER JOIN claimed AS c ON n.payment_id = c.payment_id
    WHERE
        p.workspace_id = n.workspace_id AND p.payment_id = n.payment_id AND p.state = 'parked'
    RETURNING n.workspace_id, n.payment_id, n.owner_id
),

refunds_moved AS (
    UPDATE refunds AS r SET workspace_id = w.owner_id
    FROM written AS w
    WHERE
        r.workspace_id = w.workspace_id AND r.payment_id = w.payment_id
        AND w.owner_id <> w.workspace_id
    RETURNING r.refund_id, w.workspace_id, w.owner_id
),

outcomes_moved AS (
    UPDATE refund_outcomes AS o SET workspace_id = m.owner_id
    FROM refunds_moved AS m
    WHERE o.workspace_id = m.workspace_id AND o.refund_id = m.refund_id
),

disputes_moved AS (
    UPDATE disputes AS d SET workspace_id = w.owner_id
    FROM written AS w
    WHERE
        d.workspace_id = w.workspace_id AND d.payment_id = w.payment_id
        AND w.owner_id <> w.workspace_id
)

SELECT count(*) FROM written;

-- name: payment^
-- A payment of a workspace.
SELECT p AS found FROM payments AS p
WHERE p.workspace_id = :workspace_id AND p.payment_id = :payment_id;

-- name: payment_of_anybody^
-- A payment by its id alone, whosever it is by now.
SELECT p AS found
FROM payment_claims AS c
INNER JOIN payments AS p ON c.workspace_id = p.workspace_id AND c.payment_id = p.payment_id
WHERE c.payment_id = :payment_id;

-- name: payment_of_request^
-- The payment that was used for a request.
SELECT p AS found FROM payments AS p
WHERE
    p.workspace_id = :workspace_id AND p.request_id = :request_id AND p.state = 'applied';

-- name: list_payments
-- Payments of a workspace before the one that was reached, the newest first.
SELECT p AS found FROM payments AS p
WHERE p.workspace_id = :workspace_id AND (p.received_at, p.payment_id) < (:before_at, :before_id)
ORDER BY p.received_at DESC, p.payment_id DESC
LIMIT :limit;

-- name: keep_method!
-- The means of payment that a workspace left with a gateway; a newer one replaces it.
INSERT INTO payment_methods (workspace_id, gateway, customer, method, kept_at)
VALUES (:workspace_id, :gateway, :customer, :method, :kept_at)
ON CONFLICT ON CONSTRAINT payment_methods_pkey DO UPDATE
SET customer = excluded.customer, method = coalesce(excluded.method, payment_methods.method),
    kept_at = excluded.kept_at;

-- name: method^
-- The means of payment that a workspace left with a gateway.
SELECT m.customer, m.method FROM payment_methods AS m
WHERE m.workspace_id = :workspace_id AND m.gateway = :gateway;
