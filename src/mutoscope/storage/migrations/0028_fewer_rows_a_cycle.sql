-- A hold and its end write three rows less. An entry carries its second posting, too, and a
-- wallet's row tells of one open hold: of the one that was placed when no other stood there. What
-- others read of holds is a view with the name and the columns that the table had.
--
-- A constraint is read and made ready by every statement that writes its table, which cost a ninth
-- of a charge. What is left of them is short and guards amounts; that postings, lots and holds in
-- these rows are whole is proved by the hashes, and by `verify`.

DROP FUNCTION IF EXISTS ledger_apply(
    integer, woken_wallet[], written_entry[], further_postings[], opened_lot[], lot_move[],
    holds[], holds[], holds[], standing_grants[]
);
DROP FUNCTION IF EXISTS ledger_load(boolean, wallet_name[], entry_name[]);
DROP FUNCTION IF EXISTS ledger_load_due(wallet_name[], timestamptz);
DROP FUNCTION IF EXISTS ledger_take_due(
    timestamptz, timestamptz, wallet_name[], integer, timestamptz
);

-- Entries of before have their second posting in further_postings.
ALTER TABLE entries
ADD COLUMN second_source text,
ADD COLUMN second_target text,
ADD COLUMN second_lot bigint,
ADD COLUMN second_amount bigint,
DROP CONSTRAINT first_posting_is_whole,
ADD CONSTRAINT amounts_are_positive CHECK (least(first_amount, second_amount) > 0);

CREATE OR REPLACE VIEW postings AS
SELECT
    e.workspace_id, e.kind, e.sequence, 1::smallint AS ordinal, e.first_source AS source,
    e.first_target AS target, e.first_lot AS lot, e.first_amount AS amount
FROM entries AS e
WHERE e.first_amount IS NOT NULL
UNION ALL
SELECT
    e.workspace_id, e.kind, e.sequence, 2::smallint AS ordinal, e.second_source AS source,
    e.second_target AS target, e.second_lot AS lot, e.second_amount AS amount
FROM entries AS e
WHERE e.second_amount IS NOT NULL
UNION ALL
SELECT
    f.workspace_id, f.kind, f.sequence, f.ordinal, f.source, f.target, f.lot, f.amount
FROM further_postings AS f;

ALTER TABLE wallets
ADD COLUMN placed_hold bigint,
ADD COLUMN placed_deadline_at timestamptz,
DROP CONSTRAINT drawn_lot_is_whole,
DROP CONSTRAINT wallet_is_nowhere_negative,
ADD CONSTRAINT wallet_is_nowhere_negative CHECK (
    least(available, held, drawn_available, drawn_held, drawn_captured) >= 0
);

-- What the wallet's row tells of the lot, half told as well.
CREATE OR REPLACE VIEW lots AS
SELECT
    s.workspace_id, s.kind, s.lot, s.source, s.reference, s.effective_at, s.expires_at,
    s.paid_amount, s.currency, s.state, s.granted,
    CASE WHEN w.drawn_lot IS NULL THEN s.available ELSE w.drawn_available END AS available,
    s.frozen, CASE WHEN w.drawn_lot IS NULL THEN s.held ELSE w.drawn_held END AS held,
    CASE WHEN w.drawn_lot IS NULL THEN s.captured ELSE w.drawn_captured END AS captured,
    s.expired, s.voided, s.forfeited, s.is_open
FROM stored_lots AS s
LEFT JOIN wallets AS w
    ON s.workspace_id = w.workspace_id AND s.kind = w.kind AND s.lot = w.drawn_lot;

ALTER TABLE holds RENAME TO stored_holds;
ALTER TABLE stored_holds RENAME CONSTRAINT holds_pkey TO stored_holds_pkey;

CREATE VIEW holds AS
SELECT
    w.workspace_id, w.kind, w.placed_hold AS sequence, w.placed_deadline_at AS deadline_at
FROM wallets AS w
WHERE w.placed_hold IS NOT NULL
UNION ALL
SELECT s.workspace_id, s.kind, s.sequence, s.deadline_at
FROM stored_holds AS s;

-- An entry with its first two postings, as far as it has them. The last entry of a wallet has what
-- else becomes of the wallet's row: its version, its wake-up, its lot and its hold.
DROP TYPE written_entry;
CREATE TYPE written_entry AS (
    workspace_id uuid, kind text, sequence bigint, operation text, namespace text, key text,
    digest bytea, due_at timestamptz, posted_at timestamptz, refers_to bigint, reason text,
    available bigint, held bigint, member_id uuid, project_id uuid, api_key_id uuid,
    note_digest bytea, hash bytea,
    first_source text, first_target text, first_lot bigint, first_amount bigint,
    second_source text, second_target text, second_lot bigint, second_amount bigint,
    version bigint, wake_at timestamptz,
    drawn_lot bigint, drawn_available bigint, drawn_held bigint, drawn_captured bigint,
    placed_hold bigint, placed_deadline_at timestamptz
);
-- A standing grant of which the next period was granted, and nothing else of it has changed.
CREATE TYPE advanced_grant AS (
    workspace_id uuid, kind text, subscription_id uuid, change bigint, next_index bigint
);

DROP TYPE woken_wallet;
CREATE TYPE woken_wallet AS (
    workspace_id uuid, kind text, posted_at timestamptz, version bigint, wake_at timestamptz,
    placed_hold bigint, placed_deadline_at timestamptz
);
