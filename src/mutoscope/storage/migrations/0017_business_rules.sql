-- Rules of the business: nothing is charged in a workspace marked demo, a change that costs nothing
-- is known by its key, and deliveries of webhooks are found when their days are over.

-- The plans of workspaces marked demo are charged over no gateway from now on; what was asked for
-- before is not asked for again.
UPDATE subscriptions AS s SET gateway = 'demo'
FROM workspaces AS w
WHERE w.workspace_id = s.workspace_id AND w.is_demo AND s.ends_at IS NULL;

UPDATE subscriptions AS s SET state = 'active', past_due_at = NULL
FROM workspaces AS w
WHERE w.workspace_id = s.workspace_id AND w.is_demo AND s.state = 'past_due';

UPDATE payment_requests AS r SET remind_at = NULL
FROM workspaces AS w
WHERE w.workspace_id = r.workspace_id AND w.is_demo AND r.state = 'open';

-- A change that was asked for under a key and is not billed is found by it again.
ALTER TABLE subscription_changes
ADD COLUMN request_key text,
ADD CONSTRAINT subscription_changes_key UNIQUE (workspace_id, request_key);

ALTER TYPE written_subscription ADD ATTRIBUTE request_key text;

-- Deliveries that came to their end are found when their days are over.
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at)
WHERE finished_at IS NOT NULL;
