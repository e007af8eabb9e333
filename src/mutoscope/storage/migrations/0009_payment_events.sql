-- What payment gateways tell by themselves: kept as it came, and looked into once.

-- House table: an event is the gateway's, whosever payment it is about. `body` is what was signed;
-- the references are what it is about. An event waits (`retry_at`) until it was processed, and then
-- has an outcome; while a process works on it, `retry_at` is when another one may.
CREATE TABLE payment_events (
    gateway text NOT NULL,
    event_id text NOT NULL,
    code text NOT NULL,
    body bytea NOT NULL,
    payment_reference text,
    refund_reference text,
    dispute_reference text,
    created_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    retry_at timestamptz,
    reason text,
    processed_at timestamptz,
    outcome text,
    CONSTRAINT payment_events_pkey PRIMARY KEY (gateway, event_id),
    CONSTRAINT tries_are_not_negative CHECK (tries >= 0),
    CONSTRAINT event_outcome_fits_its_timestamps CHECK (
        CASE
            WHEN outcome IS NULL THEN processed_at IS NULL AND retry_at IS NOT NULL
            WHEN outcome IN ('received', 'refund_told', 'dispute_told', 'not_paid', 'foreign',
                'ignored') THEN processed_at IS NOT NULL AND retry_at IS NULL
            ELSE FALSE
        END
    )
);

-- The worker finds what waits.
CREATE INDEX payment_events_waiting ON payment_events (retry_at) WHERE outcome IS NULL;

-- Staff read them, the newest first.
CREATE INDEX payment_events_received ON payment_events (received_at);

-- Both books are compared from an instant on.
CREATE INDEX payments_received ON payments (gateway, received_at);
