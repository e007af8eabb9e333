-- Chat: threads, messages in order, and how far each person has read. Whatever happens is told on
-- the channel `mutoscope_live` in the same transaction, by ids and numbers alone.

-- name: lock_chats!
-- The workspaces of some messages, locked in order, so that their serials have no gap.
INSERT INTO chats AS c (workspace_id)
SELECT n.workspace_id
FROM unnest(:messages::new_chat_message[]) AS n
GROUP BY n.workspace_id
ORDER BY n.workspace_id
ON CONFLICT ON CONSTRAINT chats_pkey DO UPDATE SET serial = c.serial;

-- name: open_threads!
-- The threads of some messages that every workspace has, where nobody has spoken yet.
INSERT INTO threads (workspace_id, thread_id, opened_at, said_at)
SELECT n.workspace_id, n.thread_id, min(n.said_at), min(n.said_at)
FROM unnest(:messages::new_chat_message[]) AS n
WHERE n.opens
GROUP BY n.workspace_id, n.thread_id
ORDER BY n.workspace_id, n.thread_id
ON CONFLICT ON CONSTRAINT threads_pkey DO NOTHING;

-- name: open_thread^
-- A thread that somebody opens; opened again it is the same.
INSERT INTO threads (workspace_id, thread_id, subject, opened_at, said_at)
SELECT :workspace_id, :thread_id, :subject, :at::timestamptz, :at::timestamptz
WHERE (
    SELECT count(*) FROM threads
    WHERE workspace_id = :workspace_id
) < :threads_max
ON CONFLICT ON CONSTRAINT threads_pkey DO NOTHING
RETURNING thread_id;

-- name: write_messages
-- New messages at the end of their threads, each told to whoever listens. A message whose id is
-- there already is not written: then nothing of the transaction may stay.
WITH given AS MATERIALIZED (
    SELECT
        n.workspace_id, n.thread_id, n.message_id, n.side, n.author_id, n.body, n.card, n.data,
        n.attachments, n.said_at, n.waits, n.place,
        row_number() OVER (PARTITION BY n.workspace_id ORDER BY n.place) AS nth_in_chat,
        row_number() OVER (PARTITION BY n.workspace_id, n.thread_id ORDER BY n.place) AS nth
    FROM unnest(:messages::new_chat_message[]) WITH ORDINALITY AS n (
        workspace_id, thread_id, message_id, side, author_id, body, card, data, attachments,
        said_at, opens, waits, place
    )
),

by_chat AS (
    SELECT g.workspace_id, count(*) AS messages
    FROM given AS g
    GROUP BY g.workspace_id
),

by_thread AS (
    SELECT
        g.workspace_id, g.thread_id, count(*) AS messages, max(g.said_at) AS said_at,
        bool_or(g.side = 'staff') AS is_by_staff,
        (array_agg(g.waits ORDER BY g.place DESC) FILTER (WHERE g.waits IS NOT NULL))[1] AS waits
    FROM given AS g
    GROUP BY g.workspace_id, g.thread_id
),

in_chats AS (
    UPDATE chats AS c SET serial = c.serial + b.messages
    FROM by_chat AS b
    WHERE c.workspace_id = b.workspace_id
    RETURNING c.workspace_id, c.serial - b.messages AS serial
),

in_threads AS (
    UPDATE threads AS t SET
        messages = t.messages + b.messages,
        said_at = greatest(t.said_at, b.said_at),
        waiting_since = CASE b.waits
            WHEN TRUE THEN coalesce(t.waiting_since, b.said_at)
            WHEN FALSE THEN NULL
            ELSE t.waiting_since
        END,
        mail_at = CASE
            WHEN b.is_by_staff THEN coalesce(
                t.mail_at,
                greatest(b.said_at + :away::interval, t.mailed_at + :burst::interval)
            )
            ELSE t.mail_at
        END
    FROM by_thread AS b
    WHERE t.workspace_id = b.workspace_id AND t.thread_id = b.thread_id
    RETURNING t.workspace_id, t.thread_id, t.messages - b.messages AS ordinal
),

written AS (
    INSERT INTO chat_messages (
        workspace_id, thread_id, ordinal, serial, message_id, side, author_id, body, card, data,
        attachments, said_at
    )
    SELECT
        g.workspace_id, g.thread_id, t.ordinal + g.nth, c.serial + g.nth_in_chat, g.message_id,
        g.side, g.author_id, g.body, g.card, g.data, g.attachments, g.said_at
    FROM given AS g
    INNER JOIN in_chats AS c ON g.workspace_id = c.workspace_id
    INNER JOIN in_threads AS t ON g.workspace_id = t.workspace_id AND g.thread_id = t.thread_id
    ON CONFLICT ON CONSTRAINT chat_messages_id DO NOTHING
    RETURNING workspace_id, thread_id, ordinal, serial
)

SELECT
    w.ordinal,
    pg_notify(
        'mutoscope_live',
        concat_ws('/', 'message', w.workspace_id, w.thread_id, w.ordinal, w.serial)
    )
FROM written AS w;

-- name: thread^
-- One thread, and how far a person has read it.
SELECT
    t.workspace_id, t.thread_id, t.subject, t.messages, t.waiting_since, t.assignee_id,
    t.opened_at, t.said_at, coalesce(r.ordinal, 0) AS read_up_to
FROM threads AS t
LEFT JOIN chat_reads AS r
    ON
        t.workspace_id = r.workspace_id AND t.thread_id = r.thread_id
        AND r.reader_id = :reader_id
WHERE t.workspace_id = :workspace_id AND t.thread_id = :thread_id;

-- name: threads_of
-- The threads of a workspace, that in which somebody spoke last first, with what a person has not
-- read of them; beyond a hundred it is counted no further.
SELECT
    t.workspace_id, t.thread_id, t.subject, t.messages, t.waiting_since, t.assignee_id,
    t.opened_at, t.said_at, coalesce(r.ordinal, 0) AS read_up_to, u.unread
FROM threads AS t
LEFT JOIN chat_reads AS r
    ON
        t.workspace_id = r.workspace_id AND t.thread_id = r.thread_id
        AND r.reader_id = :reader_id
CROSS JOIN LATERAL (
    SELECT count(*) AS unread
    FROM (
        SELECT FROM chat_messages AS m
        WHERE
            m.workspace_id = t.workspace_id AND m.thread_id = t.thread_id
            AND m.ordinal > coalesce(r.ordinal, 0)
            AND m.author_id IS DISTINCT FROM :reader_id
        LIMIT 100
    ) AS f
) AS u
WHERE t.workspace_id = :workspace_id
ORDER BY t.said_at DESC, t.thread_id DESC;

-- name: message_by_id^
-- A message by the id that follows from its key.
SELECT
    workspace_id, thread_id, ordinal, serial, message_id, side, author_id, body, card, data,
    attachments, said_at, erased_at
FROM chat_messages
WHERE workspace_id = :workspace_id AND message_id = :message_id;

-- name: messages_after
-- Messages of a thread after one, the oldest first. A request for credits is open until staff
-- enable purchases.
SELECT
    m.workspace_id, m.thread_id, m.ordinal, m.serial, m.message_id, m.side, m.author_id, m.body,
    m.card,
    CASE
        WHEN
            m.card = 'more_credits' AND m.data ->> 'state' = 'open'
            AND w.purchases_enabled_at >= m.said_at
            THEN m.data || '{"state": "enabled"}'
        ELSE m.data
    END AS data,
    m.attachments, m.said_at, m.erased_at
FROM chat_messages AS m
INNER JOIN workspaces AS w ON m.workspace_id = w.workspace_id
WHERE m.workspace_id = :workspace_id AND m.thread_id = :thread_id AND m.ordinal > :ordinal
ORDER BY m.ordinal
LIMIT :limit;

-- name: messages_before
-- Messages of a thread before one, the newest first.
SELECT
    m.workspace_id, m.thread_id, m.ordinal, m.serial, m.message_id, m.side, m.author_id, m.body,
    m.card,
    CASE
        WHEN
            m.card = 'more_credits' AND m.data ->> 'state' = 'open'
            AND w.purchases_enabled_at >= m.said_at
            THEN m.data || '{"state": "enabled"}'
        ELSE m.data
    END AS data,
    m.attachments, m.said_at, m.erased_at
FROM chat_messages AS m
INNER JOIN workspaces AS w ON m.workspace_id = w.workspace_id
WHERE m.workspace_id = :workspace_id AND m.thread_id = :thread_id AND m.ordinal < :ordinal
ORDER BY m.ordinal DESC
LIMIT :limit;

-- name: messages_since
-- Messages of a workspace after a serial, in the order in which they were written.
SELECT
    m.workspace_id, m.thread_id, m.ordinal, m.serial, m.message_id, m.side, m.author_id, m.body,
    m.card, m.data, m.attachments, m.said_at, m.erased_at
FROM chat_messages AS m
WHERE m.workspace_id = :workspace_id AND m.serial > :serial
ORDER BY m.serial
LIMIT :limit;

-- name: serial$
-- The serial of the last message of a workspace.
SELECT serial
FROM chats
WHERE workspace_id = :workspace_id;

-- name: open_request^
-- The last request for credits of a workspace that staff have not granted since.
SELECT m.thread_id, m.ordinal, m.said_at
FROM chat_messages AS m
INNER JOIN workspaces AS w ON m.workspace_id = w.workspace_id
WHERE
    m.workspace_id = :workspace_id AND m.card = 'more_credits' AND m.data ->> 'state' = 'open'
    AND (w.purchases_enabled_at IS NULL OR w.purchases_enabled_at < m.said_at)
ORDER BY m.serial DESC
LIMIT 1;

-- name: mark_read^
-- How far a person has read; it never goes back, nor beyond the last message.
INSERT INTO chat_reads AS r (workspace_id, thread_id, reader_id, side, ordinal, read_at)
SELECT
    t.workspace_id, t.thread_id, :reader_id, :side, least(:ordinal::bigint, t.messages),
    :at::timestamptz
FROM threads AS t
WHERE t.workspace_id = :workspace_id AND t.thread_id = :thread_id
ON CONFLICT ON CONSTRAINT chat_reads_pkey DO UPDATE
SET ordinal = excluded.ordinal, read_at = excluded.read_at
WHERE r.ordinal < excluded.ordinal
RETURNING
    r.ordinal,
    pg_notify(
        'mutoscope_live',
        concat_ws('/', 'read', r.workspace_id, r.thread_id, r.ordinal, r.side, r.reader_id)
    );

-- name: end_burst!
-- Whom e-mails are for has read what the last one told of: the next message begins another burst.
-- Who has read all of it needs no e-mail that was due. What others read tells nothing of that.
UPDATE threads SET
    mailed_at = NULL,
    mail_at = CASE WHEN messages > :ordinal THEN mail_at END
WHERE
    workspace_id = :workspace_id AND thread_id = :thread_id
    AND (mailed_at IS NOT NULL OR mail_at IS NOT NULL)
    AND chat_addressee(workspace_id, thread_id) = :reader_id;

-- name: erase_messages
-- What was said is gone; the rows stay with their numbers. Without an ordinal the whole thread.
UPDATE chat_messages SET
    body = NULL, data = NULL, attachments = '[]', erased_at = :at
FROM (
    SELECT workspace_id, thread_id, ordinal, attachments AS files
    FROM chat_messages
    WHERE
        workspace_id = :workspace_id AND thread_id = :thread_id AND erased_at IS NULL
        AND (:ordinal::bigint IS NULL OR ordinal = :ordinal)
    FOR UPDATE
) AS f
WHERE
    chat_messages.workspace_id = f.workspace_id AND chat_messages.thread_id = f.thread_id
    AND chat_messages.ordinal = f.ordinal
RETURNING chat_messages.ordinal, f.files;

-- name: erase_subject!
-- The subject of a thread is gone, too.
UPDATE threads SET subject = NULL
WHERE workspace_id = :workspace_id AND thread_id = :thread_id;

-- name: forget_files!
-- Files that were brought for messages which are erased now, unless something else shows them.
DELETE FROM assets AS a
WHERE
    a.workspace_id = :workspace_id AND a.asset = any(:files::bytea[]) AND a.origin = 'upload'
    AND NOT EXISTS (
        SELECT
        FROM cast_parts AS c
        WHERE c.workspace_id = a.workspace_id AND c.pictures @> ARRAY[a.asset]
    )
    AND NOT EXISTS (
        SELECT
        FROM chat_messages AS m
        WHERE
            m.workspace_id = a.workspace_id
            AND m.attachments @> jsonb_build_array(
                jsonb_build_object('sha256', encode(a.asset, 'hex'))
            )
    );
