-- Passwords of staff that somebody else gave.

ALTER TABLE staff ADD COLUMN is_password_given boolean NOT NULL DEFAULT FALSE;
