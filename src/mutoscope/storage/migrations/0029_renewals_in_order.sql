-- Renewals are told which wallets to take, in the order of their rows.

DROP FUNCTION IF EXISTS ledger_take_due(
    timestamptz, timestamptz, wallet_name[], integer, timestamptz
);
