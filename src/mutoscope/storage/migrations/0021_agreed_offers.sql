-- Packs and prices of amounts that staff agree with one workspace: `packs` have key, kind, credits
-- and price, `free_amounts` the price of 1,000 credits of a kind.
ALTER TABLE subscriptions
ADD COLUMN offers jsonb NOT NULL DEFAULT '{}';

ALTER TYPE written_subscription ADD ATTRIBUTE offers jsonb;
