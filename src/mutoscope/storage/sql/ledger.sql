-- Calls of the three functions that carry the ledger (storage/functions): each connection of the
-- ledger prepares them once.

-- name: load^
-- The facts of a batch, with its wallets locked when asked.
SELECT
    found_wallets, found_lots, found_entries, found_postings, found_holds, found_refunds,
    due_standing, due_holds, due_placings, due_postings, due_lots, later_holds
FROM ledger_load(:is_locked, :wallet_names, :entry_names, :due_by);

-- name: load_due^
-- What may be due on wallets whose wake-up has come.
SELECT
    found_standing, found_holds, found_placings, found_postings, found_lots, later_holds
FROM ledger_load_due(:of_wallets, :instant);

-- name: apply$
-- Writes a plan.
SELECT ledger_apply(
    :moved, :written_at, :woken_wallets, :new_entries, :further_moves, :new_lots, :moved_lots,
    :new_holds, :renewed_holds, :closed_holds, :new_standing, :advanced_standing
);

-- name: open_wallets!
-- Opens wallets that are granted credits for the first time.
INSERT INTO wallets (workspace_id, kind)
SELECT n.workspace_id, n.kind
FROM unnest(:workspaces::uuid[], :kinds::text[]) AS n (workspace_id, kind)
ON CONFLICT ON CONSTRAINT wallets_pkey DO NOTHING;

-- name: write_notes!
-- Who acted and why, beside the entries of the same transaction.
INSERT INTO entry_notes (workspace_id, kind, sequence, salt, actor, note)
SELECT n.workspace_id, n.kind, n.sequence, n.salt, n.actor, n.note
FROM unnest(:notes::entry_notes[]) AS n;
