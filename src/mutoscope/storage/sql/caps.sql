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
-- The caps under which holds were just written, with the instant of the holds and by what the
-- workspace counts its periods. The wallets are locked.
SELECT
    n.workspace_id, n.kind, c.subject, c.subject_id, c.credits, w.posted_at, o.created_at, o.zone,
    s.anchor_at, s.zone AS billing_zone, s.begins_at
FROM (
    SELECT DISTINCT r.workspace_id, r.kind, r.subject, r.subject_id
    FROM unnest(
        :workspaces::uuid[], :kinds::text[], :subjects::text[], :subject_ids::uuid[]
    ) AS r (workspace_id, kind, subject, subject_id)
) AS n
INNER JOIN caps AS c
    ON
        n.workspace_id = c.workspace_id AND n.subject = c.subject
        AND n.subject_id = c.subject_id AND n.kind = c.kind
INNER JOIN wallets AS w ON n.workspace_id = w.workspace_id AND n.kind = w.kind
INNER JOIN workspaces AS o ON n.workspace_id = o.workspace_id
LEFT JOIN subscriptions AS s ON n.workspace_id = s.workspace_id AND s.ends_at IS NULL
ORDER BY c.subject, c.subject_id, c.kind;

-- name: used$
-- What was used in spans, in the order asked.
SELECT ledger_used(:spans::used_span[]);
