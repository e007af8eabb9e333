-- The studio around the ledger: workspaces and their plans, jobs and what they delivered, and the
-- outbox. The house tables at the end hold what must be unique across workspaces.

CREATE TABLE workspaces (
    workspace_id uuid NOT NULL,
    name text NOT NULL,
    email text,
    zone text NOT NULL,
    is_demo boolean NOT NULL,
    created_at timestamptz NOT NULL,
    verified_at timestamptz,
    trial_ends_at timestamptz,
    CONSTRAINT workspaces_pkey PRIMARY KEY (workspace_id),
    CONSTRAINT a_trial_needs_a_verified_person CHECK (
        trial_ends_at IS NULL OR verified_at IS NOT NULL
    )
);

CREATE TABLE verifications (
    workspace_id uuid NOT NULL,
    code_digest bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    tries_left smallint NOT NULL,
    CONSTRAINT verifications_pkey PRIMARY KEY (workspace_id)
);

CREATE TABLE subscriptions (
    workspace_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    plan text NOT NULL,
    version text NOT NULL,
    anchor_at timestamptz NOT NULL,
    zone text NOT NULL,
    months_per_charge smallint NOT NULL,
    ends_at timestamptz,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (workspace_id, subscription_id),
    CONSTRAINT months_are_monthly_or_annual CHECK (months_per_charge IN (1, 12))
);

-- A workspace has one plan at a time.
CREATE UNIQUE INDEX subscriptions_current ON subscriptions (workspace_id) WHERE ends_at IS NULL;

CREATE TABLE jobs (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    request_key text NOT NULL,
    request_digest bytea NOT NULL,
    tool text NOT NULL,
    kind text NOT NULL,
    version text NOT NULL,
    price bigint NOT NULL,
    is_metered boolean NOT NULL,
    spec jsonb NOT NULL,
    state text NOT NULL,
    is_cancel_asked boolean NOT NULL DEFAULT FALSE,
    progress real NOT NULL DEFAULT 0,
    provider text NOT NULL,
    provider_job_id text,
    tries smallint NOT NULL DEFAULT 0,
    captured bigint,
    reason text,
    sentence text,
    created_at timestamptz NOT NULL,
    starts_at timestamptz NOT NULL,
    deadline_at timestamptz NOT NULL,
    submitting_at timestamptz,
    submitted_at timestamptz,
    finished_at timestamptz,
    stepped_at timestamptz NOT NULL,
    CONSTRAINT jobs_pkey PRIMARY KEY (workspace_id, job_id),
    CONSTRAINT jobs_request UNIQUE (workspace_id, request_key),
    CONSTRAINT price_is_positive CHECK (price > 0),
    CONSTRAINT captured_is_at_most_the_price CHECK (captured BETWEEN 0 AND price),
    CONSTRAINT state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'waiting' THEN submitting_at IS NULL AND finished_at IS NULL
            WHEN 'submitting' THEN submitting_at IS NOT NULL AND submitted_at IS NULL
                AND finished_at IS NULL
            WHEN 'running' THEN submitted_at IS NOT NULL AND provider_job_id IS NOT NULL
                AND finished_at IS NULL
            WHEN 'succeeded' THEN submitted_at IS NOT NULL AND finished_at IS NOT NULL
                AND captured IS NOT NULL
            WHEN 'failed' THEN submitting_at IS NOT NULL AND finished_at IS NOT NULL
                AND captured = 0 AND reason IS NOT NULL
            WHEN 'cancelled' THEN finished_at IS NOT NULL AND captured = 0
            WHEN 'lost' THEN finished_at IS NOT NULL AND captured = 0
            ELSE FALSE
        END
    )
);

-- The sweeper looks for jobs that nobody works on any more.
CREATE INDEX jobs_open ON jobs (stepped_at) WHERE finished_at IS NULL;
-- Jobs of a workspace, newest first.
CREATE INDEX jobs_by_age ON jobs (workspace_id, created_at);

CREATE TABLE outputs (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    asset bytea NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    duration_ms bigint,
    frames integer,
    CONSTRAINT outputs_pkey PRIMARY KEY (workspace_id, job_id, ordinal),
    CONSTRAINT outputs_job FOREIGN KEY (workspace_id, job_id)
    REFERENCES jobs (workspace_id, job_id)
);

CREATE TABLE outbox (
    workspace_id uuid NOT NULL,
    message_id uuid NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (workspace_id, message_id)
);

-- House table: one trial a person, known by a keyed hash of the normalised address alone.
CREATE TABLE trial_claims (
    email_digest bytea NOT NULL,
    workspace_id uuid NOT NULL,
    claimed_at timestamptz NOT NULL,
    CONSTRAINT trial_claims_pkey PRIMARY KEY (email_digest)
);
