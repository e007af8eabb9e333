-- Over which gateway the last outcome of a refund came: what it went back over, once it is sent.
CREATE OR REPLACE FUNCTION refund_gateway(of_workspace uuid, of_refund uuid) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT o.gateway
    FROM refund_outcomes AS o
    WHERE o.workspace_id = of_workspace AND o.refund_id = of_refund
    ORDER BY o.ordinal DESC
    LIMIT 1;
$$;
