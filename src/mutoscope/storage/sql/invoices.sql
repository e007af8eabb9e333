-- Invoices and credit notes: numbers without gaps, documents that never change.

-- name: open_series!
-- The series and years that numbers will be taken of, in the order of their locks.
INSERT INTO invoice_series (series, year)
SELECT n.series, n.year
FROM unnest(:series::text[], :years::smallint[]) AS n (series, year)
ORDER BY n.series, n.year
ON CONFLICT ON CONSTRAINT invoice_series_pkey DO NOTHING;

-- name: lock_series
-- The next numbers, locked in one order for all until the transaction ends.
SELECT s.series, s.year, s.next_number
FROM unnest(:series::text[], :years::smallint[]) AS n (series, year)
INNER JOIN invoice_series AS s ON s.series = n.series AND s.year = n.year
ORDER BY s.series, s.year
FOR UPDATE OF s;

-- name: move_series!
-- The next numbers after those that were taken.
UPDATE invoice_series AS s SET next_number = n.next_number
FROM unnest(:series::text[], :years::smallint[], :next_numbers::bigint[])
    AS n (series, year, next_number)
WHERE s.series = n.series AND s.year = n.year;

-- name: written_before
-- Documents that were written before under ids that come again.
SELECT i.workspace_id, i.invoice_id, i.kind, i.currency, i.total, i.refers_to
FROM unnest(:workspaces::uuid[], :invoices::uuid[]) AS n (workspace_id, invoice_id)
INNER JOIN invoices AS i ON i.workspace_id = n.workspace_id AND i.invoice_id = n.invoice_id;

-- name: lock_credited
-- Invoices that are to be credited, locked in one order, with what they come to.
SELECT i.workspace_id, i.invoice_id, i.currency, i.total
FROM unnest(:workspaces::uuid[], :invoices::uuid[]) AS n (workspace_id, invoice_id)
INNER JOIN invoices AS i ON i.workspace_id = n.workspace_id AND i.invoice_id = n.invoice_id
WHERE i.kind = 'invoice'
ORDER BY i.workspace_id, i.invoice_id
FOR UPDATE OF i;

-- name: credited
-- What was credited of invoices before; read after they are locked.
SELECT c.workspace_id, c.refers_to, sum(c.total)::bigint AS credited
FROM unnest(:workspaces::uuid[], :invoices::uuid[]) AS n (workspace_id, invoice_id)
INNER JOIN invoices AS c ON c.workspace_id = n.workspace_id AND c.refers_to = n.invoice_id
GROUP BY c.workspace_id, c.refers_to;

-- name: write_invoices$
-- Documents with their lines, and whose their numbers are; webhooks are told of each.
WITH fresh AS (
    INSERT INTO invoices (
        workspace_id, invoice_id, kind, series, year, number, currency, net, tax, total, rate,
        treatment, note, seller, buyer, zone, issued_at, due_at, paid_at, billing_at, request_id,
        refers_to, reason
    )
    SELECT
        n.workspace_id, n.invoice_id, n.kind, n.series, n.year, n.number, n.currency, n.net, n.tax,
        n.total, n.rate, n.treatment, n.note, n.seller, n.buyer, n.zone, n.issued_at, n.due_at,
        n.paid_at, n.billing_at, n.request_id, n.refers_to, n.reason
    FROM unnest(:invoices::new_invoice[]) AS n
    RETURNING workspace_id
),

numbers AS (
    INSERT INTO invoice_numbers (series, year, number, workspace_id, invoice_id)
    SELECT n.series, n.year, n.number, n.workspace_id, n.invoice_id
    FROM unnest(:invoices::new_invoice[]) AS n
),

lines AS (
    INSERT INTO invoice_lines (
        workspace_id, invoice_id, ordinal, code, text, amount, starts_at, ends_at
    )
    SELECT
        n.workspace_id, n.invoice_id, l.ordinal, l.code, l.text, l.amount, l.starts_at, l.ends_at
    FROM unnest(:invoices::new_invoice[]) AS n
    CROSS JOIN
        jsonb_to_recordset(n.lines) AS l (
            ordinal smallint, code text, text text, amount bigint, starts_at timestamptz,
            ends_at timestamptz
        )
),

issued AS (
    SELECT
        n.workspace_id, n.invoice_id, n.kind, (:numbers::text[])[n.ordinality] AS number,
        n.currency, n.net, n.tax, n.total, n.treatment, n.issued_at, n.due_at, n.paid_at,
        n.refers_to, n.reason
    FROM unnest(:invoices::new_invoice[]) WITH ORDINALITY AS n
),

told AS (
    INSERT INTO webhook_deliveries (
        workspace_id, endpoint_id, event_id, type, body, state, next_try_at, created_at
    )
    SELECT
        i.workspace_id, d.endpoint_id, i.invoice_id, 'invoice.issued', d.body, 'waiting',
        i.issued_at, i.issued_at
    FROM issued AS i
    CROSS JOIN LATERAL
        event_deliveries(
            i.workspace_id, i.invoice_id, 'invoice.issued', i.issued_at, to_jsonb(i)
        ) AS d
    ON CONFLICT ON CONSTRAINT webhook_deliveries_pkey DO NOTHING
)

SELECT count(*) FROM fresh;

-- name: invoice^
-- A document with its lines, what was credited of it, and when its money came.
SELECT
    i.workspace_id, i.invoice_id, i.kind, i.series, i.year, i.number, i.currency, i.net, i.tax,
    i.total, i.rate, i.treatment, i.note, i.seller, i.buyer, i.zone, i.issued_at, i.due_at,
    coalesce(i.paid_at, p.paid_at) AS paid_at, i.billing_at, i.request_id, i.refers_to, i.reason,
    r.series AS refers_to_series, r.year AS refers_to_year, r.number AS refers_to_number,
    (
        SELECT coalesce(sum(c.total), 0)::bigint
        FROM invoices AS c
        WHERE c.workspace_id = i.workspace_id AND c.refers_to = i.invoice_id
    ) AS credited,
    (
        SELECT jsonb_agg(jsonb_build_object(
            'code', l.code, 'text', l.text, 'amount', l.amount, 'starts_at', l.starts_at,
            'ends_at', l.ends_at
        ) ORDER BY l.ordinal)
        FROM invoice_lines AS l
        WHERE l.workspace_id = i.workspace_id AND l.invoice_id = i.invoice_id
    ) AS lines
FROM invoices AS i
LEFT JOIN invoices AS r ON r.workspace_id = i.workspace_id AND r.invoice_id = i.refers_to
LEFT JOIN payment_requests AS p
    ON i.workspace_id = p.workspace_id AND i.request_id = p.request_id AND i.refers_to IS NULL
WHERE i.workspace_id = :workspace_id AND i.invoice_id = :invoice_id;

-- name: list_invoices
-- Documents of a workspace, newest first, a page at a time, with when their money came.
SELECT
    i.workspace_id, i.invoice_id, i.kind, i.series, i.year, i.number, i.currency, i.net, i.tax,
    i.total, i.treatment, i.issued_at, i.due_at, coalesce(i.paid_at, p.paid_at) AS paid_at,
    i.refers_to,
    r.series AS refers_to_series, r.year AS refers_to_year, r.number AS refers_to_number
FROM invoices AS i
LEFT JOIN invoices AS r ON i.workspace_id = r.workspace_id AND i.refers_to = r.invoice_id
LEFT JOIN payment_requests AS p
    ON i.workspace_id = p.workspace_id AND i.request_id = p.request_id AND i.refers_to IS NULL
WHERE
    i.workspace_id = :workspace_id
    AND (i.issued_at, i.invoice_id) < (:before_at, :before_id)
ORDER BY i.issued_at DESC, i.invoice_id DESC
LIMIT :limit;

-- name: invoice_numbered^
-- Whose a number is.
SELECT n.workspace_id, n.invoice_id
FROM invoice_numbers AS n
WHERE n.series = :series AND n.year = :year AND n.number = :number;

-- name: series
-- What became of the numbers of every series.
SELECT
    s.series, s.year, count(i.invoice_id) AS kept, min(i.number) AS first, max(i.number) AS last,
    s.next_number
FROM invoice_series AS s
LEFT JOIN invoices AS i ON s.series = i.series AND s.year = i.year
GROUP BY s.series, s.year
ORDER BY s.year, s.series;
