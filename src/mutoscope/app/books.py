"""The books of a span of days as double-entry transactions, one for each fact.

Invariant: at the start of the day after the span the accounts hold what `app.finance.deferred`
tells of that instant, and the text says so in assertions of its own. Days that have not come hold
nothing. What happened before the span is one opening transaction. The surprising choice: a payment
goes through receivables, and credits that are taken back through what is owed, because each side of
such a pair is a fact of its own.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from mutoscope.app.books_credits import lot_transactions
from mutoscope.app.books_money import (
    Drawer,
    back_transactions,
    order_transactions,
    payment_transactions,
    release_transactions,
    request_transactions,
)
from mutoscope.app.finance import (
    AWAITING,
    CREDITS,
    PLANS,
    Deferred,
    Holdings,
    deferred_of,
    last_instant,
    reached,
    snapshot,
    without_credits,
)
from mutoscope.domain.beancount import (
    Assertion,
    Books,
    Fact,
    Leg,
    Transaction,
    account_name,
    micros_leg,
    money_leg,
)
from mutoscope.domain.calendar import local_date
from mutoscope.domain.credits import Refusal
from mutoscope.storage import finance
from mutoscope.storage.finance import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection
    from mutoscope.storage.finance import (
        Cost,
        LotMove,
        MoneyBack,
        PaidLots,
        PaidOrder,
        PaidRequest,
        Payment,
    )

OPENING: Final = "Equity:Opening"
ITEMS: Final = {
    PLANS: "Liabilities:Deferred:Plans",
    CREDITS: "Liabilities:Deferred:Credits",
    AWAITING: "Liabilities:Deferred:Awaiting",
}
_INSTANT: Final = timedelta(microseconds=1)


class BadDays(Refusal):
    """Days of which no books can be written."""

    code = "bad_days"

    def __init__(self, *, first_on: date, until_on: date) -> None:
        super().__init__(
            f"there is no day from {first_on} and before {until_on}: let the first day be earlier"
        )
        self.first_on = str(first_on)
        self.until_on = str(until_on)


class Days(NamedTuple):
    """Days of a zone's calendar, without the last one named."""

    first_on: date
    until_on: date
    zone: str

    def span(self) -> Span:
        """Return the same days as instants."""
        return Span(self._start(self.first_on), self._start(self.until_on))

    def _start(self, day: date) -> datetime:
        return datetime.combine(day, time(), tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


class _Facts(NamedTuple):
    """All that was read, up to the end of the span."""

    requests: Sequence[PaidRequest]
    backs: Sequence[MoneyBack]
    payments: Sequence[Payment]
    orders: Sequence[PaidOrder]
    lots: PaidLots
    moves: Sequence[LotMove]
    costs: Sequence[Cost]


async def books(studio: Studio, *, days: Days) -> Books:
    """Return the books of some days.

    :raises BadDays: when there is no day among them.
    :raises UnknownZone: when the zone is not in the zone database.
    """
    local_date(at=studio.clock.now(), zone=days.zone)  # refuses an unknown zone
    if days.first_on >= days.until_on:
        raise BadDays(first_on=days.first_on, until_on=days.until_on)
    async with snapshot(studio) as connection:
        span = reached(days.span(), await last_instant(studio, connection))
        facts = await _facts(connection, span)
    told = list(_transactions(facts, days, span))
    earlier = [each for each in told if each.fact.at < span.starts_at]
    later = [each for each in told if each.fact.at >= span.starts_at]
    opening = _opening(earlier, days, span.starts_at)
    return Books(
        title="Mutoscope",
        first_on=days.first_on,
        transactions=[*opening, *later],
        assertions=tuple(_assertions(_deferred(facts, span.ends_at - _INSTANT), days)),
    )


async def _facts(connection: Connection, span: Span) -> _Facts:
    last = span.ends_at - _INSTANT
    return _Facts(
        requests=await finance.paid_requests(connection, at=last),
        backs=await finance.money_back(connection, at=last),
        payments=await finance.payments(connection, at=last),
        orders=await finance.orders(connection, at=last),
        lots=await finance.paid_lots(connection, span=span),
        moves=[move async for move in finance.lot_moves(connection, span=span)],
        costs=await finance.costs(connection, ends_at=span.ends_at),
    )


def _transactions(facts: _Facts, days: Days, span: Span) -> Iterator[Transaction]:
    drawer = Drawer(zone=days.zone, ends_at=span.ends_at)
    plans = finance.paid_plans(facts.requests, facts.backs)
    yield from request_transactions(drawer, facts.requests)
    yield from payment_transactions(drawer, facts.payments)
    yield from back_transactions(drawer, facts.backs, facts.requests)
    yield from order_transactions(drawer, facts.orders, facts.lots.after)
    yield from release_transactions(drawer, plans, span)
    yield from lot_transactions(drawer, *facts.lots, facts.moves)
    yield from _cost_transactions(drawer, facts.costs)


def _cost_transactions(drawer: Drawer, costs: Iterable[Cost]) -> Iterator[Transaction]:
    for cost in costs:
        yield Transaction(
            fact=Fact(cost.ended_at, f"cost {cost.job_id}/{cost.ordinal}"),
            on=drawer.day(cost.ended_at),
            text=f"{cost.provider} made {cost.tool}",
            legs=(
                micros_leg(account_name("Expenses", "Providers", cost.provider), cost.cost_micros),
                micros_leg(account_name("Liabilities", "Providers"), -cost.cost_micros),
            ),
            links=(f"job-{cost.job_id}",),
            notes=(("workspace", str(cost.workspace_id)), ("attempt", str(cost.ordinal))),
        )


def _opening(
    earlier: Iterable[Transaction], days: Days, starts_at: datetime
) -> Iterator[Transaction]:
    """Yield what assets and liabilities held at the beginning; income until then is equity."""
    sums: dict[tuple[str, str, int], int] = defaultdict(int)
    for transaction in earlier:
        for account, amount, currency, digits in transaction.legs:
            is_kept = account.startswith(("Assets", "Liabilities"))
            sums[account if is_kept else OPENING, currency, digits] += amount
    legs = tuple(
        Leg(account, amount, currency, digits)
        for (account, currency, digits), amount in sorted(sums.items())
        if amount
    )
    if legs:
        fact = Fact(starts_at - _INSTANT, "opening")
        yield Transaction(fact=fact, on=days.first_on, text="Opening balances", legs=legs)


def _deferred(facts: _Facts, at: datetime) -> Deferred:
    plans = finance.paid_plans(facts.requests, facts.backs)
    lots = facts.lots.after
    held = Holdings(plans, lots, without_credits(facts.orders, lots))
    return deferred_of(held, at=at)


def _assertions(told: Deferred, days: Days) -> Iterator[Assertion]:
    for row in told.rows:
        leg = money_leg(ITEMS[row.item], -row.deferred, row.currency)
        yield Assertion(days.until_on, leg.account, leg.amount, leg.currency, leg.digits)
