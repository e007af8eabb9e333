-- What live streams look at between notices: wallets and jobs of the workspaces that are followed,
-- and who listens.

-- name: versions^
-- How often the wallets of some workspaces have changed, as one row: many would be many trips. The
-- look-up is lateral, so that no table is scanned however few are asked for.
SELECT
    coalesce(array_agg(f.workspace_id), '{}') AS workspaces,
    coalesce(array_agg(f.kind), '{}') AS kinds,
    coalesce(array_agg(f.version), '{}') AS versions
FROM unnest(:workspaces::uuid[]) AS n (workspace_id)
CROSS JOIN LATERAL (
    SELECT w.workspace_id, w.kind, w.version
    FROM wallets AS w
    WHERE w.workspace_id = n.workspace_id
    LIMIT 1000
) AS f;

-- name: newer_jobs
-- The jobs of some workspaces that were placed since an instant, each workspace with its own.
SELECT
    f.workspace_id, f.job_id, f.tool, f.kind, f.state, f.progress, f.price, f.captured,
    f.is_cancel_asked, f.created_at, f.finished_at
FROM unnest(:workspaces::uuid[], :since::timestamptz[]) AS n (workspace_id, since)
CROSS JOIN LATERAL (
    SELECT
        j.workspace_id, j.job_id, j.tool, j.kind, j.state, j.progress, j.price, j.captured,
        j.is_cancel_asked, j.created_at, j.finished_at
    FROM jobs AS j
    WHERE j.workspace_id = n.workspace_id AND j.created_at >= n.since
    ORDER BY j.created_at DESC
    LIMIT 1000
) AS f;

-- name: named_jobs
-- Jobs by their ids.
SELECT
    j.workspace_id, j.job_id, j.tool, j.kind, j.state, j.progress, j.price, j.captured,
    j.is_cancel_asked, j.created_at, j.finished_at
FROM unnest(:workspaces::uuid[], :jobs::uuid[]) AS n (workspace_id, job_id)
INNER JOIN jobs AS j ON n.workspace_id = j.workspace_id AND n.job_id = j.job_id;

-- name: note_listeners!
-- Some persons have a live stream open just now.
INSERT INTO listeners AS l (workspace_id, person_id, seen_at)
SELECT n.workspace_id, n.person_id, :at::timestamptz
FROM unnest(:workspaces::uuid[], :persons::uuid[]) AS n (workspace_id, person_id)
GROUP BY n.workspace_id, n.person_id
ORDER BY n.workspace_id, n.person_id
ON CONFLICT ON CONSTRAINT listeners_pkey DO UPDATE
SET seen_at = greatest(l.seen_at, excluded.seen_at);
