-- The audit: one chain of lines for the whole house, and the reasons beside them.

-- name: lock_head^
-- Where the chain has come to; the next writer waits here for this one's commit.
SELECT sequence, hash FROM audit_head
FOR UPDATE;

-- name: write_lines$
-- Lines, in the transaction of what they tell; one whose key was used before is not written.
WITH written AS (
    INSERT INTO audit_lines (
        sequence, staff_id, action, workspace_id, key, digest, reason_digest, data, at, hash
    )
    SELECT
        n.sequence, n.staff_id, n.action, n.workspace_id, n.key, n.digest, n.reason_digest, n.data,
        n.at, n.hash
    FROM unnest(:lines::audit_lines[]) AS n
    ON CONFLICT DO NOTHING
    RETURNING sequence
)

SELECT count(*) FROM written;

-- name: write_reasons!
-- Why, beside the lines.
INSERT INTO audit_reasons (sequence, salt, reason)
SELECT n.sequence, n.salt, n.reason
FROM unnest(:reasons::audit_reasons[]) AS n;

-- name: move_head!
-- The chain has come further.
UPDATE audit_head SET sequence = :sequence, hash = :hash;

-- name: head^
-- Where the chain has come to.
SELECT sequence, hash FROM audit_head;

-- name: end^
-- The last line, which a checkpoint signs.
SELECT sequence, hash FROM audit_lines
ORDER BY sequence DESC
LIMIT 1;

-- name: hashes
-- The hashes that lines have today whose hashes were signed once.
SELECT sequence, hash FROM audit_lines
WHERE sequence = any(:sequences::bigint[]);

-- name: line_by_key^
-- What was done under a key.
SELECT
    l.sequence, l.staff_id, l.action, l.workspace_id, l.key, l.digest, l.reason_digest, l.data,
    l.at, l.hash
FROM audit_lines AS l
WHERE l.key = :key;

-- name: page
-- Lines from the newest on, before one of them, of a workspace, a person or an action if asked.
SELECT
    l.sequence, l.staff_id, l.action, l.workspace_id, l.key, l.digest, l.reason_digest, l.data,
    l.at, l.hash, r.salt, r.reason, s.name
FROM audit_lines AS l
LEFT JOIN audit_reasons AS r ON l.sequence = r.sequence
LEFT JOIN staff AS s ON l.staff_id = s.staff_id
WHERE
    l.sequence < :before
    AND (:workspace_id::uuid IS NULL OR l.workspace_id = :workspace_id)
    AND (:staff_id::uuid IS NULL OR l.staff_id = :staff_id)
    AND (:action::text IS NULL OR l.action = :action)
ORDER BY l.sequence DESC
LIMIT :limit;

-- name: part
-- Lines in order, after one of them, to be verified or exported.
SELECT
    l.sequence, l.staff_id, l.action, l.workspace_id, l.key, l.digest, l.reason_digest, l.data,
    l.at, l.hash, r.salt, r.reason, s.name
FROM audit_lines AS l
LEFT JOIN audit_reasons AS r ON l.sequence = r.sequence
LEFT JOIN staff AS s ON l.staff_id = s.staff_id
WHERE l.sequence > :after
ORDER BY l.sequence
LIMIT :limit;

-- name: loose_reasons
-- Reasons beside no line.
SELECT r.sequence
FROM audit_reasons AS r
LEFT JOIN audit_lines AS l ON r.sequence = l.sequence
WHERE l.sequence IS NULL
ORDER BY r.sequence
LIMIT :limit;

-- name: erase_reasons$
-- Takes the texts away; the lines stay, and so do the digests in them.
WITH erased AS (
    DELETE FROM audit_reasons
    WHERE sequence = any(:sequences::bigint[])
    RETURNING sequence
)

SELECT count(*) FROM erased;
