-- The ledger: the journal (entries, postings, grants: append-only) and its projections (wallets,
-- lots, holds), which could be dropped and built again from the journal. Every key begins with the
-- workspace, so that the tables can be spread over many machines.

CREATE TABLE wallets (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    sequence bigint NOT NULL DEFAULT 0,
    head bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    available bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT 'epoch',
    posted_at timestamptz NOT NULL DEFAULT 'epoch',
    wake_at timestamptz,
    version bigint NOT NULL DEFAULT 0,
    CONSTRAINT wallets_pkey PRIMARY KEY (workspace_id, kind),
    CONSTRAINT wallet_is_nowhere_negative CHECK (least(available, held) >= 0)
) WITH (fillfactor = 50);

-- The clock finds the wallets on which something is due.
CREATE INDEX wallets_wake ON wallets (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE entries (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    sequence bigint NOT NULL,
    operation text NOT NULL,
    namespace text NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    due_at timestamptz NOT NULL,
    posted_at timestamptz NOT NULL,
    refers_to bigint,
    reason text,
    available bigint NOT NULL,
    held bigint NOT NULL,
    member_id uuid,
    project_id uuid,
    api_key_id uuid,
    note_digest bytea,
    hash bytea NOT NULL,
    CONSTRAINT entries_pkey PRIMARY KEY (workspace_id, kind, sequence),
    CONSTRAINT entries_key UNIQUE (workspace_id, namespace, key),
    CONSTRAINT entry_takes_effect_before_it_is_posted CHECK (due_at <= posted_at)
);

-- An entry is refunded once.
CREATE UNIQUE INDEX entries_refund ON entries (workspace_id, kind, refers_to)
WHERE operation = 'refund';

-- What the operator paid about a hold; such entries are rare.
CREATE INDEX entries_absorb ON entries (workspace_id, kind, refers_to)
WHERE operation = 'absorb';

CREATE TABLE postings (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    sequence bigint NOT NULL,
    ordinal smallint NOT NULL,
    source text NOT NULL,
    target text NOT NULL,
    lot bigint,
    amount bigint NOT NULL,
    CONSTRAINT postings_pkey PRIMARY KEY (workspace_id, kind, sequence, ordinal),
    CONSTRAINT amount_is_positive CHECK (amount > 0)
);

CREATE TABLE grants (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    lot bigint NOT NULL,
    source text NOT NULL,
    reference text,
    effective_at timestamptz NOT NULL,
    expires_at timestamptz,
    paid_amount bigint,
    currency text,
    amount bigint NOT NULL,
    CONSTRAINT grants_pkey PRIMARY KEY (workspace_id, kind, lot),
    CONSTRAINT granted_amount_is_positive CHECK (amount > 0),
    CONSTRAINT paid_amount_has_a_currency CHECK ((paid_amount IS NULL) = (currency IS NULL))
);

CREATE TABLE lots (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    lot bigint NOT NULL,
    source text NOT NULL,
    reference text,
    effective_at timestamptz NOT NULL,
    expires_at timestamptz,
    paid_amount bigint,
    currency text,
    state text NOT NULL,
    granted bigint NOT NULL,
    available bigint NOT NULL,
    frozen bigint NOT NULL,
    held bigint NOT NULL,
    captured bigint NOT NULL,
    expired bigint NOT NULL,
    voided bigint NOT NULL,
    forfeited bigint NOT NULL,
    is_open boolean GENERATED ALWAYS AS (available + frozen > 0) STORED,
    CONSTRAINT lots_pkey PRIMARY KEY (workspace_id, kind, lot),
    CONSTRAINT lot_is_nowhere_negative CHECK (
        least(available, frozen, held, captured, expired, voided, forfeited) >= 0
    ),
    CONSTRAINT lot_is_conserved CHECK (
        granted = available + frozen + held + captured + expired + voided + forfeited
    ),
    CONSTRAINT lot_state_tells_where_credits_lie CHECK (
        (available = 0 OR state = 'open') AND (frozen = 0 OR state = 'frozen')
    )
) WITH (fillfactor = 50);

-- What a hold may draw from, without the lots that are spent.
CREATE INDEX lots_open ON lots (workspace_id, kind, effective_at) WHERE is_open;

CREATE TABLE holds (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    sequence bigint NOT NULL,
    deadline_at timestamptz NOT NULL,
    CONSTRAINT holds_pkey PRIMARY KEY (workspace_id, kind, sequence)
);

CREATE TABLE standing_grants (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    subscription_id uuid NOT NULL,
    amount bigint NOT NULL,
    anchor_at timestamptz NOT NULL,
    zone text NOT NULL,
    next_index bigint NOT NULL,
    change bigint NOT NULL,
    ends_at timestamptz,
    CONSTRAINT standing_grants_pkey PRIMARY KEY (workspace_id, kind, subscription_id),
    CONSTRAINT standing_amount_is_positive CHECK (amount > 0),
    CONSTRAINT next_index_is_not_negative CHECK (next_index >= 0)
);

-- Who acted and why: kept beside the journal, so that it can be erased without breaking a hash.
CREATE TABLE entry_notes (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    sequence bigint NOT NULL,
    salt bytea NOT NULL,
    actor text NOT NULL,
    note text NOT NULL,
    CONSTRAINT entry_notes_pkey PRIMARY KEY (workspace_id, kind, sequence)
);

-- Where a lot's credits are now: what moves of it, without its terms.
CREATE TYPE lot_move AS (
    workspace_id uuid, kind text, lot bigint, expires_at timestamptz, state text,
    available bigint, frozen bigint, held bigint, captured bigint, expired bigint, voided bigint,
    forfeited bigint
);

-- How the ledger's functions are told which wallets and which entries to load.
CREATE TYPE wallet_name AS (workspace_id uuid, kind text, is_whole boolean);
CREATE TYPE entry_name AS (workspace_id uuid, namespace text, key text);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: post a new entry that corrects the old one', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER entries_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
EXECUTE FUNCTION refuse_change();
CREATE TRIGGER postings_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON postings
EXECUTE FUNCTION refuse_change();
CREATE TRIGGER grants_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON grants
EXECUTE FUNCTION refuse_change();

-- Signed heads of the journal: a house table, since one checkpoint covers every workspace.
CREATE TABLE checkpoints (
    checkpoint bigint NOT NULL,
    taken_at timestamptz NOT NULL,
    wallets bigint NOT NULL,
    digest bytea NOT NULL,
    public_key bytea NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT checkpoints_pkey PRIMARY KEY (checkpoint)
);

-- The heads that moved since the checkpoint before.
CREATE TABLE checkpoint_heads (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    checkpoint bigint NOT NULL,
    sequence bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT checkpoint_heads_pkey PRIMARY KEY (workspace_id, kind, checkpoint)
);
