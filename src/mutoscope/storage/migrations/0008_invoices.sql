-- Invoices and credit notes with numbers without gaps, who pays them, and the way of messages from
-- the outbox to a mail server.

-- Who is billed; without a row it is the workspace's name and address.
CREATE TABLE billing_details (
    workspace_id uuid NOT NULL,
    legal_name text NOT NULL,
    address text[] NOT NULL,
    country text NOT NULL,
    tax_id text,
    email text,
    changed_at timestamptz NOT NULL,
    CONSTRAINT billing_details_pkey PRIMARY KEY (workspace_id),
    CONSTRAINT country_has_two_letters CHECK (country ~ '^[A-Z]{2}$')
);

-- Addresses that took no message: what follows is not sent to them.
CREATE TABLE bounced_addresses (
    workspace_id uuid NOT NULL,
    email text NOT NULL,
    reason text NOT NULL,
    bounced_at timestamptz NOT NULL,
    CONSTRAINT bounced_addresses_pkey PRIMARY KEY (workspace_id, email)
);

-- House table: the next number of a series and year, under whose lock numbers are taken.
CREATE TABLE invoice_series (
    series text NOT NULL,
    year smallint NOT NULL,
    next_number bigint NOT NULL DEFAULT 1,
    CONSTRAINT invoice_series_pkey PRIMARY KEY (series, year),
    CONSTRAINT next_number_is_positive CHECK (next_number > 0)
);

-- House table: whose each number is, for ever.
CREATE TABLE invoice_numbers (
    series text NOT NULL,
    year smallint NOT NULL,
    number bigint NOT NULL,
    workspace_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    CONSTRAINT invoice_numbers_pkey PRIMARY KEY (series, year, number),
    CONSTRAINT number_is_positive CHECK (number > 0)
);

-- What was issued, with seller and buyer as they were then. A credit note's amounts are what is
-- credited, and so positive. `rate` is in basis points. Dates are printed by the clocks of `zone`.
CREATE TABLE invoices (
    workspace_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    kind text NOT NULL,
    series text NOT NULL,
    year smallint NOT NULL,
    number bigint NOT NULL,
    currency text NOT NULL,
    net bigint NOT NULL,
    tax bigint NOT NULL,
    total bigint NOT NULL,
    rate integer NOT NULL,
    treatment text NOT NULL,
    note text,
    seller jsonb NOT NULL,
    buyer jsonb NOT NULL,
    zone text NOT NULL,
    issued_at timestamptz NOT NULL,
    due_at timestamptz,
    paid_at timestamptz,
    billing_at timestamptz,
    request_id uuid,
    refers_to uuid,
    reason text,
    CONSTRAINT invoices_pkey PRIMARY KEY (workspace_id, invoice_id),
    CONSTRAINT invoices_refers_to FOREIGN KEY (workspace_id, refers_to)
    REFERENCES invoices (workspace_id, invoice_id),
    CONSTRAINT total_is_net_and_tax CHECK (total = net + tax AND least(net, tax) >= 0),
    CONSTRAINT rate_is_a_share CHECK (rate BETWEEN 0 AND 10000),
    CONSTRAINT treatment_fits_its_tax CHECK (
        CASE treatment
            WHEN 'standard' THEN TRUE
            WHEN 'reverse_charge' THEN tax = 0 AND note IS NOT NULL
            WHEN 'none' THEN tax = 0 AND note IS NOT NULL
            ELSE FALSE
        END
    ),
    CONSTRAINT kind_fits_what_it_refers_to CHECK (
        CASE kind
            WHEN 'invoice' THEN refers_to IS NULL
            WHEN 'credit_note' THEN refers_to IS NOT NULL AND reason IS NOT NULL
            ELSE FALSE
        END
    )
);

-- Documents of a workspace, newest first; and the credit notes of an invoice.
CREATE INDEX invoices_by_age ON invoices (workspace_id, issued_at, invoice_id);
CREATE INDEX invoices_credits ON invoices (workspace_id, refers_to) WHERE refers_to IS NOT NULL;

CREATE TABLE invoice_lines (
    workspace_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    code text NOT NULL,
    text text NOT NULL,
    amount bigint NOT NULL,
    starts_at timestamptz,
    ends_at timestamptz,
    CONSTRAINT invoice_lines_pkey PRIMARY KEY (workspace_id, invoice_id, ordinal),
    CONSTRAINT invoice_lines_invoice FOREIGN KEY (workspace_id, invoice_id)
    REFERENCES invoices (workspace_id, invoice_id),
    CONSTRAINT span_has_two_ends CHECK (
        (starts_at IS NULL) = (ends_at IS NULL) AND (starts_at < ends_at) IS NOT FALSE
    )
);

CREATE FUNCTION refuse_change_of_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% never change: issue a credit note that corrects what is wrong', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER invoices_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON invoices
EXECUTE FUNCTION refuse_change_of_invoice();
CREATE TRIGGER invoice_lines_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_lines
EXECUTE FUNCTION refuse_change_of_invoice();
CREATE TRIGGER invoice_numbers_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_numbers
EXECUTE FUNCTION refuse_change_of_invoice();

-- How documents are written: many at once, each with its lines as JSON.
CREATE TYPE new_invoice AS (
    workspace_id uuid, invoice_id uuid, kind text, series text, year smallint, number bigint,
    currency text, net bigint, tax bigint, total bigint, rate integer, treatment text, note text,
    seller jsonb, buyer jsonb, zone text, issued_at timestamptz, due_at timestamptz,
    paid_at timestamptz, billing_at timestamptz, request_id uuid, refers_to uuid, reason text,
    lines jsonb
);

-- What a payment request is taxed by, so that its invoice says the same when it is paid.
ALTER TABLE payment_requests ADD COLUMN taxed jsonb;

-- A message is queued, handed over once a try, and then sent, bounced or given up. `next_try_at` is
-- empty before the first try. A message that is `sending` was claimed; `is_repeat` says that a try
-- was cut off, so that it may arrive twice, under one Message-ID. The attachment is printed when
-- the message is sent.
ALTER TABLE outbox
ADD COLUMN state text NOT NULL DEFAULT 'queued',
ADD COLUMN tries smallint NOT NULL DEFAULT 0,
ADD COLUMN next_try_at timestamptz,
ADD COLUMN tried_at timestamptz,
ADD COLUMN sent_at timestamptz,
ADD COLUMN ended_at timestamptz,
ADD COLUMN failure text,
ADD COLUMN is_repeat boolean NOT NULL DEFAULT FALSE,
ADD COLUMN attached text,
ADD COLUMN attached_id uuid,
ADD CONSTRAINT message_state_fits_its_timestamps CHECK (
    CASE state
        WHEN 'queued' THEN sent_at IS NULL AND ended_at IS NULL
        WHEN 'sending' THEN tried_at IS NOT NULL AND sent_at IS NULL AND ended_at IS NULL
        WHEN 'sent' THEN sent_at IS NOT NULL AND ended_at IS NULL
        WHEN 'bounced' THEN ended_at IS NOT NULL AND failure IS NOT NULL
        WHEN 'undeliverable' THEN ended_at IS NOT NULL AND failure IS NOT NULL AND sent_at IS NULL
        WHEN 'given_up' THEN ended_at IS NOT NULL AND failure IS NOT NULL AND sent_at IS NULL
        ELSE FALSE
    END
),
ADD CONSTRAINT attachment_is_known CHECK (
    (attached IS NULL) = (attached_id IS NULL) AND attached IN ('document', 'payment_request')
);

-- The clock finds what is to be sent, and tries that were cut off.
CREATE INDEX outbox_due ON outbox ((coalesce(next_try_at, created_at))) WHERE state = 'queued';
CREATE INDEX outbox_sending ON outbox (tried_at) WHERE state = 'sending';
-- A message by what its Message-ID tells, and messages by age.
CREATE INDEX outbox_by_id ON outbox (message_id);
CREATE INDEX outbox_by_age ON outbox (created_at, message_id);

-- How messages are written many at once.
CREATE TYPE new_message AS (
    workspace_id uuid, message_id uuid, recipient text, subject text, body text,
    created_at timestamptz, attached text, attached_id uuid, state text, ended_at timestamptz,
    failure text
);
