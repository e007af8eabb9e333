-- An event on its way to each endpoint of its workspace that wants it, with the body that is sent.
-- It stays inlined (stable, without settings of its own), so that the body is made for endpoints
-- alone and a workspace without any costs one look into an index. `data` needs no workspace: it
-- stands beside.
CREATE OR REPLACE FUNCTION event_deliveries(
    of_workspace uuid, of_event uuid, of_type text, happened_at timestamptz, data jsonb
) RETURNS TABLE (endpoint_id uuid, body text) LANGUAGE sql STABLE
AS $$
    SELECT
        e.endpoint_id,
        jsonb_build_object(
            'id', of_event, 'type', of_type, 'timestamp', happened_at,
            'workspace_id', of_workspace, 'data', data - 'workspace_id'
        )::text
    FROM webhook_endpoints AS e
    WHERE
        e.workspace_id = of_workspace AND e.state = 'on'
        AND (e.event_types = '{}' OR of_type = any(e.event_types))
    LIMIT 100
$$;
