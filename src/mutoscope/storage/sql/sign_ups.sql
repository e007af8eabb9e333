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
