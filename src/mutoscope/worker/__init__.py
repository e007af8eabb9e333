"""Background steps: short, re-entrant, fenced by the row of the job."""
