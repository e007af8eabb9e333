-- Which migrations were applied.

-- name: lock$
-- Only one process migrates at a time; the lock ends with the transaction.
SELECT pg_advisory_xact_lock(:lock)::text;

-- name: create#
-- The table of the migrations themselves.
CREATE TABLE IF NOT EXISTS migrations (
    name text NOT NULL,
    CONSTRAINT migrations_pkey PRIMARY KEY (name)
);

-- name: applied
-- What was applied before.
SELECT name FROM migrations;

-- name: record!
-- A migration that was applied in this transaction.
INSERT INTO migrations (name) VALUES (:name);

-- name: whose^
-- Who we are to the server, and where: the refusal of a database names both.
SELECT current_user::text AS role, current_database()::text AS name;
