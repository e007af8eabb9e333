-- A transfer is disputed once: no gateway tells its dispute, staff do, who read the bank's letter.
CREATE UNIQUE INDEX a_transfer_is_disputed_once ON disputes (workspace_id, payment_id)
WHERE gateway = 'manual';
