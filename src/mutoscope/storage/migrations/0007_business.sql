-- The business: what a subscription has agreed, what is asked and paid for, purchases of credits,
-- money that goes back, disputes, promo codes and refills.

ALTER TABLE workspaces
ADD COLUMN closed_at timestamptz,
ADD COLUMN purchases_enabled_at timestamptz;

-- `change` counts changes of its terms, `revision` all changes; `allowances` are monthly credits
-- by kind, as they are granted; `price` is what a charge costs where it was agreed, else the
-- catalog tells it. The clock looks at it next at `charge_at`, and charges from period
-- `charge_index` on; periods before `paid_index` are paid. `scheduled_*` begins on a billing date;
-- from `cancels_at` on there is no plan.
ALTER TABLE subscriptions
ADD COLUMN begins_at timestamptz,
ADD COLUMN state text NOT NULL DEFAULT 'active',
ADD COLUMN change bigint NOT NULL DEFAULT 0,
ADD COLUMN revision bigint NOT NULL DEFAULT 0,
ADD COLUMN allowances jsonb NOT NULL DEFAULT '{}',
ADD COLUMN price bigint,
ADD COLUMN currency text,
ADD COLUMN can_purchase boolean NOT NULL DEFAULT FALSE,
ADD COLUMN gateway text NOT NULL DEFAULT 'manual',
ADD COLUMN renewal_grant text NOT NULL DEFAULT 'when_due',
ADD COLUMN charge_index bigint NOT NULL DEFAULT 1,
ADD COLUMN charge_at timestamptz,
ADD COLUMN paid_index bigint NOT NULL DEFAULT 1,
ADD COLUMN scheduled_at timestamptz,
ADD COLUMN scheduled_plan text,
ADD COLUMN scheduled_months smallint,
ADD COLUMN scheduled_zone text,
ADD COLUMN cancels_at timestamptz,
ADD COLUMN past_due_at timestamptz,
ADD COLUMN suspended_at timestamptz,
ADD CONSTRAINT subscription_state_fits_its_timestamps CHECK (
    CASE state
        WHEN 'active' THEN past_due_at IS NULL AND suspended_at IS NULL AND ends_at IS NULL
        WHEN 'past_due' THEN past_due_at IS NOT NULL AND suspended_at IS NULL AND ends_at IS NULL
        WHEN 'suspended' THEN suspended_at IS NOT NULL AND ends_at IS NULL
        WHEN 'cancelled' THEN ends_at IS NOT NULL
        ELSE FALSE
    END
),
ADD CONSTRAINT a_scheduled_change_is_whole CHECK (
    (scheduled_at IS NULL) = (scheduled_plan IS NULL)
    AND (scheduled_at IS NULL) = (scheduled_months IS NULL)
    AND (scheduled_at IS NULL) = (scheduled_zone IS NULL)
),
ADD CONSTRAINT renewal_grant_is_known CHECK (renewal_grant IN ('when_paid', 'when_due')),
ADD CONSTRAINT price_has_a_currency CHECK ((price IS NULL) = (currency IS NULL));

-- The clock finds the subscriptions that are to be charged, and those that are to end.
CREATE INDEX subscriptions_charge ON subscriptions (charge_at) WHERE ends_at IS NULL;
CREATE INDEX subscriptions_cancel ON subscriptions (cancels_at) WHERE ends_at IS NULL;

-- Each change of terms is a standing grant of its own; its first period may begin where the one
-- before, counted in another zone, has ended.
ALTER TABLE standing_grants
ADD COLUMN begins_at timestamptz,
ADD COLUMN first_index bigint NOT NULL DEFAULT 0,
DROP CONSTRAINT standing_grants_pkey,
ADD CONSTRAINT standing_grants_pkey PRIMARY KEY (workspace_id, kind, subscription_id, change);

-- Every change of a subscription, in order: what a person asked, or the clock did.
CREATE TABLE subscription_changes (
    workspace_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    ordinal bigint NOT NULL,
    event text NOT NULL,
    state_before text NOT NULL,
    state_after text NOT NULL,
    plan text NOT NULL,
    due_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT subscription_changes_pkey PRIMARY KEY (workspace_id, subscription_id, ordinal)
);

-- Money that is asked for. `request_key` says what for, once for ever; `wish` is what is carried
-- out when it is paid. `lines` are those of the invoice, which is issued with the request
-- (`invoice_id` from the beginning) or when it is paid.
CREATE TABLE payment_requests (
    workspace_id uuid NOT NULL,
    request_id uuid NOT NULL,
    request_key text NOT NULL,
    purpose text NOT NULL,
    subject_id uuid NOT NULL,
    gateway text NOT NULL,
    title text NOT NULL,
    wish jsonb NOT NULL,
    lines jsonb NOT NULL,
    net bigint NOT NULL,
    tax bigint NOT NULL,
    total bigint NOT NULL,
    currency text NOT NULL,
    state text NOT NULL,
    invoice_id uuid,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    paid_at timestamptz,
    cancelled_at timestamptz,
    reminders smallint NOT NULL DEFAULT 0,
    remind_at timestamptz,
    CONSTRAINT payment_requests_pkey PRIMARY KEY (workspace_id, request_id),
    CONSTRAINT payment_requests_key UNIQUE (workspace_id, request_key),
    CONSTRAINT total_is_net_and_tax CHECK (total = net + tax AND least(net, tax) >= 0),
    CONSTRAINT purpose_is_known CHECK (
        purpose IN ('plan', 'renewal', 'upgrade', 'purchase')
    ),
    CONSTRAINT request_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'open' THEN paid_at IS NULL AND cancelled_at IS NULL
            WHEN 'paid' THEN paid_at IS NOT NULL AND cancelled_at IS NULL
                AND invoice_id IS NOT NULL
            WHEN 'cancelled' THEN cancelled_at IS NOT NULL AND paid_at IS NULL
            ELSE FALSE
        END
    )
);

-- A gateway names a request by its id alone.
CREATE INDEX payment_requests_by_id ON payment_requests (request_id);

-- The clock reminds of what is not paid.
CREATE INDEX payment_requests_remind ON payment_requests (remind_at)
WHERE state = 'open' AND remind_at IS NOT NULL;

-- Money that came. `applied` was used for its request, `parked` waits for staff, `returned` went
-- back.
CREATE TABLE payments (
    workspace_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    gateway text NOT NULL,
    reference text NOT NULL,
    request_id uuid,
    amount bigint NOT NULL,
    currency text NOT NULL,
    state text NOT NULL,
    reason text,
    refunded bigint NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL,
    settled_at timestamptz,
    CONSTRAINT payments_pkey PRIMARY KEY (workspace_id, payment_id),
    CONSTRAINT payment_is_positive CHECK (amount > 0),
    CONSTRAINT refunds_are_at_most_the_payment CHECK (refunded BETWEEN 0 AND amount),
    CONSTRAINT payment_state_fits_its_reason CHECK (
        CASE state
            WHEN 'applied' THEN request_id IS NOT NULL AND settled_at IS NOT NULL
            WHEN 'parked' THEN reason IS NOT NULL
            WHEN 'returned' THEN reason IS NOT NULL AND settled_at IS NOT NULL
            ELSE FALSE
        END
    )
);

CREATE INDEX payments_parked ON payments (received_at) WHERE state = 'parked';

-- One order of credits: a pack, or an amount that the buyer chose.
CREATE TABLE purchases (
    workspace_id uuid NOT NULL,
    purchase_id uuid NOT NULL,
    request_id uuid NOT NULL,
    pack text,
    kind text NOT NULL,
    credits bigint NOT NULL,
    price bigint NOT NULL,
    currency text NOT NULL,
    version text NOT NULL,
    state text NOT NULL,
    is_refill boolean NOT NULL DEFAULT FALSE,
    ordered_by uuid,
    ordered_at timestamptz NOT NULL,
    paid_at timestamptz,
    granted_at timestamptz,
    ended_at timestamptz,
    taken_back bigint NOT NULL DEFAULT 0,
    refunded bigint NOT NULL DEFAULT 0,
    debt bigint NOT NULL DEFAULT 0,
    CONSTRAINT purchases_pkey PRIMARY KEY (workspace_id, purchase_id),
    CONSTRAINT purchase_is_positive CHECK (credits > 0 AND price >= 0),
    CONSTRAINT taken_back_is_at_most_the_credits CHECK (taken_back BETWEEN 0 AND credits),
    CONSTRAINT purchase_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'ordered' THEN paid_at IS NULL AND granted_at IS NULL AND ended_at IS NULL
            WHEN 'paid' THEN paid_at IS NOT NULL AND granted_at IS NULL AND ended_at IS NULL
            WHEN 'granted' THEN paid_at IS NOT NULL AND granted_at IS NOT NULL
            WHEN 'disputed' THEN granted_at IS NOT NULL
            WHEN 'refunded' THEN paid_at IS NOT NULL AND ended_at IS NOT NULL
            WHEN 'cancelled' THEN granted_at IS NULL AND ended_at IS NOT NULL
            ELSE FALSE
        END
    )
);

CREATE INDEX purchases_open ON purchases (workspace_id, ordered_at)
WHERE state IN ('ordered', 'paid');

-- Money that goes back: asked for in the transaction that takes the credits, sent after it.
CREATE TABLE refunds (
    workspace_id uuid NOT NULL,
    refund_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    purchase_id uuid,
    credits bigint NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    reference text,
    asked_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT refunds_pkey PRIMARY KEY (workspace_id, refund_id),
    CONSTRAINT refund_is_not_negative CHECK (least(credits, amount) >= 0),
    CONSTRAINT refund_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'asked' THEN finished_at IS NULL
            WHEN 'succeeded' THEN finished_at IS NOT NULL
            WHEN 'failed' THEN finished_at IS NOT NULL
            ELSE FALSE
        END
    )
);

CREATE INDEX refunds_asked ON refunds (asked_at) WHERE state = 'asked';

CREATE TABLE disputes (
    workspace_id uuid NOT NULL,
    gateway text NOT NULL,
    reference text NOT NULL,
    payment_id uuid NOT NULL,
    purchase_id uuid,
    amount bigint NOT NULL,
    currency text NOT NULL,
    state text NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT disputes_pkey PRIMARY KEY (workspace_id, gateway, reference),
    CONSTRAINT dispute_state_fits_its_timestamps CHECK (
        CASE state
            WHEN 'open' THEN closed_at IS NULL
            WHEN 'won' THEN closed_at IS NOT NULL
            WHEN 'lost' THEN closed_at IS NOT NULL
            ELSE FALSE
        END
    )
);

-- The means of payment that a workspace left with a gateway.
CREATE TABLE payment_methods (
    workspace_id uuid NOT NULL,
    gateway text NOT NULL,
    customer text NOT NULL,
    method text,
    kept_at timestamptz NOT NULL,
    CONSTRAINT payment_methods_pkey PRIMARY KEY (workspace_id, gateway)
);

CREATE TABLE promo_redemptions (
    workspace_id uuid NOT NULL,
    code text NOT NULL,
    redeemed_at timestamptz NOT NULL,
    CONSTRAINT promo_redemptions_pkey PRIMARY KEY (workspace_id, code)
);

-- Refills: bought by itself when less than the threshold is left; off unless somebody set it.
CREATE TABLE refills (
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    pack text NOT NULL,
    threshold bigint NOT NULL,
    monthly_max bigint NOT NULL,
    declines smallint NOT NULL DEFAULT 0,
    rests_until timestamptz,
    set_at timestamptz NOT NULL,
    CONSTRAINT refills_pkey PRIMARY KEY (workspace_id, kind),
    CONSTRAINT refill_limits_are_positive CHECK (least(threshold, monthly_max) > 0)
);

-- House table: whose each payment is, claimed once for ever by the gateway's own reference.
CREATE TABLE payment_claims (
    gateway text NOT NULL,
    reference text NOT NULL,
    workspace_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    claimed_at timestamptz NOT NULL,
    CONSTRAINT payment_claims_pkey PRIMARY KEY (gateway, reference)
);

-- House table: a promo code may be redeemed so many times by all workspaces together.
CREATE TABLE promo_codes (
    code text NOT NULL,
    kind text NOT NULL,
    credits bigint NOT NULL,
    lasts_days integer NOT NULL,
    redemptions_max bigint NOT NULL,
    redeemed bigint NOT NULL DEFAULT 0,
    ends_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT promo_codes_pkey PRIMARY KEY (code),
    CONSTRAINT promo_amounts_are_positive CHECK (
        least(credits, lasts_days, redemptions_max) > 0
    ),
    CONSTRAINT redemptions_are_at_most_the_limit CHECK (redeemed BETWEEN 0 AND redemptions_max)
);

-- How a subscription is written: as a whole, with what happened to it.
CREATE TYPE written_subscription AS (
    workspace_id uuid, subscription_id uuid, plan text, version text, anchor_at timestamptz,
    zone text, begins_at timestamptz, months_per_charge smallint, state text, change bigint,
    revision bigint, allowances jsonb, price bigint, currency text, can_purchase boolean,
    gateway text, renewal_grant text, charge_index bigint, charge_at timestamptz,
    paid_index bigint, scheduled_at timestamptz, scheduled_plan text, scheduled_months smallint,
    scheduled_zone text, cancels_at timestamptz, past_due_at timestamptz,
    suspended_at timestamptz, ends_at timestamptz,
    event text, state_before text, due_at timestamptz, changed_at timestamptz
);
