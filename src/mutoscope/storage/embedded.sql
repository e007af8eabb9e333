-- Run once, by the single-user server, before a new cluster is shown to anyone.

-- What the application connects as is no superuser: its password is not a shell on the machine.
-- It may still make databases (tests, restores), read statistics and take checkpoints.
CREATE ROLE mutoscope LOGIN CREATEDB;

GRANT pg_monitor TO mutoscope;

GRANT pg_checkpoint TO mutoscope;

-- The supervisor's verifier names no role, so both share the password without it standing here.
UPDATE pg_authid
SET
    rolpassword = (
        SELECT supervisor.rolpassword
        FROM pg_authid AS supervisor
        WHERE supervisor.rolname = 'supervisor'
    )
WHERE rolname = 'mutoscope';

CREATE DATABASE mutoscope OWNER mutoscope;
