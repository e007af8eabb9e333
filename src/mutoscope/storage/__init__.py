"""SQL, migrations and transactions; the only place that speaks to PostgreSQL."""
