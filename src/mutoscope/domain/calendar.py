"""Billing dates: the n-th period of a subscription, and the period that an instant lies in.

Owns the one function that grants, lapses, screens, invoices and feeds take their dates from. The
invariant: periods are half-open, leave no gap, and the n-th begins at the anchor plus n months,
computed from the anchor each time; no drift can gather, because no period is made from another.

The surprising choice: period 0 begins at the anchor itself, even when the anchor is the later
reading of an hour that the clock shows twice; all later periods take the earlier one.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from mutoscope.domain.credits import Refusal, checked_instant
from mutoscope.domain.wall_clock import instant_of, zone_named

MONTHS_A_YEAR = 12
YEAR_MIN = 1970  # before it no subscription began
YEAR_MAX = 2500  # far enough for any contract, near enough for datetime's own limits
INDEX_MAX = 1_200  # a hundred years of months

HALF_A_MONTH = timedelta(days=14)
"""Two zones' dates of one period lie nearer together than this, those of two periods do not."""

_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY = 1  # counted from 0, as all months in this module


class AnchorOutOfReach(Refusal):
    """A billing anchor lies in a year that no subscription can begin in."""

    code = "anchor_out_of_reach"

    def __init__(self, *, at: datetime) -> None:
        super().__init__(
            f"no plan can begin on {at.isoformat()}: take an instant from {YEAR_MIN} to {YEAR_MAX}"
        )
        self.at = at


class NotStarted(Refusal):
    """An instant lies before the first period of a subscription."""

    code = "not_started"

    def __init__(self, *, at: datetime, starts_at: datetime) -> None:
        super().__init__(
            f"the plan begins at {starts_at.isoformat()}, and it is {at.isoformat()}: ask for "
            "this from then on, or set this machine's clock right if it is behind"
        )
        self.at = at
        self.starts_at = starts_at


class PeriodOutOfReach(Refusal):
    """A period lies further from its anchor than dates are computed."""

    code = "period_out_of_reach"

    def __init__(self, *, index: int) -> None:
        super().__init__(f"no period {index}: periods are counted from 0 to {INDEX_MAX}")
        self.index = index


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingAnchor:
    """The instant a plan began, in UTC, and the zone whose wall clock its periods follow.

    `begins_at` is when the first period in this zone begins, where those before it were counted in
    another: it stands for that period's own start, so that no hour is left out or counted twice.

    :raises NaiveInstant: when `at` has no offset.
    :raises AnchorOutOfReach: when no subscription can begin in that year.
    :raises UnknownZone: when the database has no such zone.
    """

    at: datetime
    zone: str
    begins_at: datetime | None = None

    def __post_init__(self) -> None:
        if not YEAR_MIN <= self.at.year <= YEAR_MAX:
            raise AnchorOutOfReach(at=self.at)
        zone_named(self.zone)
        if self.at.tzinfo is not UTC:
            object.__setattr__(self, "at", checked_instant(self.at, name="at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The span [starts_at, ends_at) of a subscription, counted from 0 at its anchor."""

    index: int
    starts_at: datetime
    ends_at: datetime


def period_start(*, anchor: BillingAnchor, index: int) -> datetime:
    """Return the instant, in UTC, at which the n-th period begins.

    :raises PeriodOutOfReach: when the index is negative or above `INDEX_MAX`.
    """
    return start_of_period(anchor.at, anchor.zone, anchor.begins_at, index)


@lru_cache(maxsize=1_024)  # a renewal asks for each start of a wallet several times in a row
def start_of_period(at: datetime, zone: str, begins_at: datetime | None, index: int) -> datetime:
    """Return `period_start` of an anchor told by its fields: a renewal asks for two a wallet.

    :raises PeriodOutOfReach: when the index is negative or above `INDEX_MAX`.
    """
    if index == 0:
        return at.astimezone(UTC)
    if not 0 < index <= INDEX_MAX:
        raise PeriodOutOfReach(index=index)
    place = zone_named(zone)
    first = at.astimezone(place)
    year, month = divmod(first.year * MONTHS_A_YEAR + first.month - 1 + index, MONTHS_A_YEAR)
    day = _clamped(first.day, year, month)
    hour, minute, second, microsecond = first.hour, first.minute, first.second, first.microsecond
    wall = datetime(year, month + 1, day, hour, minute, second, microsecond, UTC)
    starts_at = instant_of(place, wall)
    return begins_at if begins_at and abs(starts_at - begins_at) < HALF_A_MONTH else starts_at


def period(*, anchor: BillingAnchor, index: int) -> Period:
    """Return the n-th period.

    :raises PeriodOutOfReach: when it or its end lies too far from the anchor.
    """
    return Period(
        index=index,
        starts_at=period_start(anchor=anchor, index=index),
        ends_at=period_start(anchor=anchor, index=index + 1),
    )


def period_at(*, anchor: BillingAnchor, at: datetime) -> Period:
    """Return the period that contains an instant; a boundary belongs to the period it begins.

    :raises NaiveInstant: when `at` has no offset.
    :raises InstantOutOfReach: when `at` lies in a year that no ledger is kept in.
    :raises NotStarted: when `at` lies before the anchor.
    :raises PeriodOutOfReach: when `at` lies too far after it.
    """
    at = checked_instant(at, name="at")
    if at < anchor.at:
        raise NotStarted(at=at, starts_at=anchor.at)
    index = _months_to(anchor, at)
    while period_start(anchor=anchor, index=index) > at:
        index -= 1
    found = period(anchor=anchor, index=index)
    while found.ends_at <= at:
        found = period(anchor=anchor, index=found.index + 1)
    return found


def charge_is_due(*, index: int, months_per_charge: int) -> bool:
    """Tell whether the start of a period is also a date of payment (1 monthly, 12 annual)."""
    assert months_per_charge > 0
    return index % months_per_charge == 0


def billing_day(*, anchor: BillingAnchor) -> int:
    """Return the day of the month, 1 to 31, that periods begin on where the month has it."""
    return local_date(at=anchor.at, zone=anchor.zone).day


def local_date(*, at: datetime, zone: str) -> date:
    """Return the date that a wall clock in a zone shows at an instant.

    :raises NaiveInstant: when `at` has no offset.
    :raises UnknownZone: when the database has no such zone.
    """
    return checked_instant(at, name="at").astimezone(zone_named(zone)).date()


def _clamped(day: int, year: int, month: int) -> int:
    """Return the day, or the month's last when it is shorter (month from 0)."""
    last = _MONTH_DAYS[month]
    if month == _FEBRUARY and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
        last = 29
    return min(day, last)


def _months_to(anchor: BillingAnchor, at: datetime) -> int:
    """Return the difference of two calendar months in the anchor's zone, within one of the index.

    It would be -1 where the clock goes back over the end of a month, hence the floor.
    """
    years = at.year - anchor.at.year
    if years > INDEX_MAX // MONTHS_A_YEAR:
        raise PeriodOutOfReach(index=years * MONTHS_A_YEAR)
    zone = zone_named(anchor.zone)
    first, last = anchor.at.astimezone(zone), at.astimezone(zone)
    return max(0, (last.year - first.year) * MONTHS_A_YEAR + last.month - first.month)
