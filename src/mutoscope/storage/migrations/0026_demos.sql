-- The workspaces marked demo, which count in no report of finance, for nothing is charged in them.
-- A view, so that every report learns in one place what does not count.
CREATE VIEW demos AS
SELECT workspace_id FROM workspaces
WHERE is_demo;
