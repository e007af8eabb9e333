"""Why a billing date is the day that it is, and what happened to a plan, in plain words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from mutoscope.domain.calendar import BillingAnchor, billing_day, local_date
from mutoscope.domain.plan_changes import ScheduledChange
from mutoscope.domain.subscriptions import Event

EVENTS: Final[Mapping[Event, str]] = {
    Event.START: "the plan started",
    Event.UPGRADE: "it became larger",
    Event.SCHEDULE: "a change or an end was scheduled for {day}",
    Event.UNDO: "what was scheduled was undone",
    Event.AGREE: "its terms were agreed on",
    Event.RENEW: "it renewed",
    Event.MISS: "a payment was missed",
    Event.PAY: "it was paid",
    Event.SUSPEND: "it was suspended, unpaid",
    Event.END: "it ended",
    Event.LAPSE: "the trial ended",
    Event.CLOSE: "the workspace was closed",
}
"""What happened, by the event; only what is scheduled has a day of its own, which may be undone."""

_SCHEDULED: Final[Mapping[Event, str]] = {
    Event.UPGRADE: "it became larger; {what}, scheduled for {day}, was undone",
    Event.SCHEDULE: "{what} was scheduled for {day}",
    Event.UNDO: "{what}, scheduled for {day}, was undone",
    Event.RENEW: "{what} began",
}
"""What happened where it is known what was scheduled."""

_CHARGED: Final = {1: "payment by the month", 12: "payment by the year"}
_ASKED: Final = frozenset({Event.SCHEDULE, Event.UNDO})
"""Events that change nothing yet: they happened when they were asked for."""


def happened(
    event: Event, *, due_at: datetime, zone: str, scheduled: ScheduledChange | None = None
) -> str:
    """Return what happened to a plan, as a clause; with what was scheduled, where it is kept."""
    day = local_date(at=due_at if scheduled is None else scheduled.at, zone=zone)
    if scheduled is None or event not in _SCHEDULED:
        words, what = EVENTS[event], ""
    else:
        words, what = _SCHEDULED[event], _what(scheduled)
    return words.format(what=what, day=f"{day.day} {day:%B %Y}")


def happened_at(event: Event, *, due_at: datetime, changed_at: datetime) -> datetime:
    """Return when it happened: what took effect when it did, what was asked for when it was."""
    return changed_at if event in _ASKED else due_at


def _what(scheduled: ScheduledChange) -> str:
    """Return what was scheduled, as one thing."""
    if scheduled.is_end:
        return "the plan's end"
    parts = [scheduled.plan] if scheduled.plan else []
    if scheduled.months_per_charge is not None:
        parts.append(_CHARGED[scheduled.months_per_charge])
    if scheduled.zone is not None:
        parts.append(f"billing dates in {scheduled.zone}")
    if scheduled.agreed is not None:
        parts.append("agreed terms")
    *firsts, last = parts or ["new terms of the catalog"]
    return f"a change to {', '.join(firsts)}{' and ' if firsts else ''}{last}"


def date_told(at: datetime, *, zone: str) -> str:
    """Return an instant as the clocks and calendars of a zone show it."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%A}, {local.day} {local:%B %Y at %H:%M} ({zone})"


def is_clamped(*, anchor: BillingAnchor, at: datetime) -> bool:
    """Tell whether a billing date is earlier in its month than the day the plan began on."""
    return local_date(at=at, zone=anchor.zone).day < billing_day(anchor=anchor)


def why(*, anchor: BillingAnchor, at: datetime) -> str:
    """Return the reason for a billing date."""
    began, falls = local_date(at=anchor.at, zone=anchor.zone), local_date(at=at, zone=anchor.zone)
    day = _ordinal(began.day)
    reason = (
        f"Your plan was first started on {began.day} {began:%B %Y}, so it renews on the {day} of "
        f"each month, counted from that day in the zone {anchor.zone}."
    )
    if is_clamped(anchor=anchor, at=at):
        return (
            f"{reason} {falls:%B %Y} has no {day}: its last day, the {_ordinal(falls.day)}, takes "
            f"its place, and later months return to the {day}."
        )
    if began.day > _SHORTEST:
        return f"{reason} In a month without a {day} it is the month's last day."
    return reason


_SHORTEST = 28
_TEENS = range(11, 14)
_NAMED = {1: "1st", 2: "2nd", 3: "3rd"}


def _ordinal(day: int) -> str:
    named = "0th" if day in _TEENS else _NAMED.get(day % 10, "0th")
    return f"{day}{named[1:]}"
