-- Files that workspaces keep beside what jobs delivered (uploaded pictures and exports), and the
-- exports themselves: what was asked for, and how far it is.

CREATE TABLE assets (
    workspace_id uuid NOT NULL,
    asset bytea NOT NULL,
    origin text NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    width integer,
    height integer,
    added_at timestamptz NOT NULL,
    CONSTRAINT assets_pkey PRIMARY KEY (workspace_id, asset),
    CONSTRAINT an_asset_is_named_by_its_sha256 CHECK (octet_length(asset) = 32),
    CONSTRAINT an_asset_was_uploaded_or_exported CHECK (origin IN ('upload', 'export'))
);

-- The sweep asks for each file whether anybody names it; a link asks for one file of a workspace.
CREATE INDEX assets_by_asset ON assets (asset);
CREATE INDEX outputs_by_asset ON outputs (asset);
CREATE INDEX uploads_by_asset ON uploads (asset);
CREATE INDEX cast_parts_by_picture ON cast_parts USING gin (pictures);

CREATE TABLE exports (
    workspace_id uuid NOT NULL,
    export_id uuid NOT NULL,
    project_id uuid NOT NULL,
    request_key text NOT NULL,
    form text NOT NULL,
    options jsonb NOT NULL,
    state text NOT NULL,
    is_cancel_asked boolean NOT NULL DEFAULT FALSE,
    progress real NOT NULL DEFAULT 0,
    tries smallint NOT NULL DEFAULT 0,
    asset bytea,
    name text,
    reason text,
    sentence text,
    created_at timestamptz NOT NULL,
    stepped_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT exports_pkey PRIMARY KEY (workspace_id, export_id),
    CONSTRAINT exports_request UNIQUE (workspace_id, request_key),
    CONSTRAINT export_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'waiting' THEN finished_at IS NULL AND asset IS NULL
            WHEN 'running' THEN finished_at IS NULL AND asset IS NULL AND tries > 0
            WHEN 'succeeded' THEN finished_at IS NOT NULL AND asset IS NOT NULL
                AND name IS NOT NULL
            WHEN 'failed' THEN finished_at IS NOT NULL AND asset IS NULL AND reason IS NOT NULL
            WHEN 'cancelled' THEN finished_at IS NOT NULL AND asset IS NULL
            ELSE FALSE
        END
    )
);

-- The sweeper looks for exports that nobody works on any more.
CREATE INDEX exports_open ON exports (stepped_at)
WHERE finished_at IS NULL;
-- Exports of a project, newest first.
CREATE INDEX exports_by_age ON exports (workspace_id, project_id, created_at);
