-- Exports of storyboards: ordering them, working on them, ending them once.

-- name: add_export^
-- A new export; the same request again adds nothing.
INSERT INTO exports (
    workspace_id, export_id, project_id, request_key, form, options, state, created_at, stepped_at
)
VALUES (
    :workspace_id, :export_id, :project_id, :request_key, :form, :options, 'waiting', :created_at,
    :created_at
)
ON CONFLICT ON CONSTRAINT exports_request DO NOTHING
RETURNING export_id;

-- name: export^
-- One export.
SELECT
    workspace_id, export_id, project_id, request_key, form, options, state, is_cancel_asked,
    progress, tries, asset, name, reason, sentence, created_at, finished_at
FROM exports
WHERE workspace_id = :workspace_id AND export_id = :export_id;

-- name: export_by_request^
-- The export that a request has ordered.
SELECT
    workspace_id, export_id, project_id, request_key, form, options, state, is_cancel_asked,
    progress, tries, asset, name, reason, sentence, created_at, finished_at
FROM exports
WHERE workspace_id = :workspace_id AND request_key = :request_key;

-- name: exports_of
-- Exports of a project, newest first.
SELECT
    workspace_id, export_id, project_id, request_key, form, options, state, is_cancel_asked,
    progress, tries, asset, name, reason, sentence, created_at, finished_at
FROM exports
WHERE workspace_id = :workspace_id AND project_id = :project_id
ORDER BY created_at DESC, export_id DESC
LIMIT :limit;

-- name: begin_export^
-- The work begins, or begins again after a process that was killed.
UPDATE exports SET state = 'running', progress = 0, tries = tries + 1, stepped_at = :at
WHERE workspace_id = :workspace_id AND export_id = :export_id AND finished_at IS NULL
RETURNING tries;

-- name: note_progress^
-- How far the work is; the answer tells whether it is still wanted.
UPDATE exports SET progress = :progress, stepped_at = :at
WHERE workspace_id = :workspace_id AND export_id = :export_id AND finished_at IS NULL
RETURNING is_cancel_asked;

-- name: ask_cancel^
-- The creator wants it stopped; what has not begun ends at once.
UPDATE exports SET
    is_cancel_asked = TRUE,
    state = CASE state WHEN 'waiting' THEN 'cancelled' ELSE state END,
    finished_at = CASE state WHEN 'waiting' THEN :at::timestamptz END
WHERE workspace_id = :workspace_id AND export_id = :export_id AND finished_at IS NULL
RETURNING export_id;

-- name: finish_export^
-- The end of it, unless it has ended before.
UPDATE exports SET
    state = :state, progress = :progress, asset = :asset, name = :name, reason = :reason,
    sentence = :sentence, finished_at = :at
WHERE workspace_id = :workspace_id AND export_id = :export_id AND finished_at IS NULL
RETURNING export_id;

-- name: take_stale_exports
-- Open exports on which nobody has worked for a while, marked so that each is queued once.
UPDATE exports AS e SET stepped_at = :at
FROM (
    SELECT workspace_id, export_id
    FROM exports
    WHERE finished_at IS NULL AND stepped_at < :before
    ORDER BY stepped_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
) AS s
WHERE e.workspace_id = s.workspace_id AND e.export_id = s.export_id
RETURNING e.workspace_id, e.export_id;
