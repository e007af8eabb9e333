-- What the books are made of. Each report reads whole tables in one pass, on the server: they are
-- for the operator, never for a request of a workspace. The instant of a fact is when it was
-- written, so that no later entry changes what was told of an earlier month. The sequence of a
-- wallet follows that instant: the journal up to it is all up to one sequence.

-- name: outstanding
-- Credits that were granted and are neither spent nor over at an instant, by the age of their lots
-- (how many of some numbers of days have gone by since the grant was written).
WITH horizons AS MATERIALIZED (
    SELECT
        w.workspace_id, w.kind,
        CASE WHEN w.posted_at <= :at THEN w.sequence ELSE coalesce((
            SELECT e.sequence FROM entries AS e
            WHERE e.workspace_id = w.workspace_id AND e.kind = w.kind AND e.posted_at <= :at
            ORDER BY e.sequence DESC
            LIMIT 1
        ), 0) END AS upto
    FROM wallets AS w
),

remains AS (
    SELECT
        p.workspace_id, p.kind, p.lot,
        sum(
            CASE WHEN p.target = 'available' THEN p.amount ELSE 0 END
            - CASE WHEN p.source = 'available' THEN p.amount ELSE 0 END
        )::bigint AS available,
        sum(
            CASE WHEN p.target = 'frozen' THEN p.amount ELSE 0 END
            - CASE WHEN p.source = 'frozen' THEN p.amount ELSE 0 END
        )::bigint AS frozen,
        sum(
            CASE WHEN p.target = 'held' THEN p.amount ELSE 0 END
            - CASE WHEN p.source = 'held' THEN p.amount ELSE 0 END
        )::bigint AS held
    FROM postings AS p
    INNER JOIN horizons AS h
        ON p.workspace_id = h.workspace_id AND p.kind = h.kind AND p.sequence <= h.upto
    WHERE p.lot IS NOT NULL
    GROUP BY p.workspace_id, p.kind, p.lot
),

aged AS (
    SELECT
        r.kind, g.source, g.paid_amount IS NOT NULL AS is_paid, r.available, r.frozen, r.held,
        (
            SELECT count(*)::int FROM unnest(:days::int[]) AS d (days)
            WHERE e.posted_at <= :at::timestamptz - make_interval(days => d.days)
        ) AS age
    FROM remains AS r
    INNER JOIN grants AS g
        ON r.workspace_id = g.workspace_id AND r.kind = g.kind AND r.lot = g.lot
    INNER JOIN entries AS e
        ON r.workspace_id = e.workspace_id AND r.kind = e.kind AND r.lot = e.sequence
    WHERE r.available + r.frozen + r.held > 0
)

SELECT
    a.kind, a.source, a.is_paid, a.age, sum(a.available)::bigint AS available,
    sum(a.frozen)::bigint AS frozen, sum(a.held)::bigint AS held, count(*) AS lots
FROM aged AS a
GROUP BY a.kind, a.source, a.is_paid, a.age
ORDER BY a.kind, a.source, a.is_paid, a.age;

-- name: paid_lots
-- Every lot that was paid for up to an instant, and where its credits were gone by then.
WITH horizons AS MATERIALIZED (
    SELECT
        w.workspace_id, w.kind,
        CASE WHEN w.posted_at <= :at THEN w.sequence ELSE coalesce((
            SELECT e.sequence FROM entries AS e
            WHERE e.workspace_id = w.workspace_id AND e.kind = w.kind AND e.posted_at <= :at
            ORDER BY e.sequence DESC
            LIMIT 1
        ), 0) END AS upto
    FROM wallets AS w
),

paid AS MATERIALIZED (
    SELECT
        g.workspace_id, g.kind, g.lot, g.source, g.reference, g.paid_amount, g.currency, g.amount,
        h.upto
    FROM grants AS g
    INNER JOIN horizons AS h
        ON g.workspace_id = h.workspace_id AND g.kind = h.kind AND g.lot <= h.upto
    WHERE g.paid_amount IS NOT NULL
),

gone AS (
    SELECT
        p.workspace_id, p.kind, p.lot,
        sum(CASE WHEN p.target = 'captured' THEN p.amount ELSE -p.amount END) FILTER (
            WHERE 'captured' IN (p.source, p.target)
        )::bigint AS captured,
        sum(p.amount) FILTER (WHERE p.target IN ('expired', 'forfeited'))::bigint AS ended,
        sum(p.amount) FILTER (WHERE p.target = 'voided')::bigint AS voided
    FROM postings AS p
    INNER JOIN paid AS g
        ON
            p.workspace_id = g.workspace_id AND p.kind = g.kind AND p.lot = g.lot
            AND p.sequence <= g.upto
    WHERE p.source = 'captured' OR p.target IN ('captured', 'expired', 'forfeited', 'voided')
    GROUP BY p.workspace_id, p.kind, p.lot
)

SELECT
    g.workspace_id, g.kind, g.lot, g.source, g.reference, upper(g.currency) AS currency,
    e.posted_at AS granted_at, g.paid_amount AS paid, g.amount AS granted,
    coalesce(x.captured, 0)::bigint AS captured, coalesce(x.ended, 0)::bigint AS ended,
    coalesce(x.voided, 0)::bigint AS voided
FROM paid AS g
INNER JOIN entries AS e
    ON g.workspace_id = e.workspace_id AND g.kind = e.kind AND g.lot = e.sequence
LEFT JOIN gone AS x
    ON g.workspace_id = x.workspace_id AND g.kind = x.kind AND g.lot = x.lot
ORDER BY g.workspace_id, g.kind, g.lot;

-- name: tool_uses
-- What was captured, metered and absorbed in a span, by tool and by who paid. A captured credit of
-- a paid lot is worth what the lot's captures came to after it, less what they came to before.
WITH spans AS MATERIALIZED (
    SELECT
        w.workspace_id, w.kind,
        coalesce((
            SELECT e.sequence FROM entries AS e
            WHERE e.workspace_id = w.workspace_id AND e.kind = w.kind AND e.posted_at < :starts_at
            ORDER BY e.sequence DESC
            LIMIT 1
        ), 0) AS above,
        CASE WHEN w.posted_at < :ends_at THEN w.sequence ELSE coalesce((
            SELECT e.sequence FROM entries AS e
            WHERE e.workspace_id = w.workspace_id AND e.kind = w.kind AND e.posted_at < :ends_at
            ORDER BY e.sequence DESC
            LIMIT 1
        ), 0) END AS upto
    FROM wallets AS w
),

uses AS (
    SELECT
        p.workspace_id, p.kind, p.sequence, p.lot, s.above, g.source, g.paid_amount, g.amount,
        upper(g.currency) AS currency,
        CASE WHEN p.lot IS NULL THEN p.target ELSE 'captured' END AS account,
        CASE WHEN p.source = 'captured' THEN -p.amount ELSE p.amount END AS credits,
        CASE WHEN g.paid_amount IS NOT NULL THEN sum(
            CASE WHEN p.source = 'captured' THEN -p.amount ELSE p.amount END
        ) OVER (
            PARTITION BY p.workspace_id, p.kind, p.lot ORDER BY p.sequence, p.ordinal
        ) END AS used
    FROM postings AS p
    INNER JOIN spans AS s
        ON p.workspace_id = s.workspace_id AND p.kind = s.kind AND p.sequence <= s.upto
    LEFT JOIN grants AS g
        ON p.workspace_id = g.workspace_id AND p.kind = g.kind AND p.lot = g.lot
    WHERE
        (p.source = 'captured' OR p.target IN ('captured', 'metered', 'absorbed'))
        AND (p.sequence > s.above OR g.paid_amount IS NOT NULL)
),

valued AS (
    SELECT
        u.workspace_id, u.kind, u.sequence, u.account, u.source, u.currency, u.credits,
        div(u.paid_amount::numeric * u.used, u.amount)
        - div(u.paid_amount::numeric * (u.used - u.credits), u.amount) AS worth
    FROM uses AS u
    WHERE u.sequence > u.above
),

named AS (
    SELECT
        v.kind, v.account, v.source, v.currency, v.credits, v.worth, v.workspace_id,
        CASE
            WHEN coalesce(r.namespace, e.namespace) = 'job'
                THEN split_part(coalesce(r.key, e.key), '/', 2)
        END AS job_name
    FROM valued AS v
    INNER JOIN entries AS e
        ON v.workspace_id = e.workspace_id AND v.kind = e.kind AND v.sequence = e.sequence
    LEFT JOIN entries AS r
        ON
            e.workspace_id = r.workspace_id AND e.kind = r.kind
            AND CASE WHEN e.operation = 'refund' THEN e.refers_to END = r.sequence
)

SELECT
    j.tool, n.kind, n.account, n.source, n.currency, sum(n.credits)::bigint AS credits,
    coalesce(sum(n.worth), 0)::bigint AS worth
FROM named AS n
LEFT JOIN jobs AS j ON n.workspace_id = j.workspace_id AND n.job_name = j.job_id::text
GROUP BY j.tool, n.kind, n.account, n.source, n.currency
ORDER BY j.tool NULLS LAST, n.kind, n.account, n.source, n.currency;

-- name: tool_costs
-- What providers charged for orders whose outcome was learned in a span.
SELECT
    j.tool, j.kind, a.provider, count(*) AS orders, sum(a.cost_micros)::bigint AS cost_micros
FROM attempts AS a
INNER JOIN jobs AS j ON a.workspace_id = j.workspace_id AND a.job_id = j.job_id
WHERE a.ended_at >= :starts_at AND a.ended_at < :ends_at AND a.cost_micros IS NOT NULL
GROUP BY j.tool, j.kind, a.provider
ORDER BY j.tool, j.kind, a.provider;

-- name: paid_requests
-- What was paid up to an instant, with the lines that tell what for.
SELECT
    r.workspace_id, r.request_id, r.purpose, r.gateway, r.title, r.lines, r.net, r.tax,
    upper(r.currency) AS currency, r.paid_at, r.credited
FROM payment_requests AS r
WHERE r.paid_at <= :at
ORDER BY r.paid_at, r.workspace_id, r.request_id;

-- name: refunds
-- Money that has gone back up to an instant, and what of it came back again as less than nothing;
-- the request is that of the payment, if it was used.
SELECT
    f.workspace_id, f.refund_id, o.ordinal, f.payment_id,
    CASE o.outcome WHEN 'failed' THEN -f.amount ELSE f.amount END AS amount,
    upper(f.currency) AS currency, o.told_at, o.gateway,
    CASE WHEN m.state = 'applied' THEN m.request_id END AS request_id
FROM refund_outcomes AS o
INNER JOIN refunds AS f ON o.workspace_id = f.workspace_id AND o.refund_id = f.refund_id
INNER JOIN payments AS m ON f.workspace_id = m.workspace_id AND f.payment_id = m.payment_id
WHERE (o.outcome = 'succeeded' OR o.ordinal > 1) AND o.told_at <= :at
ORDER BY o.told_at, f.workspace_id, f.refund_id, o.ordinal;

-- name: lost_disputes
-- Money that a bank took back up to an instant.
SELECT
    d.workspace_id, d.gateway, d.reference, d.payment_id, d.amount, upper(d.currency) AS currency,
    d.closed_at, CASE WHEN m.state = 'applied' THEN m.request_id END AS request_id
FROM disputes AS d
INNER JOIN payments AS m ON d.workspace_id = m.workspace_id AND d.payment_id = m.payment_id
WHERE d.state = 'lost' AND d.closed_at <= :at
ORDER BY d.closed_at, d.workspace_id, d.gateway, d.reference;

-- name: payments
-- Money that came up to an instant, and what became of it.
SELECT
    m.workspace_id, m.payment_id, m.gateway, m.amount, upper(m.currency) AS currency, m.state,
    m.received_at, m.settled_at,
    (
        SELECT count(*) FROM refunds AS f
        WHERE f.workspace_id = m.workspace_id AND f.payment_id = m.payment_id
    ) AS refunds
FROM payments AS m
WHERE m.received_at <= :at
ORDER BY m.received_at, m.workspace_id, m.payment_id;

-- name: orders
-- Purchases that were paid up to an instant, and until when each waits for its credits.
SELECT
    p.workspace_id, p.purchase_id, p.request_id, p.kind, p.credits, r.net,
    upper(r.currency) AS currency, r.paid_at, p.ended_at
FROM purchases AS p
INNER JOIN payment_requests AS r
    ON p.workspace_id = r.workspace_id AND p.request_id = r.request_id
WHERE r.paid_at <= :at
ORDER BY r.paid_at, p.workspace_id, p.purchase_id;

-- name: lot_moves
-- What changed the worth of paid lots in a span, in the order of the journal.
SELECT
    p.workspace_id, p.kind, p.sequence, e.posted_at, e.operation, p.lot, p.source, p.target,
    p.amount
FROM postings AS p
INNER JOIN grants AS g
    ON
        p.workspace_id = g.workspace_id AND p.kind = g.kind AND p.lot = g.lot
        AND g.paid_amount IS NOT NULL
INNER JOIN entries AS e
    ON p.workspace_id = e.workspace_id AND p.kind = e.kind AND p.sequence = e.sequence
WHERE
    (p.source = 'captured' OR p.target IN ('captured', 'expired', 'forfeited', 'voided'))
    AND e.posted_at >= :starts_at AND e.posted_at < :ends_at
ORDER BY e.posted_at, p.workspace_id, p.kind, p.sequence, p.ordinal;

-- name: costs
-- Each order that a provider charged for up to an instant.
SELECT
    a.workspace_id, a.job_id, a.ordinal, a.provider, j.tool, a.cost_micros, a.ended_at
FROM attempts AS a
INNER JOIN jobs AS j ON a.workspace_id = j.workspace_id AND a.job_id = j.job_id
WHERE a.ended_at < :ends_at AND a.cost_micros > 0
ORDER BY a.ended_at, a.workspace_id, a.job_id, a.ordinal;

-- name: jobs_of_span
-- The jobs that were ordered in a span, what each delivered, and what it cost.
SELECT
    j.workspace_id, j.job_id, j.kind, j.tool, j.version, j.price, j.captured,
    coalesce((j.spec ->> 'images')::int, 1) AS images, (j.spec ->> 'duration_s')::int AS duration_s,
    coalesce(o.outputs, 0)::int AS outputs, coalesce(o.duration_ms, 0)::bigint AS duration_ms,
    coalesce(c.cost_micros, 0)::bigint AS cost_micros
FROM jobs AS j
LEFT JOIN LATERAL (
    SELECT count(*) AS outputs, sum(t.duration_ms) AS duration_ms
    FROM outputs AS t
    WHERE t.workspace_id = j.workspace_id AND t.job_id = j.job_id
) AS o ON TRUE
LEFT JOIN LATERAL (
    SELECT sum(a.cost_micros) AS cost_micros
    FROM attempts AS a
    WHERE a.workspace_id = j.workspace_id AND a.job_id = j.job_id
) AS c ON TRUE
WHERE j.created_at >= :starts_at AND j.created_at < :ends_at;

-- name: plans_of_subscriptions
-- Which plan each subscription had from which instant on; one that never changed has the plan that
-- it began with.
SELECT s.subscription_id, s.anchor_at AS since_at, s.plan, -1 AS ordinal
FROM subscriptions AS s
WHERE NOT EXISTS (
    SELECT FROM subscription_changes AS c
    WHERE c.workspace_id = s.workspace_id AND c.subscription_id = s.subscription_id
)
UNION ALL
SELECT c.subscription_id, c.due_at AS since_at, c.plan, c.ordinal
FROM subscription_changes AS c
ORDER BY subscription_id, ordinal;
