-- What a rebuild writes: projections of one workspace, in the transaction that locks its wallets.

-- name: open_missing!
-- A wallet whose row is gone has nothing to lock until it is there again, empty.
INSERT INTO wallets (workspace_id, kind)
SELECT e.workspace_id, e.kind
FROM entries AS e
WHERE e.workspace_id = :workspace_id AND e.sequence = 1
ORDER BY e.kind COLLATE "C"
ON CONFLICT ON CONSTRAINT wallets_pkey DO NOTHING;

-- name: lock
-- The wallets in the order in which every writer takes them.
SELECT kind
FROM wallets
WHERE workspace_id = :workspace_id
ORDER BY kind COLLATE "C"
FOR UPDATE;

-- name: unmatched_heads
-- Wallets whose row was written after a line that their journal has no more, or has otherwise.
SELECT w.workspace_id, w.kind, w.sequence, w.head, e.hash
FROM wallets AS w
LEFT JOIN entries AS e
    ON w.workspace_id = e.workspace_id AND w.kind = e.kind AND w.sequence = e.sequence
WHERE
    w.workspace_id BETWEEN :first AND :last AND w.sequence > 0
    AND e.hash IS DISTINCT FROM w.head
ORDER BY w.workspace_id, w.kind
LIMIT 1000;

-- name: keep_placed_hold!
-- The hold that the wallet's row tells of, with its deadline if it has one, before that row is
-- written anew.
INSERT INTO stored_holds (workspace_id, kind, sequence, deadline_at)
SELECT w.workspace_id, w.kind, w.placed_hold, coalesce(w.placed_deadline_at, :deadline_at)
FROM wallets AS w
WHERE w.workspace_id = :workspace_id AND w.kind = :kind AND w.placed_hold IS NOT NULL
ON CONFLICT ON CONSTRAINT stored_holds_pkey DO NOTHING;

-- name: write_wallet!
-- The clock looks at the wallet at once, and finds by itself when it has to look again. A plan made
-- before fails by the version, which never comes again, also where the row was gone.
UPDATE wallets
SET sequence = :sequence, head = :head, available = :available, held = :held, due_at = :due_at,
    posted_at = greatest(least(posted_at, :at), :posted_at), wake_at = 'epoch',
    version = greatest(version + 1, :version), drawn_lot = NULL, drawn_available = NULL,
    drawn_held = NULL, drawn_captured = NULL, placed_hold = NULL, placed_deadline_at = NULL
WHERE workspace_id = :workspace_id AND kind = :kind;

-- name: clear_lots!
-- The lots are written anew, all of them.
DELETE FROM stored_lots
WHERE workspace_id = :workspace_id AND kind = :kind;

-- name: write_lots!
-- What the journal makes of each lot.
INSERT INTO stored_lots (
    workspace_id, kind, lot, source, reference, effective_at, expires_at, paid_amount, currency,
    state, granted, available, frozen, held, captured, expired, voided, forfeited
)
SELECT
    l.workspace_id, l.kind, l.lot, l.source, l.reference, l.effective_at, l.expires_at,
    l.paid_amount, l.currency, l.state, l.granted, l.available, l.frozen, l.held, l.captured,
    l.expired, l.voided, l.forfeited
FROM unnest(:lots::stored_lots[]) AS l;

-- name: clear_holds!
-- What no entry placed, or an entry ended.
DELETE FROM stored_holds
WHERE workspace_id = :workspace_id AND kind = :kind AND sequence <> all(:open_holds::bigint[]);

-- name: write_holds!
-- Holds whose row is gone; those that are there keep their deadlines.
INSERT INTO stored_holds (workspace_id, kind, sequence, deadline_at)
SELECT :workspace_id, :kind, h.sequence, :deadline_at
FROM unnest(:open_holds::bigint[]) AS h (sequence)
ON CONFLICT ON CONSTRAINT stored_holds_pkey DO NOTHING;
