-- Jobs and their outputs. Writers that commit with the ledger take arrays of rows and return how
-- many they wrote: fewer than asked means that a job was in another state, and nothing is written.

-- name: add_jobs$
-- New jobs, in the transaction of their holds.
WITH written AS (
    INSERT INTO jobs (
        workspace_id, job_id, request_key, request_digest, tool, kind, version, price, is_metered,
        spec, state, provider, created_at, starts_at, deadline_at, stepped_at
    )
    SELECT
        n.workspace_id, n.job_id, n.request_key, n.request_digest, n.tool, n.kind, n.version,
        n.price, n.is_metered, n.spec, 'waiting', n.provider, n.created_at, n.starts_at,
        n.deadline_at, n.starts_at
    FROM unnest(:jobs::jobs[]) AS n
    ON CONFLICT ON CONSTRAINT jobs_request DO NOTHING
    RETURNING job_id
)

SELECT count(*) FROM written;

-- name: finish_jobs$
-- Final states, in the transaction of their settlements.
SELECT finish_jobs(:jobs::jobs[]);

-- name: add_outputs$
-- What a job delivered, in the transaction that captures for it.
WITH written AS (
    INSERT INTO outputs (
        workspace_id, job_id, ordinal, asset, media_type, size_bytes, width, height, duration_ms,
        frames
    )
    SELECT
        n.workspace_id, n.job_id, n.ordinal, n.asset, n.media_type, n.size_bytes, n.width,
        n.height, n.duration_ms, n.frames
    FROM unnest(:outputs::outputs[]) AS n
    RETURNING job_id
)

SELECT count(*) FROM written;

-- name: count_try^
-- A step that could not be taken: how many in a row by now.
UPDATE jobs SET tries = tries + 1, stepped_at = :at
WHERE workspace_id = :workspace_id AND job_id = :job_id AND finished_at IS NULL
RETURNING tries;

-- name: note_step!
-- Somebody works on a job: the sweep leaves it alone.
UPDATE jobs SET stepped_at = :at
WHERE workspace_id = :workspace_id AND job_id = :job_id AND finished_at IS NULL;

-- name: note_waiting!
-- A job waits for its turn, and its hold with it.
UPDATE jobs SET deadline_at = :deadline_at, stepped_at = :at
WHERE workspace_id = :workspace_id AND job_id = :job_id AND state = 'waiting';

-- name: stop_looking$
-- Nothing more is to be learned of a job that has ended.
WITH written AS (
    UPDATE jobs AS j SET look_at = NULL
    FROM unnest(:workspaces::uuid[], :jobs::uuid[]) AS n (workspace_id, job_id)
    WHERE j.workspace_id = n.workspace_id AND j.job_id = n.job_id
    RETURNING j.job_id
)

SELECT count(*) FROM written;

-- name: ask_cancel^
-- The creator wants it stopped.
UPDATE jobs SET is_cancel_asked = TRUE
WHERE workspace_id = :workspace_id AND job_id = :job_id AND finished_at IS NULL
RETURNING state;

-- name: job^
-- One job.
SELECT
    workspace_id, job_id, request_key, request_digest, tool, kind, version, price, is_metered,
    spec, state, is_cancel_asked, progress, provider, provider_job_id, tries, captured, reason,
    sentence,
    created_at, starts_at, deadline_at, submitting_at, submitted_at, finished_at, stepped_at,
    route, look_at
FROM jobs
WHERE workspace_id = :workspace_id AND job_id = :job_id;

-- name: job_by_request^
-- The job that a request has placed.
SELECT
    workspace_id, job_id, request_key, request_digest, tool, kind, version, price, is_metered,
    spec, state, is_cancel_asked, progress, provider, provider_job_id, tries, captured, reason,
    sentence,
    created_at, starts_at, deadline_at, submitting_at, submitted_at, finished_at, stepped_at,
    route, look_at
FROM jobs
WHERE workspace_id = :workspace_id AND request_key = :request_key;

-- name: jobs_before
-- Jobs of a workspace, in any state or in one, newest first, a page at a time.
SELECT
    workspace_id, job_id, request_key, request_digest, tool, kind, version, price, is_metered,
    spec, state, is_cancel_asked, progress, provider, provider_job_id, tries, captured, reason,
    sentence,
    created_at, starts_at, deadline_at, submitting_at, submitted_at, finished_at, stepped_at,
    route, look_at
FROM jobs
WHERE
    workspace_id = :workspace_id AND (created_at, job_id) < (:before_at, :before_id)
    AND (:state::text IS NULL OR state = :state)
ORDER BY created_at DESC, job_id DESC
LIMIT :limit;

-- name: outputs_of
-- What a job delivered, in order.
SELECT ordinal, asset, media_type, size_bytes, width, height, duration_ms, frames
FROM outputs
WHERE workspace_id = :workspace_id AND job_id = :job_id
ORDER BY ordinal;

-- name: take_stale_jobs
-- Open jobs on which nobody has taken a step for a while, and for which none is queued, marked so
-- that each gets one step alone. A job that waits for the first worker has its step in the queue.
UPDATE jobs AS j SET stepped_at = :at
FROM (
    SELECT workspace_id, job_id
    FROM jobs
    WHERE
        finished_at IS NULL AND stepped_at < :before
        AND NOT EXISTS (
            SELECT FROM pgqueuer AS q
            WHERE
                q.entrypoint = :entrypoint AND q.status = 'queued'
                AND q.payload = convert_to(jobs.workspace_id || '/' || jobs.job_id, 'UTF8')
        )
    ORDER BY stepped_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
) AS s
WHERE j.workspace_id = s.workspace_id AND j.job_id = s.job_id
RETURNING j.workspace_id, j.job_id;

-- name: metered_since$
-- Images that a workspace was given without charge since an instant: the fair-use pace counts them.
SELECT coalesce(sum(price), 0)::bigint
FROM jobs
WHERE
    workspace_id = :workspace_id AND kind = :kind AND is_metered AND starts_at > :since
    AND state NOT IN ('failed', 'cancelled', 'lost');
