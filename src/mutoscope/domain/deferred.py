"""Deferred revenue: what of a payment is earned by an instant, and what is still owed for it.

Owns the arithmetic of a lot that was paid for and of a plan's invoice lines. The invariant: paid =
recognised + breakage + taken back + deferred, at every instant and after every sequence of events,
and none of them is negative. The surprising choice: values follow from how much was captured, ended
and voided so far, never from what was booked before, so that no rounding can add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

_DAY = timedelta(days=1)


class LotUse(NamedTuple):
    """What was paid for a lot, and where its credits went so far.

    `captured` is net of refunds; `ended` has what expired and what was forfeited. The rest of
    `granted` is still there to be used.
    """

    paid: int
    granted: int
    captured: int
    ended: int
    voided: int


class LotValue(NamedTuple):
    """A lot's price by what became of it, in minor units."""

    recognised: int
    breakage: int
    taken_back: int
    deferred: int

    def less(self, before: "LotValue") -> "LotValue":
        """Return what has changed since an earlier value."""
        return LotValue(*(now - then for now, then in zip(self, before, strict=True)))


NOTHING = LotValue(0, 0, 0, 0)


class Back(NamedTuple):
    """Money of a payment that went back, tax included, and when."""

    at: datetime
    amount: int


class PaidLine(NamedTuple):
    """A net line of what was paid, with the half-open span that it pays for, if it has one."""

    amount: int
    starts_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPlan:
    """A request of money for a plan that was paid; `backs` are in the order of their instants."""

    workspace_id: UUID
    request_id: UUID
    title: str
    currency: str
    net: int
    tax: int
    lines: tuple[PaidLine, ...]
    paid_at: datetime
    backs: tuple[Back, ...] = ()


class PlanValue(NamedTuple):
    """A plan's net price by what became of it, in minor units."""

    recognised: int
    refunded: int
    deferred: int


def part_of(*, paid: int, credits_used: int, granted: int) -> int:
    """Return the part of a price that some of its credits are worth, rounded down."""
    return paid * credits_used // granted


def lot_value(use: LotUse) -> LotValue:
    """Return what a lot's price has become.

    Each part is rounded down. When nothing is left in the lot, the rest of at most two minor units
    is breakage, so that what was captured is worth the same to its tool and in the books.
    """
    paid, granted, captured, ended, voided = use
    recognised, breakage, taken_back = (
        part_of(paid=paid, credits_used=part, granted=granted) for part in use[2:]
    )
    rest = paid - recognised - breakage - taken_back
    if captured + ended + voided < granted:
        return LotValue(recognised, breakage, taken_back, rest)
    return LotValue(recognised, breakage + rest, taken_back, 0)


def spread(line: PaidLine, *, at: datetime) -> int:
    """Return what a line has earned by an instant, by whole days, rounded towards zero.

    A line without a span is earned at once. A day is 24 hours from the span's start; an hour that
    the clocks skip or repeat does not make a day more or less.
    """
    if line.starts_at is None or line.ends_at is None or at >= line.ends_at:
        return line.amount
    days = max(1, (line.ends_at - line.starts_at + _DAY / 2) // _DAY)
    gone = min(max(0, (at - line.starts_at) // _DAY), days)
    earned = abs(line.amount) * gone // days
    return earned if line.amount >= 0 else -earned


def net_of(*, net: int, tax: int, amount: int) -> int:
    """Return the net part of money that went back in all, rounded down; the rest is tax."""
    total = net + tax
    return net * min(amount, total) // total if total else 0


def plan_value(plan: PaidPlan, *, at: datetime) -> PlanValue:
    """Return what a plan's price has become by an instant; nothing before it is paid.

    What goes back is taken from the end of the span: revenue goes on by time until it meets what
    was kept.
    """
    if at < plan.paid_at:
        return PlanValue(0, 0, 0)
    back = sum(each.amount for each in plan.backs if each.at <= at)
    refunded = net_of(net=plan.net, tax=plan.tax, amount=back)
    unlisted = plan.net - sum(line.amount for line in plan.lines)
    earned = unlisted + sum(spread(line, at=at) for line in plan.lines)
    recognised = min(max(0, earned), plan.net - refunded)
    return PlanValue(recognised, refunded, plan.net - refunded - recognised)


def summed(values: Sequence[LotValue]) -> LotValue:
    """Return some values, part by part, as one."""
    return LotValue(*map(sum, zip(*values, strict=True))) if values else NOTHING
