-- The way of messages out of the house.

-- name: write_messages$
-- Messages that commit with what they are about; the same id again changes nothing. What would
-- go to an address that bounced, about a document, is kept as undeliverable.
WITH fresh AS (
    INSERT INTO outbox (
        workspace_id, message_id, recipient, subject, body, created_at, attached, attached_id,
        state, ended_at, failure
    )
    SELECT
        n.workspace_id, n.message_id, n.recipient, n.subject, n.body, n.created_at, n.attached,
        n.attached_id,
        CASE WHEN b.email IS NULL THEN n.state ELSE 'undeliverable' END,
        CASE WHEN b.email IS NULL THEN n.ended_at ELSE n.created_at END,
        coalesce('the address bounced: ' || b.reason, n.failure)
    FROM unnest(:messages::new_message[]) AS n
    LEFT JOIN bounced_addresses AS b
        ON b.workspace_id = n.workspace_id AND b.email = n.recipient
        AND n.attached IS NOT NULL
    ON CONFLICT ON CONSTRAINT outbox_pkey DO NOTHING
)

SELECT count(*) FROM unnest(:messages::new_message[]);

-- name: take_back!
-- Tries that were cut off: the message may have been taken, and is sent again under the same name.
UPDATE outbox
SET
    state = CASE WHEN tries < :tries_max THEN 'queued' ELSE 'given_up' END,
    ended_at = CASE WHEN tries >= :tries_max THEN :at::timestamptz END,
    is_repeat = TRUE, next_try_at = :at,
    failure = 'a try was cut off: nobody knows whether the server took it'
WHERE state = 'sending' AND tried_at < :before;

-- name: claim
-- Messages to be sent now, each for one worker alone; those that are stale are left to staff.
WITH due AS (
    SELECT o.workspace_id, o.message_id
    FROM outbox AS o
    WHERE
        o.state = 'queued' AND coalesce(o.next_try_at, o.created_at) <= :at
        AND coalesce(o.next_try_at, o.created_at) > :oldest
    ORDER BY coalesce(o.next_try_at, o.created_at)
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)

UPDATE outbox AS o SET state = 'sending', tries = o.tries + 1, tried_at = :at
FROM due
WHERE o.workspace_id = due.workspace_id AND o.message_id = due.message_id
RETURNING
    o.workspace_id, o.message_id, o.recipient, o.subject, o.body, o.created_at, o.state, o.tries,
    o.next_try_at, o.tried_at, o.sent_at, o.ended_at, o.failure, o.is_repeat, o.attached,
    o.attached_id;

-- name: finish$
-- The outcome of a try, unless the try was taken back meanwhile.
WITH finished AS (
    UPDATE outbox AS o
    SET
        state = :state, failure = coalesce(:failure, o.failure), next_try_at = :next_try_at,
        is_repeat = o.is_repeat OR :is_repeat,
        sent_at = CASE WHEN :state = 'sent' THEN :at::timestamptz END,
        ended_at = CASE WHEN :state IN ('bounced', 'given_up') THEN :at::timestamptz END
    WHERE
        o.workspace_id = :workspace_id AND o.message_id = :message_id AND o.state = 'sending'
        AND o.tries = :tries
    RETURNING o.message_id
)

SELECT count(*) FROM finished;

-- name: queue_again$
-- A message that staff send again; one that a server took before may arrive twice.
WITH queued AS (
    UPDATE outbox AS o
    SET
        state = 'queued', recipient = :recipient, tries = 0, next_try_at = :at, sent_at = NULL,
        ended_at = NULL, failure = NULL, is_repeat = o.is_repeat OR o.sent_at IS NOT NULL
    WHERE
        o.workspace_id = :workspace_id AND o.message_id = :message_id AND o.state <> 'sending'
    RETURNING o.message_id
)

SELECT count(*) FROM queued;

-- name: mark_bounced$
-- A message that came back after a server had taken it.
WITH bounced AS (
    UPDATE outbox AS o SET state = 'bounced', ended_at = :at, failure = :reason
    WHERE o.workspace_id = :workspace_id AND o.message_id = :message_id AND o.state = 'sent'
    RETURNING o.message_id
)

SELECT count(*) FROM bounced;

-- name: message^
-- A message by its id, which the Message-ID of what came back tells without a workspace.
SELECT
    o.workspace_id, o.message_id, o.recipient, o.subject, o.body, o.created_at, o.state, o.tries,
    o.next_try_at, o.tried_at, o.sent_at, o.ended_at, o.failure, o.is_repeat, o.attached,
    o.attached_id
FROM outbox AS o
WHERE o.message_id = :message_id;

-- name: latest
-- Messages of the house, of some states or all, before the one that was reached, newest first.
SELECT
    o.workspace_id, o.message_id, o.recipient, o.subject, o.body, o.created_at, o.state, o.tries,
    o.next_try_at, o.tried_at, o.sent_at, o.ended_at, o.failure, o.is_repeat, o.attached,
    o.attached_id
FROM outbox AS o
WHERE
    o.state = any(:states::text[]) AND (o.created_at, o.message_id) < (:before_at, :before_id)
ORDER BY o.created_at DESC, o.message_id DESC
LIMIT :limit;
