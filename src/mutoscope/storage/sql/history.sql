-- History: the lines of a workspace's wallets. A page names its lines by the primary key of each
-- wallet, whose sequence both due_at and posted_at follow, and then loads those lines alone.

-- name: heads
-- A workspace's wallets, and how long the journal of each is.
SELECT w.kind, w.sequence
FROM wallets AS w
WHERE w.workspace_id = :workspace_id AND (:kind::text IS NULL OR w.kind = :kind)
ORDER BY w.kind;

-- name: newest
-- The last lines of some spans, the newest first; a filter that is NULL lets every line pass.
SELECT f.kind, f.sequence
FROM unnest(:kinds::text[], :above::bigint[], :upto::bigint[]) AS n (kind, above, upto)
CROSS JOIN LATERAL (
    SELECT e.kind, e.sequence, e.posted_at
    FROM entries AS e
    WHERE
        e.workspace_id = :workspace_id AND e.kind = n.kind
        AND e.sequence > n.above AND e.sequence <= n.upto
        AND (:operations::text[] IS NULL OR e.operation = any(:operations))
        AND (:member_id::uuid IS NULL OR e.member_id = :member_id)
        AND (:project_id::uuid IS NULL OR e.project_id = :project_id)
        AND (:api_key_id::uuid IS NULL OR e.api_key_id = :api_key_id)
        AND (:reason::text IS NULL OR e.reason = :reason)
        AND (:namespace::text IS NULL OR e.namespace = :namespace)
        AND (:key::text IS NULL OR e.key = :key)
    ORDER BY e.sequence DESC
    LIMIT :line_count
) AS f
ORDER BY f.posted_at DESC, f.kind DESC, f.sequence DESC
LIMIT :line_count;

-- name: oldest
-- The first lines of some spans, the oldest first; the same filters.
SELECT f.kind, f.sequence
FROM unnest(:kinds::text[], :above::bigint[], :upto::bigint[]) AS n (kind, above, upto)
CROSS JOIN LATERAL (
    SELECT e.kind, e.sequence, e.posted_at
    FROM entries AS e
    WHERE
        e.workspace_id = :workspace_id AND e.kind = n.kind
        AND e.sequence > n.above AND e.sequence <= n.upto
        AND (:operations::text[] IS NULL OR e.operation = any(:operations))
        AND (:member_id::uuid IS NULL OR e.member_id = :member_id)
        AND (:project_id::uuid IS NULL OR e.project_id = :project_id)
        AND (:api_key_id::uuid IS NULL OR e.api_key_id = :api_key_id)
        AND (:reason::text IS NULL OR e.reason = :reason)
        AND (:namespace::text IS NULL OR e.namespace = :namespace)
        AND (:key::text IS NULL OR e.key = :key)
    ORDER BY e.sequence
    LIMIT :line_count
) AS f
ORDER BY f.posted_at, f.kind, f.sequence
LIMIT :line_count;

-- name: lines
-- Lines with all that belongs to them, in the order asked, and the job that each is about: its own
-- lines have its id in their keys, a release at the deadline and a refund refer to one of those. A
-- grant of purchased credits refers to their purchase.
SELECT
    f.e AS entry,
    array(
        SELECT p FROM further_postings AS p
        WHERE p.workspace_id = :workspace_id AND p.kind = n.kind AND p.sequence = n.sequence
        ORDER BY p.ordinal
    ) AS further_postings,
    (
        SELECT t FROM entry_notes AS t
        WHERE t.workspace_id = :workspace_id AND t.kind = n.kind AND t.sequence = n.sequence
        LIMIT 1
    ) AS note,
    b.purchase_id, u.job_id, u.tool, u.version, u.duration_s
FROM unnest(:kinds::text[], :sequences::bigint[])
WITH ORDINALITY AS n (kind, sequence, number)
CROSS JOIN LATERAL (
    SELECT e FROM entries AS e
    WHERE e.workspace_id = :workspace_id AND e.kind = n.kind AND e.sequence = n.sequence
    LIMIT 1
) AS f
LEFT JOIN LATERAL (
    SELECT p.purchase_id FROM purchases AS p
    WHERE
        p.workspace_id = :workspace_id
        AND p.purchase_id = CASE
            WHEN
                (f.e).lot_source = 'pack'
                AND (f.e).lot_reference ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                THEN (f.e).lot_reference::uuid
        END
    LIMIT 1
) AS b ON TRUE
LEFT JOIN LATERAL (
    SELECT e.namespace, e.key FROM entries AS e
    WHERE
        e.workspace_id = :workspace_id AND e.kind = n.kind
        AND e.sequence = CASE
            WHEN (f.e).namespace = 'job' THEN n.sequence
            WHEN (f.e).namespace IN ('deadline', 'desk') THEN (f.e).refers_to
        END
    LIMIT 1
) AS o ON TRUE
LEFT JOIN LATERAL (
    SELECT j.job_id, j.tool, j.version, (j.spec ->> 'duration_s')::integer AS duration_s
    FROM jobs AS j
    WHERE
        j.workspace_id = :workspace_id
        AND j.job_id = CASE
            WHEN
                o.namespace = 'job'
                AND o.key ~ '^[a-z]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                THEN split_part(o.key, '/', 2)::uuid
        END
    LIMIT 1
) AS u ON TRUE
ORDER BY n.number;

-- name: givers
-- Of lines that ended a lot at once, the line whose credits had come back to that lot: it is before
-- them, of the same instant. What ends by the clock alone has none.
WITH RECURSIVE climbed (kind, sequence, lot, due_at, above) AS (
    SELECT n.kind, n.sequence, n.lot, n.due_at, n.sequence - 1
    FROM unnest(:kinds::text[], :sequences::bigint[], :lots::bigint[], :due::timestamptz[])
        AS n (kind, sequence, lot, due_at)
    UNION ALL
    SELECT c.kind, c.sequence, c.lot, c.due_at, c.above - 1
    FROM climbed AS c
    CROSS JOIN LATERAL (
        SELECT e.namespace, e.due_at
        FROM entries AS e
        WHERE e.workspace_id = :workspace_id AND e.kind = c.kind AND e.sequence = c.above
        LIMIT 1
    ) AS f
    WHERE f.namespace = 'lapse' AND f.due_at = c.due_at
)

SELECT c.kind, c.sequence, c.above AS giver
FROM climbed AS c
CROSS JOIN LATERAL (
    SELECT e.namespace, e.operation, e.due_at
    FROM entries AS e
    WHERE e.workspace_id = :workspace_id AND e.kind = c.kind AND e.sequence = c.above
    LIMIT 1
) AS f
CROSS JOIN LATERAL (
    SELECT p.lot
    FROM postings AS p
    WHERE
        p.workspace_id = :workspace_id AND p.kind = c.kind AND p.sequence = c.above
        AND p.lot = c.lot AND p.target IN ('available', 'frozen')
    LIMIT 1
) AS b
WHERE f.operation IN ('settle', 'release', 'refund') AND f.due_at = c.due_at;

-- name: named^
-- The line that a key names.
SELECT e.kind, e.sequence
FROM entries AS e
WHERE e.workspace_id = :workspace_id AND e.namespace = :namespace AND e.key = :key;

-- name: root$
-- The first line of what a line is about: from an end to its hold, from a refund to what it
-- refunds, from a follow-up to what came before it.
WITH RECURSIVE climbed (sequence, above) AS (
    SELECT :sequence::bigint - 1, :sequence::bigint
    UNION ALL
    SELECT f.sequence, f.above
    FROM climbed AS c
    CROSS JOIN LATERAL (
        SELECT
            e.sequence,
            CASE
                WHEN e.namespace = 'lapse' THEN e.sequence - 1
                WHEN e.operation IN ('settle', 'release', 'refund', 'absorb') THEN e.refers_to
            END AS above
        FROM entries AS e
        WHERE e.workspace_id = :workspace_id AND e.kind = :kind AND e.sequence = c.above
        LIMIT 1
    ) AS f
)

SELECT c.sequence
FROM climbed AS c
WHERE c.above IS NULL;

-- name: ends
-- The line that ended a hold, if any, and the refund of it or of a charge. An open hold has no
-- end, so that nothing is searched for; the OFFSET keeps the search in the order of the lines, so
-- that it stops at the end.
WITH ended AS MATERIALIZED (
    SELECT f.sequence
    FROM (
        SELECT e.sequence, e.operation, e.refers_to
        FROM entries AS e
        WHERE
            e.workspace_id = :workspace_id AND e.kind = :kind AND e.sequence > :root
            AND EXISTS (
                SELECT 1 FROM entries AS r
                WHERE
                    r.workspace_id = :workspace_id AND r.kind = :kind AND r.sequence = :root
                    AND r.operation = 'hold'
            )
            AND NOT EXISTS (
                SELECT 1 FROM holds AS h
                WHERE h.workspace_id = :workspace_id AND h.kind = :kind AND h.sequence = :root
            )
        ORDER BY e.sequence
        OFFSET 0
    ) AS f
    WHERE f.operation IN ('settle', 'release') AND f.refers_to = :root
    LIMIT 1
)

SELECT d.sequence FROM ended AS d
UNION ALL
SELECT f.sequence
FROM (
    SELECT d.sequence FROM ended AS d
    UNION ALL
    SELECT :root::bigint
) AS n
CROSS JOIN LATERAL (
    SELECT e.sequence
    FROM entries AS e
    WHERE
        e.workspace_id = :workspace_id AND e.kind = :kind AND e.operation = 'refund'
        AND e.refers_to = n.sequence
    LIMIT 1
) AS f;

-- name: absorptions
-- What the operator paid for in the matter of some lines.
SELECT e.sequence
FROM entries AS e
WHERE
    e.workspace_id = :workspace_id AND e.kind = :kind AND e.sequence > :root
    AND e.operation = 'absorb' AND e.refers_to = any(:about::bigint[])
ORDER BY e.sequence
LIMIT 1000;
