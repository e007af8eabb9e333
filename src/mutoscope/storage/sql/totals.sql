-- What a house holds as a whole. Each of these reads its table once: they are for the operator's
-- page, never for a request of a workspace.

-- name: workspaces$
-- How many workspaces there are.
SELECT count(*) FROM workspaces;

-- name: states
-- How many jobs are in each state.
SELECT state, count(*) AS jobs
FROM jobs
GROUP BY state;

-- name: credits
-- What each kind's wallets hold; frozen credits are no part of a wallet's own sums.
SELECT
    w.kind, sum(w.available)::bigint AS available, sum(w.held)::bigint AS held,
    coalesce((
        SELECT sum(l.frozen) FROM lots AS l
        WHERE l.kind = w.kind AND l.is_open
    ), 0)::bigint AS frozen
FROM wallets AS w
GROUP BY w.kind
ORDER BY w.kind;

-- name: holds$
-- How many holds are open.
SELECT count(*) FROM holds;

-- name: checkpoint^
-- The checkpoint that was signed last.
SELECT checkpoint, taken_at, wallets
FROM checkpoints
ORDER BY checkpoint DESC
LIMIT 1;
