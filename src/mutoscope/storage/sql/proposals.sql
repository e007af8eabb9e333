-- Proposals: what one of the staff proposes and another decides.

-- name: write_proposals$
-- Proposals, in the transaction of their audit lines.
WITH written AS (
    INSERT INTO proposals (
        proposal_id, action, workspace_id, thread_id, data, reason, proposed_by, proposed_at,
        lapses_at, state, decided_by, decided_at
    )
    SELECT
        n.proposal_id, n.action, n.workspace_id, n.thread_id, n.data, n.reason, n.proposed_by,
        n.proposed_at, n.lapses_at, n.state, n.decided_by, n.decided_at
    FROM unnest(:proposals::proposals[]) AS n
    RETURNING proposal_id
)

SELECT count(*) FROM written;

-- name: decide_proposals$
-- Decisions of proposals that are open and not lapsed; of two at once the first counts.
WITH decided AS (
    UPDATE proposals AS p SET state = n.state, decided_by = n.decided_by, decided_at = n.decided_at
    FROM unnest(
        :proposal_ids::uuid[], :states::text[], :deciders::uuid[], :instants::timestamptz[]
    ) AS n (proposal_id, state, decided_by, decided_at)
    WHERE
        p.proposal_id = n.proposal_id AND p.state = 'open' AND p.lapses_at > n.decided_at
    RETURNING p.proposal_id
)

SELECT count(*) FROM decided;

-- name: lapse_proposals!
-- What nobody decided in time.
UPDATE proposals SET state = 'lapsed', decided_at = lapses_at
WHERE state = 'open' AND lapses_at <= :at;

-- name: proposal^
-- One of them.
SELECT
    proposal_id, action, workspace_id, thread_id, data, reason, proposed_by, proposed_at,
    lapses_at, state, decided_by, decided_at
FROM proposals
WHERE proposal_id = :proposal_id;

-- name: page
-- Proposals by age, the newest first, in one state or in any.
SELECT
    proposal_id, action, workspace_id, thread_id, data, reason, proposed_by, proposed_at,
    lapses_at, state, decided_by, decided_at
FROM proposals
WHERE
    (proposed_at, proposal_id) < (:before_at, :before_id)
    AND (:state::text IS NULL OR state = :state)
ORDER BY proposed_at DESC, proposal_id DESC
LIMIT :limit;
