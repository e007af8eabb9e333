-- The caps under which holds were just written, with the instant of the holds, which is that of
-- their wallet's last line, and by what the workspace counts its periods. The wallets are locked.
-- Each look-up has one index that can serve it, so that a plan made on small tables stays right.
CREATE OR REPLACE FUNCTION caps_at_hold(
    workspaces_held uuid[], kinds_held text[], subjects_held text[], subject_ids_held uuid[]
) RETURNS TABLE (
    found_workspace uuid, found_kind text, found_subject text, found_subject_id uuid,
    credits bigint, posted_at timestamptz, created_at timestamptz, zone text,
    anchor_at timestamptz, billing_zone text, begins_at timestamptz
) LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
    SELECT
        c.workspace_id, c.kind, c.subject, c.subject_id, c.credits, w.posted_at, o.created_at,
        o.zone, s.anchor_at, s.zone, s.begins_at
    FROM unnest(workspaces_held, kinds_held, subjects_held, subject_ids_held)
    AS n (workspace_id, kind, subject, subject_id)
    INNER JOIN caps AS c
        ON
            n.workspace_id = c.workspace_id AND n.subject = c.subject
            AND n.subject_id = c.subject_id AND n.kind = c.kind
    INNER JOIN wallets AS w ON n.workspace_id = w.workspace_id AND n.kind = w.kind
    INNER JOIN workspaces AS o ON n.workspace_id = o.workspace_id
    LEFT JOIN subscriptions AS s ON n.workspace_id = s.workspace_id AND s.ends_at IS NULL
    ORDER BY c.subject, c.subject_id, c.kind
$$;
