-- Staff: who acts for the operator, what each of them did, what waits for a second person, and what
-- was given away in a month. All of it is the house's, since staff serve every workspace.

CREATE TABLE staff (
    staff_id uuid NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    password text NOT NULL,
    roles text[] NOT NULL,
    state text NOT NULL,
    added_at timestamptz NOT NULL,
    left_at timestamptz,
    CONSTRAINT staff_pkey PRIMARY KEY (staff_id),
    CONSTRAINT staff_name UNIQUE (name),
    CONSTRAINT roles_are_known CHECK (
        roles <@ ARRAY['support', 'finance', 'admin'] AND cardinality(roles) > 0
    ),
    CONSTRAINT staff_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'active' THEN left_at IS NULL
            WHEN 'left' THEN left_at IS NOT NULL
            ELSE FALSE
        END
    )
);

-- Tries to sign in, by the first two bytes of the name's digest: names that nobody has are counted
-- like those that somebody has, and the table cannot grow beyond 65,536 rows.
CREATE TABLE sign_in_tries (
    name_digest bytea NOT NULL,
    tries integer NOT NULL,
    since timestamptz NOT NULL,
    CONSTRAINT sign_in_tries_pkey PRIMARY KEY (name_digest),
    CONSTRAINT tries_are_positive CHECK (tries > 0)
);

CREATE TABLE staff_tokens (
    token_digest bytea NOT NULL,
    staff_id uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    authenticated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT staff_tokens_pkey PRIMARY KEY (token_digest),
    CONSTRAINT a_token_expires_after_it_was_issued CHECK (expires_at > issued_at)
);

CREATE INDEX staff_tokens_open ON staff_tokens (staff_id) WHERE ended_at IS NULL;

-- Looking at a workspace as its people see it. A token is looked up before its workspace is known.
CREATE TABLE views (
    token_digest bytea NOT NULL,
    view_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    uses bigint NOT NULL DEFAULT 0,
    used_at timestamptz,
    CONSTRAINT views_pkey PRIMARY KEY (token_digest),
    CONSTRAINT uses_fit_their_instant CHECK ((uses = 0) = (used_at IS NULL))
);

-- One line for each action of staff, chained by their hashes like the entries of a wallet. `key` is
-- what makes an action happen once; `digest` tells whether a repeat of the key asks for the same.
CREATE TABLE audit_lines (
    sequence bigint NOT NULL,
    staff_id uuid NOT NULL,
    action text NOT NULL,
    workspace_id uuid,
    key text,
    digest bytea,
    reason_digest bytea NOT NULL,
    data jsonb NOT NULL,
    at timestamptz NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_lines_pkey PRIMARY KEY (sequence),
    CONSTRAINT audit_lines_key UNIQUE (key),
    CONSTRAINT a_key_has_a_digest CHECK ((key IS NULL) = (digest IS NULL)),
    CONSTRAINT audit_sequence_is_positive CHECK (sequence > 0)
);

CREATE INDEX audit_lines_workspace ON audit_lines (workspace_id, sequence);

CREATE TRIGGER audit_lines_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_lines
EXECUTE FUNCTION refuse_change();

-- Why: kept beside the lines, so that it can be erased without breaking a hash.
CREATE TABLE audit_reasons (
    sequence bigint NOT NULL,
    salt bytea NOT NULL,
    reason text NOT NULL,
    CONSTRAINT audit_reasons_pkey PRIMARY KEY (sequence)
);

-- Where the chain of the audit has come to; whoever writes a line holds this row until it commits.
CREATE TABLE audit_head (
    is_only boolean NOT NULL DEFAULT TRUE,
    sequence bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_head_pkey PRIMARY KEY (is_only),
    CONSTRAINT there_is_one_head CHECK (is_only)
);

INSERT INTO audit_head (sequence, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- What one person of the staff proposes and another decides.
CREATE TABLE proposals (
    proposal_id uuid NOT NULL,
    action text NOT NULL,
    workspace_id uuid NOT NULL,
    thread_id uuid,
    data jsonb NOT NULL,
    reason text,
    proposed_by uuid NOT NULL,
    proposed_at timestamptz NOT NULL,
    lapses_at timestamptz NOT NULL,
    state text NOT NULL,
    decided_by uuid,
    decided_at timestamptz,
    CONSTRAINT proposals_pkey PRIMARY KEY (proposal_id),
    CONSTRAINT nobody_approves_their_own CHECK (
        state <> 'approved' OR decided_by <> proposed_by
    ),
    CONSTRAINT their_own_alone_is_withdrawn CHECK (
        state <> 'withdrawn' OR decided_by = proposed_by
    ),
    CONSTRAINT proposal_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'open' THEN decided_by IS NULL AND decided_at IS NULL
            WHEN 'approved' THEN decided_by IS NOT NULL AND decided_at < lapses_at
            WHEN 'refused' THEN decided_by IS NOT NULL AND decided_at < lapses_at
            WHEN 'withdrawn' THEN decided_by IS NOT NULL AND decided_at < lapses_at
            WHEN 'lapsed' THEN decided_by IS NULL AND decided_at = lapses_at
            ELSE FALSE
        END
    )
);

CREATE INDEX proposals_by_age ON proposals (proposed_at, proposal_id);
CREATE INDEX proposals_open ON proposals (lapses_at) WHERE state = 'open';

-- Goodwill that was given in a month, by kind, and the budget that it was last counted against.
CREATE TABLE goodwill_months (
    month date NOT NULL,
    kind text NOT NULL,
    granted bigint NOT NULL,
    granted_max bigint NOT NULL,
    CONSTRAINT goodwill_months_pkey PRIMARY KEY (month, kind),
    CONSTRAINT goodwill_is_positive CHECK (granted > 0),
    CONSTRAINT goodwill_is_within_its_budget CHECK (granted <= granted_max)
);
