"""The creator's billing dates as an iCalendar text (RFC 5545) that calendar programs subscribe to.

Owns the wording of the feed and the format's rules: lines end in CR LF, none is longer than 75
octets, and text is escaped. The invariant: the same periods give the same text, so a feed that was
read again changes nothing. The surprising choice: a billing date is a whole-day event on the date
in the billing zone, since that is the date on the invoice whatever zone the reader is in.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mutoscope.domain.calendar import BillingAnchor, charge_is_due, local_date, period_start
from mutoscope.domain.credits import checked_instant
from mutoscope.domain.instants import told

LINE_OCTETS_MAX = 75  # RFC 5545, section 3.1
PAYMENT = "payment, and new monthly credits"
CREDITS = "new monthly credits"
ENDS = "the plan ends"
ENDS_UNPAID = "the plan ends unless it is paid before"
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a feed tells about a subscription: its plan's name, its stable id and its payments.

    Period `charge_index` is one that is paid for, and every so many months before and after it;
    none is where nothing is charged.
    """

    plan: str
    subscription_id: str
    months_per_charge: int
    charge_index: int = 0
    is_charged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """Some billing dates, of terms that do not change between them.

    `ending` tells of the date after the last one, where the plan ends on it.
    """

    feed: Feed
    anchor: BillingAnchor
    indices: range
    ending: str = ""

    def told(self) -> Iterator[tuple[int, str]]:
        """Yield the period that begins on each date, and what happens then."""
        for index in self.indices:
            charged = index - self.feed.charge_index
            is_paid = charge_is_due(index=charged, months_per_charge=self.feed.months_per_charge)
            yield index, PAYMENT if is_paid and self.feed.is_charged else CREDITS
        if self.ending:
            yield self.indices.stop, self.ending


def calendar_feed(*, name: str, dates: Iterable[Dates], stamped_at: datetime) -> str:
    """Return billing dates as the text of an .ics file; `name` is the plan's.

    :raises NaiveInstant: when `stamped_at` has no offset.
    :raises PeriodOutOfReach: when an index is negative or too high.
    """
    stamp = f"{checked_instant(stamped_at, name='stamped_at'):%Y%m%dT%H%M%SZ}"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Mutoscope//Billing dates//EN",
        f"X-WR-CALNAME:{_text(name)} billing dates",
    ]
    for each in dates:
        for index, what in each.told():
            lines += _event(each, index, what, stamp)
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _event(dates: Dates, index: int, what: str, stamp: str) -> list[str]:
    """Return the lines of one billing date."""
    feed, anchor = dates.feed, dates.anchor
    starts_at = period_start(anchor=anchor, index=index)
    return [
        "BEGIN:VEVENT",
        f"UID:{_text(feed.subscription_id)}-{index}@mutoscope",
        f"DTSTAMP:{stamp}",
        f"DTSTART;VALUE=DATE:{local_date(at=starts_at, zone=anchor.zone):%Y%m%d}",
        f"SUMMARY:{_text(f'{feed.plan}: {what}')}",
        f"DESCRIPTION:{_text(_description(index, told(starts_at, zone=anchor.zone)))}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _description(index: int, when: str) -> str:
    """Say the exact instant at which the plan begins, or the last period's credits lapse."""
    if index == 0:
        return f"The plan begins at {when}."
    return f"Monthly credits that are left lapse at {when}."


def _text(value: str) -> str:
    """Return a value as the format's TEXT: escaped, on one line, without control characters."""
    lines = value.replace("\r\n", "\n").translate(_ESCAPES)
    return "".join(letter for letter in lines if letter.isprintable())


def _folded(line: str) -> Iterator[str]:
    """Yield the physical lines of a logical one; the later ones begin with a space."""
    part, size = "", 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > LINE_OCTETS_MAX:
            yield part
            part, size = " ", 1
        part += letter
        size += octets
    yield part
