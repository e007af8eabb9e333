-- Chat: the threads and messages of a workspace, how far each person has read, and who listens.

-- The row under whose lock messages get their serials: what a live stream has told is one number.
CREATE TABLE chats (
    workspace_id uuid NOT NULL,
    serial bigint NOT NULL DEFAULT 0,
    CONSTRAINT chats_pkey PRIMARY KEY (workspace_id)
);

-- `messages` is the ordinal of the last one. `waiting_since` tells how long the creator waits for
-- staff; `mail_at` when an e-mail may be due to somebody who is away, `mailed_at` when one was sent
-- of which nothing was read yet.
CREATE TABLE threads (
    workspace_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    subject text,
    messages bigint NOT NULL DEFAULT 0,
    waiting_since timestamptz,
    assignee_id uuid,
    assigned_at timestamptz,
    mail_at timestamptz,
    mailed_at timestamptz,
    opened_at timestamptz NOT NULL,
    said_at timestamptz NOT NULL,
    CONSTRAINT threads_pkey PRIMARY KEY (workspace_id, thread_id),
    CONSTRAINT assignee_has_an_instant CHECK ((assignee_id IS NULL) = (assigned_at IS NULL)),
    CONSTRAINT what_waits_was_said CHECK (waiting_since IS NULL OR messages > 0)
);

-- The inbox begins with those who wait longest; the worker looks for e-mails that are due.
CREATE INDEX threads_waiting ON threads (waiting_since, thread_id) WHERE waiting_since IS NOT NULL;
CREATE INDEX threads_by_age ON threads (said_at, thread_id);
CREATE INDEX threads_mail ON threads (mail_at) WHERE mail_at IS NOT NULL;

-- What was said can be erased: the row stays with its number, its side and its instant.
CREATE TABLE chat_messages (
    workspace_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    ordinal bigint NOT NULL,
    serial bigint NOT NULL,
    message_id uuid NOT NULL,
    side text NOT NULL,
    author_id uuid,
    body text,
    card text,
    data jsonb,
    attachments jsonb NOT NULL DEFAULT '[]',
    said_at timestamptz NOT NULL,
    erased_at timestamptz,
    CONSTRAINT chat_messages_pkey PRIMARY KEY (workspace_id, thread_id, ordinal),
    CONSTRAINT chat_messages_id UNIQUE (workspace_id, message_id),
    CONSTRAINT chat_messages_serial UNIQUE (workspace_id, serial),
    CONSTRAINT chat_messages_thread FOREIGN KEY (workspace_id, thread_id)
    REFERENCES threads (workspace_id, thread_id),
    CONSTRAINT ordinals_are_positive CHECK (least(ordinal, serial) > 0),
    CONSTRAINT the_house_alone_has_no_author CHECK (
        CASE side
            WHEN 'house' THEN author_id IS NULL
            WHEN 'creator' THEN author_id IS NOT NULL
            WHEN 'staff' THEN author_id IS NOT NULL
            ELSE FALSE
        END
    ),
    CONSTRAINT a_message_says_something_or_is_erased CHECK (
        CASE
            WHEN erased_at IS NULL THEN (card IS NULL) = (data IS NULL)
                AND (body IS NOT NULL OR card IS NOT NULL OR attachments <> '[]')
            ELSE body IS NULL AND data IS NULL AND attachments = '[]'
        END
    )
);

-- Whether a thread has asked for credits.
CREATE INDEX chat_messages_asked ON chat_messages (workspace_id, thread_id)
WHERE card = 'more_credits';

CREATE TABLE chat_reads (
    workspace_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    reader_id uuid NOT NULL,
    side text NOT NULL,
    ordinal bigint NOT NULL,
    read_at timestamptz NOT NULL,
    CONSTRAINT chat_reads_pkey PRIMARY KEY (workspace_id, thread_id, reader_id),
    CONSTRAINT chat_reads_thread FOREIGN KEY (workspace_id, thread_id)
    REFERENCES threads (workspace_id, thread_id),
    CONSTRAINT a_reader_is_a_person CHECK (side IN ('creator', 'staff'))
);

-- Who of a workspace had a live stream open when somebody last looked.
CREATE TABLE listeners (
    workspace_id uuid NOT NULL,
    person_id uuid NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT listeners_pkey PRIMARY KEY (workspace_id, person_id)
);

-- How a new message is written. `opens` begins its thread where there is none; `waits` is true
-- when it begins the creator's waiting, false when it ends it, and NULL when it leaves it as it is.
CREATE TYPE new_chat_message AS (
    workspace_id uuid, thread_id uuid, message_id uuid, side text, author_id uuid, body text,
    card text, data jsonb, attachments jsonb, said_at timestamptz, opens boolean, waits boolean
);
