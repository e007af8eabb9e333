-- A charge writes two rows instead of four. An entry carries its first posting, and a wallet's row
-- tells where the credits of the lot that it draws from are; the lot's own row is written when it
-- opens, ends, runs empty or changes its terms, and when another lot takes its place. What others
-- read are views with the names and the columns that the tables had.

DROP FUNCTION IF EXISTS ledger_apply(
    wallets[], entries[], postings[], grants[], lots[], lot_move[], holds[], holds[],
    standing_grants[]
);
DROP FUNCTION IF EXISTS ledger_apply(
    integer, integer, woken_wallet[], written_entry[], postings[], opened_lot[], lot_draw[],
    lot_move[], holds[], holds[], holds[], standing_grants[]
);
DROP FUNCTION IF EXISTS ledger_load(boolean, wallet_name[], entry_name[]);
DROP FUNCTION IF EXISTS ledger_load_due(wallet_name[], timestamptz);
DROP FUNCTION IF EXISTS ledger_take_due(
    timestamptz, timestamptz, wallet_name[], integer, timestamptz
);

-- Entries of before have all of their postings in further_postings.
ALTER TABLE entries
ADD COLUMN first_source text,
ADD COLUMN first_target text,
ADD COLUMN first_lot bigint,
ADD COLUMN first_amount bigint,
ADD CONSTRAINT first_posting_is_whole CHECK (
    (first_amount > 0 AND first_source IS NOT NULL AND first_target IS NOT NULL)
    OR num_nulls(first_source, first_target, first_lot, first_amount) = 4
);

ALTER TABLE postings RENAME TO further_postings;
ALTER TABLE further_postings RENAME CONSTRAINT postings_pkey TO further_postings_pkey;
ALTER TRIGGER postings_are_append_only ON further_postings
RENAME TO further_postings_are_append_only;

CREATE VIEW postings AS
SELECT
    e.workspace_id, e.kind, e.sequence, 1::smallint AS ordinal, e.first_source AS source,
    e.first_target AS target, e.first_lot AS lot, e.first_amount AS amount
FROM entries AS e
WHERE e.first_amount IS NOT NULL
UNION ALL
SELECT
    f.workspace_id, f.kind, f.sequence, f.ordinal, f.source, f.target, f.lot, f.amount
FROM further_postings AS f;

-- The lot that is drawn from, while both its own row and the wallet's say that it has credits.
ALTER TABLE wallets
ADD COLUMN drawn_lot bigint,
ADD COLUMN drawn_available bigint,
ADD COLUMN drawn_held bigint,
ADD COLUMN drawn_captured bigint,
ADD CONSTRAINT drawn_lot_is_whole CHECK (
    num_nulls(drawn_lot, drawn_available, drawn_held, drawn_captured) IN (0, 4)
    AND coalesce(least(drawn_available, drawn_held, drawn_captured), 0) >= 0
);

ALTER TABLE lots RENAME TO stored_lots;
ALTER TABLE stored_lots RENAME CONSTRAINT lots_pkey TO stored_lots_pkey;
ALTER INDEX lots_open RENAME TO stored_lots_open;

CREATE VIEW lots AS
SELECT
    s.workspace_id, s.kind, s.lot, s.source, s.reference, s.effective_at, s.expires_at,
    s.paid_amount, s.currency, s.state, s.granted,
    coalesce(w.drawn_available, s.available) AS available, s.frozen,
    coalesce(w.drawn_held, s.held) AS held, coalesce(w.drawn_captured, s.captured) AS captured,
    s.expired, s.voided, s.forfeited, s.is_open
FROM stored_lots AS s
LEFT JOIN wallets AS w
    ON s.workspace_id = w.workspace_id AND s.kind = w.kind AND s.lot = w.drawn_lot;

-- An entry with its first posting, if it has one. The last entry of a wallet has what else becomes
-- of the wallet's row: its version, its wake-up and the lot that it draws from.
DROP TYPE written_entry;
CREATE TYPE written_entry AS (
    workspace_id uuid, kind text, sequence bigint, operation text, namespace text, key text,
    digest bytea, due_at timestamptz, posted_at timestamptz, refers_to bigint, reason text,
    available bigint, held bigint, member_id uuid, project_id uuid, api_key_id uuid,
    note_digest bytea, hash bytea, source text, target text, lot bigint, amount bigint,
    version bigint, wake_at timestamptz,
    drawn_lot bigint, drawn_available bigint, drawn_held bigint, drawn_captured bigint
);
DROP TYPE lot_draw;
