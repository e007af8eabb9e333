-- What is known of the people of a workspace, forgotten: rows stay with their ids, codes, amounts
-- and instants, so that ledger and audit stay proved; invoices stay as they were issued.

-- name: erase_names$
-- Whose workspaces they are, who belongs to them, and who is billed.
WITH owners AS (
    UPDATE workspaces SET name = 'erased', email = NULL
    WHERE workspace_id = any(:workspaces::uuid[]) AND closed_at IS NOT NULL
    RETURNING workspace_id, closed_at
),

persons AS (
    UPDATE members AS m
    SET
        email_digest = NULL, state = 'removed', removed_at = coalesce(m.removed_at, o.closed_at),
        erased_at = coalesce(m.erased_at, o.closed_at)
    FROM owners AS o
    WHERE m.workspace_id = o.workspace_id
),

names AS (
    DELETE FROM member_names USING owners
    WHERE member_names.workspace_id = owners.workspace_id
),

codes AS (
    DELETE FROM verifications USING owners
    WHERE verifications.workspace_id = owners.workspace_id
),

links AS (
    UPDATE invitations AS i
    SET
        state = CASE i.state WHEN 'open' THEN 'withdrawn' ELSE i.state END,
        withdrawn_at = CASE i.state WHEN 'open' THEN o.closed_at ELSE i.withdrawn_at END,
        request_key = i.invitation_id::text
    FROM owners AS o
    WHERE i.workspace_id = o.workspace_id
),

details AS (
    DELETE FROM billing_details USING owners
    WHERE billing_details.workspace_id = owners.workspace_id
),

means AS (
    DELETE FROM payment_methods USING owners
    WHERE payment_methods.workspace_id = owners.workspace_id
)

SELECT count(*) FROM owners;

-- name: erase_words!
-- What was said, written and sent: notes and reasons, the chat, letters, and calls of webhooks.
WITH notes AS (
    DELETE FROM entry_notes
WHERE workspace_id = any(:workspaces::uuid[])
),

reasons AS (
    DELETE FROM audit_reasons USING audit_lines
    WHERE
        audit_reasons.sequence = audit_lines.sequence
        AND audit_lines.workspace_id = any(:workspaces::uuid[])
),

proposed AS (
    UPDATE proposals SET reason = NULL
    WHERE workspace_id = any(:workspaces::uuid[])
),

letters AS (
    DELETE FROM outbox
WHERE workspace_id = any(:workspaces::uuid[])
),

bounced AS (
    DELETE FROM bounced_addresses
WHERE workspace_id = any(:workspaces::uuid[])
),

subjects AS (
    UPDATE threads SET subject = NULL, mail_at = NULL
    WHERE workspace_id = any(:workspaces::uuid[])
),

said AS (
    UPDATE chat_messages
    SET body = NULL, data = NULL, attachments = '[]', erased_at = coalesce(erased_at, said_at)
    WHERE workspace_id = any(:workspaces::uuid[])
),

told AS (
    DELETE FROM webhook_deliveries
WHERE workspace_id = any(:workspaces::uuid[])
)

DELETE FROM webhook_endpoints
WHERE workspace_id = any(:workspaces::uuid[]);

-- name: erase_work!
-- What people wrote to make pictures; what was made and what it cost stays.
WITH boards AS (
    UPDATE projects SET name = ''
WHERE workspace_id = any(:workspaces::uuid[])
),

headings AS (
    UPDATE scenes SET heading = ''
WHERE workspace_id = any(:workspaces::uuid[])
),

shots AS (
    UPDATE frames SET description = '', dialogue = ''
    WHERE workspace_id = any(:workspaces::uuid[])
),

parts AS (
    UPDATE cast_parts SET name = '', description = ''
    WHERE workspace_id = any(:workspaces::uuid[])
),

files AS (
    UPDATE assets SET name = ''
WHERE workspace_id = any(:workspaces::uuid[])
),

exported AS (
    UPDATE exports
    SET
        name = CASE WHEN state = 'succeeded' THEN '' END, sentence = NULL, options = '{}',
        request_key = export_id::text
    WHERE workspace_id = any(:workspaces::uuid[])
),

quoted AS (
    UPDATE quotes SET items = '[]'
WHERE workspace_id = any(:workspaces::uuid[])
)

UPDATE jobs
SET
    spec = spec || '{"prompt": "", "instruction": null, "history": []}', sentence = NULL,
    request_key = job_id::text
WHERE workspace_id = any(:workspaces::uuid[]);
