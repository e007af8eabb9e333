"""How an instant is told to people: by a zone's clocks, with the zone's name.

The one way for screens and sentences; programs read ISO 8601. Where there is no workspace whose
zone it could be, it is told in UTC.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


def told(at: datetime, *, zone: str = "UTC") -> str:
    """Return an instant as people write it, such as 26 Dec 2026 03:59 CET."""
    return f"{at.astimezone(ZoneInfo(zone)):%d %b %Y %H:%M %Z}"


def seconds_until(instant: datetime, *, at: datetime) -> int:
    """Return the whole seconds to wait from `at`, rounded up: after them the instant has come."""
    return -((at - instant) // timedelta(seconds=1))
