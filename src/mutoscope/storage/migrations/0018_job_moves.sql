-- Which state of a job may follow which, as `domain.jobs.TRANSITIONS` has it: whatever statement
-- moves a job, a move that is not in the list is refused.

CREATE FUNCTION refuse_job_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a job that is % cannot become %', old.state, new.state
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER jobs_move_as_they_may BEFORE UPDATE OF state ON jobs
FOR EACH ROW WHEN (
    old.state <> new.state
    AND (old.state, new.state) NOT IN (
        ('waiting', 'submitting'), ('waiting', 'failed'), ('waiting', 'cancelled'),
        ('waiting', 'lost'),
        ('submitting', 'waiting'), ('submitting', 'running'), ('submitting', 'failed'),
        ('submitting', 'cancelled'), ('submitting', 'lost'),
        ('running', 'succeeded'), ('running', 'failed'), ('running', 'cancelled'),
        ('running', 'lost'),
        ('failed', 'succeeded'), ('lost', 'succeeded')
    )
)
EXECUTE FUNCTION refuse_job_move();
