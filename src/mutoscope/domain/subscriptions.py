"""Subscriptions: the states of a workspace's plan as data, and what holds of one at an instant.

Invariant: a state changes only as `TRANSITIONS` allows, and what is scheduled takes effect at its
instant whether or not the clock has looked at it by then. The surprising choice: trial and free
are states too, of a workspace that has no subscription, so that one table tells the whole life.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from mutoscope.domain.agreed import NO_OFFERS, Agreed, OwnOffers
from mutoscope.domain.calendar import BillingAnchor, Period, period, period_at, period_start
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Money


class State(StrEnum):
    """Where a workspace stands with its plan."""

    TRIAL = "trial"
    FREE = "free"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    CLOSED = "closed"


class Event(StrEnum):
    """What changes a subscription, or would."""

    START = "start"
    UPGRADE = "upgrade"
    SCHEDULE = "schedule"
    UNDO = "undo"
    AGREE = "agree"
    RENEW = "renew"
    MISS = "miss"
    PAY = "pay"
    SUSPEND = "suspend"
    END = "end"
    LAPSE = "lapse"
    CLOSE = "close"


_ = State
HAS_PLAN: Final = (_.ACTIVE, _.PAST_DUE, _.SUSPENDED)
"""States in which a plan runs, paid or not."""

_HAS_NONE: Final = (_.TRIAL, _.FREE, _.CANCELLED)

TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = {
    **{(state, Event.START): _.ACTIVE for state in _HAS_NONE},
    (_.TRIAL, Event.LAPSE): _.FREE,
    **{(_.ACTIVE, event): _.ACTIVE for event in (Event.UPGRADE, Event.SCHEDULE, Event.UNDO)},
    **{(_.PAST_DUE, event): _.PAST_DUE for event in (Event.SCHEDULE, Event.UNDO)},
    **{(state, Event.AGREE): state for state in (_.ACTIVE, _.PAST_DUE)},
    **{(state, Event.RENEW): state for state in (_.ACTIVE, _.PAST_DUE)},
    **{(state, Event.PAY): _.ACTIVE for state in HAS_PLAN},
    (_.ACTIVE, Event.MISS): _.PAST_DUE,
    (_.PAST_DUE, Event.SUSPEND): _.SUSPENDED,
    **{(state, Event.END): _.CANCELLED for state in HAS_PLAN},
    **{(state, Event.CLOSE): _.CLOSED for state in (*_HAS_NONE, *HAS_PLAN)},
}
"""Which event leads from which state to which; what is not here is refused."""

MAY_SPEND: Final = frozenset({_.TRIAL, _.FREE, _.ACTIVE, _.PAST_DUE})
"""States in which new jobs may begin; open ones run on in any. A free workspace has no credits."""

_REMEDIES: Final = {
    _.TRIAL: "start a plan first",
    _.FREE: "start a plan first",
    _.ACTIVE: "nothing has to be done",
    _.PAST_DUE: "pay the open invoice first",
    _.SUSPENDED: "pay the open invoice first, or start anew after the plan has ended",
    _.CANCELLED: "start a plan: it begins a new billing date",
    _.CLOSED: "the account is closed for ever: open another workspace",
}


class NotInThisState(Refusal):
    """Something that cannot be done to a workspace's plan as it stands."""

    code = "not_in_this_state"

    def __init__(self, *, event: str, state: str) -> None:
        super().__init__(
            f"a workspace that is {state.replace('_', ' ')} cannot {event.replace('_', ' ')}: "
            f"{_REMEDIES[State(state)]}"
        )
        self.event = event
        self.state = state


class MayNotSpend(Refusal):
    """A job of a workspace whose plan is suspended, over or closed."""

    code = "may_not_spend"

    def __init__(self, *, state: str) -> None:
        super().__init__(
            f"a workspace that is {state.replace('_', ' ')} makes nothing new: "
            f"{_REMEDIES[State(state)]}"
        )
        self.state = state


def after(*, state: State, event: Event) -> State:
    """Return the state that an event leads to.

    :raises NotInThisState: when the event is not possible in the state.
    """
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise NotInThisState(event=event, state=state)
    return found


class RenewalGrant(StrEnum):
    """When a renewal grants its credits: once it is paid, or at its date, on account."""

    WHEN_PAID = "when_paid"
    WHEN_DUE = "when_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """What begins on a billing date, at `at`: a plan, its months a charge, the zone, new terms."""

    at: datetime
    plan: str
    months_per_charge: int
    zone: str
    agreed: Agreed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """The plan of a workspace; `anchor_at` is the day it was first started, in its zone.

    `allowances` are monthly credits by kind, as they are granted. `price` is a charge's where it
    was agreed; None: the catalog's. `offers` are sold to it alone. Period `charge_index` is charged
    next, at `charge_at`; those before `paid_index` are paid. From `cancels_at` on there is no plan.
    `change` counts changes of terms, `revision` all changes.
    """

    workspace_id: UUID
    subscription_id: UUID
    plan: str
    version: str
    anchor_at: datetime
    zone: str
    begins_at: datetime | None
    months_per_charge: int
    state: State
    change: int
    revision: int
    allowances: Mapping[str, int]
    price: Money | None
    can_purchase: bool
    gateway: str
    renewal_grant: RenewalGrant
    charge_index: int
    charge_at: datetime | None
    paid_index: int
    scheduled: Scheduled | None
    cancels_at: datetime | None
    past_due_at: datetime | None
    suspended_at: datetime | None
    ends_at: datetime | None
    offers: OwnOffers = NO_OFFERS

    def anchor(self) -> BillingAnchor:
        """Return what its periods are counted from."""
        return BillingAnchor(at=self.anchor_at, zone=self.zone, begins_at=self.begins_at)

    def start(self, *, index: int) -> datetime:
        """Return the instant at which a period begins."""
        return period_start(anchor=self.anchor(), index=index)

    def period_at(self, *, at: datetime) -> Period:
        """Return the period that contains an instant.

        :raises NotStarted: when it lies before the first.
        """
        return period_at(anchor=self.anchor(), at=at)

    def period(self, *, index: int) -> Period:
        """Return a period."""
        return period(anchor=self.anchor(), index=index)

    def term_start(self) -> int:
        """Return the index of the period with which the term that runs was charged."""
        return self.charge_index - self.months_per_charge

    def plan_at(self, *, at: datetime) -> str:
        """Return the plan at an instant, what is scheduled for it included."""
        scheduled = self.scheduled
        return scheduled.plan if scheduled is not None and scheduled.at <= at else self.plan

    def state_at(self, *, at: datetime) -> State:
        """Return the state at an instant, an end that is scheduled for it included."""
        if self.ends_at is not None or (self.cancels_at is not None and self.cancels_at <= at):
            return State.CANCELLED
        return self.state

    def changes_at(self) -> datetime | None:
        """Return when its end, or else what is scheduled, takes effect; None when nothing does."""
        return self.cancels_at or (None if self.scheduled is None else self.scheduled.at)

    def has_agreed_terms(self) -> bool:
        """Tell whether what is scheduled was agreed with staff."""
        return self.scheduled is not None and self.scheduled.agreed is not None

    def next_look(self) -> datetime:
        """Return when the clock has to look at it next: a charge, or what is scheduled."""
        charge_at = self.start(index=self.charge_index)
        return charge_at if self.scheduled is None else min(charge_at, self.scheduled.at)

    def paid_until(self) -> datetime | None:
        """Return until when its grants are paid for; None where they come on account."""
        if self.renewal_grant is RenewalGrant.WHEN_DUE:
            return None
        return self.start(index=self.paid_index)

    def next_granted(self, *, at: datetime) -> int:
        """Return the first period whose grants are to come, or wait to be paid."""
        index = self.period_at(at=at).index + 1
        is_waiting = self.renewal_grant is RenewalGrant.WHEN_PAID
        return min(self.paid_index, index) if is_waiting else index

    def grants_until(self) -> datetime | None:
        """Return the instant from which nothing is granted as things stand, or None."""
        ends = [each for each in (self.paid_until(), self.cancels_at, self.ends_at) if each]
        return min(ends) if ends else None

    def moved(self, *, event: Event) -> "Subscription":
        """Return it in the state that an event leads to.

        :raises NotInThisState: when the event is not possible.
        """
        return replace(self, state=after(state=self.state, event=event))
