-- Storyboards. Whatever changes an order of scenes or frames locks its project first, so that
-- positions are counted once. Writers that commit with the ledger take arrays of rows.

-- name: add_project!
-- A new project.
INSERT INTO projects (workspace_id, project_id, name, ratio, created_at)
VALUES (:workspace_id, :project_id, :name, :ratio, :created_at);

-- name: count_projects$
-- How many projects a workspace has that are not archived.
SELECT count(*) FROM projects
WHERE workspace_id = :workspace_id AND archived_at IS NULL;

-- name: project^
-- One project, archived or not.
SELECT workspace_id, project_id, name, ratio, created_at, archived_at
FROM projects
WHERE workspace_id = :workspace_id AND project_id = :project_id;

-- name: lock_project^
-- The project whose order is about to change.
SELECT project_id
FROM projects
WHERE workspace_id = :workspace_id AND project_id = :project_id
FOR UPDATE;

-- name: projects_of
-- The projects of a workspace, newest first; archived ones when they are asked for.
SELECT workspace_id, project_id, name, ratio, created_at, archived_at
FROM projects
WHERE workspace_id = :workspace_id AND (archived_at IS NOT NULL) = :is_archived
ORDER BY created_at DESC, project_id DESC
LIMIT :limit;

-- name: change_project^
-- Its name and ratio.
UPDATE projects SET name = :name, ratio = :ratio
WHERE workspace_id = :workspace_id AND project_id = :project_id
RETURNING project_id;

-- name: archive_project^
-- Deleted with undo: an instant archives, NULL brings back.
UPDATE projects SET archived_at = :at
WHERE workspace_id = :workspace_id AND project_id = :project_id
RETURNING project_id;

-- name: add_scenes!
-- New scenes of a project, at positions that the caller has counted.
INSERT INTO scenes (workspace_id, scene_id, project_id, position, heading)
SELECT n.workspace_id, n.scene_id, n.project_id, n.position, n.heading
FROM unnest(:scenes::scenes[]) AS n;

-- name: scenes_of
-- The scenes of a board in order.
SELECT scene_id, position, heading
FROM scenes
WHERE workspace_id = :workspace_id AND project_id = :project_id AND archived_at IS NULL
ORDER BY position, scene_id;

-- name: change_scene^
-- Its heading.
UPDATE scenes SET heading = :heading
WHERE workspace_id = :workspace_id AND project_id = :project_id AND scene_id = :scene_id
RETURNING scene_id;

-- name: archive_scene^
-- Deleted with undo, its frames with it.
UPDATE scenes SET archived_at = :at
WHERE workspace_id = :workspace_id AND project_id = :project_id AND scene_id = :scene_id
RETURNING scene_id;

-- name: place_scenes!
-- The positions of scenes after a move.
UPDATE scenes AS s SET position = n.position
FROM unnest(:scene_ids::uuid[]) WITH ORDINALITY AS n (scene_id, position)
WHERE
    s.workspace_id = :workspace_id AND s.project_id = :project_id AND s.scene_id = n.scene_id;

-- name: add_frames!
-- New frames of a project, at positions that the caller has counted.
INSERT INTO frames (
    workspace_id, frame_id, project_id, scene_id, position, description, dialogue, shot_size, tool,
    duration_s
)
SELECT
    n.workspace_id, n.frame_id, n.project_id, n.scene_id, n.position, n.description, n.dialogue,
    n.shot_size, n.tool, n.duration_s
FROM unnest(:frames::frames[]) AS n;

-- name: frames_of
-- The frames of a board in order.
SELECT
    f.frame_id, f.scene_id, f.description, f.dialogue, f.shot_size, f.tool, f.duration_s,
    f.chosen_job_id, f.chosen_ordinal, f.final_at
FROM frames AS f
INNER JOIN scenes AS s ON f.workspace_id = s.workspace_id AND f.scene_id = s.scene_id
WHERE
    f.workspace_id = :workspace_id AND f.project_id = :project_id AND f.archived_at IS NULL
    AND s.archived_at IS NULL
ORDER BY s.position, s.scene_id, f.position, f.frame_id;

-- name: project_of_frame$
-- The project in which a frame stands.
SELECT project_id FROM frames
WHERE workspace_id = :workspace_id AND frame_id = :frame_id;

-- name: change_frame^
-- What is said of a frame.
UPDATE frames
SET
    description = :description, dialogue = :dialogue, shot_size = :shot_size, tool = :tool,
    duration_s = :duration_s
WHERE workspace_id = :workspace_id AND frame_id = :frame_id
RETURNING frame_id;

-- name: choose_version^
-- The version that a frame shows, and since when it is final.
UPDATE frames
SET chosen_job_id = :job_id, chosen_ordinal = :ordinal, final_at = :final_at
WHERE workspace_id = :workspace_id AND frame_id = :frame_id
RETURNING frame_id;

-- name: archive_frame^
-- Deleted with undo: an instant archives, NULL brings back.
UPDATE frames SET archived_at = :at
WHERE workspace_id = :workspace_id AND project_id = :project_id AND frame_id = :frame_id
RETURNING frame_id;

-- name: place_frames!
-- The scene and positions of frames after a move.
UPDATE frames AS f SET scene_id = :scene_id, position = n.position
FROM unnest(:frame_ids::uuid[]) WITH ORDINALITY AS n (frame_id, position)
WHERE
    f.workspace_id = :workspace_id AND f.project_id = :project_id AND f.frame_id = n.frame_id;

-- name: choose_tools!
-- The tools of many frames at once, as a mix has chosen them.
UPDATE frames AS f SET tool = n.tool
FROM unnest(:frame_ids::uuid[], :tools::text[]) AS n (frame_id, tool)
WHERE
    f.workspace_id = :workspace_id AND f.project_id = :project_id AND f.frame_id = n.frame_id
    AND f.duration_s IS NOT NULL;

-- name: versions_of
-- What the jobs of a board's frames delivered, the oldest first.
SELECT
    f.frame_id, f.wanted, j.job_id, o.ordinal, o.asset, o.media_type, o.width, o.height,
    o.duration_ms, j.tool, j.spec, j.is_metered, j.captured, j.created_at
FROM frame_jobs AS f
INNER JOIN jobs AS j ON f.workspace_id = j.workspace_id AND f.job_id = j.job_id
INNER JOIN outputs AS o ON j.workspace_id = o.workspace_id AND j.job_id = o.job_id
WHERE f.workspace_id = :workspace_id AND f.project_id = :project_id
ORDER BY j.created_at, j.job_id, o.ordinal;

-- name: pending_of
-- Jobs of a board's frames that are not final.
SELECT f.frame_id, f.wanted
FROM frame_jobs AS f
INNER JOIN jobs AS j ON f.workspace_id = j.workspace_id AND f.job_id = j.job_id
WHERE
    f.workspace_id = :workspace_id AND f.project_id = :project_id AND j.finished_at IS NULL;

-- name: turns_of
-- How many jobs a board's frames have had, by what was wanted.
SELECT frame_id, wanted, count(*) AS turns
FROM frame_jobs
WHERE workspace_id = :workspace_id AND project_id = :project_id
GROUP BY frame_id, wanted;

-- name: frame_of_job^
-- The frame that a job was placed for.
SELECT frame_id, wanted FROM frame_jobs
WHERE workspace_id = :workspace_id AND job_id = :job_id;

-- name: seed_after$
-- The first seed that no job of a frame has used.
SELECT coalesce(max((j.spec ->> 'seed')::bigint + (j.spec ->> 'images')::bigint), 0)
FROM frame_jobs AS f
INNER JOIN jobs AS j ON f.workspace_id = j.workspace_id AND f.job_id = j.job_id
WHERE
    f.workspace_id = :workspace_id AND f.project_id = :project_id AND f.frame_id = :frame_id;

-- name: add_frame_jobs$
-- Which frames jobs are placed for, in the transaction of their holds; one that claims what another
-- order has claimed is not written.
WITH written AS (
    INSERT INTO frame_jobs (workspace_id, job_id, project_id, frame_id, wanted, order_id, turn)
    SELECT n.workspace_id, n.job_id, n.project_id, n.frame_id, n.wanted, n.order_id, n.turn
    FROM unnest(:frame_jobs::frame_jobs[]) AS n
    ON CONFLICT ON CONSTRAINT frame_jobs_turn DO NOTHING
    RETURNING job_id
)

SELECT count(*) FROM written;

-- name: add_upload!
-- A picture that a creator brought along.
INSERT INTO uploads (
    workspace_id, upload_id, project_id, frame_id, asset, media_type, size_bytes, width, height,
    created_at
)
VALUES (
    :workspace_id, :upload_id, :project_id, :frame_id, :asset, :media_type, :size_bytes, :width,
    :height, :created_at
);

-- name: upload^
-- One upload.
SELECT upload_id, frame_id, asset, media_type, size_bytes, width, height, created_at
FROM uploads
WHERE workspace_id = :workspace_id AND upload_id = :upload_id;

-- name: uploads_of
-- The uploads of a board, the oldest first.
SELECT upload_id, frame_id, asset, media_type, size_bytes, width, height, created_at
FROM uploads
WHERE workspace_id = :workspace_id AND project_id = :project_id
ORDER BY created_at, upload_id;

-- name: picture^
-- A picture of a workspace, brought along or delivered by a job.
SELECT found.asset, found.media_type, found.size_bytes, found.width, found.height
FROM (
    SELECT asset, media_type, size_bytes, width, height
    FROM assets
    WHERE workspace_id = :workspace_id AND asset = :asset AND origin = 'upload'
    UNION ALL
    SELECT asset, media_type, size_bytes, width, height
    FROM outputs
    WHERE workspace_id = :workspace_id AND asset = :asset AND duration_ms IS NULL
) AS found
LIMIT 1;

-- name: add_part!
-- A new part of the cast.
INSERT INTO cast_parts (
    workspace_id, part_id, project_id, kind, name, description, pictures, created_at
)
VALUES (
    :workspace_id, :part_id, :project_id, :kind, :name, :description, :pictures, :created_at
);

-- name: cast_of
-- The cast of a board, in the order in which it was named.
SELECT part_id, kind, name, description, pictures
FROM cast_parts
WHERE workspace_id = :workspace_id AND project_id = :project_id AND archived_at IS NULL
ORDER BY created_at, part_id;

-- name: change_part^
-- What is said of a part, and the pictures that show it.
UPDATE cast_parts SET name = :name, description = :description, pictures = :pictures
WHERE workspace_id = :workspace_id AND project_id = :project_id AND part_id = :part_id
RETURNING part_id;

-- name: archive_part^
-- Deleted with undo: an instant archives, NULL brings back.
UPDATE cast_parts SET archived_at = :at
WHERE workspace_id = :workspace_id AND project_id = :project_id AND part_id = :part_id
RETURNING part_id;

-- name: add_quote!
-- An estimate whose price is locked for a time.
INSERT INTO quotes (
    workspace_id, quote_id, project_id, version, items, created_at, expires_at
)
VALUES (
    :workspace_id, :quote_id, :project_id, :version, :items, :created_at, :expires_at
);

-- name: quote^
-- One quote of a project.
SELECT quote_id, project_id, version, items, created_at, expires_at
FROM quotes
WHERE workspace_id = :workspace_id AND project_id = :project_id AND quote_id = :quote_id;

-- name: add_board_orders$
-- Orders of many shots, in the transaction of their holds; a key that was used before writes none.
WITH written AS (
    INSERT INTO board_orders (
        workspace_id, request_key, request_digest, order_id, project_id, quote_id, created_at
    )
    SELECT
        n.workspace_id, n.request_key, n.request_digest, n.order_id, n.project_id, n.quote_id,
        n.created_at
    FROM unnest(:board_orders::board_orders[]) AS n
    ON CONFLICT ON CONSTRAINT board_orders_pkey DO NOTHING
    RETURNING order_id
)

SELECT count(*) FROM written;

-- name: board_order^
-- The order that a request has placed.
SELECT order_id, request_digest, project_id, quote_id, created_at
FROM board_orders
WHERE workspace_id = :workspace_id AND request_key = :request_key;

-- name: jobs_of_order
-- The jobs of one order, in the order of the board.
SELECT f.job_id
FROM frame_jobs AS f
INNER JOIN jobs AS j ON f.workspace_id = j.workspace_id AND f.job_id = j.job_id
WHERE f.workspace_id = :workspace_id AND f.order_id = :order_id
ORDER BY j.request_key;

-- name: price_lock_of^
-- The quote by which a job was ordered.
SELECT q.quote_id, q.version, q.created_at, q.expires_at
FROM frame_jobs AS f
INNER JOIN board_orders AS o ON f.workspace_id = o.workspace_id AND f.order_id = o.order_id
INNER JOIN quotes AS q ON o.workspace_id = q.workspace_id AND o.quote_id = q.quote_id
WHERE f.workspace_id = :workspace_id AND f.job_id = :job_id;
