-- Teams: the members of a workspace, their invitations, and caps on what a member or a project may
-- spend in a billing period; and the indexes by which the use of one of them is counted.

-- `email_digest` keeps one person from being a member twice; it goes when the person is erased.
CREATE TABLE members (
    workspace_id uuid NOT NULL,
    member_id uuid NOT NULL,
    email_digest bytea,
    role text NOT NULL,
    state text NOT NULL,
    invited_at timestamptz NOT NULL,
    joined_at timestamptz,
    removed_at timestamptz,
    erased_at timestamptz,
    CONSTRAINT members_pkey PRIMARY KEY (workspace_id, member_id),
    CONSTRAINT role_is_known CHECK (role IN ('owner', 'member', 'viewer')),
    CONSTRAINT member_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'invited' THEN joined_at IS NULL AND removed_at IS NULL
            WHEN 'active' THEN joined_at IS NOT NULL AND removed_at IS NULL
            WHEN 'removed' THEN removed_at IS NOT NULL
            ELSE FALSE
        END
    ),
    CONSTRAINT an_erased_member_is_removed_and_nameless CHECK (
        erased_at IS NULL OR (removed_at IS NOT NULL AND email_digest IS NULL)
    )
);

-- A person is a member once at a time.
CREATE UNIQUE INDEX members_person ON members (workspace_id, email_digest)
WHERE removed_at IS NULL;
-- The members of a workspace by age.
CREATE INDEX members_by_age ON members (workspace_id, invited_at, member_id);

-- Who a member is: kept beside, so that it can be erased.
CREATE TABLE member_names (
    workspace_id uuid NOT NULL,
    member_id uuid NOT NULL,
    email text NOT NULL,
    name text,
    CONSTRAINT member_names_pkey PRIMARY KEY (workspace_id, member_id),
    CONSTRAINT member_names_member FOREIGN KEY (workspace_id, member_id)
    REFERENCES members (workspace_id, member_id)
);

-- Of a token only its digest is kept; sending it again makes a new one, and the elder is worthless.
CREATE TABLE invitations (
    workspace_id uuid NOT NULL,
    invitation_id uuid NOT NULL,
    member_id uuid NOT NULL,
    request_key text NOT NULL,
    request_digest bytea NOT NULL,
    token_digest bytea NOT NULL,
    state text NOT NULL,
    invited_by uuid,
    sendings integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    withdrawn_at timestamptz,
    CONSTRAINT invitations_pkey PRIMARY KEY (workspace_id, invitation_id),
    CONSTRAINT invitations_request UNIQUE (workspace_id, request_key),
    CONSTRAINT invitations_of_a_member UNIQUE (workspace_id, member_id),
    CONSTRAINT invitations_token UNIQUE (workspace_id, token_digest),
    CONSTRAINT invitations_member FOREIGN KEY (workspace_id, member_id)
    REFERENCES members (workspace_id, member_id),
    CONSTRAINT sendings_are_positive CHECK (sendings > 0),
    CONSTRAINT invitation_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'open' THEN accepted_at IS NULL AND withdrawn_at IS NULL
            WHEN 'accepted' THEN accepted_at IS NOT NULL AND withdrawn_at IS NULL
            WHEN 'withdrawn' THEN withdrawn_at IS NOT NULL AND accepted_at IS NULL
            ELSE FALSE
        END
    )
);

-- Credits of a kind that a member, or a project, may use in a billing period.
CREATE TABLE caps (
    workspace_id uuid NOT NULL,
    subject text NOT NULL,
    subject_id uuid NOT NULL,
    kind text NOT NULL,
    credits bigint NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT caps_pkey PRIMARY KEY (workspace_id, subject, subject_id, kind),
    CONSTRAINT subject_is_a_member_or_a_project CHECK (subject IN ('member', 'project')),
    CONSTRAINT cap_is_not_negative CHECK (credits >= 0)
);

-- What a member, or a project, has used in a span. Entries that name neither are not in them.
CREATE INDEX entries_of_a_member ON entries (workspace_id, kind, member_id, posted_at)
WHERE member_id IS NOT NULL AND operation IN ('hold', 'charge', 'meter');
CREATE INDEX entries_of_a_project ON entries (workspace_id, kind, project_id, posted_at)
WHERE project_id IS NOT NULL AND operation IN ('hold', 'charge', 'meter');
-- What ended a hold, however much later.
CREATE INDEX entries_end ON entries (workspace_id, kind, refers_to)
WHERE operation IN ('settle', 'release');

-- How `ledger_used` is asked: whose use of a kind in the span [starts_at, ends_at).
CREATE TYPE used_span AS (
    workspace_id uuid, kind text, subject text, subject_id uuid, starts_at timestamptz,
    ends_at timestamptz
);
