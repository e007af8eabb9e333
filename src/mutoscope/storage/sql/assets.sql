-- Files of workspaces: which there are, who names them, how much they take.

-- name: add_asset!
-- A file that a workspace keeps; the same content again is as new as the last time.
INSERT INTO assets (
    workspace_id, asset, origin, name, media_type, size_bytes, width, height, added_at
)
VALUES (
    :workspace_id, :asset, :origin, :name, :media_type, :size_bytes, :width, :height, :added_at
)
ON CONFLICT ON CONSTRAINT assets_pkey DO UPDATE
SET name = excluded.name, added_at = greatest(assets.added_at, excluded.added_at);

-- name: asset^
-- A file of a workspace, delivered or kept; of equal content the latest decides what is allowed.
SELECT
    found.asset, found.name, found.media_type, found.size_bytes, found.is_export, found.made_at
FROM (
    SELECT
        o.asset, j.job_id::text || '-' || o.ordinal AS name, o.media_type, o.size_bytes,
        FALSE AS is_export, j.created_at AS made_at
    FROM outputs AS o
    INNER JOIN jobs AS j ON o.workspace_id = j.workspace_id AND o.job_id = j.job_id
    WHERE o.workspace_id = :workspace_id AND o.asset = :asset
    UNION ALL
    SELECT asset, name, media_type, size_bytes, origin = 'export', added_at
    FROM assets
    WHERE workspace_id = :workspace_id AND asset = :asset
    UNION ALL
    SELECT asset, upload_id::text, media_type, size_bytes, FALSE, created_at
    FROM uploads
    WHERE workspace_id = :workspace_id AND asset = :asset
) AS found
ORDER BY found.made_at DESC
LIMIT 1;

-- name: used_bytes$
-- What the files of a workspace take; the same content counts once.
SELECT coalesce(sum(found.size_bytes), 0)::bigint
FROM (
    SELECT asset, size_bytes
    FROM outputs
    WHERE workspace_id = :workspace_id
    UNION
    SELECT asset, size_bytes
    FROM assets
    WHERE workspace_id = :workspace_id
    UNION
    SELECT asset, size_bytes
    FROM uploads
    WHERE workspace_id = :workspace_id
) AS found;

-- name: plan_at^
-- The plan that a workspace had at an instant.
SELECT plan
FROM subscriptions
WHERE
    workspace_id = :workspace_id AND anchor_at <= :at AND (ends_at IS NULL OR ends_at > :at)
ORDER BY anchor_at DESC
LIMIT 1;

-- name: orphans
-- Those of some digests that no row of any workspace names.
SELECT f.asset
FROM unnest(:digests::bytea[]) AS f (asset)
WHERE
    NOT EXISTS (
        SELECT
        FROM outputs AS o
        WHERE o.asset = f.asset
    )
    AND NOT EXISTS (
        SELECT
        FROM assets AS a
        WHERE a.asset = f.asset
    )
    AND NOT EXISTS (
        SELECT
        FROM uploads AS u
        WHERE u.asset = f.asset
    )
    AND NOT EXISTS (
        SELECT
        FROM cast_parts AS c
        WHERE c.pictures @> ARRAY[f.asset]
    );

-- name: forget_exported$
-- Exported files past their time: they can be made again, and their exports say that they are gone.
WITH forgotten AS (
    DELETE FROM assets
    WHERE origin = 'export' AND added_at < :before
    RETURNING asset
)

SELECT count(*) FROM forgotten;

-- name: count_exported$
-- How many exported files are past their time.
SELECT count(*)
FROM assets
WHERE origin = 'export' AND added_at < :before;
