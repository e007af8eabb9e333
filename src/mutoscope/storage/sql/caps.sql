-- Caps of members and projects, and what was used of them.

-- name: attribution^
-- Whom a use is put down to: what the member is now, and whether either of both has a cap.
SELECT
    (
        SELECT m.role FROM members AS m
        WHERE
            m.workspace_id = :workspace_id AND m.member_id = :member_id AND m.state = 'active'
    ) AS role,
    EXISTS (
        SELECT 1 FROM caps AS c
        WHERE
            c.workspace_id = :workspace_id AND c.subject = 'member' AND c.subject_id = :member_id
    ) OR EXISTS (
        SELECT 1 FROM caps AS c
        WHERE
            c.workspace_id = :workspace_id AND c.subject = 'project'
            AND c.subject_id = :project_id
    ) AS is_capped;

-- name: set_cap!
-- A cap from now on.
INSERT INTO caps (workspace_id, subject, subject_id, kind, credits, set_at)
VALUES (:workspace_id, :subject, :subject_id, :kind, :credits, :at)
ON CONFLICT ON CONSTRAINT caps_pkey DO UPDATE
SET credits = excluded.credits, set_at = excluded.set_at;

-- name: remove_cap^
-- No cap from now on.
DELETE FROM caps
WHERE
    workspace_id = :workspace_id AND subject = :subject AND subject_id = :subject_id
    AND kind = :kind
RETURNING credits;

-- name: caps_of
-- The caps of a workspace: all, or those of a member and a project.
SELECT c.subject, c.subject_id, c.kind, c.credits
FROM caps AS c
WHERE
    c.workspace_id = :workspace_id
    AND (
        :is_all::boolean
        OR (c.subject = 'member' AND c.subject_id = :member_id::uuid)
        OR (c.subject = 'project' AND c.subject_id = :project_id::uuid)
    )
ORDER BY c.subject, c.subject_id, c.kind
LIMIT 10000;

-- name: caps_at_hold
-- The caps under which holds were just written. The wallets are locked.
SELECT
    found_workspace, found_kind, found_subject, found_subject_id, credits, posted_at, created_at,
    zone, anchor_at, billing_zone, begins_at
FROM caps_at_hold(
    :workspaces::uuid[], :kinds::text[], :subjects::text[], :subject_ids::uuid[]
);

-- name: used$
-- What was used in spans, in the order asked.
SELECT ledger_used(:spans::used_span[]);
