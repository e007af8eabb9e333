-- Storyboards: projects with scenes, frames and cast, which jobs were placed for which frame, and
-- quotes. What is deleted is archived, so that it can be brought back. The versions of a frame are
-- no rows of their own: they are the outputs of its jobs, and its uploads.

CREATE TABLE projects (
    workspace_id uuid NOT NULL,
    project_id uuid NOT NULL,
    name text NOT NULL,
    ratio text NOT NULL,
    created_at timestamptz NOT NULL,
    archived_at timestamptz,
    CONSTRAINT projects_pkey PRIMARY KEY (workspace_id, project_id)
);

CREATE TABLE scenes (
    workspace_id uuid NOT NULL,
    scene_id uuid NOT NULL,
    project_id uuid NOT NULL,
    position integer NOT NULL,
    heading text NOT NULL,
    archived_at timestamptz,
    CONSTRAINT scenes_pkey PRIMARY KEY (workspace_id, scene_id),
    CONSTRAINT scenes_project FOREIGN KEY (workspace_id, project_id)
    REFERENCES projects (workspace_id, project_id)
);

-- The scenes of a board.
CREATE INDEX scenes_of_a_project ON scenes (workspace_id, project_id);

CREATE TABLE frames (
    workspace_id uuid NOT NULL,
    frame_id uuid NOT NULL,
    project_id uuid NOT NULL,
    scene_id uuid NOT NULL,
    position integer NOT NULL,
    description text NOT NULL,
    dialogue text NOT NULL,
    shot_size text,
    tool text,
    duration_s integer,
    chosen_job_id uuid,
    chosen_ordinal smallint,
    final_at timestamptz,
    archived_at timestamptz,
    CONSTRAINT frames_pkey PRIMARY KEY (workspace_id, frame_id),
    CONSTRAINT frames_scene FOREIGN KEY (workspace_id, scene_id)
    REFERENCES scenes (workspace_id, scene_id),
    CONSTRAINT a_clip_has_a_tool_and_a_duration CHECK ((tool IS NULL) = (duration_s IS NULL)),
    CONSTRAINT a_choice_is_whole CHECK ((chosen_job_id IS NULL) = (chosen_ordinal IS NULL)),
    CONSTRAINT a_final_frame_has_its_choice CHECK (final_at IS NULL OR chosen_job_id IS NOT NULL)
);

-- The frames of a board.
CREATE INDEX frames_of_a_project ON frames (workspace_id, project_id);

-- Who and where: `pictures` are digests of assets that show the part.
CREATE TABLE cast_parts (
    workspace_id uuid NOT NULL,
    part_id uuid NOT NULL,
    project_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    pictures bytea[] NOT NULL,
    created_at timestamptz NOT NULL,
    archived_at timestamptz,
    CONSTRAINT cast_parts_pkey PRIMARY KEY (workspace_id, part_id),
    CONSTRAINT cast_parts_project FOREIGN KEY (workspace_id, project_id)
    REFERENCES projects (workspace_id, project_id),
    CONSTRAINT kind_is_character_or_place CHECK (kind IN ('character', 'place'))
);

-- The cast of a board.
CREATE INDEX cast_parts_of_a_project ON cast_parts (workspace_id, project_id);

-- Pictures that a creator brought along as versions of a frame.
CREATE TABLE uploads (
    workspace_id uuid NOT NULL,
    upload_id uuid NOT NULL,
    project_id uuid NOT NULL,
    frame_id uuid NOT NULL,
    asset bytea NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT uploads_pkey PRIMARY KEY (workspace_id, upload_id),
    CONSTRAINT uploads_frame FOREIGN KEY (workspace_id, frame_id)
    REFERENCES frames (workspace_id, frame_id)
);

-- The uploads of a board.
CREATE INDEX uploads_of_a_project ON uploads (workspace_id, project_id);

CREATE TABLE quotes (
    workspace_id uuid NOT NULL,
    quote_id uuid NOT NULL,
    project_id uuid NOT NULL,
    version text NOT NULL,
    items jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT quotes_pkey PRIMARY KEY (workspace_id, quote_id),
    CONSTRAINT quotes_project FOREIGN KEY (workspace_id, project_id)
    REFERENCES projects (workspace_id, project_id)
);

-- One order of many shots: its key is the client's, its jobs have keys of their own.
CREATE TABLE board_orders (
    workspace_id uuid NOT NULL,
    request_key text NOT NULL,
    request_digest bytea NOT NULL,
    order_id uuid NOT NULL,
    project_id uuid NOT NULL,
    quote_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT board_orders_pkey PRIMARY KEY (workspace_id, request_key),
    CONSTRAINT board_orders_order UNIQUE (workspace_id, order_id),
    CONSTRAINT board_orders_quote FOREIGN KEY (workspace_id, quote_id)
    REFERENCES quotes (workspace_id, quote_id)
);

-- Which frame a job was placed for, and whether for its still or its clip.
CREATE TABLE frame_jobs (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    project_id uuid NOT NULL,
    frame_id uuid NOT NULL,
    wanted text NOT NULL,
    order_id uuid,
    CONSTRAINT frame_jobs_pkey PRIMARY KEY (workspace_id, job_id),
    CONSTRAINT frame_jobs_job FOREIGN KEY (workspace_id, job_id)
    REFERENCES jobs (workspace_id, job_id),
    CONSTRAINT frame_jobs_frame FOREIGN KEY (workspace_id, frame_id)
    REFERENCES frames (workspace_id, frame_id),
    CONSTRAINT wanted_is_a_still_or_a_clip CHECK (wanted IN ('still', 'clip'))
);

-- The jobs of a board, and those of one order.
CREATE INDEX frame_jobs_of_a_project ON frame_jobs (workspace_id, project_id);
CREATE INDEX frame_jobs_of_an_order ON frame_jobs (workspace_id, order_id)
WHERE order_id IS NOT NULL;
