-- How `ledger_apply` is told what to write, in as few values as everyday work needs: sending and
-- reading them was a third of a charge.

-- An entry, and in the last one of a wallet also that wallet's new version and wake-up; its other
-- columns are the entry's own. `due_at` is absent where it is `posted_at`.
CREATE TYPE written_entry AS (
    workspace_id uuid, kind text, sequence bigint, operation text, namespace text, key text,
    digest bytea, due_at timestamptz, posted_at timestamptz, refers_to bigint, reason text,
    available bigint, held bigint, member_id uuid, project_id uuid, api_key_id uuid,
    note_digest bytea, hash bytea, version bigint, wake_at timestamptz
);

-- A wallet without a new entry: only when something is due on it next has changed.
CREATE TYPE woken_wallet AS (
    workspace_id uuid, kind text, posted_at timestamptz, version bigint, wake_at timestamptz
);

-- Where a lot's credits are after a hold, a capture or a release.
CREATE TYPE lot_draw AS (
    workspace_id uuid, kind text, lot bigint, available bigint, frozen bigint, held bigint,
    captured bigint
);
