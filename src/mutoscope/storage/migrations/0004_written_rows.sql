-- How `ledger_apply` is told what to write, in as few rows and values as everyday work needs:
-- sending and reading them was a third of a charge.

-- An entry with its first posting, if it has one, and where the posting's lot has its credits
-- afterwards, unless a later entry of the same plan tells. The last entry of a wallet has the
-- wallet's new version and wake-up, too; the wallet's other columns are the entry's own. `due_at`
-- is absent where it is `posted_at`.
CREATE TYPE written_entry AS (
    workspace_id uuid, kind text, sequence bigint, operation text, namespace text, key text,
    digest bytea, due_at timestamptz, posted_at timestamptz, refers_to bigint, reason text,
    available bigint, held bigint, member_id uuid, project_id uuid, api_key_id uuid,
    note_digest bytea, hash bytea, version bigint, wake_at timestamptz,
    source text, target text, lot bigint, amount bigint,
    lot_available bigint, lot_frozen bigint, lot_held bigint, lot_captured bigint,
    lot_expired bigint
);

-- A wallet without a new entry: only when something is due on it next has changed.
CREATE TYPE woken_wallet AS (
    workspace_id uuid, kind text, posted_at timestamptz, version bigint, wake_at timestamptz
);

-- A grant, and what has become of its lot by now.
CREATE TYPE opened_lot AS (
    workspace_id uuid, kind text, lot bigint, source text, reference text,
    effective_at timestamptz, expires_at timestamptz, paid_amount bigint, currency text,
    amount bigint, ends_at timestamptz, state text, available bigint, frozen bigint, held bigint,
    captured bigint, expired bigint, voided bigint, forfeited bigint
);

-- Where the credits of a lot are that no entry's first posting tells.
CREATE TYPE lot_draw AS (
    workspace_id uuid, kind text, lot bigint, available bigint, frozen bigint, held bigint,
    captured bigint, expired bigint
);
