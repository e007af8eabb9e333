-- Orders to providers. A state is written only over the states before it, so that two steps, or an
-- answer that comes late, never take an order back.

-- name: lock_turns!
-- Counting the orders of a route and of a workspace and adding some go together, one after another;
-- routes are locked first, everywhere, and each in the order of its name.
SELECT pg_advisory_xact_lock(hashtextextended(k.name, k.seed))
FROM (
    SELECT 1 AS kind, r.ordinal, r.name, 7086351 AS seed
    FROM unnest(:routes::text[]) WITH ORDINALITY AS r (name, ordinal)
    UNION ALL
    SELECT 2, w.ordinal, w.id::text, 7086352
    FROM unnest(:workspaces::uuid[]) WITH ORDINALITY AS w (id, ordinal)
) AS k
ORDER BY k.kind, k.ordinal;

-- name: at_work^
-- How many orders are at work over some routes, and jobs of some workspaces, in the order asked.
-- An order in doubt is none: who asked for it is not kept from all other work until staff know.
SELECT
    array(
        SELECT (
            SELECT count(*) FROM attempts AS a
            WHERE a.route = r.name AND a.state IN ('intended', 'created')
        )
        FROM unnest(:routes::text[]) WITH ORDINALITY AS r (name, ordinal)
        ORDER BY r.ordinal
    ) AS of_routes,
    array(
        SELECT (
            SELECT count(*) FROM jobs AS j
            WHERE
                j.workspace_id = w.id AND j.state IN ('submitting', 'running')
                AND NOT EXISTS (
                    SELECT FROM attempts AS d
                    WHERE
                        d.workspace_id = j.workspace_id AND d.job_id = j.job_id
                        AND d.state = 'unknown'
                )
        )
        FROM unnest(:workspaces::uuid[]) WITH ORDINALITY AS w (id, ordinal)
        ORDER BY w.ordinal
    ) AS of_workspaces;

-- name: intend
-- The intents, committed before the providers are called: each job's turn, and its next attempt.
-- Nothing is written for a job that does not wait.
WITH wanted AS (
    SELECT
        n.workspace_id, n.job_id, n.route, n.provider, n.model, n.list_micros, n.intended_at
    FROM unnest(:attempts::attempts[]) AS n
),

claimed AS (
    UPDATE jobs AS j
    SET
        state = 'submitting', submitting_at = w.intended_at, stepped_at = w.intended_at,
        submitted_at = NULL, provider_job_id = NULL, route = w.route, provider = w.provider
    FROM wanted AS w
    WHERE j.workspace_id = w.workspace_id AND j.job_id = w.job_id AND j.state = 'waiting'
    RETURNING j.workspace_id, j.job_id
)

INSERT INTO attempts (
    workspace_id, job_id, ordinal, route, provider, model, state, list_micros, intended_at
)
SELECT
    w.workspace_id, w.job_id,
    (
        SELECT coalesce(max(a.ordinal), 0) + 1 FROM attempts AS a
        WHERE a.workspace_id = w.workspace_id AND a.job_id = w.job_id
    ),
    w.route, w.provider, w.model, 'intended', w.list_micros, w.intended_at
FROM claimed AS c
INNER JOIN wanted AS w ON c.workspace_id = w.workspace_id AND c.job_id = w.job_id
RETURNING workspace_id, job_id, ordinal;

-- name: intend_again^
-- The same order once more, where the provider is certain to know nothing of it.
UPDATE attempts SET state = 'intended', intended_at = :at
WHERE
    workspace_id = :workspace_id AND job_id = :job_id AND ordinal = :ordinal
    AND state = 'intended' AND intended_at = :intended_at
RETURNING ordinal;

-- name: mark_created
-- What providers answered is recorded whoever waited for it, and however late.
WITH answers AS (
    SELECT n.workspace_id, n.job_id, n.ordinal, n.provider_job_id, n.answered_at, n.look_at
    FROM unnest(
        :workspaces::uuid[], :jobs::uuid[], :ordinals::integer[], :provider_jobs::text[],
        :instants::timestamptz[], :looks::timestamptz[]
    ) AS n (workspace_id, job_id, ordinal, provider_job_id, answered_at, look_at)
),

created AS (
    UPDATE attempts AS a
    SET
        state = 'created', provider_job_id = n.provider_job_id, answered_at = n.answered_at,
        ended_at = NULL, reason = NULL, cost_micros = NULL
    FROM answers AS n
    WHERE
        a.workspace_id = n.workspace_id AND a.job_id = n.job_id AND a.ordinal = n.ordinal
        AND a.state = any(:before::text[])
    RETURNING a.workspace_id, a.job_id, a.ordinal, a.provider_job_id, n.answered_at, n.look_at
),

judged AS (
    -- In the place of an order another may have been sent.
    SELECT
        c.workspace_id, c.job_id, c.provider_job_id, c.answered_at, c.look_at,
        (
            SELECT count(*) FROM attempts AS a
            WHERE
                a.workspace_id = c.workspace_id AND a.job_id = c.job_id AND a.ordinal > c.ordinal
        ) = 0 AS is_last
    FROM created AS c
),

running AS (
    UPDATE jobs AS j
    SET
        state = CASE WHEN j.finished_at IS NULL THEN 'running' ELSE j.state END,
        submitted_at = coalesce(j.submitted_at, c.answered_at), stepped_at = c.answered_at,
        look_at = c.look_at, provider_job_id = c.provider_job_id, tries = 0
    FROM judged AS c
    WHERE j.workspace_id = c.workspace_id AND j.job_id = c.job_id AND c.is_last
    RETURNING j.job_id
),

strayed AS (
    -- Another was sent, and the job is over: the cost of this one is still learned.
    UPDATE jobs AS j SET look_at = coalesce(j.look_at, c.look_at)
    FROM judged AS c
    WHERE
        j.workspace_id = c.workspace_id AND j.job_id = c.job_id AND NOT c.is_last
        AND j.finished_at IS NOT NULL
    RETURNING j.job_id
)

SELECT workspace_id, job_id, ordinal FROM created;

-- name: mark_unknown$
-- Nobody can tell whether the provider began.
WITH written AS (
    UPDATE attempts
    SET state = 'unknown', reason = :reason, answered_at = :at, cost_micros = NULL
    WHERE
        workspace_id = :workspace_id AND job_id = :job_id AND ordinal = :ordinal
        AND state = any(:before::text[])
    RETURNING ordinal
)

SELECT count(*) FROM written;

-- name: mark_refused$
-- The provider has begun nothing; what it charges all the same is recorded.
WITH written AS (
    UPDATE attempts
    SET
        state = 'refused', reason = :reason, provider_code = :provider_code,
        cost_micros = :cost_micros, answered_at = :at, ended_at = :at, closed_by = :closed_by
    WHERE
        workspace_id = :workspace_id AND job_id = :job_id AND ordinal = :ordinal
        AND state = any(:before::text[])
    RETURNING ordinal
)

SELECT count(*) FROM written;

-- name: wait_again^
-- Nothing was begun: the job waits for its turn once more.
UPDATE jobs SET state = 'waiting', submitting_at = NULL, starts_at = :starts_at, stepped_at = :at
WHERE
    workspace_id = :workspace_id AND job_id = :job_id AND state = 'submitting'
    AND submitting_at = :submitting_at
RETURNING job_id;

-- name: end_attempts$
-- Outcomes and costs, in the transaction that settles for them or after it; once.
WITH written AS (
    UPDATE attempts AS a
    SET
        state = 'ended', cost_micros = n.cost_micros, provider_state = n.provider_state,
        reason = n.reason, provider_code = n.provider_code, ended_at = n.ended_at,
        closed_by = n.closed_by
    FROM unnest(:attempts::attempts[]) AS n
    WHERE
        a.workspace_id = n.workspace_id AND a.job_id = n.job_id AND a.ordinal = n.ordinal
        AND a.state IN ('intended', 'unknown', 'created')
    RETURNING a.ordinal
)

SELECT count(*) FROM written;

-- name: doubt_attempts$
-- The provider lost what it had taken: only staff can tell what it costs.
WITH written AS (
    UPDATE attempts AS a
    SET
        state = 'unknown', reason = n.reason, provider_code = n.provider_code,
        provider_state = n.provider_state, cost_micros = NULL
    FROM unnest(:attempts::attempts[]) AS n
    WHERE
        a.workspace_id = n.workspace_id AND a.job_id = n.job_id AND a.ordinal = n.ordinal
        AND a.state = 'created'
    RETURNING a.ordinal
)

SELECT count(*) FROM written;

-- name: attempts_of
-- The attempts of a job, in order.
SELECT
    workspace_id, job_id, ordinal, route, provider, model, state, list_micros, cost_micros,
    provider_job_id, provider_state, reason, provider_code, intended_at, answered_at, ended_at,
    closed_by
FROM attempts
WHERE workspace_id = :workspace_id AND job_id = :job_id
ORDER BY ordinal;

-- name: unknown_attempts
-- The queue of orders of which nobody knows whether they were taken, the longest waiting first.
SELECT
    workspace_id, job_id, ordinal, route, provider, model, state, list_micros, cost_micros,
    provider_job_id, provider_state, reason, provider_code, intended_at, answered_at, ended_at,
    closed_by
FROM attempts
WHERE state = 'unknown'
ORDER BY intended_at
LIMIT :limit;

-- name: jobs_of_provider_job
-- Whose work a provider calls back about; behind a `#` an adapter keeps notes of its own.
SELECT workspace_id, job_id
FROM attempts
WHERE provider = :provider AND split_part(provider_job_id, '#', 1) = :provider_job_id
LIMIT 10;

-- name: costs^
-- What was paid to providers for certain, and what open orders may still cost at list price.
SELECT
    coalesce(sum(cost_micros), 0)::bigint AS certain_micros,
    coalesce(sum(list_micros) FILTER (
        WHERE state IN ('intended', 'created', 'unknown')
    ), 0)::bigint AS possible_micros
FROM attempts;

-- name: waiting_jobs
-- Jobs that may be ordered, in a fair turn: a workspace with fewer at work comes first, then age.
WITH at_work AS (
    SELECT o.workspace_id, count(*) AS busy
    FROM jobs AS o
    WHERE o.state IN ('submitting', 'running')
    GROUP BY o.workspace_id
),

ranked AS (
    SELECT
        j.workspace_id, j.job_id, j.created_at,
        coalesce(a.busy, 0)
        + row_number() OVER (PARTITION BY j.workspace_id ORDER BY j.created_at, j.job_id) AS turn
    FROM jobs AS j
    LEFT JOIN at_work AS a ON j.workspace_id = a.workspace_id
    WHERE j.state = 'waiting' AND j.starts_at <= :at
)

SELECT workspace_id, job_id
FROM ranked
ORDER BY turn, created_at, job_id
LIMIT :limit;

-- name: take_looks
-- Whose turn it is to be looked at; each is put off, so that no other worker looks meanwhile.
UPDATE jobs AS j SET look_at = :again_at, stepped_at = :at
FROM (
    SELECT workspace_id, job_id
    FROM jobs
    WHERE look_at <= :at AND coalesce(route, '') <> all(:not_over::text[])
    ORDER BY look_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
) AS s
WHERE j.workspace_id = s.workspace_id AND j.job_id = s.job_id
RETURNING
    j.workspace_id, j.job_id, j.request_key, j.request_digest, j.tool, j.kind, j.version, j.price,
    j.is_metered, j.spec, j.state, j.is_cancel_asked, j.progress, j.provider, j.provider_job_id,
    j.tries, j.captured, j.reason, j.sentence, j.created_at, j.starts_at, j.deadline_at,
    j.submitting_at, j.submitted_at, j.finished_at, j.stepped_at, j.route, j.look_at;

-- name: attempts_of_jobs
-- The attempts of some jobs, in order.
SELECT
    a.workspace_id, a.job_id, a.ordinal, a.route, a.provider, a.model, a.state, a.list_micros,
    a.cost_micros, a.provider_job_id, a.provider_state, a.reason, a.provider_code, a.intended_at,
    a.answered_at, a.ended_at, a.closed_by
FROM unnest(:workspaces::uuid[], :jobs::uuid[]) AS n (workspace_id, job_id)
INNER JOIN attempts AS a ON n.workspace_id = a.workspace_id AND n.job_id = a.job_id
ORDER BY a.workspace_id, a.job_id, a.ordinal;

-- name: look_now!
-- Jobs that are at work, whose provider has called back.
UPDATE jobs AS j SET look_at = :at
FROM unnest(:workspaces::uuid[], :jobs::uuid[]) AS n (workspace_id, job_id)
WHERE
    j.workspace_id = n.workspace_id AND j.job_id = n.job_id AND j.look_at IS NOT NULL;

-- name: stop_look!
-- Nothing more is to be looked at, unless an answer came meanwhile.
UPDATE jobs SET look_at = NULL
WHERE workspace_id = :workspace_id AND job_id = :job_id AND look_at = :look_at;

-- name: note_looks!
-- How far some jobs are by now, in one statement.
UPDATE jobs AS j
SET
    progress = greatest(j.progress, n.progress), look_at = n.look_at,
    deadline_at = n.deadline_at, stepped_at = :at, tries = 0
FROM unnest(
    :workspaces::uuid[], :jobs::uuid[], :progresses::real[], :looks::timestamptz[],
    :deadlines::timestamptz[]
) AS n (workspace_id, job_id, progress, look_at, deadline_at)
WHERE j.workspace_id = n.workspace_id AND j.job_id = n.job_id AND j.look_at IS NOT NULL;

-- name: deliver_late$
-- What came after its job was given up: the creator gets it. Its end was told before, so that this
-- is an event of its own.
WITH written AS (
    UPDATE jobs AS j
    SET
        state = 'succeeded', captured = 0, progress = 1, reason = n.reason, sentence = n.sentence,
        look_at = NULL, stepped_at = n.stepped_at
    FROM unnest(:jobs::jobs[]) AS n
    WHERE
        j.workspace_id = n.workspace_id AND j.job_id = n.job_id
        AND j.state IN ('lost', 'failed') AND j.submitted_at IS NOT NULL
    RETURNING
        j.workspace_id, j.job_id, j.request_key AS key, j.tool, j.kind, j.price, j.is_metered,
        j.state, j.captured, j.reason, j.sentence, j.finished_at, j.stepped_at,
        md5(j.job_id || '/late')::uuid AS event_id
),

told AS (
    INSERT INTO webhook_deliveries (
        workspace_id, endpoint_id, event_id, type, body, state, next_try_at, created_at
    )
    SELECT
        w.workspace_id, d.endpoint_id, w.event_id, 'job.finished', d.body, 'waiting', w.stepped_at,
        w.stepped_at
    FROM written AS w
    CROSS JOIN LATERAL
        event_deliveries(
            w.workspace_id, w.event_id, 'job.finished', w.stepped_at,
            to_jsonb(w) - '{event_id, stepped_at}'::text[]
        ) AS d
    ON CONFLICT ON CONSTRAINT webhook_deliveries_pkey DO NOTHING
)

SELECT count(*) FROM written;
