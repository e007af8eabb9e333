-- Orders to providers: each attempt of a job, what is known of it and what it cost; and, as house
-- tables, the health of routes, what was spent a day, and what staff have to look at.

ALTER TABLE jobs ADD COLUMN route text;
-- When somebody looks at the provider's work next; a job that has ended may still be followed,
-- until its last order's outcome and cost are known.
ALTER TABLE jobs ADD COLUMN look_at timestamptz;

-- A job may fail before it was ordered: when no route to a provider is left.
ALTER TABLE jobs DROP CONSTRAINT state_fits_its_timestamps;
ALTER TABLE jobs ADD CONSTRAINT state_fits_its_timestamps CHECK (
    CASE state
        WHEN 'waiting' THEN submitting_at IS NULL AND finished_at IS NULL
        WHEN 'submitting' THEN submitting_at IS NOT NULL AND submitted_at IS NULL
            AND finished_at IS NULL
        WHEN 'running' THEN submitted_at IS NOT NULL AND provider_job_id IS NOT NULL
            AND finished_at IS NULL
        WHEN 'succeeded' THEN submitted_at IS NOT NULL AND finished_at IS NOT NULL
            AND captured IS NOT NULL
        WHEN 'failed' THEN finished_at IS NOT NULL AND captured = 0 AND reason IS NOT NULL
        WHEN 'cancelled' THEN finished_at IS NOT NULL AND captured = 0
        WHEN 'lost' THEN finished_at IS NOT NULL AND captured = 0
        ELSE FALSE
    END
);

-- Whose turn it is to be looked at, and which jobs wait to be ordered.
CREATE INDEX jobs_to_look_at ON jobs (look_at)
WHERE look_at IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (workspace_id, created_at)
WHERE state = 'waiting';
CREATE INDEX jobs_at_work ON jobs (workspace_id)
WHERE state IN ('submitting', 'running');

CREATE TABLE attempts (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    route text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    state text NOT NULL,
    list_micros bigint NOT NULL,
    cost_micros bigint,
    provider_job_id text,
    provider_state text,
    reason text,
    provider_code text,
    intended_at timestamptz NOT NULL,
    answered_at timestamptz,
    ended_at timestamptz,
    closed_by text,
    CONSTRAINT attempts_pkey PRIMARY KEY (workspace_id, job_id, ordinal),
    CONSTRAINT attempts_job FOREIGN KEY (workspace_id, job_id)
    REFERENCES jobs (workspace_id, job_id),
    CONSTRAINT costs_are_not_negative CHECK (least(list_micros, cost_micros) >= 0),
    CONSTRAINT attempt_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'intended' THEN answered_at IS NULL AND ended_at IS NULL
            WHEN 'unknown' THEN ended_at IS NULL AND cost_micros IS NULL
            WHEN 'refused' THEN ended_at IS NOT NULL AND reason IS NOT NULL
                AND cost_micros IS NOT NULL
            WHEN 'created' THEN answered_at IS NOT NULL AND provider_job_id IS NOT NULL
                AND ended_at IS NULL
            WHEN 'ended' THEN ended_at IS NOT NULL AND cost_micros IS NOT NULL
            ELSE FALSE
        END
    )
);

-- How many orders are at work over a route.
CREATE INDEX attempts_at_work ON attempts (route)
WHERE state IN ('intended', 'created');
-- The queue of orders of which nobody knows whether they were taken.
CREATE INDEX attempts_unknown ON attempts (intended_at)
WHERE state = 'unknown';
-- Whose work a provider calls back about.
CREATE INDEX attempts_by_provider_job ON attempts (provider, split_part(provider_job_id, '#', 1))
WHERE provider_job_id IS NOT NULL;

-- House table: whether a route may be taken.
CREATE TABLE route_health (
    route text NOT NULL,
    failures integer NOT NULL,
    open_until timestamptz,
    parked_at timestamptz,
    parked_reason text,
    changed_at timestamptz NOT NULL,
    CONSTRAINT route_health_pkey PRIMARY KEY (route),
    CONSTRAINT a_parked_route_has_its_reason CHECK ((parked_at IS NULL) = (parked_reason IS NULL))
);

-- House table: list prices of what was ordered on a day of UTC, less what was not begun.
CREATE TABLE provider_spend (
    spent_on date NOT NULL,
    micros bigint NOT NULL,
    CONSTRAINT provider_spend_pkey PRIMARY KEY (spent_on)
);

-- House table: what staff have to look at; the same trouble is told once until it is over.
CREATE TABLE staff_alerts (
    alert_id uuid NOT NULL,
    code text NOT NULL,
    subject text NOT NULL,
    sentence text NOT NULL,
    raised_at timestamptz NOT NULL,
    resolved_at timestamptz,
    CONSTRAINT staff_alerts_pkey PRIMARY KEY (alert_id)
);

CREATE UNIQUE INDEX staff_alerts_open ON staff_alerts (code, subject)
WHERE resolved_at IS NULL;
