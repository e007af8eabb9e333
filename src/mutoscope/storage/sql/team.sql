-- Members of a workspace, their invitations and their names. Whatever changes a team locks its
-- workspace first, so that members and owners are counted once.

-- name: lock_team^
-- The workspace whose team is about to change.
SELECT w.workspace_id FROM workspaces AS w
WHERE w.workspace_id = :workspace_id
FOR UPDATE;

-- name: add_first_owner!
-- Who opens a workspace is its owner; a repeat, or a workspace with members, stays as it is.
INSERT INTO members (
    workspace_id, member_id, email_digest, role, state, invited_at, joined_at
)
SELECT n.workspace_id, n.member_id, n.email_digest, 'owner', 'active', n.joined_at, n.joined_at
FROM (
    SELECT
        :workspace_id::uuid AS workspace_id, :member_id::uuid AS member_id,
        :email_digest::bytea AS email_digest, :joined_at::timestamptz AS joined_at
) AS n
WHERE NOT EXISTS (
    SELECT 1 FROM members AS m
    WHERE m.workspace_id = n.workspace_id
);

-- name: add_member!
-- Somebody who is invited.
INSERT INTO members (workspace_id, member_id, email_digest, role, state, invited_at)
VALUES (:workspace_id, :member_id, :email_digest, :role, 'invited', :invited_at);

-- name: add_name!
-- Who a member is; a first owner who was there before keeps the name.
INSERT INTO member_names (workspace_id, member_id, email, name)
SELECT m.workspace_id, m.member_id, :email, :name
FROM members AS m
WHERE m.workspace_id = :workspace_id AND m.member_id = :member_id
ON CONFLICT ON CONSTRAINT member_names_pkey DO NOTHING;

-- name: change_name!
-- How a member wants to be called.
UPDATE member_names SET name = coalesce(:name, name)
WHERE workspace_id = :workspace_id AND member_id = :member_id;

-- name: member^
-- One member, removed or not.
SELECT
    m.workspace_id, m.member_id, m.role, m.state, m.invited_at, m.joined_at, m.removed_at,
    m.erased_at, n.email, n.name
FROM members AS m
LEFT JOIN member_names AS n ON m.workspace_id = n.workspace_id AND m.member_id = n.member_id
WHERE m.workspace_id = :workspace_id AND m.member_id = :member_id;

-- name: names_of
-- How some people are called: by name, or by address where none was given.
SELECT n.member_id, coalesce(n.name, n.email) AS called FROM member_names AS n
WHERE n.workspace_id = :workspace_id AND n.member_id = any(:member_ids::uuid[]);

-- name: member_by_digest^
-- The member that a person is now.
SELECT m.member_id, m.state FROM members AS m
WHERE
    m.workspace_id = :workspace_id AND m.email_digest = :email_digest AND m.removed_at IS NULL;

-- name: members_after
-- The members of a workspace by age, a page at a time.
SELECT
    m.workspace_id, m.member_id, m.role, m.state, m.invited_at, m.joined_at, m.removed_at,
    m.erased_at, n.email, n.name
FROM members AS m
LEFT JOIN member_names AS n ON m.workspace_id = n.workspace_id AND m.member_id = n.member_id
WHERE
    m.workspace_id = :workspace_id
    AND (m.invited_at, m.member_id) > (:after_at::timestamptz, :after_id::uuid)
ORDER BY m.invited_at, m.member_id
LIMIT :limit;

-- name: count_members^
-- How many are in a team, and how many of them own the workspace.
SELECT
    count(*) AS members,
    count(*) FILTER (WHERE m.role = 'owner' AND m.state = 'active') AS owners
FROM members AS m
WHERE m.workspace_id = :workspace_id AND m.removed_at IS NULL;

-- name: change_role!
-- What a member is to the workspace from now on.
UPDATE members SET role = :role
WHERE workspace_id = :workspace_id AND member_id = :member_id AND removed_at IS NULL;

-- name: join_member!
-- Who was invited has accepted.
UPDATE members SET state = 'active', joined_at = :at
WHERE workspace_id = :workspace_id AND member_id = :member_id AND state = 'invited';

-- name: remove_member!
-- The end of a membership; a second end changes nothing.
UPDATE members SET state = 'removed', removed_at = :at
WHERE workspace_id = :workspace_id AND member_id = :member_id AND removed_at IS NULL;

-- name: remove_caps_of_member!
-- The caps of a member who is gone.
DELETE FROM caps
WHERE workspace_id = :workspace_id AND subject = 'member' AND subject_id = :member_id;

-- name: erase_member!
-- By what a person could be known again.
UPDATE members SET email_digest = NULL, erased_at = coalesce(erased_at, :at)
WHERE workspace_id = :workspace_id AND member_id = :member_id AND removed_at IS NOT NULL;

-- name: erase_name!
-- Who a member was.
DELETE FROM member_names
WHERE workspace_id = :workspace_id AND member_id = :member_id;

-- name: add_invitation!
-- An invitation whose link was just sent.
INSERT INTO invitations (
    workspace_id, invitation_id, member_id, request_key, request_digest, token_digest, state,
    invited_by, sendings, created_at, expires_at
)
VALUES (
    :workspace_id, :invitation_id, :member_id, :request_key, :request_digest, :token_digest,
    'open', :invited_by, 1, :created_at, :expires_at
);

-- name: invitation^
-- One invitation, with whom it invites.
SELECT
    i.workspace_id, i.invitation_id, i.member_id, i.request_digest, i.state, i.invited_by,
    i.sendings, i.created_at, i.expires_at, i.accepted_at, i.withdrawn_at, m.role, n.email
FROM invitations AS i
INNER JOIN members AS m ON i.workspace_id = m.workspace_id AND i.member_id = m.member_id
LEFT JOIN member_names AS n ON i.workspace_id = n.workspace_id AND i.member_id = n.member_id
WHERE i.workspace_id = :workspace_id AND i.invitation_id = :invitation_id;

-- name: invitation_by_request^
-- The invitation that a request has made.
SELECT
    i.workspace_id, i.invitation_id, i.member_id, i.request_digest, i.state, i.invited_by,
    i.sendings, i.created_at, i.expires_at, i.accepted_at, i.withdrawn_at, m.role, n.email
FROM invitations AS i
INNER JOIN members AS m ON i.workspace_id = m.workspace_id AND i.member_id = m.member_id
LEFT JOIN member_names AS n ON i.workspace_id = n.workspace_id AND i.member_id = n.member_id
WHERE i.workspace_id = :workspace_id AND i.request_key = :request_key;

-- name: invitation_by_token^
-- The invitation that a link opens, whatever became of it; an elder link opens none.
SELECT
    i.workspace_id, i.invitation_id, i.member_id, i.request_digest, i.state, i.invited_by,
    i.sendings, i.created_at, i.expires_at, i.accepted_at, i.withdrawn_at, m.role, n.email
FROM invitations AS i
INNER JOIN members AS m ON i.workspace_id = m.workspace_id AND i.member_id = m.member_id
LEFT JOIN member_names AS n ON i.workspace_id = n.workspace_id AND i.member_id = n.member_id
WHERE i.workspace_id = :workspace_id AND i.token_digest = :token_digest;

-- name: invitations_after
-- The open invitations of a workspace by age, a page at a time.
SELECT
    i.workspace_id, i.invitation_id, i.member_id, i.request_digest, i.state, i.invited_by,
    i.sendings, i.created_at, i.expires_at, i.accepted_at, i.withdrawn_at, m.role, n.email
FROM invitations AS i
INNER JOIN members AS m ON i.workspace_id = m.workspace_id AND i.member_id = m.member_id
LEFT JOIN member_names AS n ON i.workspace_id = n.workspace_id AND i.member_id = n.member_id
WHERE
    i.workspace_id = :workspace_id AND i.state = 'open'
    AND (i.created_at, i.invitation_id) > (:after_at::timestamptz, :after_id::uuid)
ORDER BY i.created_at, i.invitation_id
LIMIT :limit;

-- name: accept_invitation$
-- Whom an open invitation invites, once: a second use, or one that is too late, finds nothing.
UPDATE invitations SET state = 'accepted', accepted_at = :at
WHERE
    workspace_id = :workspace_id AND token_digest = :token_digest AND state = 'open'
    AND expires_at > :at
RETURNING member_id;

-- name: send_again^
-- Another link, from now on; the elder one is worthless. Only of an open invitation.
UPDATE invitations
SET token_digest = :token_digest, expires_at = :expires_at, sendings = sendings + 1
WHERE
    workspace_id = :workspace_id AND invitation_id = :invitation_id AND state = 'open'
RETURNING sendings;

-- name: withdraw_invitation!
-- The end of an invitation that nobody has accepted.
UPDATE invitations SET state = 'withdrawn', withdrawn_at = :at
WHERE workspace_id = :workspace_id AND member_id = :member_id AND state = 'open';
