"""The books: credits outstanding, deferred revenue, and what a month earned and cost.

Invariant: nothing here moves a credit. A fact belongs to the instant at which it was written, so a
month that is over keeps its figures whatever is written later: what took effect in it and was
written after it counts where it was written. Every report tells the difference of two instants, or
one, and no instant that has not come: a month that runs tells what is earned so far. Amounts are
never added up across currencies.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from mutoscope.app.margin import MICROS_A_CENT, ToolMonth, tool_months
from mutoscope.domain.calendar import YEAR_MAX, YEAR_MIN, local_date
from mutoscope.domain.credits import Refusal
from mutoscope.domain.deferred import PaidPlan, lot_value, plan_value
from mutoscope.storage import finance
from mutoscope.storage.finance import PaidLot, PaidOrder, Span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection

AGE_DAYS: Final = (30, 90, 180, 365)
"""Where the age bands begin, but for the first; an age is counted from the grant's writing."""

BANDS: Final = ("0-29 days", "30-89 days", "90-179 days", "180-364 days", "365 days and more")
MONTHS: Final = 12
FINAL_AFTER: Final = timedelta(minutes=10)
"""How long after its end a month may still get entries that were under way."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)
PLANS: Final = "plans"
CREDITS: Final = "credits"
AWAITING: Final = "awaiting"
USD: Final = "USD"


class BadMonth(Refusal):
    """A month that no books are kept of."""

    code = "bad_month"

    def __init__(self, *, year: int, month: int) -> None:
        super().__init__(
            f"there is no month {year}-{month:02}: write one from {YEAR_MIN}-01 to {YEAR_MAX}-12"
        )
        self.year = year
        self.month = month


@dataclass(frozen=True, slots=True, kw_only=True)
class OutstandingRow:
    """Credits left of lots of one kind and source, paid for or not, in one age band."""

    kind: str
    source: str
    is_paid: bool
    age: str
    available: int
    frozen: int
    held: int
    lots: int

    @property
    def credits(self) -> int:
        """Return all of them."""
        return self.available + self.frozen + self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """The credits outstanding at an instant, or now where that has not come."""

    at: datetime
    rows: tuple[OutstandingRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferredRow:
    """What was paid in one currency for plans, for credits, or for credits that are not granted.

    paid = recognised + breakage + taken_back + deferred; `count` is of payments or lots. Credits
    that never will be granted are taken back.
    """

    currency: str
    item: str
    count: int
    paid: int
    recognised: int
    breakage: int
    taken_back: int
    deferred: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """The deferred revenue at an instant, or now where that has not come."""

    at: datetime
    rows: tuple[DeferredRow, ...]

    def balance(self, currency: str, item: str) -> int:
        """Return what is deferred in a currency for one of the items."""
        names = (currency, item)
        return sum(row.deferred for row in self.rows if (row.currency, row.item) == names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue:
    """What a month earned in one currency, tax excluded, and what it deferred before and after.

    deferred_before + sold - total - taken_back = deferred_after.
    """

    currency: str
    plans: int
    credits: int
    breakage: int
    sold: int
    taken_back: int
    deferred_before: int
    deferred_after: int

    @property
    def total(self) -> int:
        """Return all that was earned."""
        return self.plans + self.credits + self.breakage


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What a month earned and cost; final figures stay as they are for ever.

    They are told up to `reached_at`, without it: the end of the month, or now while it runs.
    `margin_micros` is the revenue in US dollars less all that providers charged.
    """

    year: int
    month: int
    zone: str
    starts_at: datetime
    ends_at: datetime
    reached_at: datetime
    is_final: bool
    revenue: tuple[Revenue, ...]
    tools: tuple[ToolMonth, ...]
    cost_micros: int
    margin_micros: int


class Holdings(NamedTuple):
    """All that was paid for up to an instant; the orders are those without credits."""

    plans: Sequence[PaidPlan]
    lots: Sequence[PaidLot]
    orders: Sequence[PaidOrder]


@asynccontextmanager
async def snapshot(studio: Studio) -> AsyncIterator[Connection]:
    """Borrow a connection whose readings all see one state of the database."""
    async with (
        studio.reading() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def outstanding(studio: Studio, *, at: datetime) -> Outstanding:
    """Return the credits that were granted and were neither spent nor over at an instant."""
    async with snapshot(studio) as connection:
        at = min(at, await last_instant(studio, connection))
        found = await finance.left_credits(connection, at=at, days=AGE_DAYS)
    rows = tuple(
        OutstandingRow(
            kind=each.kind, source=each.source, is_paid=each.is_paid, age=BANDS[each.age],
            available=each.available, frozen=each.frozen, held=each.held, lots=each.lots,
        )
        for each in found
    )  # fmt: skip
    return Outstanding(at=at, rows=rows)


async def deferred(studio: Studio, *, at: datetime) -> Deferred:
    """Return what was paid up to an instant, by what had become of it."""
    async with snapshot(studio) as connection:
        at = min(at, await last_instant(studio, connection))
        told_at = at + _INSTANT
        _, held = await holdings(connection, span=Span(told_at, told_at))
    return deferred_of(held, at=at)


async def month(studio: Studio, *, year: int, month: int, zone: str) -> Month:
    """Return what a month of a zone's calendar earned and cost.

    :raises BadMonth: when there is no such month.
    :raises UnknownZone: when the zone is not in the zone database.
    """
    asked = month_span(year=year, month=month, zone=zone)
    async with snapshot(studio) as connection:
        span = reached(asked, await last_instant(studio, connection))
        before, after = await holdings(connection, span=span)
        uses = await finance.tool_uses(connection, span=span, before=before.lots)
        costs = await finance.tool_costs(connection, span=span)
    revenue = _revenue(
        deferred_of(before, at=span.starts_at - _INSTANT),
        deferred_of(after, at=span.ends_at - _INSTANT),
    )
    cost_micros = sum(each.cost_micros for each in costs)
    earned = sum(each.total for each in revenue if each.currency == USD)
    return Month(
        year=year, month=month, zone=zone, starts_at=asked.starts_at, ends_at=asked.ends_at,
        reached_at=span.ends_at,
        is_final=studio.clock.now() >= asked.ends_at + FINAL_AFTER, revenue=revenue,
        tools=tool_months(uses=uses, costs=costs), cost_micros=cost_micros,
        margin_micros=earned * MICROS_A_CENT - cost_micros,
    )  # fmt: skip


def month_span(*, year: int, month: int, zone: str) -> Span:
    """Return a month of a zone's calendar, in UTC.

    :raises BadMonth: when there is no such month.
    :raises UnknownZone: when the zone is not in the zone database.
    """
    if not (YEAR_MIN < year < YEAR_MAX and 1 <= month <= MONTHS):
        raise BadMonth(year=year, month=month)
    local_date(at=datetime(year, month, 1, tzinfo=UTC), zone=zone)  # refuses an unknown zone
    years, following = divmod(month, MONTHS)
    return Span(
        datetime(year, month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC),
        datetime(year + years, following + 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC),
    )


async def last_instant(studio: Studio, connection: Connection) -> datetime:
    """Return the last instant that reports tell of: now, or that of the last fact.

    A fact lies ahead where it was written by a clock that goes ahead.
    """
    written_at = await finance.last_written(connection)
    return max(studio.clock.now(), written_at or EPOCH)


def reached(span: Span, last_at: datetime) -> Span:
    """Return the part of a span up to an instant, that instant included."""
    ends_at = min(span.ends_at, last_at + _INSTANT)
    return Span(min(span.starts_at, ends_at), ends_at)


async def holdings(connection: Connection, *, span: Span) -> tuple[Holdings, Holdings]:
    """Return all that was paid for before a span, and by its end."""
    last = span.ends_at - _INSTANT
    lots = await finance.paid_lots(connection, span=span)
    requests = await finance.paid_requests(connection, at=last)
    plans = finance.paid_plans(requests, await finance.money_back(connection, at=last))
    orders = await finance.orders(connection, at=last)
    earlier = [each for each in plans if each.paid_at < span.starts_at]
    ordered = [each for each in orders if each.paid_at < span.starts_at]
    return (
        Holdings(earlier, lots.before, without_credits(ordered, lots.before)),
        Holdings(plans, lots.after, without_credits(orders, lots.after)),
    )


def without_credits(orders: Iterable[PaidOrder], lots: Iterable[PaidLot]) -> tuple[PaidOrder, ...]:
    """Return the purchases that are paid and of which no lot was granted."""
    granted = {(lot.workspace_id, lot.reference, lot.currency) for lot in lots}
    return tuple(
        order
        for order in orders
        if (order.workspace_id, str(order.purchase_id), order.currency) not in granted
    )


def deferred_of(held: Holdings, *, at: datetime) -> Deferred:
    """Return what had become of holdings by an instant, by currency and item."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 6)
    for plan in held.plans:
        value = plan_value(plan, at=at)
        parts = (1, plan.net, value.recognised, 0, value.refunded, value.deferred)
        _add(sums[plan.currency, PLANS], parts)
    for lot in held.lots:
        _add(sums[lot.currency, CREDITS], (1, lot.use.paid, *lot_value(lot.use)))
    for order in held.orders:
        back = order.net if order.ended_at is not None and order.ended_at <= at else 0
        _add(sums[order.currency, AWAITING], (1, order.net, 0, 0, back, order.net - back))
    names = ("count", "paid", "recognised", "breakage", "taken_back", "deferred")
    return Deferred(
        at=at,
        rows=tuple(
            DeferredRow(currency=currency, item=item, **dict(zip(names, parts, strict=True)))
            for (currency, item), parts in sorted(sums.items())
        ),
    )


def _add(sums: list[int], parts: tuple[int, ...]) -> None:
    for place, part in enumerate(parts):
        sums[place] += part


def _revenue(before: Deferred, after: Deferred) -> tuple[Revenue, ...]:
    earned: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for sign, told in ((-1, before), (1, after)):
        for row in told.rows:
            found = earned[row.currency]
            found[row.item] += sign * row.recognised
            for name in ("paid", "breakage", "taken_back"):
                found[name] += sign * getattr(row, name)
            found[f"deferred {sign}"] += row.deferred
    return tuple(
        Revenue(
            currency=currency, plans=found[PLANS], credits=found[CREDITS],
            breakage=found["breakage"], sold=found["paid"], taken_back=found["taken_back"],
            deferred_before=found["deferred -1"], deferred_after=found["deferred 1"],
        )
        for currency, found in sorted(earned.items())
    )  # fmt: skip
