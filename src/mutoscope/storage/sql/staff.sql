-- Staff, their tries to sign in, and the tokens that open the desk.

-- name: lock_staff!
-- The staff change one at a time, so that the last admin cannot leave twice at once.
SELECT pg_advisory_xact_lock(7086353);

-- name: add_staff$
-- Somebody new; none where the name is taken.
WITH written AS (
    INSERT INTO staff (
        staff_id, name, email, password, roles, state, added_at, left_at, is_password_given
    )
    SELECT
        n.staff_id, n.name, n.email, n.password, n.roles, n.state, n.added_at, n.left_at,
        n.is_password_given
    FROM unnest(:staff::staff[]) AS n
    ON CONFLICT DO NOTHING
    RETURNING staff_id
)

SELECT count(*) FROM written;

-- name: set_roles!
-- What somebody is on the staff for, from now on.
UPDATE staff SET roles = :roles
WHERE staff_id = :staff_id;

-- name: leave!
-- Somebody is of the staff no more.
UPDATE staff SET state = 'left', left_at = :at
WHERE staff_id = :staff_id AND state = 'active';

-- name: set_password^
-- Another password, where the one that it replaces is still there, if that is told.
UPDATE staff SET password = :password, is_password_given = :is_password_given
WHERE
    staff_id = :staff_id AND state = 'active'
    AND (:replaces::text IS NULL OR password = :replaces)
RETURNING staff_id;

-- name: end_tokens!
-- Whoever left, or has another password, opens nothing any more, neither the desk nor a view.
WITH ended AS (
    UPDATE views SET expires_at = least(expires_at, :at)
    WHERE staff_id = :staff_id
)

UPDATE staff_tokens SET ended_at = :at
WHERE staff_id = :staff_id AND ended_at IS NULL;

-- name: by_name^
-- Somebody by the name that is typed in.
SELECT
    staff_id, name, email, password, roles, state, added_at, left_at, is_password_given
FROM staff
WHERE name = :name;

-- name: by_id^
-- Somebody by the id that stands in the audit.
SELECT
    staff_id, name, email, password, roles, state, added_at, left_at, is_password_given
FROM staff
WHERE staff_id = :staff_id;

-- name: everybody
-- All who are or were of the staff, by age.
SELECT
    staff_id, name, email, password, roles, state, added_at, left_at, is_password_given
FROM staff
ORDER BY added_at, staff_id
LIMIT :limit;

-- name: count_admins$
-- How many could still let others in.
SELECT count(*) FROM staff
WHERE state = 'active' AND 'admin' = any(roles);

-- name: count_try^
-- Counts a try before the password is looked at; the count begins anew when its time is over.
INSERT INTO sign_in_tries AS t (name_digest, tries, since)
VALUES (:name_digest, 1, :at)
ON CONFLICT ON CONSTRAINT sign_in_tries_pkey DO UPDATE
SET
    tries = CASE WHEN t.since <= :begun_before THEN 1 ELSE least(t.tries + 1, 1000000) END,
    since = CASE WHEN t.since <= :begun_before THEN :at ELSE t.since END
RETURNING t.tries, t.since;

-- name: forget_tries!
-- The password was right.
DELETE FROM sign_in_tries
WHERE name_digest = :name_digest;

-- name: add_token^
-- A token, as its digest, while the password is still the one that was given for it: whoever writes
-- another one waits for this, or this for them.
INSERT INTO staff_tokens (token_digest, staff_id, issued_at, authenticated_at, expires_at)
SELECT :token_digest, f.staff_id, :at::timestamptz, :at, :expires_at
FROM (
    SELECT s.staff_id
    FROM staff AS s
    WHERE s.staff_id = :staff_id AND s.password = :password AND s.state = 'active'
    FOR SHARE
) AS f
RETURNING staff_id;

-- name: token_owner^
-- Who bears a token that is good at an instant.
SELECT s.staff_id, s.name, s.email, s.roles, t.authenticated_at
FROM staff_tokens AS t
INNER JOIN staff AS s ON t.staff_id = s.staff_id
WHERE
    t.token_digest = :token_digest AND t.ended_at IS NULL AND t.expires_at > :at
    AND s.state = 'active';

-- name: authenticate_token!
-- The password was given again.
UPDATE staff_tokens SET authenticated_at = :at
WHERE token_digest = :token_digest AND ended_at IS NULL;

-- name: end_token!
-- Signed out.
UPDATE staff_tokens SET ended_at = :at
WHERE token_digest = :token_digest AND ended_at IS NULL;

-- name: write_views$
-- Views, in the transaction of their audit lines.
WITH written AS (
    INSERT INTO views (token_digest, view_id, staff_id, workspace_id, opened_at, expires_at)
    SELECT n.token_digest, n.view_id, n.staff_id, n.workspace_id, n.opened_at, n.expires_at
    FROM unnest(:views::views[]) AS n
    RETURNING view_id
)

SELECT count(*) FROM written;

-- name: use_view^
-- Counts a use of a view that is good at an instant, and tells of which workspace it is.
UPDATE views SET uses = uses + 1, used_at = :at
WHERE token_digest = :token_digest AND expires_at > :at
RETURNING view_id, staff_id, workspace_id, opened_at, expires_at, uses;
