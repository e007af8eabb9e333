-- Checkpoints of the journal: which heads moved, and what was signed about them.

-- name: lock!
-- Two checkpoints at once would name the same heads: the second waits for the first.
SELECT pg_advisory_xact_lock(7086352);

-- name: last^
-- The checkpoint that the next one follows.
SELECT checkpoint, taken_at, wallets, digest, public_key, signature
FROM checkpoints
ORDER BY checkpoint DESC
LIMIT 1;

-- name: write_heads
-- The heads that moved since the checkpoint before, in the order in which they are signed.
WITH moved AS (
    INSERT INTO checkpoint_heads (workspace_id, kind, checkpoint, sequence, hash)
    SELECT w.workspace_id, w.kind, :checkpoint, w.sequence, w.head
    FROM wallets AS w
    LEFT JOIN LATERAL (
        SELECT h.sequence, h.hash
        FROM checkpoint_heads AS h
        WHERE h.workspace_id = w.workspace_id AND h.kind = w.kind
        ORDER BY h.checkpoint DESC
        LIMIT 1
    ) AS before ON true
    WHERE
        w.sequence > 0
        AND (before.sequence IS DISTINCT FROM w.sequence OR before.hash IS DISTINCT FROM w.head)
    RETURNING workspace_id, kind, sequence, hash
)

SELECT workspace_id, kind, sequence, hash
FROM moved
ORDER BY workspace_id, kind;

-- name: write!
-- The signed checkpoint.
INSERT INTO checkpoints (
    checkpoint, taken_at, wallets, digest, public_key, signature, audit_sequence, audit_hash
)
VALUES (
    :checkpoint, :taken_at, :wallets, :digest, :public_key, :signature, :audit_sequence, :audit_hash
);

-- name: checkpoints
-- What was signed, in order; a checkpoint names the digest of the one before it.
SELECT
    checkpoint, taken_at, wallets, digest, public_key, signature, audit_sequence, audit_hash
FROM checkpoints
ORDER BY checkpoint;

-- name: heads
-- The heads of one checkpoint.
SELECT workspace_id, kind, sequence, hash
FROM checkpoint_heads
WHERE checkpoint = :checkpoint
ORDER BY workspace_id, kind;

-- name: hashes
-- The hashes that the journal has today where heads once stood.
SELECT n.position, e.hash
FROM unnest(:workspaces::uuid[], :kinds::text[], :sequences::bigint[]) WITH ORDINALITY
    AS n (workspace_id, kind, sequence, position)
INNER JOIN entries AS e
    ON n.workspace_id = e.workspace_id AND n.kind = e.kind AND n.sequence = e.sequence;
