"""Standing grants: the monthly credits of a subscription, posted when their period begins.

Each period is computed from the anchor (`domain.calendar`), so that neither downtime nor a short
month moves the next one. A period's grant has one key, of the subscription, the kind, the period
and the change of terms: it is posted once. The surprising choice: every change of terms is a
standing grant of its own, which begins where the one before ends, so that what comes after the next
billing date is known, and posted in time, before the clock has looked at the subscription.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from mutoscope.domain.calendar import start_of_period
from mutoscope.domain.lots import Source, Terms

NAMESPACE = "renewal"
StandingName = tuple[UUID, int]
"""A subscription, and the number of the change of its terms."""


class StandingGrant(NamedTuple):
    """Credits of one kind that a subscription grants at the start of each period.

    `next_index` is the first period not yet granted; `change` counts changes of terms; from
    `ends_at` on nothing more is granted. `begins_at` is when its first period begins, where the
    period before was counted in another zone: no hour is left without credits, or has them twice.
    `first_index` is the period that it began with, as its wallet keeps it.
    """

    subscription_id: UUID
    amount: int
    anchor_at: datetime
    zone: str
    next_index: int = 0
    change: int = 0
    ends_at: datetime | None = None
    begins_at: datetime | None = None
    first_index: int = 0

    def first_start(self) -> datetime:
        """Return the instant at which it begins, and the terms before it end."""
        return self._start(self.first_index)

    def next_at(self) -> datetime | None:
        """Return the instant of the next grant, or None when there is none to come."""
        starts_at = self._start(self.next_index)
        return None if self.ends_at is not None and self.ends_at <= starts_at else starts_at

    def next_key(self, *, kind: str) -> str:
        """Return the key of the next grant, unique for ever in its workspace."""
        return f"{self.subscription_id}/{kind}/{self.next_index}/{self.change}"

    def next_terms(self) -> Terms:
        """Return the terms of the next grant's lot: spendable within its period alone."""
        index = self.next_index
        starts_at, ends_at = self._start(index), self._start(index + 1)
        return Terms(Source.PLAN, starts_at, ends_at, f"{self.subscription_id}/{index}")

    def advanced(self) -> "StandingGrant":
        """Return it after its next grant was posted."""
        subscription_id, amount, anchor_at, zone, index, change, ends_at, begins_at, first = self
        return StandingGrant(
            subscription_id, amount, anchor_at, zone, index + 1, change, ends_at, begins_at, first
        )

    def granted_until(self) -> int:
        """Return the period up to which it has granted; 0 before its first grant."""
        return self.next_index if self.next_index > self.first_index else 0

    def name(self) -> "StandingName":
        """Return what it is known by in its wallet."""
        return (self.subscription_id, self.change)

    def after(self, before: "StandingGrant | None") -> "StandingGrant":
        """Return what stands when it is asked for again: a repeat grants nothing again."""
        if before is None:
            return self._replace(first_index=self.next_index)
        return self._replace(
            next_index=max(self.next_index, before.next_index), first_index=before.first_index
        )

    def ended(self, *, at: datetime) -> "StandingGrant":
        """Return it with nothing to grant from an instant on; an earlier end stays."""
        return self._replace(ends_at=at if self.ends_at is None else min(self.ends_at, at))

    def never(self) -> "StandingGrant":
        """Return it so that it ends where it begins: for a kind that new terms do not grant."""
        return self.ended(at=self._start(self.next_index))

    def _start(self, index: int) -> datetime:
        return start_of_period(self.anchor_at, self.zone, self.begins_at, index)
