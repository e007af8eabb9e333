-- Payments of which nobody knows whose they are: staff decide about them, and note why one waits.

-- A payment is found by its id, also after it was given to a workspace.
CREATE INDEX payment_claims_payment ON payment_claims (payment_id);

-- What staff noted about a payment that they keep open: the newest line of the audit about it.
CREATE INDEX audit_lines_kept_payments ON audit_lines ((data ->> 'payment_id'), sequence)
WHERE action = 'keep_payment';
