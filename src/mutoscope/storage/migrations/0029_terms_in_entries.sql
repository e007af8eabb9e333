-- A renewal writes a row less. An entry that opens a lot carries its terms, which the hash covers;
-- `grants` is a view with the name and the columns that the table had. Renewals are told which
-- wallets to take, and take them without locks.

DROP FUNCTION IF EXISTS ledger_apply(
    integer, timestamptz, woken_wallet[], written_entry[], further_postings[], opened_lot[],
    lot_move[], stored_holds[], stored_holds[], stored_holds[], standing_grants[], advanced_grant[]
);
DROP FUNCTION IF EXISTS ledger_load(boolean, wallet_name[], entry_name[], timestamptz);
DROP FUNCTION IF EXISTS ledger_take_due(
    timestamptz, timestamptz, wallet_name[], integer, timestamptz
);

ALTER TABLE entries
ADD COLUMN lot_source text,
ADD COLUMN lot_effective_at timestamptz,
ADD COLUMN lot_expires_at timestamptz,
ADD COLUMN lot_reference text,
ADD COLUMN lot_paid_amount bigint,
ADD COLUMN lot_currency text;

-- No line says anything new: what a hash covers moves from one row to another.
ALTER TABLE entries DISABLE TRIGGER entries_are_append_only;
UPDATE entries AS e
SET lot_source = g.source, lot_effective_at = g.effective_at, lot_expires_at = g.expires_at,
    lot_reference = g.reference, lot_paid_amount = g.paid_amount, lot_currency = g.currency
FROM grants AS g
WHERE e.workspace_id = g.workspace_id AND e.kind = g.kind AND e.sequence = g.lot;
ALTER TABLE entries ENABLE TRIGGER entries_are_append_only;

DROP TABLE grants;

CREATE VIEW grants AS
SELECT
    e.workspace_id, e.kind, e.sequence AS lot, e.lot_source AS source,
    e.lot_reference AS reference, e.lot_effective_at AS effective_at,
    e.lot_expires_at AS expires_at, e.lot_paid_amount AS paid_amount,
    e.lot_currency AS currency, e.first_amount AS amount
FROM entries AS e
WHERE e.lot_source IS NOT NULL;

ALTER TABLE stored_lots
ADD CONSTRAINT paid_amount_has_a_currency CHECK ((paid_amount IS NULL) = (currency IS NULL));

-- An entry with its first two postings and the terms of the lot that it opens, as far as it has
-- them. The last entry of a wallet has what else becomes of the wallet's row.
CREATE TYPE lot_terms AS (
    source text, effective_at timestamptz, expires_at timestamptz, reference text,
    paid_amount bigint, currency text
);
DROP TYPE written_entry;
CREATE TYPE written_entry AS (
    workspace_id uuid, kind text, sequence bigint, operation text, namespace text, key text,
    digest bytea, due_at timestamptz, posted_at timestamptz, refers_to bigint, reason text,
    available bigint, held bigint, member_id uuid, project_id uuid, api_key_id uuid,
    note_digest bytea, hash bytea,
    first_source text, first_target text, first_lot bigint, first_amount bigint,
    second_source text, second_target text, second_lot bigint, second_amount bigint,
    terms lot_terms,
    version bigint, wake_at timestamptz,
    drawn_lot bigint, drawn_available bigint, drawn_held bigint, drawn_captured bigint,
    placed_hold bigint, placed_deadline_at timestamptz
);

-- A lot's own row.
DROP TYPE opened_lot;
CREATE TYPE opened_lot AS (
    workspace_id uuid, kind text, lot bigint, source text, reference text,
    effective_at timestamptz, expires_at timestamptz, paid_amount bigint, currency text,
    state text, granted bigint, available bigint, frozen bigint, held bigint, captured bigint,
    expired bigint, voided bigint, forfeited bigint
);
