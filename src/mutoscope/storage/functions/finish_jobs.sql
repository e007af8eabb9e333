-- Final states, in the transaction of their settlements; how many were written. A job that another
-- step has taken further in the meantime, or that is final already, is left alone. One of whose
-- earlier orders is at work after all is looked at on, to learn what that order costs. Webhooks are
-- told by the same statement, so that an end costs workspaces without any next to nothing; planning
-- it anew each time would cost more than all else of it.
CREATE OR REPLACE FUNCTION finish_jobs(finished jobs[]) RETURNS bigint LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    ends bigint;
BEGIN
    WITH written AS (
        UPDATE jobs AS j
        SET state = n.state, captured = n.captured, reason = n.reason, sentence = n.sentence,
            progress = n.progress, finished_at = n.finished_at, stepped_at = n.finished_at,
            look_at = coalesce(n.look_at, CASE WHEN EXISTS (
                SELECT FROM attempts AS a
                INNER JOIN attempts AS o
                    ON a.workspace_id = o.workspace_id AND a.job_id = o.job_id
                WHERE
                    a.workspace_id = j.workspace_id AND a.job_id = j.job_id
                    AND a.state = 'created' AND o.ordinal > a.ordinal
            ) THEN n.finished_at END)
        FROM unnest(finished) AS n
        WHERE
            j.workspace_id = n.workspace_id AND j.job_id = n.job_id AND j.finished_at IS NULL
            AND j.submitting_at IS NOT DISTINCT FROM n.submitting_at
            AND j.submitted_at IS NOT DISTINCT FROM n.submitted_at
        RETURNING
            j.workspace_id, j.job_id, j.request_key AS key, j.tool, j.kind, j.price, j.is_metered,
            j.state, j.captured, j.reason, j.sentence, j.finished_at
    ),

    told AS (
        INSERT INTO webhook_deliveries (
            workspace_id, endpoint_id, event_id, type, body, state, next_try_at, created_at
        )
        SELECT
            w.workspace_id, d.endpoint_id, w.job_id, 'job.finished', d.body, 'waiting',
            w.finished_at, w.finished_at
        FROM written AS w
        CROSS JOIN LATERAL
            event_deliveries(
                w.workspace_id, w.job_id, 'job.finished', w.finished_at, to_jsonb(w)
            ) AS d
        ON CONFLICT ON CONSTRAINT webhook_deliveries_pkey DO NOTHING
    )

    SELECT count(*) INTO ends FROM written;
    RETURN ends;
END
$$;
