-- Money at the desk: open requests are listed, and found by the words of a transfer.

-- The words of a transfer are the last digits of its request's id.
CREATE INDEX payment_requests_words ON payment_requests (right(request_id::text, 16));

-- Staff who read a bank statement see what is open, the newest first.
CREATE INDEX payment_requests_open ON payment_requests (created_at, request_id)
WHERE state = 'open';

-- What staff noted about a payment that waits: when they entered it, and when they kept it open.
DROP INDEX audit_lines_kept_payments;
CREATE INDEX audit_lines_noted_payments ON audit_lines ((data ->> 'payment_id'), sequence)
WHERE action IN ('keep_payment', 'enter_payment');
