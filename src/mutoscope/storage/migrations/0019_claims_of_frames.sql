-- Two orders of one board at once, under different keys, never order the same shot: an order claims
-- what a frame lacks by how many jobs the frame had for it when it was looked at.

-- Jobs that are placed one by one claim nothing, and are counted all the same.
ALTER TABLE frame_jobs
ADD COLUMN turn integer,
ADD CONSTRAINT frame_jobs_turn UNIQUE (workspace_id, frame_id, wanted, turn),
ADD CONSTRAINT turn_is_positive CHECK (turn > 0);
