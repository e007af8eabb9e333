-- An event before it is known where it goes: what it tells, since the body is made where it goes.
ALTER TYPE webhook_event RENAME ATTRIBUTE body TO data;
ALTER TYPE webhook_event ALTER ATTRIBUTE data SET DATA TYPE jsonb;
