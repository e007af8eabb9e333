-- The inbox of staff: threads by how long they wait, who looks after them, what they are told of a
-- workspace, and the e-mails that are due to those who are away.

-- name: waiting
-- Threads whose creator waits for staff, the longest waiting first, a page at a time. What is not
-- read is counted up to a hundred.
SELECT
    t.workspace_id, w.name AS workspace, t.thread_id, t.subject, t.messages, t.waiting_since,
    t.said_at, t.assignee_id, u.unread,
    exists(
        SELECT FROM chat_messages AS m
        WHERE
            m.workspace_id = t.workspace_id AND m.thread_id = t.thread_id
            AND m.card = 'more_credits' AND m.data ->> 'state' = 'open'
            AND (w.purchases_enabled_at IS NULL OR w.purchases_enabled_at < m.said_at)
    ) AS is_asking_credits
FROM threads AS t
INNER JOIN workspaces AS w ON t.workspace_id = w.workspace_id
LEFT JOIN chat_reads AS r
    ON
        t.workspace_id = r.workspace_id AND t.thread_id = r.thread_id
        AND r.reader_id = :staff_id
CROSS JOIN LATERAL (
    SELECT count(*) AS unread
    FROM (
        SELECT FROM chat_messages AS m
        WHERE
            m.workspace_id = t.workspace_id AND m.thread_id = t.thread_id
            AND m.ordinal > coalesce(r.ordinal, 0) AND m.side = 'creator'
        LIMIT 100
    ) AS f
) AS u
WHERE
    t.waiting_since IS NOT NULL AND (t.waiting_since, t.thread_id) > (:after_at, :after_id)
    AND (:assignee_id::uuid IS NULL OR t.assignee_id = :assignee_id)
ORDER BY t.waiting_since, t.thread_id
LIMIT :limit;

-- name: spoken
-- All threads, that in which somebody spoke last first, a page at a time.
SELECT
    t.workspace_id, w.name AS workspace, t.thread_id, t.subject, t.messages, t.waiting_since,
    t.said_at, t.assignee_id, u.unread,
    exists(
        SELECT FROM chat_messages AS m
        WHERE
            m.workspace_id = t.workspace_id AND m.thread_id = t.thread_id
            AND m.card = 'more_credits' AND m.data ->> 'state' = 'open'
            AND (w.purchases_enabled_at IS NULL OR w.purchases_enabled_at < m.said_at)
    ) AS is_asking_credits
FROM threads AS t
INNER JOIN workspaces AS w ON t.workspace_id = w.workspace_id
LEFT JOIN chat_reads AS r
    ON
        t.workspace_id = r.workspace_id AND t.thread_id = r.thread_id
        AND r.reader_id = :staff_id
CROSS JOIN LATERAL (
    SELECT count(*) AS unread
    FROM (
        SELECT FROM chat_messages AS m
        WHERE
            m.workspace_id = t.workspace_id AND m.thread_id = t.thread_id
            AND m.ordinal > coalesce(r.ordinal, 0) AND m.side = 'creator'
        LIMIT 100
    ) AS f
) AS u
WHERE
    (t.said_at, t.thread_id) < (:before_at, :before_id)
    AND (:assignee_id::uuid IS NULL OR t.assignee_id = :assignee_id)
ORDER BY t.said_at DESC, t.thread_id DESC
LIMIT :limit;

-- name: credit_requests
-- The last request for credits of each workspace that staff have not granted since, the eldest
-- first.
SELECT a.workspace_id, a.workspace, a.thread_id, a.ordinal, a.asked_at
FROM (
    SELECT DISTINCT ON (m.workspace_id)
        m.workspace_id, w.name AS workspace, m.thread_id, m.ordinal, m.said_at AS asked_at
    FROM chat_messages AS m
    INNER JOIN workspaces AS w ON m.workspace_id = w.workspace_id
    WHERE
        m.card = 'more_credits' AND m.data ->> 'state' = 'open' AND w.closed_at IS NULL
        AND (w.purchases_enabled_at IS NULL OR w.purchases_enabled_at < m.said_at)
    ORDER BY m.workspace_id ASC, m.serial DESC
) AS a
ORDER BY a.asked_at, a.workspace_id
LIMIT :limit;

-- name: assign^
-- Who looks after a thread; nobody when no one is named.
UPDATE threads SET
    assignee_id = :assignee_id,
    assigned_at = CASE WHEN :assignee_id::uuid IS NOT NULL THEN :at::timestamptz END
WHERE workspace_id = :workspace_id AND thread_id = :thread_id
RETURNING
    thread_id,
    pg_notify('mutoscope_live', concat_ws('/', 'assigned', workspace_id, thread_id));

-- name: end_waiting^
-- A thread needs no answer any more.
UPDATE threads SET waiting_since = NULL
WHERE workspace_id = :workspace_id AND thread_id = :thread_id
RETURNING
    thread_id,
    pg_notify('mutoscope_live', concat_ws('/', 'assigned', workspace_id, thread_id));

-- name: standing^
-- What a workspace has agreed, and whether it may buy.
SELECT
    w.closed_at, w.purchases_enabled_at, s.state, s.allowances, s.can_purchase, s.charge_at,
    s.cancels_at, s.scheduled_plan
FROM workspaces AS w
LEFT JOIN subscriptions AS s ON s.workspace_id = w.workspace_id AND s.ends_at IS NULL
WHERE w.workspace_id = :workspace_id;

-- name: purchases
-- The purchases of a workspace, newest first.
SELECT
    purchase_id, pack, kind, credits, price, currency, state, ordered_at, paid_at, granted_at,
    ended_at
FROM purchases
WHERE workspace_id = :workspace_id
ORDER BY ordered_at DESC, purchase_id DESC
LIMIT :limit;

-- name: open_jobs
-- The jobs of a workspace that are not over, newest first, among its last ones.
SELECT j.job_id, j.tool, j.kind, j.price, j.state, j.progress, j.created_at
FROM (
    SELECT job_id, tool, kind, price, state, progress, created_at, finished_at
    FROM jobs
    WHERE workspace_id = :workspace_id
    ORDER BY created_at DESC
    LIMIT 500
) AS j
WHERE j.finished_at IS NULL
ORDER BY j.created_at DESC, j.job_id DESC;

-- name: take_mail
-- Threads in which an e-mail may be due, each taken by one worker, with what the person it is for
-- has not read of staff, and whether they listen just now. It goes to that member's own address;
-- for who is no active member to the workspace's, and the owner answers by it.
UPDATE threads AS t SET mail_at = NULL
FROM (
    SELECT
        d.workspace_id, d.thread_id, w.name, p.person_id, u.unread,
        coalesce(n.email, w.email) AS email,
        coalesce(n.member_id, d.workspace_id) AS recipient_id,
        exists(
            SELECT FROM listeners AS l
            WHERE
                l.workspace_id = d.workspace_id AND l.person_id = p.person_id
                AND l.seen_at > :listening_since
        ) AS is_listening
    FROM (
        SELECT workspace_id, thread_id
        FROM threads
        WHERE mail_at <= :at
        ORDER BY mail_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ) AS d
    INNER JOIN workspaces AS w ON d.workspace_id = w.workspace_id
    CROSS JOIN LATERAL (
        SELECT chat_addressee(d.workspace_id, d.thread_id) AS person_id
    ) AS p
    LEFT JOIN members AS s
        ON
            d.workspace_id = s.workspace_id AND p.person_id = s.member_id
            AND s.state = 'active'
    LEFT JOIN member_names AS n
        ON s.workspace_id = n.workspace_id AND s.member_id = n.member_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS unread
        FROM chat_messages AS m
        WHERE
            m.workspace_id = d.workspace_id AND m.thread_id = d.thread_id AND m.side = 'staff'
            AND m.erased_at IS NULL
            AND m.ordinal > coalesce((
                SELECT r.ordinal FROM chat_reads AS r
                WHERE
                    r.workspace_id = d.workspace_id AND r.thread_id = d.thread_id
                    AND r.reader_id = p.person_id
            ), 0)
    ) AS u
) AS f
WHERE t.workspace_id = f.workspace_id AND t.thread_id = f.thread_id
RETURNING
    f.workspace_id, f.thread_id, f.email, f.name, f.recipient_id, f.unread, f.is_listening;

-- name: note_mail!
-- An e-mail was written, or it is looked again later whether one is due.
UPDATE threads SET mailed_at = coalesce(:mailed_at, mailed_at), mail_at = :mail_at
WHERE workspace_id = :workspace_id AND thread_id = :thread_id;
