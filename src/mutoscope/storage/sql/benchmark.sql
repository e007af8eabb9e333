-- The bench of the ledger: databases of its own, the least work a ledger could do (min1) as its
-- measure, and the check of the books after every cell.

-- name: creation$
-- The statement that makes a database, its name quoted by the server.
SELECT format('CREATE DATABASE %I', :name::text);

-- name: removal$
-- The statement that removes a database. Without FORCE the server waits some seconds for those that
-- are leaving and stops a vacuum by itself, which it forbids us to do.
SELECT format('DROP DATABASE IF EXISTS %I', :name::text);

-- name: create_min1#
-- One row a balance, with room for updates in place as our own wallets have, and a bare journal.
CREATE TABLE min1_balances (
    wallet integer NOT NULL,
    available bigint NOT NULL,
    CONSTRAINT min1_balances_pkey PRIMARY KEY (wallet)
) WITH (fillfactor = 50);
CREATE TABLE min1_journal (
    entry bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    wallet integer NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT min1_journal_pkey PRIMARY KEY (entry)
);

-- name: fill_min1!
-- As many balances as the ledger beside has wallets.
INSERT INTO min1_balances (wallet, available)
SELECT
    n AS wallet,
    1000000000 AS available
FROM generate_series(1, :wallets::integer) AS n;

-- name: analyze#
-- The bench begins with the statistics that a running server would have.
ANALYZE;

-- name: checkpoint#
-- It begins with files of the log to use again, too.
CHECKPOINT; -- noqa: PRS

-- name: books^
-- Every entry and every credit: the journal against its projections, in sums.
SELECT
    (SELECT count(*) FROM entries) AS entries,
    (SELECT coalesce(sum(w.sequence), 0)::bigint FROM wallets AS w) AS counted,
    (SELECT coalesce(sum(given.amount), 0)::bigint FROM grants AS given) AS in_grants,
    (SELECT coalesce(sum(lot.granted), 0)::bigint FROM lots AS lot) AS in_lots,
    (
        SELECT coalesce(sum(l.available + l.held), 0)::bigint FROM lots AS l
    ) AS lots_left,
    (
        SELECT coalesce(sum(w.available + w.held), 0)::bigint FROM wallets AS w
    ) AS wallets_left,
    (
        SELECT coalesce(sum(l.captured), 0)::bigint FROM lots AS l
    ) AS captured,
    (
        SELECT coalesce(sum(p.amount), 0)::bigint
        FROM postings AS p
        WHERE p.target = 'captured'
    ) AS posted_captured;

-- name: durability
-- What makes an acknowledged commit survive a power cut, as this server has it.
SELECT
    s.name,
    s.setting
FROM pg_settings AS s
WHERE s.name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'server_version')
ORDER BY s.name;

-- name: count_jobs$
-- How many jobs have come as far as a state.
SELECT count(*)
FROM jobs
WHERE state = :state;
