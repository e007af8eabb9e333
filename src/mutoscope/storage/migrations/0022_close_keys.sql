-- The key under which a workspace was closed, so that a repeat is known as one.
ALTER TABLE workspaces
ADD COLUMN close_key text,
ADD CONSTRAINT a_close_key_is_of_a_closed_workspace CHECK (
    close_key IS NULL OR closed_at IS NOT NULL
);
