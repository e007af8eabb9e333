-- Workspaces, their plans, the trial's claims and the outbox.

-- name: add_workspace$
-- A new workspace; repeated with the same id it changes nothing, and returns nothing.
INSERT INTO workspaces (workspace_id, name, email, zone, is_demo, created_at, verified_at)
VALUES (:workspace_id, :name, :email, :zone, :is_demo, :created_at, :verified_at)
ON CONFLICT ON CONSTRAINT workspaces_pkey DO NOTHING
RETURNING workspace_id;

-- name: add_verification!
-- The code that was sent; a new one replaces the old.
INSERT INTO verifications (workspace_id, code_digest, expires_at, tries_left)
VALUES (:workspace_id, :code_digest, :expires_at, :tries)
ON CONFLICT ON CONSTRAINT verifications_pkey DO UPDATE
SET code_digest = excluded.code_digest, expires_at = excluded.expires_at,
    tries_left = excluded.tries_left;

-- name: try_verification^
-- Uses up one try, and tells what the code should have been.
UPDATE verifications SET tries_left = tries_left - 1
WHERE workspace_id = :workspace_id AND tries_left > 0
RETURNING code_digest, expires_at;

-- name: open_verification^
-- Until when a code that was sent can be entered, unless it was tried too often.
SELECT expires_at FROM verifications
WHERE workspace_id = :workspace_id AND tries_left > 0;

-- name: mark_verified!
-- The person has proven the address.
UPDATE workspaces SET verified_at = coalesce(verified_at, :verified_at)
WHERE workspace_id = :workspace_id;

-- name: claim_trial^
-- The workspace that holds a person's one trial: this one, when nobody claimed it before.
INSERT INTO trial_claims AS c (email_digest, workspace_id, claimed_at)
VALUES (:email_digest, :workspace_id, :claimed_at)
ON CONFLICT ON CONSTRAINT trial_claims_pkey DO UPDATE SET workspace_id = c.workspace_id
RETURNING c.workspace_id, c.claimed_at;

-- name: trial_claimed_at$
-- Since when a person has had the trial.
SELECT claimed_at
FROM trial_claims
WHERE email_digest = :email_digest;

-- name: write_trials$
-- The end of a trial, in the transaction of its grant.
WITH written AS (
    UPDATE workspaces AS w SET trial_ends_at = n.trial_ends_at
    FROM unnest(:workspaces::uuid[], :ends::timestamptz[]) AS n (workspace_id, trial_ends_at)
    WHERE w.workspace_id = n.workspace_id
    RETURNING w.workspace_id
)

SELECT count(*) FROM written;

-- name: workspace^
-- A workspace and its current plan, and whether anybody in it is capped.
SELECT
    w.workspace_id, w.name, w.email, w.zone, w.is_demo, w.created_at, w.verified_at,
    w.trial_ends_at, w.closed_at, w.purchases_enabled_at, s AS subscription,
    (
        SELECT max(x.ends_at) FROM subscriptions AS x
        WHERE x.workspace_id = w.workspace_id AND x.ends_at IS NOT NULL
    ) AS plan_ended_at,
    (
        SELECT count(*) FROM caps AS c
        WHERE c.workspace_id = w.workspace_id
    ) > 0 AS has_caps
FROM workspaces AS w
LEFT JOIN subscriptions AS s ON s.workspace_id = w.workspace_id AND s.ends_at IS NULL
WHERE w.workspace_id = :workspace_id;

-- name: list_workspaces
-- Workspaces by age, a page at a time.
SELECT workspace_id, name, is_demo, created_at
FROM workspaces
WHERE (created_at, workspace_id) > (:after_at, :after_id)
ORDER BY created_at, workspace_id
LIMIT :limit;

-- name: write_message!
-- A message that lies in the outbox until it is sent.
INSERT INTO outbox (workspace_id, message_id, recipient, subject, body, created_at)
VALUES (:workspace_id, :message_id, :recipient, :subject, :body, :created_at);

-- name: outbox
-- Messages of a workspace, newest first.
SELECT message_id, recipient, subject, body, created_at
FROM outbox
WHERE workspace_id = :workspace_id
ORDER BY created_at DESC
LIMIT :limit;
