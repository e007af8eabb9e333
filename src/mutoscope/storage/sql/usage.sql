-- Usage: what the entries of a span took, and what became of it.

-- name: usage
-- By member, project, tool or day: what was held and charged, captured, given back and metered.
-- What came back counts where the credits were taken, whenever it came.
SELECT
    g.kind, g.subject, sum(g.taken - g.metered)::bigint AS held,
    sum(g.captured)::bigint AS captured, sum(g.returned)::bigint AS given_back,
    sum(g.metered)::bigint AS metered, sum(g.taken - g.returned)::bigint AS used,
    count(*) FILTER (WHERE g.is_job) AS jobs
FROM (
    SELECT
        f.kind, u.taken, u.metered, u.captured, u.returned, f.job_id IS NOT NULL AS is_job,
        CASE :by::text
            WHEN 'member' THEN f.member_id::text
            WHEN 'project' THEN f.project_id::text
            WHEN 'day' THEN to_char(f.posted_at AT TIME ZONE :zone::text, 'YYYY-MM-DD')
            ELSE (
                SELECT j.tool FROM jobs AS j
                WHERE j.workspace_id = :workspace_id AND j.job_id = f.job_id
            )
        END AS subject
    FROM (
        SELECT
            e.kind, e.sequence, e.member_id, e.project_id, e.posted_at,
            CASE WHEN
                e.namespace = 'job' AND e.operation = 'hold' AND e.key ~ '^hold/[0-9a-f-]{36}$'
                THEN substr(e.key, 6)::uuid
            END AS job_id
        FROM (
            SELECT
                w.kind, ledger_sequence_at(w.workspace_id, w.kind, :starts_at) AS first,
                ledger_sequence_at(w.workspace_id, w.kind, :ends_at) AS past
            FROM wallets AS w
            WHERE w.workspace_id = :workspace_id AND (:kind::text IS NULL OR w.kind = :kind)
        ) AS b
        CROSS JOIN LATERAL (
            SELECT
                l.kind, l.sequence, l.member_id, l.project_id, l.posted_at, l.namespace, l.key,
                l.operation
            FROM entries AS l
            WHERE
                l.workspace_id = :workspace_id AND l.kind = b.kind AND l.sequence >= b.first
                AND l.sequence < b.past AND l.operation IN ('hold', 'charge', 'meter')
            ORDER BY l.sequence
            OFFSET 0
        ) AS e
    ) AS f
    CROSS JOIN ledger_use(:workspace_id, f.kind, f.sequence) AS u
) AS g
GROUP BY g.kind, g.subject
ORDER BY g.subject NULLS LAST, g.kind;

-- name: names_of_members
-- How members are called; who was erased has no name any more.
SELECT m.member_id::text AS subject, coalesce(n.name, n.email) AS name
FROM unnest(:ids::uuid[]) AS i (member_id)
INNER JOIN members AS m
    ON m.workspace_id = :workspace_id AND i.member_id = m.member_id
LEFT JOIN member_names AS n ON m.workspace_id = n.workspace_id AND m.member_id = n.member_id;

-- name: names_of_projects
-- How projects are called.
SELECT p.project_id::text AS subject, p.name
FROM unnest(:ids::uuid[]) AS i (project_id)
INNER JOIN projects AS p ON p.workspace_id = :workspace_id AND i.project_id = p.project_id;
