-- Passwords of staff that somebody else gave, and the head of the audit in signed checkpoints.

ALTER TABLE staff ADD COLUMN is_password_given boolean NOT NULL DEFAULT FALSE;

-- Where the audit had come to; checkpoints that were signed before tell nothing of it.
ALTER TABLE checkpoints
ADD COLUMN audit_sequence bigint,
ADD COLUMN audit_hash bytea,
ADD CONSTRAINT an_audit_head_is_whole CHECK ((audit_sequence IS NULL) = (audit_hash IS NULL));
