"""What is scheduled for a plan, beside what it is now: the part of it that is to change.

The surprising choice: it is kept with each change of the plan, since a subscription has one thing
scheduled at a time, and forgets it once it has begun or was taken back.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mutoscope.domain.agreed import Agreed
from mutoscope.domain.subscriptions import Event, Scheduled, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledChange:
    """What changes of a plan at an instant: its end, or what is not None; nothing of it: the terms.

    `agreed` was agreed with staff. Without any of it the plan's terms in the catalog change then.
    """

    at: datetime
    is_end: bool = False
    plan: str | None = None
    months_per_charge: int | None = None
    zone: str | None = None
    agreed: Agreed | None = None


def scheduled_change(
    before: Subscription, after: Subscription, *, event: Event
) -> ScheduledChange | None:
    """Return what an event has scheduled; of any other, what was scheduled until it and is not now.

    That has begun with it, or was taken back by it.
    """
    if event is Event.SCHEDULE:
        return _only_of(after, other=before)
    return _only_of(before, other=after)


def _only_of(subscription: Subscription, *, other: Subscription) -> ScheduledChange | None:
    """Return what is scheduled for a subscription and not for another edition of it."""
    if subscription.cancels_at is not None and other.cancels_at is None:
        return ScheduledChange(at=subscription.cancels_at, is_end=True)
    if subscription.scheduled is not None and other.scheduled is None:
        return _changing(subscription, subscription.scheduled)
    return None


def _changing(now: Subscription, scheduled: Scheduled) -> ScheduledChange:
    def changed(name: str) -> Any:  # noqa: ANN401 -- of the field that is named
        then = getattr(scheduled, name)
        return None if then == getattr(now, name) else then

    return ScheduledChange(
        at=scheduled.at, plan=changed("plan"), zone=changed("zone"), agreed=scheduled.agreed,
        months_per_charge=changed("months_per_charge"),
    )  # fmt: skip
