-- What the books are made of. Each report reads whole tables in one pass, on the server: they are
-- for the operator, never for a request of a workspace. The instant of a fact is when it was
-- written, so that no later entry changes what was told of an earlier month. The sequence of a
-- wallet follows that instant: the journal up to it is all up to one sequence. What a lot was at an
-- instant is what it is now, without what the journal has moved since: the work grows with the time
-- that is looked back, not with the history before it. A workspace marked demo counts in no report,
-- for nothing is charged in it; a wallet of which there is no workspace here does count.

-- name: last_written$
-- When the last fact was written that the books are made of.
SELECT greatest(
    (SELECT max(w.posted_at) FROM wallets AS w), (SELECT max(r.paid_at) FROM payment_requests AS r)
);

-- name: outstanding
-- Credits that were granted and are neither spent nor over at an instant, by the age of their lots
-- (how many of some numbers of days have gone by since the grant was written).
WITH horizons AS MATERIALIZED (
    SELECT h.workspace_id, h.kind, h.upto
    FROM sequences_before(:at::timestamptz + interval '1 microsecond') AS h
    WHERE h.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
),

later AS (
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
    FROM horizons AS h
    INNER JOIN postings AS p
        ON h.workspace_id = p.workspace_id AND h.kind = p.kind AND p.sequence > h.upto
    WHERE p.lot IS NOT NULL
    GROUP BY p.workspace_id, p.kind, p.lot
),

remains AS (
    SELECT
        l.workspace_id, l.kind, l.lot, l.source, l.paid_amount IS NOT NULL AS is_paid,
        l.available - coalesce(m.available, 0) AS available,
        l.frozen - coalesce(m.frozen, 0) AS frozen, l.held - coalesce(m.held, 0) AS held
    FROM lots AS l
    INNER JOIN horizons AS h
        ON l.workspace_id = h.workspace_id AND l.kind = h.kind AND l.lot <= h.upto
    LEFT JOIN later AS m
        ON l.workspace_id = m.workspace_id AND l.kind = m.kind AND l.lot = m.lot
),

aged AS (
    SELECT
        r.kind, r.source, r.is_paid, r.available, r.frozen, r.held,
        (
            SELECT count(*)::int FROM unnest(:days::int[]) AS d (days)
            WHERE e.posted_at <= :at::timestamptz - make_interval(days => d.days)
        ) AS age
    FROM remains AS r
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
-- Every lot that was paid for before the end of a span, and where its credits were gone before it
-- and at its end.
WITH spans AS MATERIALIZED (
    SELECT h.workspace_id, h.kind, b.upto AS above, h.upto
    FROM sequences_before(:ends_at) AS h
    INNER JOIN sequences_before(:starts_at) AS b
        ON h.workspace_id = b.workspace_id AND h.kind = b.kind
    WHERE h.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
),

moves AS (
    SELECT
        p.workspace_id, p.kind, p.lot, p.sequence > s.upto AS is_after,
        CASE WHEN p.source = 'captured' THEN p.source ELSE p.target END AS account,
        CASE WHEN p.source = 'captured' THEN -p.amount ELSE p.amount END AS credits
    FROM spans AS s
    CROSS JOIN LATERAL (
        SELECT n.workspace_id, n.kind, n.sequence, n.lot, n.source, n.target, n.amount
        FROM postings AS n
        WHERE
            n.workspace_id = s.workspace_id AND n.kind = s.kind AND n.sequence > s.above
            AND (
                n.source = 'captured'
                OR n.target IN ('captured', 'expired', 'forfeited', 'voided')
            )
        OFFSET 0
    ) AS p
    WHERE p.lot IS NOT NULL
),

later AS (
    SELECT
        m.workspace_id, m.kind, m.lot, m.is_after,
        sum(CASE WHEN m.account = 'captured' THEN m.credits ELSE 0 END)::bigint AS captured,
        sum(
            CASE WHEN m.account IN ('expired', 'forfeited') THEN m.credits ELSE 0 END
        )::bigint AS ended,
        sum(CASE WHEN m.account = 'voided' THEN m.credits ELSE 0 END)::bigint AS voided
    FROM moves AS m
    GROUP BY m.workspace_id, m.kind, m.lot, m.is_after
),

at_end AS (
    SELECT
        l.workspace_id, l.kind, l.lot, l.source, l.reference, l.currency, l.paid_amount, l.granted,
        l.lot <= s.above AS is_before, l.captured - coalesce(a.captured, 0) AS captured,
        l.expired + l.forfeited - coalesce(a.ended, 0) AS ended,
        l.voided - coalesce(a.voided, 0) AS voided
    FROM lots AS l
    INNER JOIN spans AS s
        ON l.workspace_id = s.workspace_id AND l.kind = s.kind AND l.lot <= s.upto
    LEFT JOIN later AS a
        ON l.workspace_id = a.workspace_id AND l.kind = a.kind AND l.lot = a.lot AND a.is_after
    WHERE l.paid_amount IS NOT NULL
)

SELECT
    l.workspace_id, l.kind, l.lot, l.source, l.reference, upper(l.currency) AS currency,
    e.posted_at AS granted_at, l.paid_amount AS paid, l.granted, l.is_before,
    l.captured - coalesce(i.captured, 0) AS captured_before,
    l.ended - coalesce(i.ended, 0) AS ended_before,
    l.voided - coalesce(i.voided, 0) AS voided_before, l.captured, l.ended, l.voided
FROM at_end AS l
INNER JOIN entries AS e
    ON l.workspace_id = e.workspace_id AND l.kind = e.kind AND l.lot = e.sequence
LEFT JOIN later AS i
    ON l.workspace_id = i.workspace_id AND l.kind = i.kind AND l.lot = i.lot AND NOT i.is_after
ORDER BY l.workspace_id, l.kind, l.lot;

-- name: tool_uses
-- What was captured, metered and absorbed in a span, by tool and by who paid. A captured credit of
-- a paid lot is worth what the lot's captures came to after it, less what they came to before; what
-- was captured before the span is given, so that the span's own postings are read alone.
WITH spans AS MATERIALIZED (
    SELECT h.workspace_id, h.kind, b.upto AS above, h.upto
    FROM sequences_before(:ends_at) AS h
    INNER JOIN sequences_before(:starts_at) AS b
        ON h.workspace_id = b.workspace_id AND h.kind = b.kind
    WHERE h.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
),

uses AS (
    SELECT
        p.workspace_id, p.kind, p.sequence, p.ordinal, p.lot,
        CASE WHEN p.lot IS NULL THEN p.target ELSE 'captured' END AS account,
        CASE WHEN p.source = 'captured' THEN -p.amount ELSE p.amount END AS credits
    FROM spans AS s
    CROSS JOIN LATERAL (
        SELECT
            m.workspace_id, m.kind, m.sequence, m.ordinal, m.lot, m.source, m.target, m.amount
        FROM postings AS m
        WHERE
            m.workspace_id = s.workspace_id AND m.kind = s.kind
            AND m.sequence > s.above AND m.sequence <= s.upto
            AND (m.source = 'captured' OR m.target IN ('captured', 'metered', 'absorbed'))
        OFFSET 0
    ) AS p
),

given AS (
    SELECT u.workspace_id, u.kind, u.lot, u.captured
    FROM
        unnest(:workspaces::uuid[], :kinds::text[], :lots::bigint[], :captured::bigint[])
        AS u (workspace_id, kind, lot, captured)
),

counted AS (
    SELECT
        u.workspace_id, u.kind, u.sequence, u.account, u.credits, g.source, g.paid_amount,
        g.granted AS amount, upper(g.currency) AS currency,
        coalesce(b.captured, 0) + sum(u.credits) OVER (
            PARTITION BY u.workspace_id, u.kind, u.lot ORDER BY u.sequence, u.ordinal
        ) AS used
    FROM uses AS u
    LEFT JOIN stored_lots AS g
        ON u.workspace_id = g.workspace_id AND u.kind = g.kind AND u.lot = g.lot
    LEFT JOIN given AS b
        ON u.workspace_id = b.workspace_id AND u.kind = b.kind AND u.lot = b.lot
),

named AS (
    SELECT
        c.kind, c.account, c.source, c.currency, c.credits, c.workspace_id,
        div(c.paid_amount::numeric * c.used, c.amount)
        - div(c.paid_amount::numeric * (c.used - c.credits), c.amount) AS worth,
        CASE
            WHEN coalesce(r.namespace, e.namespace) = 'job'
                THEN split_part(coalesce(r.key, e.key), '/', 2)
        END AS job_name
    FROM counted AS c
    INNER JOIN entries AS e
        ON c.workspace_id = e.workspace_id AND c.kind = e.kind AND c.sequence = e.sequence
    LEFT JOIN entries AS r
        ON
            e.workspace_id = r.workspace_id AND e.kind = r.kind
            AND CASE WHEN e.operation = 'refund' THEN e.refers_to END = r.sequence
)

SELECT
    j.tool, n.kind, n.account, n.source, n.currency, sum(n.credits)::bigint AS credits,
    coalesce(sum(n.worth), 0)::bigint AS worth
FROM named AS n
LEFT JOIN jobs AS j
    ON
        n.workspace_id = j.workspace_id
        AND CASE  -- an embedder's key under our namespace may hold anything
            WHEN
                n.job_name LIKE '________-____-____-____-____________'
                AND translate(n.job_name, '0123456789abcdef', '') = '----'
                THEN n.job_name::uuid
        END = j.job_id
GROUP BY j.tool, n.kind, n.account, n.source, n.currency
ORDER BY j.tool NULLS LAST, n.kind, n.account, n.source, n.currency;

-- name: tool_costs
-- What providers charged for orders whose outcome was learned in a span.
SELECT
    j.tool, j.kind, a.provider, count(*) AS orders, sum(a.cost_micros)::bigint AS cost_micros
FROM attempts AS a
INNER JOIN jobs AS j ON a.workspace_id = j.workspace_id AND a.job_id = j.job_id
WHERE
    a.ended_at >= :starts_at AND a.ended_at < :ends_at AND a.cost_micros IS NOT NULL
    AND a.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
GROUP BY j.tool, j.kind, a.provider
ORDER BY j.tool, j.kind, a.provider;

-- name: paid_requests
-- What was paid up to an instant, with the lines that tell what for.
SELECT
    r.workspace_id, r.request_id, r.purpose, r.gateway, r.title, r.lines, r.net, r.tax,
    upper(r.currency) AS currency, r.paid_at, r.credited
FROM payment_requests AS r
WHERE
    r.paid_at <= :at
    AND r.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
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
WHERE
    (o.outcome = 'succeeded' OR o.ordinal > 1) AND o.told_at <= :at
    AND f.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
ORDER BY o.told_at, f.workspace_id, f.refund_id, o.ordinal;

-- name: lost_disputes
-- Money that a bank took back up to an instant.
SELECT
    d.workspace_id, d.gateway, d.reference, d.payment_id, d.amount, upper(d.currency) AS currency,
    d.closed_at, CASE WHEN m.state = 'applied' THEN m.request_id END AS request_id
FROM disputes AS d
INNER JOIN payments AS m ON d.workspace_id = m.workspace_id AND d.payment_id = m.payment_id
WHERE
    d.state = 'lost' AND d.closed_at <= :at
    AND m.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
ORDER BY d.closed_at, d.workspace_id, d.gateway, d.reference;

-- name: payments
-- Money that came up to an instant, and what became of it; `backs` counts its refunds and lost
-- disputes, which tell themselves what went back.
SELECT
    m.workspace_id, m.payment_id, m.gateway, m.amount, upper(m.currency) AS currency, m.state,
    m.received_at, m.settled_at,
    (
        SELECT count(*) FROM refunds AS f
        WHERE f.workspace_id = m.workspace_id AND f.payment_id = m.payment_id
    ) + (
        SELECT count(*) FROM disputes AS d
        WHERE
            d.workspace_id = m.workspace_id AND d.payment_id = m.payment_id AND d.state = 'lost'
    ) AS backs
FROM payments AS m
WHERE
    m.received_at <= :at
    AND m.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
ORDER BY m.received_at, m.workspace_id, m.payment_id;

-- name: orders
-- Purchases that were paid up to an instant, and until when each waits for its credits.
SELECT
    p.workspace_id, p.purchase_id, p.request_id, p.kind, p.credits, r.net,
    upper(r.currency) AS currency, r.paid_at, p.ended_at
FROM purchases AS p
INNER JOIN payment_requests AS r
    ON p.workspace_id = r.workspace_id AND p.request_id = r.request_id
WHERE
    r.paid_at <= :at
    AND r.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
ORDER BY r.paid_at, p.workspace_id, p.purchase_id;

-- name: lot_moves
-- What changed the worth of paid lots in a span, in the order of the journal.
SELECT
    p.workspace_id, p.kind, p.sequence, e.posted_at, e.operation, p.lot, p.source, p.target,
    p.amount
FROM postings AS p
INNER JOIN stored_lots AS g
    ON
        p.workspace_id = g.workspace_id AND p.kind = g.kind AND p.lot = g.lot
        AND g.paid_amount IS NOT NULL
INNER JOIN entries AS e
    ON p.workspace_id = e.workspace_id AND p.kind = e.kind AND p.sequence = e.sequence
WHERE
    (p.source = 'captured' OR p.target IN ('captured', 'expired', 'forfeited', 'voided'))
    AND e.posted_at >= :starts_at AND e.posted_at < :ends_at
    AND p.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
ORDER BY e.posted_at, p.workspace_id, p.kind, p.sequence, p.ordinal;

-- name: costs
-- Each order that a provider charged for up to an instant.
SELECT
    a.workspace_id, a.job_id, a.ordinal, a.provider, j.tool, a.cost_micros, a.ended_at
FROM attempts AS a
INNER JOIN jobs AS j ON a.workspace_id = j.workspace_id AND a.job_id = j.job_id
WHERE
    a.ended_at < :ends_at AND a.cost_micros > 0
    AND a.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x)
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
WHERE
    j.created_at >= :starts_at AND j.created_at < :ends_at
    AND j.workspace_id NOT IN (SELECT x.workspace_id FROM demos AS x);

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
