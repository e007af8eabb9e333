-- Subscriptions: written as a whole under their revision, each with a line of what happened.

-- name: add_subscriptions$
-- New subscriptions, in the transaction of their first grants; a second current one is not written.
WITH written AS (
    INSERT INTO subscriptions (
        workspace_id, subscription_id, plan, version, anchor_at, zone, begins_at,
        months_per_charge, state, change, revision, allowances, price, currency, can_purchase,
        gateway, renewal_grant, charge_index, charge_at, paid_index, cancels_at,
        offers
    )
    SELECT
        n.workspace_id, n.subscription_id, n.plan, n.version, n.anchor_at, n.zone, n.begins_at,
        n.months_per_charge, n.state, n.change, n.revision, n.allowances, n.price, n.currency,
        n.can_purchase, n.gateway, n.renewal_grant, n.charge_index, n.charge_at, n.paid_index,
        n.cancels_at, n.offers
    FROM unnest(:subscriptions::written_subscription[]) AS n
    ON CONFLICT DO NOTHING
    RETURNING workspace_id, subscription_id
),

told AS (
    INSERT INTO subscription_changes (
        workspace_id, subscription_id, ordinal, event, state_before, state_after, plan, due_at,
        changed_at, request_key, scheduled
    )
    SELECT
        n.workspace_id, n.subscription_id, n.revision, n.event, n.state_before, n.state, n.plan,
        n.due_at, n.changed_at, n.request_key, n.scheduled_change
    FROM unnest(:subscriptions::written_subscription[]) AS n
    INNER JOIN written AS w
        ON n.workspace_id = w.workspace_id AND n.subscription_id = w.subscription_id
)

SELECT count(*) FROM written;

-- name: change_subscriptions$
-- Subscriptions as they are from now on, unless they were changed since they were read.
WITH written AS (
    UPDATE subscriptions AS s
    SET
        plan = n.plan, version = n.version, zone = n.zone, begins_at = n.begins_at,
        months_per_charge = n.months_per_charge, state = n.state, change = n.change,
        revision = n.revision, allowances = n.allowances, price = n.price,
        currency = n.currency, can_purchase = n.can_purchase, gateway = n.gateway,
        renewal_grant = n.renewal_grant, charge_index = n.charge_index,
        charge_at = n.charge_at, paid_index = n.paid_index, scheduled_at = n.scheduled_at,
        scheduled_plan = n.scheduled_plan, scheduled_months = n.scheduled_months,
        scheduled_zone = n.scheduled_zone, cancels_at = n.cancels_at,
        past_due_at = n.past_due_at, suspended_at = n.suspended_at, ends_at = n.ends_at,
        offers = n.offers, scheduled_agreed = n.scheduled_agreed
    FROM unnest(:subscriptions::written_subscription[]) AS n
    WHERE
        s.workspace_id = n.workspace_id AND s.subscription_id = n.subscription_id
        AND s.revision = n.revision - 1
    RETURNING s.workspace_id, s.subscription_id
),

told AS (
    INSERT INTO subscription_changes (
        workspace_id, subscription_id, ordinal, event, state_before, state_after, plan, due_at,
        changed_at, request_key, scheduled
    )
    SELECT
        n.workspace_id, n.subscription_id, n.revision, n.event, n.state_before, n.state, n.plan,
        n.due_at, n.changed_at, n.request_key, n.scheduled_change
    FROM unnest(:subscriptions::written_subscription[]) AS n
    INNER JOIN written AS w
        ON n.workspace_id = w.workspace_id AND n.subscription_id = w.subscription_id
)

SELECT count(*) FROM written;

-- name: expect_subscriptions$
-- Holds the current subscriptions of some workspaces as they were read until the transaction ends;
-- a workspace that had none (revision -1) must have none.
SELECT count(*)
FROM unnest(:workspaces::uuid[], :revisions::bigint[]) AS n (workspace_id, revision)
LEFT JOIN LATERAL (
    SELECT s.revision FROM subscriptions AS s
    WHERE s.workspace_id = n.workspace_id AND s.ends_at IS NULL
    FOR SHARE
) AS f ON TRUE
WHERE coalesce(f.revision, -1) = n.revision;

-- name: subscription^
-- A subscription of a workspace, also one that is over.
SELECT s AS subscription
FROM subscriptions AS s
WHERE s.workspace_id = :workspace_id AND s.subscription_id = :subscription_id;

-- name: changes
-- What happened to the subscriptions of a workspace, the newest first.
SELECT c.subscription_id, c.ordinal, c.event, c.state_before, c.state_after, c.plan, c.due_at,
       c.changed_at, c.scheduled
FROM subscription_changes AS c
WHERE c.workspace_id = :workspace_id
ORDER BY c.changed_at DESC, c.ordinal DESC
LIMIT :limit;

-- name: plan_by_key$
-- The plan to which a change under a key led.
SELECT c.plan
FROM subscription_changes AS c
WHERE c.workspace_id = :workspace_id AND c.request_key = :request_key;

-- name: take_to_charge
-- Subscriptions whose charge has come due, the longest waiting first.
SELECT s AS subscription
FROM subscriptions AS s
WHERE
    s.ends_at IS NULL AND s.charge_at <= :at
    AND (s.charge_at, s.workspace_id) > (:reached_at, :reached_id)
ORDER BY s.charge_at, s.workspace_id
LIMIT :size;

-- name: take_to_end
-- Subscriptions that were cancelled for a date which has come.
SELECT s AS subscription
FROM subscriptions AS s
WHERE
    s.ends_at IS NULL AND s.cancels_at <= :at
    AND (s.cancels_at, s.workspace_id) > (:reached_at, :reached_id)
ORDER BY s.cancels_at, s.workspace_id
LIMIT :size;

-- name: of_other_version
-- Subscriptions of a plan whose next charge comes soon, in the time of a version that they do not
-- know of.
SELECT s AS subscription
FROM subscriptions AS s
WHERE
    s.ends_at IS NULL AND s.plan = :plan
    AND s.state IN ('active', 'past_due') AND s.scheduled_at IS NULL AND s.cancels_at IS NULL
    AND s.version <> :version AND s.charge_at >= :effective_at AND s.charge_at <= :until
    AND (s.charge_at, s.workspace_id) > (:reached_at, :reached_id)
ORDER BY s.charge_at, s.workspace_id
LIMIT :size;

-- name: count_to_charge^
-- How many charges and ends wait, and since when.
SELECT
    count(*) FILTER (WHERE s.charge_at <= :at) AS charges,
    count(*) FILTER (WHERE s.cancels_at <= :at) AS ends,
    min(least(s.charge_at, s.cancels_at)) FILTER (
        WHERE least(s.charge_at, s.cancels_at) <= :at
    ) AS since
FROM subscriptions AS s
WHERE s.ends_at IS NULL AND least(s.charge_at, s.cancels_at) <= :at;

-- name: pack_kinds
-- The kinds of credit of which a workspace has purchased lots in a state, with something left.
SELECT DISTINCT l.kind
FROM lots AS l
WHERE
    l.workspace_id = :workspace_id AND l.source = 'pack' AND l.state = :state
    AND l.available + l.frozen + l.held > 0
ORDER BY l.kind;

-- name: grants_for
-- The lots that were granted for something, with the keys of their grants.
SELECT
    l.kind, l.lot, e.namespace, e.key, l.granted, l.available + l.frozen AS left_over, l.held,
    l.captured, l.voided, l.state, l.expires_at
FROM lots AS l
INNER JOIN entries AS e
    ON l.workspace_id = e.workspace_id AND l.kind = e.kind AND l.lot = e.sequence
WHERE l.workspace_id = :workspace_id AND l.source = :source AND l.reference = :reference
ORDER BY l.kind, l.lot;

-- name: expect_emptied$
-- Lots of which so much is voided, and nothing is left or held.
SELECT count(*)
FROM unnest(
    :workspaces::uuid[], :kinds::text[], :lots::bigint[], :voided::bigint[]
) AS n (workspace_id, kind, lot, voided)
INNER JOIN lots AS l
    ON n.workspace_id = l.workspace_id AND n.kind = l.kind AND n.lot = l.lot
WHERE l.voided = n.voided AND l.available + l.frozen + l.held = 0;

-- name: wallet_kinds
-- The kinds of credit of which a workspace has a wallet.
SELECT w.kind
FROM wallets AS w
WHERE w.workspace_id = :workspace_id
ORDER BY w.kind;

-- name: close_workspaces$
-- Workspaces that are closed from now on.
WITH written AS (
    UPDATE workspaces AS w SET closed_at = n.closed_at, close_key = n.close_key
    FROM
        unnest(:workspaces::uuid[], :closed::timestamptz[], :keys::text[])
        AS n (workspace_id, closed_at, close_key)
    WHERE w.workspace_id = n.workspace_id AND w.closed_at IS NULL
    RETURNING w.workspace_id
)

SELECT count(*) FROM written;

-- name: is_closed_by$
-- Whether a workspace was closed under a key: then closing it again is a repeat.
SELECT coalesce(close_key = :key, FALSE) AS found
FROM workspaces
WHERE workspace_id = :workspace_id;
