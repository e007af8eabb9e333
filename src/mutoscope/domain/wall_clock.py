"""What the clock on a wall shows: zones of the IANA database, and the instants of their times.

The surprising choice: a time of day that the clock jumps over becomes the instant of the jump,
which after a skipped date (Apia, 30 December 2011) lies on the next day.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mutoscope.domain.credits import Refusal

_MACHINE_ZONES = frozenset({"localtime", "posixrules", "Factory"})  # differ from host to host
_SECOND = timedelta(seconds=1)


class UnknownZone(Refusal):
    """A billing zone is not in the time zone database."""

    code = "unknown_zone"

    def __init__(self, *, zone: str) -> None:
        super().__init__(
            f"unknown time zone {zone[:80]!r}: use a name of the IANA database,"
            " such as Europe/Berlin, America/New_York or UTC"
        )
        self.zone = zone


@lru_cache(maxsize=1_024)  # the database has about 600 names
def zone_named(name: str) -> ZoneInfo:
    """Load a zone once; names that only this machine knows are refused.

    :raises UnknownZone: when the database has no such zone.
    """
    if name in _MACHINE_ZONES or name.startswith(("right/", "posix/")):
        raise UnknownZone(zone=name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(zone=name) from error


def instant_of(zone: ZoneInfo, wall: datetime) -> datetime:
    """Return the instant at which a zone's clock shows a time: the first, or the next valid.

    `wall` is the time on the clock, told as if in UTC; so is what is returned.
    """
    offset = _offset_all_day(zone, wall.year, wall.month, wall.day)
    return _instant_near_a_turn(zone, wall) if offset is None else wall - offset


@lru_cache(maxsize=4_096)  # a run of renewals meets few dates
def _offset_all_day(zone: ZoneInfo, year: int, month: int, day: int) -> timedelta | None:
    """Return what a zone's clock is ahead of UTC on a date; None when it is turned about then.

    The days beside it count, too: a clock that keeps its hours over three of them is turned at no
    time of the middle one.
    """
    noon = datetime(year, month, day, 12, tzinfo=zone)
    sides = {(noon + side * timedelta(hours=36)).utcoffset() for side in (-1, 0, 1)}
    return sides.pop() if len(sides) == 1 else None


def _instant_near_a_turn(zone: ZoneInfo, wall: datetime) -> datetime:
    local = wall.replace(tzinfo=zone)
    before = local.utcoffset()
    after = local.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    instant = wall - before
    if before >= after:
        return instant
    return _jump(zone, instant - (after - before), instant)


def _jump(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the instant of the clock's jump, to the second, in the span (before, after]."""
    early = before.astimezone(zone).utcoffset()
    low, high = 0, (after - before) // _SECOND
    start = before.replace(microsecond=0)
    while high - low > 1:
        middle = (low + high) // 2
        if (start + middle * _SECOND).astimezone(zone).utcoffset() == early:
            low = middle
        else:
            high = middle
    return start + high * _SECOND
