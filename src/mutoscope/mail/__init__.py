"""Mail: ways for the letters of the outbox to leave the house."""
