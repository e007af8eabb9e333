-- Who is billed for a workspace, and addresses that took no message.

-- name: details
-- Who is billed: what was set, else the workspace's own name and address.
SELECT
    w.workspace_id, coalesce(d.legal_name, w.name) AS legal_name,
    coalesce(d.address, '{}') AS address, d.country, d.tax_id,
    coalesce(d.email, w.email) AS email, d.changed_at, b.bounced_at, b.reason AS bounce
FROM workspaces AS w
LEFT JOIN billing_details AS d ON d.workspace_id = w.workspace_id
LEFT JOIN bounced_addresses AS b
    ON b.workspace_id = w.workspace_id AND b.email = coalesce(d.email, w.email)
WHERE w.workspace_id = any(:workspaces::uuid[]);

-- name: put_details!
-- Sets who is billed.
INSERT INTO billing_details (
    workspace_id, legal_name, address, country, tax_id, email, changed_at
)
VALUES (:workspace_id, :legal_name, :address, :country, :tax_id, :email, :changed_at)
ON CONFLICT ON CONSTRAINT billing_details_pkey DO UPDATE
SET legal_name = excluded.legal_name, address = excluded.address, country = excluded.country,
    tax_id = excluded.tax_id, email = excluded.email, changed_at = excluded.changed_at;

-- name: forget_bounces!
-- What bounced at addresses that are no longer the one that invoices go to.
DELETE FROM bounced_addresses AS b
USING workspaces AS w LEFT JOIN billing_details AS d ON d.workspace_id = w.workspace_id
WHERE b.workspace_id = :workspace_id AND w.workspace_id = b.workspace_id
    AND b.email IS DISTINCT FROM coalesce(d.email, w.email);

-- name: mark_bounced!
-- An address took no message; the latest reason stays.
INSERT INTO bounced_addresses (workspace_id, email, reason, bounced_at)
VALUES (:workspace_id, :email, :reason, :bounced_at)
ON CONFLICT ON CONSTRAINT bounced_addresses_pkey DO UPDATE
SET reason = excluded.reason, bounced_at = excluded.bounced_at;

-- name: clear_bounce!
-- An address takes messages again.
DELETE FROM bounced_addresses
WHERE workspace_id = :workspace_id AND email = :email;
