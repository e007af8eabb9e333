"""Billing dates: the n-th period counted from the anchor, over every start day and many zones.

`MUTOSCOPE_CALENDAR_ANCHORS` is the number of anchors that the campaign takes, out of all start
days of four years in every zone; "all" takes each of them.
"""

import os
import random
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.calendar import (
    INDEX_MAX,
    AnchorOutOfReach,
    BillingAnchor,
    NotStarted,
    PeriodOutOfReach,
    billing_day,
    charge_is_due,
    local_date,
    period,
    period_at,
    period_start,
)
from mutoscope.domain.calendar_feed import Dates, Feed, calendar_feed
from mutoscope.domain.credits import YEAR_MOST, InstantOutOfReach, NaiveInstant
from mutoscope.domain.wall_clock import UnknownZone

ZONES = (
    "UTC",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
)
TIMES = ((0, 0), (0, 30), (1, 45), (2, 30), (12, 0), (23, 59))
FIRST_DAY = date(2009, 1, 1)  # so that 60 periods cross Apia's skipped day and Brazil's last DST
DAYS = 4 * 365 + 1
PERIODS = 60
MICROSECOND = timedelta(microseconds=1)


def anchors() -> list[BillingAnchor]:
    """Return the campaign's anchors: by default a fixed sample of all of them."""
    asked = os.environ.get("MUTOSCOPE_CALENDAR_ANCHORS", "400")
    everything = [(day, zone) for day in range(DAYS) for zone in ZONES]
    chosen = everything if asked == "all" else random.Random(31).sample(everything, int(asked))
    return [
        anchor(zone, FIRST_DAY + timedelta(days=day), *TIMES[(day + len(zone)) % len(TIMES)])
        for day, zone in chosen
    ]


def anchor(zone: str, day: date, hour: int = 12, minute: int = 0) -> BillingAnchor:
    """Return an anchor at a wall clock's time."""
    wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone))
    return BillingAnchor(at=wall.astimezone(UTC), zone=zone)


def first_instant_showing(wall: datetime, zone: ZoneInfo) -> datetime:
    """Find by trial the first instant whose local reading is a wall time or, if none, later."""
    middle = wall.replace(tzinfo=UTC)
    around = {(middle + timedelta(hours=hours)).astimezone(zone) for hours in (-30, 30)}
    tried = sorted(middle - (at.utcoffset() or timedelta(0)) for at in around)
    shown = [at for at in tried if at.astimezone(zone).replace(tzinfo=None) == wall]
    if shown:
        return shown[0]
    at = tried[0]
    while at.astimezone(zone).replace(tzinfo=None) < wall:
        at += timedelta(minutes=1)
    return at


def starts(of: BillingAnchor, count: int) -> list[datetime]:
    return [period_start(anchor=of, index=index) for index in range(count)]


def local_days(of: BillingAnchor, count: int) -> list[tuple[int, int]]:
    dates = [local_date(at=at, zone=of.zone) for at in starts(of, count)]
    return [(day.month, day.day) for day in dates]


def test_every_period_of_the_campaign_begins_on_the_clamped_day_at_the_wall_time() -> None:
    for one in anchors():
        zone = ZoneInfo(one.zone)
        first = one.at.astimezone(zone)

        found = starts(one, PERIODS)

        for index in range(1, PERIODS):
            year, month = divmod(first.year * 12 + first.month - 1 + index, 12)
            day = min(first.day, monthrange(year, month + 1)[1])
            wall = datetime(year, month + 1, day, first.hour, first.minute)  # noqa: DTZ001 - a wall clock's reading has no zone
            assert found[index] == first_instant_showing(wall, zone), (one, index)


def test_starts_strictly_increase_and_every_period_contains_exactly_its_own_instants() -> None:
    for one in anchors()[:100]:
        found = starts(one, PERIODS)

        assert all(earlier < later for earlier, later in pairwise(found))
        for index, (begins_at, ends_at) in enumerate(pairwise(found)):
            assert period_at(anchor=one, at=begins_at).index == index
            assert period_at(anchor=one, at=ends_at - MICROSECOND).index == index


@given(
    at=st.datetimes(datetime(1999, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    zone=st.sampled_from(ZONES),
    later=st.timedeltas(timedelta(0), timedelta(days=30_000)),
)
def test_the_period_at_an_instant_contains_it(at: datetime, zone: str, later: timedelta) -> None:
    one = BillingAnchor(at=at, zone=zone)

    found = period_at(anchor=one, at=at + later)

    assert found.starts_at <= at + later < found.ends_at
    assert found == period(anchor=one, index=found.index)


def test_the_31st_falls_on_the_last_day_of_short_months_and_comes_back() -> None:
    one = anchor("Europe/London", date(2027, 1, 31))

    days = local_days(one, 14)

    assert days == [
        (1, 31), (2, 28), (3, 31), (4, 30), (5, 31), (6, 30), (7, 31), (8, 31), (9, 30), (10, 31),
        (11, 30), (12, 31), (1, 31), (2, 29),
    ]  # fmt: skip


def test_the_29th_of_february_falls_on_the_28th_in_ordinary_years() -> None:
    one = anchor("UTC", date(2024, 2, 29))

    dates = [period_start(anchor=one, index=12 * year).date() for year in range(5)]

    assert [day.isoformat() for day in dates] == [
        "2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29",
    ]  # fmt: skip


def test_a_century_is_no_leap_year_unless_four_hundred_divides_it() -> None:
    one = anchor("UTC", date(2099, 12, 31))

    days = local_days(one, 3)

    assert days[2] == (2, 28)


@pytest.mark.parametrize(
    ("zone", "begun", "index", "expected"),
    [
        # the clock jumps from 02:00 to 03:00 at 07:00 UTC: 02:30 does not exist
        ("America/New_York", "2026-01-08T07:30+00:00", 2, "2026-03-08T07:00+00:00"),
        # it goes back at 06:00 UTC: 01:30 is shown twice, first at 05:30 UTC
        ("America/New_York", "2026-10-01T05:30+00:00", 1, "2026-11-01T05:30+00:00"),
        # half an hour of daylight saving: 02:15 is skipped at 15:30 UTC
        ("Australia/Lord_Howe", "2026-09-03T15:45+00:00", 1, "2026-10-03T15:30+00:00"),
        # 45 minutes off the hour: 02:50 becomes 03:45 at 14:00 UTC
        ("Pacific/Chatham", "2026-08-26T14:05+00:00", 1, "2026-09-26T14:00+00:00"),
        # the clock jumps at midnight: 00:00 does not exist
        ("America/Sao_Paulo", "2018-10-04T03:00+00:00", 1, "2018-11-04T03:00+00:00"),
        # 30 December 2011 does not exist: the period begins as the 31st does
        ("Pacific/Apia", "2011-10-31T20:00+00:00", 2, "2011-12-30T20:00+00:00"),
        ("Pacific/Apia", "2011-10-30T20:00+00:00", 2, "2011-12-30T10:00+00:00"),
        # never any daylight saving, 5:45 off
        ("Asia/Kathmandu", "2026-01-30T18:15+00:00", 1, "2026-02-27T18:15+00:00"),
    ],
)
def test_gaps_and_overlaps_of_the_clock(zone: str, begun: str, index: int, expected: str) -> None:
    one = BillingAnchor(at=datetime.fromisoformat(begun), zone=zone)

    found = period_start(anchor=one, index=index)

    assert found == datetime.fromisoformat(expected)


def test_the_first_period_begins_at_the_anchor_even_in_the_second_reading_of_an_hour() -> None:
    second_reading = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    one = BillingAnchor(at=second_reading, zone="America/New_York")

    first = period_at(anchor=one, at=second_reading)

    assert first.index == 0
    assert first.starts_at == second_reading


@pytest.mark.parametrize("months_before", [0, 1])
def test_a_clock_that_goes_back_into_the_last_month_stays_in_the_period(months_before: int) -> None:
    # In St. John's the clock went back at 00:01 on 1 November 2009, to 23:01 on 31 October.
    begun_at = datetime(2009, 11, 1, 2, 30, 30, tzinfo=UTC)
    anchor_at = begun_at - timedelta(days=31 * months_before)
    one = BillingAnchor(at=anchor_at, zone="America/St_Johns")

    found = period_at(anchor=one, at=begun_at + timedelta(minutes=10))

    assert (found.index, found.starts_at) == (months_before, begun_at)


def test_a_boundary_belongs_to_the_period_it_begins() -> None:
    one = anchor("Europe/London", date(2026, 1, 31))
    boundary = period_start(anchor=one, index=2)

    before, after = (period_at(anchor=one, at=at) for at in (boundary - MICROSECOND, boundary))

    assert (before.index, after.index) == (1, 2)
    assert before.ends_at == after.starts_at == boundary


def test_an_anchor_is_kept_in_utc_whatever_offset_it_came_with() -> None:
    tokyo = datetime(2026, 1, 1, 9, tzinfo=ZoneInfo("Asia/Tokyo"))

    one = BillingAnchor(at=tokyo, zone="Asia/Tokyo")

    assert one.at.tzinfo is UTC
    assert one.at.hour == 0


def test_the_billing_day_is_the_one_in_the_billing_zone() -> None:
    at = datetime(2026, 1, 31, 23, tzinfo=UTC)

    days = [billing_day(anchor=BillingAnchor(at=at, zone=zone)) for zone in ("UTC", "Asia/Tokyo")]

    assert days == [31, 1]


def test_an_annual_plan_is_charged_every_twelfth_period() -> None:
    charged = [index for index in range(30) if charge_is_due(index=index, months_per_charge=12)]

    assert charged == [0, 12, 24]


@pytest.mark.parametrize(
    "zone",
    ["Mars/Olympus", "", "Europe", "../etc/passwd", "/etc/localtime", "localtime", "right/UTC",
     "zone.tab", "Europe/Berlin\0", "x" * 5_000, "\ud800"],
)  # fmt: skip
def test_an_unknown_zone_is_refused_by_its_name(zone: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(UnknownZone, match="IANA") as refusal:
        BillingAnchor(at=at, zone=zone)

    assert refusal.value.zone == zone


def test_an_instant_without_an_offset_is_refused() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the point of the test
    one = anchor("UTC", date(2026, 1, 1))

    with pytest.raises(NaiveInstant):
        BillingAnchor(at=naive, zone="UTC")
    with pytest.raises(NaiveInstant):
        period_at(anchor=one, at=naive)
    with pytest.raises(NaiveInstant):
        local_date(at=naive, zone="UTC")


def test_an_instant_before_the_anchor_is_refused() -> None:
    one = anchor("UTC", date(2026, 1, 1))

    with pytest.raises(NotStarted) as refusal:
        period_at(anchor=one, at=one.at - MICROSECOND)

    assert refusal.value.starts_at == one.at
    assert "set this machine's clock right if it is behind" in str(refusal.value)


@pytest.mark.parametrize("index", [-1, INDEX_MAX + 1])
def test_a_period_out_of_reach_is_refused(index: int) -> None:
    one = anchor("UTC", date(2026, 1, 1))

    with pytest.raises(PeriodOutOfReach):
        period_start(anchor=one, index=index)


def test_the_end_of_time_is_out_of_reach() -> None:
    one = anchor("Asia/Tokyo", date(2026, 1, 1))

    with pytest.raises(PeriodOutOfReach):
        period_at(anchor=one, at=datetime(YEAR_MOST, 12, 31, tzinfo=UTC))
    with pytest.raises(InstantOutOfReach):
        period_at(anchor=one, at=datetime.max.replace(tzinfo=UTC))


@pytest.mark.parametrize("year", [1, 1969, 2501, 9999])
def test_an_anchor_in_no_sensible_year_is_refused(year: int) -> None:
    with pytest.raises(AnchorOutOfReach):
        BillingAnchor(at=datetime(year, 6, 1, tzinfo=UTC), zone="Pacific/Apia")


def feed_of(plan: str, months_per_charge: int = 1, charge_index: int = 0) -> str:
    feed = Feed(
        plan=plan, subscription_id="s-1", months_per_charge=months_per_charge,
        charge_index=charge_index,
    )  # fmt: skip
    dates = Dates(feed=feed, anchor=anchor("Asia/Tokyo", date(2026, 1, 31)), indices=range(13))
    return calendar_feed(
        name=plan, dates=(dates,), stamped_at=datetime(2026, 1, 31, 12, tzinfo=UTC)
    )


def test_the_feed_lists_the_dates_in_the_billing_zone() -> None:
    text = feed_of("Pro")

    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert text.endswith("END:VCALENDAR\r\n")
    assert text.count("BEGIN:VEVENT") == text.count("END:VEVENT") == 13
    assert "UID:s-1-1@mutoscope\r\nDTSTAMP:20260131T120000Z\r\nDTSTART;VALUE=DATE:20260228" in text


def test_the_feed_of_an_annual_plan_tells_payments_from_credits() -> None:
    text = feed_of("Pro", months_per_charge=12)

    assert text.count("SUMMARY:Pro: payment\\, and new monthly credits\r\n") == 2
    assert text.count("SUMMARY:Pro: new monthly credits\r\n") == 11


def test_the_feed_counts_years_from_the_period_that_was_charged() -> None:
    text = feed_of("Pro", months_per_charge=12, charge_index=15).replace("\r\n ", "")

    (paid,) = (each for each in text.split("BEGIN:VEVENT") if "payment" in each)
    assert "UID:s-1-3@mutoscope" in paid


def test_the_feeds_lines_are_folded_at_75_octets_and_escaped() -> None:
    name = "Größe; 写真, \\映画\n" + "映" * 60

    text = feed_of(name)

    lines = text.encode().split(b"\r\n")
    assert max(len(line) for line in lines) <= 75
    unfolded = text.replace("\r\n ", "")
    assert "SUMMARY:Größe\\; 写真\\, \\\\映画\\n" + "映" * 60 in unfolded
    assert b"\n" not in b"".join(lines)
