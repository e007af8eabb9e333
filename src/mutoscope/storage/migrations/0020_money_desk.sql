-- Money at the desk: what was credited is not asked for, open requests are found by the words of a
-- transfer, what waits has its notes, and a refund that comes back is told both times.

-- What was credited of the invoice while the request was open: so much less is to be paid.
ALTER TABLE payment_requests
ADD COLUMN credited bigint NOT NULL DEFAULT 0,
ADD CONSTRAINT credited_is_at_most_the_total CHECK (credited BETWEEN 0 AND total);

-- What was credited as a whole before need not be paid any more.
UPDATE payment_requests AS r
SET
    credited = c.credited,
    state = CASE WHEN c.credited = r.total THEN 'cancelled' ELSE r.state END,
    cancelled_at = CASE WHEN c.credited = r.total THEN c.credited_at END,
    remind_at = CASE WHEN c.credited = r.total THEN NULL ELSE r.remind_at END
FROM (
    SELECT
        n.workspace_id, n.refers_to, sum(n.total)::bigint AS credited,
        max(n.issued_at) AS credited_at
    FROM invoices AS n
    WHERE n.refers_to IS NOT NULL
    GROUP BY n.workspace_id, n.refers_to
) AS c
WHERE r.state = 'open' AND r.workspace_id = c.workspace_id AND r.invoice_id = c.refers_to;

-- The words of a transfer are the last digits of its request's id.
CREATE INDEX payment_requests_words ON payment_requests (right(request_id::text, 16));

-- Staff who read a bank statement see what is open, the newest first.
CREATE INDEX payment_requests_open ON payment_requests (created_at, request_id)
WHERE state = 'open';

-- What staff noted about a payment that waits: when they entered it, and when they kept it open.
DROP INDEX audit_lines_kept_payments;
CREATE INDEX audit_lines_noted_payments ON audit_lines ((data ->> 'payment_id'), sequence)
WHERE action IN ('keep_payment', 'enter_payment');

-- A refund of which the money went out and came back is `owed`: staff send it another way.
ALTER TABLE refunds
DROP CONSTRAINT refund_state_fits_its_timestamps,
ADD CONSTRAINT refund_state_fits_its_timestamps CHECK (
    CASE state
        WHEN 'asked' THEN finished_at IS NULL
        WHEN 'succeeded' THEN finished_at IS NOT NULL
        WHEN 'failed' THEN finished_at IS NOT NULL
        WHEN 'owed' THEN finished_at IS NOT NULL
        ELSE FALSE
    END
);

CREATE INDEX refunds_owed ON refunds (asked_at) WHERE state = 'owed';

-- What was told of each refund, in order, and over which gateway its money went: an outcome is
-- never changed, so that the books of a month stay as they were told. What failed after it had
-- succeeded came back.
CREATE TABLE refund_outcomes (
    workspace_id uuid NOT NULL,
    refund_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    outcome text NOT NULL,
    gateway text NOT NULL,
    reference text,
    told_at timestamptz NOT NULL,
    CONSTRAINT refund_outcomes_pkey PRIMARY KEY (workspace_id, refund_id, ordinal),
    CONSTRAINT outcome_is_known CHECK (outcome IN ('succeeded', 'failed')),
    CONSTRAINT outcomes_count_from_one CHECK (ordinal > 0)
);

CREATE INDEX refund_outcomes_told ON refund_outcomes (told_at);

INSERT INTO refund_outcomes (
    workspace_id, refund_id, ordinal, outcome, gateway, reference, told_at
)
SELECT r.workspace_id, r.refund_id, 1, r.state, p.gateway, r.reference, r.finished_at
FROM refunds AS r
INNER JOIN payments AS p ON r.workspace_id = p.workspace_id AND r.payment_id = p.payment_id
WHERE r.finished_at IS NOT NULL;
