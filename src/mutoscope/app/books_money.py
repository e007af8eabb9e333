"""Money as transactions: what was asked and paid, what came and went back, and what plans earned.

Invariant: each function returns balanced transactions at the instants of their facts, from the
first on; who writes books takes those of a span.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from mutoscope.domain.beancount import Fact, Leg, Transaction, account_name, money_leg
from mutoscope.domain.calendar import local_date
from mutoscope.domain.deferred import PaidPlan, net_of, plan_value
from mutoscope.storage.finance import PURCHASE, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mutoscope.storage.finance import MoneyBack, PaidLot, PaidOrder, PaidRequest, Payment

AWAITING: Final = "Liabilities:Deferred:Awaiting"
DEFERRED_PLANS: Final = "Liabilities:Deferred:Plans"
ELSEWHERE: Final = "Assets:Elsewhere"
REFUNDS: Final = "Liabilities:Refunds"
RECEIVABLES: Final = "Assets:Receivables"
TAX: Final = "Liabilities:Tax"
UNAPPLIED: Final = "Liabilities:Unapplied"
_INSTANT: Final = timedelta(microseconds=1)


class Drawer(NamedTuple):
    """What every transaction needs: the zone of its date, and the end of the books."""

    zone: str
    ends_at: datetime

    def day(self, at: datetime) -> date:
        """Return the date of an instant."""
        return local_date(at=at, zone=self.zone)


def request_transactions(drawer: Drawer, requests: Iterable[PaidRequest]) -> Iterator[Transaction]:
    """Yield what was paid: the net price is deferred, the tax is owed; what was credited is not."""
    for each in requests:
        account = AWAITING if each.purpose == PURCHASE else DEFERRED_PLANS
        due = each.net + each.tax - each.credited
        net = each.net - net_of(net=each.net, tax=each.tax, amount=each.credited)
        yield Transaction(
            fact=Fact(each.paid_at, f"request {each.request_id}"),
            on=drawer.day(each.paid_at),
            text=each.title,
            legs=_legs(
                money_leg(RECEIVABLES, due, each.currency),
                money_leg(account, -net, each.currency),
                money_leg(TAX, net - due, each.currency),
            ),
            links=(f"request-{each.request_id}",),
            notes=(("workspace", str(each.workspace_id)), ("purpose", each.purpose)),
        )


def payment_transactions(drawer: Drawer, payments: Iterable[Payment]) -> Iterator[Transaction]:
    """Yield money that came, and then what it was used for, or that it went back."""
    for each in payments:
        yield _payment(drawer, each, each.received_at, "came", _bank(each.gateway), UNAPPLIED)
        settled_at = each.settled_at
        if settled_at is None or settled_at >= drawer.ends_at:
            continue
        if each.state == "applied":
            yield _payment(drawer, each, settled_at, "was used", UNAPPLIED, RECEIVABLES)
        elif each.state == "returned" and not each.backs:
            yield _payment(drawer, each, settled_at, "went back", UNAPPLIED, _bank(each.gateway))


def back_transactions(
    drawer: Drawer, backs: Iterable[MoneyBack], requests: Iterable[PaidRequest]
) -> Iterator[Transaction]:
    """Yield money that went back: of a plan's price, of credits that were taken back, or unused.

    The net part is reckoned of all that went back of a request so far, so that roundings do not
    add up.
    """
    paid = {(each.workspace_id, each.request_id): each for each in requests}
    so_far = {name: each.credited for name, each in paid.items()}
    for back in backs:
        request = paid.get((back.workspace_id, back.request_id)) if back.request_id else None
        debits = _unused(back)
        if request is not None:
            name = (request.workspace_id, request.request_id)
            debits = _given_back(request, so_far[name], so_far[name] + back.amount)
            so_far[name] += back.amount
        text = "The bank took money back" if back.is_dispute else "Money went back"
        text = text if back.amount > 0 else "Money that went back came again"
        yield Transaction(
            fact=Fact(back.at, f"back {back.name}"),
            on=drawer.day(back.at),
            text=text if request is None else f"{text}: {request.title}",
            legs=_legs(*debits, money_leg(_bank(back.gateway), -back.amount, back.currency)),
            links=(f"payment-{back.payment_id}",),
            notes=(("workspace", str(back.workspace_id)), ("back", back.name)),
        )


def order_transactions(
    drawer: Drawer, orders: Sequence[PaidOrder], lots: Iterable[PaidLot]
) -> Iterator[Transaction]:
    """Yield grants of paid lots, and purchases that ended before their credits were granted."""
    waiting = {
        (order.workspace_id, str(order.purchase_id), order.currency): order for order in orders
    }
    for lot in sorted(lots, key=lambda lot: (lot.granted_at, lot.workspace_id, lot.kind, lot.lot)):
        order = waiting.pop((lot.workspace_id, lot.reference or "", lot.currency), None)
        yield _granted(drawer, lot, order)
    for order in waiting.values():
        if order.ended_at is not None and order.ended_at < drawer.ends_at:
            yield Transaction(
                fact=Fact(order.ended_at, f"ended {order.purchase_id}"),
                on=drawer.day(order.ended_at),
                text=f"{order.credits:,} {order.kind} credits were not granted",
                legs=_legs(
                    money_leg(AWAITING, order.net, order.currency),
                    money_leg(REFUNDS, -order.net, order.currency),
                ),
                links=(f"request-{order.request_id}", f"purchase-{order.purchase_id}"),
                notes=(("workspace", str(order.workspace_id)),),
            )


def release_transactions(
    drawer: Drawer, plans: Iterable[PaidPlan], span: Span
) -> Iterator[Transaction]:
    """Yield what plans earned until the span, and at the end of each of its months and of itself.

    What is earned until the span is told as of its last instant before.
    """
    ends = [span.starts_at, *_month_ends(span, drawer.zone)]
    for plan in plans:
        before = 0
        for end in ends:
            at = end - _INSTANT
            recognised = plan_value(plan, at=at).recognised
            if recognised != before:
                yield Transaction(
                    fact=Fact(at, f"release {plan.request_id}"),
                    on=drawer.day(at),
                    text=f"Earned: {plan.title}",
                    legs=(
                        money_leg(DEFERRED_PLANS, recognised - before, plan.currency),
                        money_leg("Income:Plans", before - recognised, plan.currency),
                    ),
                    links=(f"request-{plan.request_id}",),
                    notes=(("workspace", str(plan.workspace_id)),),
                )
            before = recognised


def _month_ends(span: Span, zone: str) -> Iterator[datetime]:
    """Yield the ends of the months in a span, and its own."""
    first = local_date(at=span.starts_at, zone=zone)
    year, month = first.year, first.month
    while True:
        year, month = year + month // 12, month % 12 + 1
        end = datetime(year, month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        if end >= span.ends_at:
            break
        yield end
    yield span.ends_at


def _payment(
    drawer: Drawer, payment: Payment, at: datetime, verb: str, *accounts: str
) -> Transaction:
    debit, credit = accounts
    return Transaction(
        fact=Fact(at, f"payment {payment.payment_id} {verb}"),
        on=drawer.day(at),
        text=f"Money {verb}",
        legs=_legs(
            money_leg(debit, payment.amount, payment.currency),
            money_leg(credit, -payment.amount, payment.currency),
        ),
        links=(f"payment-{payment.payment_id}",),
        notes=(("workspace", str(payment.workspace_id)),),
    )


def _granted(drawer: Drawer, lot: PaidLot, order: PaidOrder | None) -> Transaction:
    awaited = order.net if order is not None else 0
    links = () if order is None else (f"request-{order.request_id}",)
    return Transaction(
        fact=Fact(lot.granted_at, f"grant {lot.workspace_id}/{lot.kind}/{lot.lot}"),
        on=drawer.day(lot.granted_at),
        text=f"{lot.use.granted:,} {lot.kind} credits were granted",
        legs=_legs(
            money_leg(AWAITING, awaited, lot.currency),
            money_leg(ELSEWHERE, lot.use.paid - awaited, lot.currency),
            money_leg("Liabilities:Deferred:Credits", -lot.use.paid, lot.currency),
        ),
        links=(*links, f"lot-{lot.workspace_id}/{lot.kind}/{lot.lot}"),
        notes=(("workspace", str(lot.workspace_id)), ("reference", lot.reference or "")),
    )


def _unused(back: MoneyBack) -> tuple[Leg, ...]:
    return (money_leg(UNAPPLIED, back.amount, back.currency),)


def _given_back(request: PaidRequest, before: int, after: int) -> tuple[Leg, ...]:
    """Return what money that went back lessens; beyond what was paid there is no tax in it."""
    total = request.net + request.tax
    within = min(after, total) - min(before, total)
    net = net_of(net=request.net, tax=request.tax, amount=after) - net_of(
        net=request.net, tax=request.tax, amount=before
    )
    account = REFUNDS if request.purpose == PURCHASE else DEFERRED_PLANS
    return (
        money_leg(account, net, request.currency),
        money_leg(TAX, within - net, request.currency),
        money_leg(REFUNDS, after - before - within, request.currency),
    )


def _bank(gateway: str) -> str:
    return account_name("Assets", "Bank" if gateway == "manual" else gateway)


def _legs(*legs: Leg) -> tuple[Leg, ...]:
    """Return the legs that move something."""
    return tuple(leg for leg in legs if leg.amount)
