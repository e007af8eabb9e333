"""Caps: how many credits a member, or a project, may use in a billing period.

What was used is what holds, charges and metered use took in the period, less what came back of it,
whenever it came. The surprising choice: a workspace without a plan has periods, too, the months of
its zone's calendar, counted from the month in which it was opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mutoscope.domain.calendar import BillingAnchor, Period, local_date, period_at
from mutoscope.domain.credits import Refusal
from mutoscope.domain.instants import told

if TYPE_CHECKING:
    from uuid import UUID


class Subject(StrEnum):
    """Whose use is capped."""

    MEMBER = "member"
    PROJECT = "project"


class CapExceeded(Refusal):
    """A use that, with what was used in the period, is more than a member or project may."""

    code = "cap_exceeded"

    def __init__(self, *, standing: CapStanding, required: int) -> None:
        super().__init__(
            f"{required} {standing.kind} credits are needed and this {standing.subject} may use "
            f"{standing.remaining} more of {standing.cap} until "
            f"{told(standing.period.ends_at)}: ask an owner to raise the cap"
        )
        self.subject = str(standing.subject)
        self.subject_id = standing.subject_id
        self.kind = standing.kind
        self.cap = standing.cap
        self.used = standing.used
        self.required = required
        self.remaining = standing.remaining
        self.period_ends_at = standing.period.ends_at
        self.may_raise = "owner"


class UnknownCap(Refusal):
    """A member or project that has no cap on a kind of credit."""

    code = "unknown_cap"

    def __init__(self, *, subject: Subject, subject_id: UUID, kind: str) -> None:
        super().__init__(
            f"the {subject} {subject_id} has no cap on {kind} credits: the list has all caps"
        )
        self.subject = str(subject)
        self.subject_id = subject_id
        self.kind = kind


class UnknownKind(Refusal):
    """A kind of credit that the catalog does not have."""

    code = "unknown_kind"

    def __init__(self, *, kind: str, kinds: Iterable[str]) -> None:
        super().__init__(f"there are no {kind[:40]} credits: take one of {', '.join(kinds)}")
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class CapStanding:
    """A cap, and what was used of it in a billing period."""

    subject: Subject
    subject_id: UUID
    kind: str
    cap: int
    used: int
    period: Period

    @property
    def remaining(self) -> int:
        """Return what may still be used; 0 when the cap was lowered below what is used."""
        return max(0, self.cap - self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """By what the billing periods of a workspace are counted: its plan's anchor, or its opening."""

    opened_at: datetime
    zone: str
    plan: BillingAnchor | None

    def anchor(self, *, at: datetime) -> BillingAnchor:
        """Return the anchor of the period that an instant lies in."""
        if self.plan is not None and at >= self.plan.at:
            return self.plan
        return month_anchor(at=min(at, self.opened_at), zone=self.zone)

    def period(self, *, at: datetime) -> Period:
        """Return the billing period that an instant lies in."""
        return period_at(anchor=self.anchor(at=at), at=at)


def month_anchor(*, at: datetime, zone: str) -> BillingAnchor:
    """Return the beginning of the month that a zone's calendar shows at an instant.

    :raises UnknownZone: when the zone is not in the database.
    """
    shown = local_date(at=at, zone=zone)
    begins_at = datetime(shown.year, shown.month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return BillingAnchor(at=begins_at, zone=zone)
