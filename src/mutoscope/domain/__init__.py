"""Values and pure functions: no I/O, clock, randomness, framework or logging."""
