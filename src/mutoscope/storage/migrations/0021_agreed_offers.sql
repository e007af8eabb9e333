-- Packs and prices of amounts that staff agree with one workspace: `packs` have key, kind, credits
-- and price, `free_amounts` the price of 1,000 credits of a kind. `scheduled_agreed` are terms that
-- begin with what is scheduled: allowances, price, the right to buy, each where it was agreed.
ALTER TABLE subscriptions
ADD COLUMN offers jsonb NOT NULL DEFAULT '{}',
ADD COLUMN scheduled_agreed jsonb,
ADD CONSTRAINT agreed_terms_are_scheduled CHECK (
    scheduled_agreed IS NULL OR scheduled_at IS NOT NULL
);

ALTER TYPE written_subscription
ADD ATTRIBUTE offers jsonb,
ADD ATTRIBUTE scheduled_agreed jsonb;
