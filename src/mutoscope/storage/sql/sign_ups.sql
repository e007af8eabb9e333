-- Sign-ups over the API, counted by what they come from.

-- name: count_sign_up$
-- Counts a sign-up in the span that runs, or begins one; nothing when as many passed as may. Either
-- way the row is locked, so that of several at once each sees those before it.
INSERT INTO sign_up_counts AS c (subject_digest, passed, ends_at)
VALUES (:subject_digest, 1, :ends_at)
ON CONFLICT ON CONSTRAINT sign_up_counts_pkey DO UPDATE
SET
    passed = CASE WHEN c.ends_at <= :at THEN 1 ELSE c.passed + 1 END,
    ends_at = CASE WHEN c.ends_at <= :at THEN excluded.ends_at ELSE c.ends_at END
WHERE c.ends_at <= :at OR c.passed < :passed_max
RETURNING c.ends_at;

-- name: span_ends_at$
-- When the span of a subject is over.
SELECT ends_at
FROM sign_up_counts
WHERE subject_digest = :subject_digest;

-- name: forget$
-- Counts whose span is over. One that a sign-up holds just now is left: waiting for it while it
-- waits for another of these would be a deadlock.
WITH old AS (
    SELECT c.subject_digest
    FROM sign_up_counts AS c
    WHERE c.ends_at <= :at
    LIMIT :limit
    FOR UPDATE OF c SKIP LOCKED
),

forgotten AS (
    DELETE FROM sign_up_counts AS c
    USING old AS o
    WHERE c.subject_digest = o.subject_digest
    RETURNING c.subject_digest
)

SELECT count(*) FROM forgotten;

-- name: remove_unproven$
-- Workspaces whose address nobody proved while the code lasted, with all that a sign-up leaves.
-- What has more stays, for somebody uses it: credits, money, a word with staff, work. Once a day
-- all workspaces are looked at for that: an index would cost at each sign-up.
WITH old AS (
    SELECT w.workspace_id
    FROM workspaces AS w
    WHERE
        w.verified_at IS NULL AND w.created_at <= :before
        AND NOT EXISTS (
            SELECT x.workspace_id FROM wallets AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM payment_requests AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM payments AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM chats AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM projects AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM assets AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM uploads AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM quotes AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM billing_details AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM invitations AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM caps AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM webhook_endpoints AS x
            WHERE x.workspace_id = w.workspace_id
            UNION ALL
            SELECT x.workspace_id FROM proposals AS x
            WHERE x.workspace_id = w.workspace_id
        )
        AND NOT EXISTS (
            SELECT 1 FROM verifications AS v
            WHERE v.workspace_id = w.workspace_id AND v.expires_at > :at
        )
    LIMIT :limit
    FOR UPDATE OF w SKIP LOCKED
),

verifications_gone AS (
    DELETE FROM verifications USING old
    WHERE verifications.workspace_id = old.workspace_id
),

outbox_gone AS (
    DELETE FROM outbox USING old
    WHERE outbox.workspace_id = old.workspace_id
),

bounced_addresses_gone AS (
    DELETE FROM bounced_addresses USING old
    WHERE bounced_addresses.workspace_id = old.workspace_id
),

members_gone AS (
    DELETE FROM members USING old
    WHERE members.workspace_id = old.workspace_id
),

member_names_gone AS (
    DELETE FROM member_names USING old
    WHERE member_names.workspace_id = old.workspace_id
),

alert_preferences_gone AS (
    DELETE FROM alert_preferences USING old
    WHERE alert_preferences.workspace_id = old.workspace_id
),

listeners_gone AS (
    DELETE FROM listeners USING old
    WHERE listeners.workspace_id = old.workspace_id
),

views_gone AS (
    DELETE FROM views USING old
    WHERE views.workspace_id = old.workspace_id
),

gone AS (
    DELETE FROM workspaces USING old
    WHERE workspaces.workspace_id = old.workspace_id
    RETURNING workspaces.workspace_id
)

SELECT count(*) FROM gone;
