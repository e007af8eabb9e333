-- Whom an e-mail about a thread is for: who spoke last on the creator's side and has not left the
-- team, or the owner, by the workspace's own id, when nobody has.
CREATE OR REPLACE FUNCTION chat_addressee(of_workspace uuid, of_thread uuid) RETURNS uuid
LANGUAGE sql STABLE
AS $$
    SELECT coalesce((
        SELECT m.author_id
        FROM chat_messages AS m
        LEFT JOIN members AS s ON m.workspace_id = s.workspace_id AND m.author_id = s.member_id
        WHERE
            m.workspace_id = of_workspace AND m.thread_id = of_thread AND m.side = 'creator'
            AND s.removed_at IS NULL
        ORDER BY m.ordinal DESC
        LIMIT 1
    ), of_workspace);
$$;
