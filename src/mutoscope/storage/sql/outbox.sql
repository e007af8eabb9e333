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
