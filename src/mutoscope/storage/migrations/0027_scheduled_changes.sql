-- What a change of a plan has scheduled; or what was scheduled until then, and began with it or was
-- taken back. NULL where there was none, and for changes from before it was kept.
ALTER TABLE subscription_changes
ADD COLUMN scheduled jsonb;

ALTER TYPE written_subscription
ADD ATTRIBUTE scheduled_change jsonb;
