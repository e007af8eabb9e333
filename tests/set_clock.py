"""A clock that a test sets, and the instant at which it begins."""

from datetime import UTC, datetime

BEGINNING = datetime(2025, 1, 20, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = BEGINNING

    def __call__(self) -> datetime:
        return self.at
