-- What a restore asks of its target before it writes anything.

-- name: has_tables$
-- A backup is restored whole or not at all: nothing that is there may be mixed with it.
SELECT EXISTS(
    SELECT 1
    FROM pg_catalog.pg_class AS relation
    INNER JOIN pg_catalog.pg_namespace AS space ON relation.relnamespace = space.oid
    WHERE relation.relkind::text = ANY(ARRAY['r', 'p', 'S']) AND space.nspname = 'public'
);
