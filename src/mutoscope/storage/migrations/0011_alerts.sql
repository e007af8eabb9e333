-- Alerts and webhooks: what a workspace was told of its credits, what is remembered so that it is
-- told once, where its events are sent, and each sending of them.

-- The alerts' passes find what was posted since the last one. Entries are written in the order of
-- time, so that a few blocks of this index tell where to look; it costs an insert next to nothing.
CREATE INDEX entries_posted ON entries USING brin (posted_at) -- codespell:ignore brin
WITH (pages_per_range = 16, autosummarize = on);

-- What is remembered of a wallet: its version when it was looked at, the lowest threshold that was
-- told (none while all are armed), which lapses were told, and when to look again though nothing
-- changes. `change` counts the looks: two passes at once cannot both tell.
CREATE TABLE alert_states (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    version bigint NOT NULL,
    change bigint NOT NULL,
    told_percent smallint,
    total bigint NOT NULL,
    newest_lot bigint NOT NULL,
    told_lots bigint[] NOT NULL,
    told_days smallint[] NOT NULL,
    told_until timestamptz[] NOT NULL,
    look_at timestamptz,
    CONSTRAINT alert_states_pkey PRIMARY KEY (workspace_id, kind),
    CONSTRAINT told_lapses_are_whole CHECK (
        cardinality(told_lots) = cardinality(told_days)
        AND cardinality(told_lots) = cardinality(told_until)
    )
);

CREATE INDEX alert_states_look ON alert_states (look_at) WHERE look_at IS NOT NULL;

-- What a workspace was told. `kind` and `credits` are absent where it is not about credits.
CREATE TABLE alerts (
    workspace_id uuid NOT NULL,
    alert_id uuid NOT NULL,
    code text NOT NULL,
    kind text,
    threshold smallint,
    credits bigint,
    sentence text NOT NULL,
    data jsonb NOT NULL,
    raised_at timestamptz NOT NULL,
    read_at timestamptz,
    CONSTRAINT alerts_pkey PRIMARY KEY (workspace_id, alert_id),
    CONSTRAINT alert_credits_have_a_kind CHECK ((kind IS NULL) = (credits IS NULL)),
    CONSTRAINT alert_is_read_after_it_is_raised CHECK (read_at >= raised_at)
);

CREATE INDEX alerts_by_age ON alerts (workspace_id, raised_at, alert_id);

-- Which alerts a workspace does not want by e-mail or webhook: without a row both are on.
CREATE TABLE alert_preferences (
    workspace_id uuid NOT NULL,
    code text NOT NULL,
    by_email boolean NOT NULL,
    by_webhook boolean NOT NULL,
    CONSTRAINT alert_preferences_pkey PRIMARY KEY (workspace_id, code)
);

-- House table: up to which instant the journals of all workspaces were looked at.
CREATE TABLE alert_marks (
    mark text NOT NULL,
    looked_until timestamptz NOT NULL,
    CONSTRAINT alert_marks_pkey PRIMARY KEY (mark)
);

-- Where a workspace wants its events; none of `event_types` means all. A secret that was rotated
-- signs beside the new one for a while. `creation_key` is the idempotency key of the order.
CREATE TABLE webhook_endpoints (
    workspace_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    creation_key text NOT NULL,
    url text NOT NULL,
    event_types text[] NOT NULL,
    secret text NOT NULL,
    previous_secret text,
    previous_until timestamptz,
    rotation_key text,
    state text NOT NULL,
    off_reason text,
    failing_since timestamptz,
    created_at timestamptz NOT NULL,
    off_at timestamptz,
    removed_at timestamptz,
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (workspace_id, endpoint_id),
    CONSTRAINT webhook_endpoints_creation UNIQUE (workspace_id, creation_key),
    CONSTRAINT previous_secret_has_an_end CHECK (
        (previous_secret IS NULL) = (previous_until IS NULL)
    ),
    CONSTRAINT endpoint_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'on' THEN off_at IS NULL AND off_reason IS NULL AND removed_at IS NULL
            WHEN 'off' THEN off_at IS NOT NULL AND off_reason IS NOT NULL AND removed_at IS NULL
            WHEN 'removed' THEN removed_at IS NOT NULL
            ELSE FALSE
        END
    )
);

-- One event on its way to one endpoint; an event goes to an endpoint once, however often it is
-- sent. `status` and `error` are those of the last try.
CREATE TABLE webhook_deliveries (
    workspace_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    state text NOT NULL,
    tries smallint NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    status smallint,
    error text,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (workspace_id, endpoint_id, event_id),
    CONSTRAINT webhook_deliveries_endpoint FOREIGN KEY (workspace_id, endpoint_id)
    REFERENCES webhook_endpoints (workspace_id, endpoint_id),
    CONSTRAINT delivery_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'waiting' THEN next_try_at IS NOT NULL AND finished_at IS NULL
            WHEN 'delivered' THEN next_try_at IS NULL AND finished_at IS NOT NULL
            WHEN 'failed' THEN next_try_at IS NULL AND finished_at IS NOT NULL
            ELSE FALSE
        END
    )
);

-- What is to be sent next, and what was sent to an endpoint, by age.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_try_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_by_age
ON webhook_deliveries (workspace_id, endpoint_id, created_at, event_id);

-- An event before it is known where it goes.
CREATE TYPE webhook_event AS (
    workspace_id uuid, event_id uuid, type text, body text, created_at timestamptz
);

-- What became of a try.
CREATE TYPE webhook_outcome AS (
    workspace_id uuid, endpoint_id uuid, event_id uuid, tries smallint, state text,
    next_try_at timestamptz, status smallint, error text, finished_at timestamptz
);
