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

-- name: is_recorded$
-- Whether something was applied, by name.
SELECT count(*) > 0 FROM migrations
WHERE name = :name;

-- name: replace!
-- What was applied in the place of an earlier edition of itself.
WITH earlier AS (
    DELETE FROM migrations
    WHERE starts_with(name, :subject || ' ') AND name <> :subject || ' ' || :edition
)

INSERT INTO migrations (name) VALUES (:subject || ' ' || :edition)
ON CONFLICT ON CONSTRAINT migrations_pkey DO NOTHING;

-- name: whose^
-- Who we are to the server, and where: the refusal of a database names both.
SELECT current_user::text AS role, current_database()::text AS name;
