-- A charge writes two rows instead of four. An entry carries its first posting, and a wallet's row
-- tells where the credits of the lots that it draws from are; the row of a lot is written when the
-- lot opens, ends, runs empty or changes its terms. What others read are views with the names and
-- the columns that the tables had.

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

-- Each of its rows is a lot and its credits available, frozen, held, captured and expired.
ALTER TABLE wallets
ADD COLUMN drawn bigint[],
ADD CONSTRAINT drawn_is_whole CHECK (
    drawn IS NULL OR (coalesce(array_length(drawn, 2), 0) = 6 AND (0 <= all(drawn)) IS TRUE)
);

ALTER TABLE lots RENAME TO stored_lots;
ALTER TABLE stored_lots RENAME CONSTRAINT lots_pkey TO stored_lots_pkey;
ALTER INDEX lots_open RENAME TO stored_lots_open;

CREATE VIEW lots AS
SELECT
    s.workspace_id, s.kind, s.lot, s.source, s.reference, s.effective_at, s.expires_at,
    s.paid_amount, s.currency, s.state, s.granted, coalesce(d.available, s.available) AS available,
    coalesce(d.frozen, s.frozen) AS frozen, coalesce(d.held, s.held) AS held,
    coalesce(d.captured, s.captured) AS captured, coalesce(d.expired, s.expired) AS expired,
    s.voided, s.forfeited, s.is_open
FROM stored_lots AS s
LEFT JOIN LATERAL (
    SELECT
        w.drawn[n.place][2] AS available, w.drawn[n.place][3] AS frozen,
        w.drawn[n.place][4] AS held, w.drawn[n.place][5] AS captured,
        w.drawn[n.place][6] AS expired
    FROM wallets AS w
    CROSS JOIN LATERAL generate_subscripts(w.drawn, 1) AS n (place)
    WHERE
        w.workspace_id = s.workspace_id AND w.kind = s.kind AND w.drawn[n.place][1] = s.lot
) AS d ON TRUE;

-- An entry with its first posting, if it has one. The last entry of a wallet has what else becomes
-- of the wallet's row: its version, its wake-up and the lots that it draws from.
DROP TYPE written_entry;
CREATE TYPE written_entry AS (
    workspace_id uuid, kind text, sequence bigint, operation text, namespace text, key text,
    digest bytea, due_at timestamptz, posted_at timestamptz, refers_to bigint, reason text,
    available bigint, held bigint, member_id uuid, project_id uuid, api_key_id uuid,
    note_digest bytea, hash bytea, source text, target text, lot bigint, amount bigint,
    version bigint, wake_at timestamptz, drawn bigint []
);
DROP TYPE lot_draw;
