"""Dunning: what is billed and not paid is charged again or reminded of, then suspended.

Invariant: each reminder is counted in the transaction that tells it, so that none is told twice; a
charge has a key of its attempt, so that an attempt which nobody knows the outcome of is sent again
as the same; one that is so old that its key may be forgotten is looked up before. No card is
charged inside a transaction. An order that nobody pays lapses by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from mutoscope.app.buy import cancelled
from mutoscope.app.gateway import Demand, GatewayError, PaymentState, is_forgotten
from mutoscope.app.letters import letter
from mutoscope.app.pay_links import how_to_pay
from mutoscope.app.receive import receive
from mutoscope.app.suspend import suspend
from mutoscope.domain.money import money_text
from mutoscope.domain.planner import Submission
from mutoscope.domain.subscriptions import Event, State
from mutoscope.storage import parked, payments, subscriptions, workspaces
from mutoscope.storage.payments import PaymentRequest
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.app.gateway import Gateway, GatewayPayment
    from mutoscope.app.studio import Studio
    from mutoscope.domain.catalog import Billing
    from mutoscope.domain.subscriptions import Subscription
    from mutoscope.storage.workspaces import Workspace

    _Book = dict[str, tuple[GatewayPayment, ...]]
    """What each gateway says came over it, as far as a run has asked."""

CHUNK: Final = 100
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dunned:
    """What a run did: payments that came, reminders told, plans suspended, orders lapsed."""

    paid: int = 0
    reminded: int = 0
    suspended: int = 0
    lapsed: int = 0


async def run(studio: Studio) -> Dunned:
    """Go through all that is not paid and due for a step; safe to run twice or in parallel."""
    done, reached = Dunned(), None
    book: _Book = {}
    while True:
        async with studio.reading() as connection:
            chunk = await payments.to_remind(
                connection, at=studio.clock.now(), reached=reached, size=CHUNK
            )
        for request in chunk:
            done = await _step(studio, request, done, book)
        if not chunk:
            return replace(done, lapsed=await _lapse_orders(studio))
        reached = chunk[-1]


async def _step(studio: Studio, request: PaymentRequest, done: Dunned, book: _Book) -> Dunned:
    try:
        if await _collected(studio, request, book):
            return replace(done, paid=done.paid + 1)
        if await _remind(studio, request):
            return replace(done, suspended=done.suspended + 1)
        return replace(done, reminded=done.reminded + 1)
    except SideRowRefused:
        return done  # paid, or reminded of by another run, in the meantime
    except GatewayError as error:
        _log.warning("payment_in_doubt", request_id=str(request.request_id), code=error.code)
        return done  # nobody knows: the same attempt is made again


async def _collected(studio: Studio, request: PaymentRequest, book: _Book) -> bool:
    """Charge the means of payment that the workspace has left; tell whether it paid."""
    if not studio.can_charge(request.gateway):
        return False
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=request.workspace_id)
        kept = await payments.method(
            connection, workspace_id=request.workspace_id, gateway=request.gateway
        )
    if kept is None or kept[1] is None:
        return False
    demand = Demand(
        request_id=request.request_id, workspace_id=request.workspace_id, total=request.money(),
        title=request.title, email=workspace.email, customer=kept[0], keeps_method=True,
    )  # fmt: skip
    gateway = studio.gateways[request.gateway]
    paid = await _paid_before(studio, gateway, request, book) or await gateway.charge(
        demand=demand, method=kept[1], key=request.attempt(f"{request.reminders + 1}")
    )
    if paid.state is not PaymentState.SUCCEEDED:
        return False
    await receive(studio, gateway=request.gateway, payment=paid)
    return True


async def _paid_before(
    studio: Studio, gateway: Gateway, request: PaymentRequest, book: _Book
) -> GatewayPayment | None:
    """Return what has paid a request by an attempt whose key may be forgotten.

    A gateway's book is read once a run: the first request that asks is the one that waits longest.
    """
    since = request.remind_at
    if since is None or not is_forgotten(studio.clock.now() - since):
        return None
    if request.gateway not in book:
        book[request.gateway] = await gateway.payments(since=since)
    for paid in book[request.gateway]:
        if paid.request_id == request.request_id and paid.state is PaymentState.SUCCEEDED:
            return paid
    return None


async def _remind(studio: Studio, request: PaymentRequest) -> bool:
    """Tell that a request is not paid, or suspend when the grace days are over; tell which.

    The days count from the first reminder, so that nobody is suspended for a clock that slept.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=request.workspace_id)
    subscription = workspace.subscription
    if subscription is None or subscription.subscription_id != request.subject_id:
        return await _told(studio, (_counted(request, next_at=None),))
    if subscription.state_at(at=at) not in {State.ACTIVE, State.PAST_DUE}:
        return await _told(studio, (_counted(request, next_at=None),))
    billing = studio.catalog.version_at(at=at).billing
    missed_at = subscription.past_due_at or at
    ends_at = billing.suspends_at(missed_at=missed_at)
    if request.reminders and at >= ends_at:
        await _suspended(studio, request, workspace, subscription)
        return True
    next_at = _next_reminder(billing, missed_at, ends_at, at=at)
    mail = await _reminder(studio, request, workspace, ends_at=ends_at)
    rows = (_counted(request, next_at=next_at), *letter(studio, workspace, *mail))
    if subscription.state is State.PAST_DUE:
        return await _told(studio, rows)
    missed = replace(subscription.moved(event=Event.MISS), past_due_at=at)
    row = subscriptions.changed(
        subscription, missed, event=Event.MISS, due_at=request.due_at, at=at
    )
    return await _told(studio, (row, *rows))


async def _told(studio: Studio, rows: tuple[SideRow, ...]) -> bool:
    await studio.journal.submit(Submission(()), side_rows=rows)
    return False


async def _suspended(
    studio: Studio, request: PaymentRequest, workspace: Workspace, subscription: Subscription
) -> None:
    at = studio.clock.now()
    subject = "Your plan is suspended"
    body = (
        f"{request.title} comes to {_amount(request)} and is still not paid. Your work stays; "
        f"new jobs wait until it is paid. {await how_to_pay(studio, request, at=at)}"
    )
    rows = (_counted(request, next_at=None), *letter(studio, workspace, subject, body))
    await suspend(studio, subscription, rows=rows, at=at)


def _next_reminder(
    billing: Billing, missed_at: datetime, ends_at: datetime, *, at: datetime
) -> datetime:
    """Return when the next step is due: a reminder still to come, or the end of the grace days."""
    days = (missed_at + timedelta(days=each) for each in sorted(billing.reminder_days))
    return next((each for each in days if at < each < ends_at), ends_at)


def _counted(request: PaymentRequest, *, next_at: datetime | None) -> SideRow:
    row = (request.workspace_id, request.request_id, request.reminders + 1, next_at)
    return SideRow(payments.remind_requests, row)


async def _reminder(
    studio: Studio, request: PaymentRequest, workspace: Workspace, *, ends_at: datetime
) -> tuple[str, str]:
    came = await _came(studio, request)
    paying = await how_to_pay(studio, request, at=studio.clock.now())
    subject = f"Please pay {request.title}"
    body = (
        f"{request.title} of {workspace.name} comes to {_amount(request)} and is not paid. {came}"
        f"{paying}\n"
        f"Without a payment the plan is suspended on {ends_at:%d %B %Y}."
    )
    return subject, body


def _amount(request: PaymentRequest) -> str:
    """Return what is to be paid, and that some of it was credited."""
    money = request.money()
    told = money_text(money.amount, money.currency)
    if not request.credited:
        return told
    return f"{told} (after a credit of {money_text(request.credited, money.currency)})"


async def _came(studio: Studio, request: PaymentRequest) -> str:
    """Return a sentence about money that came for a request and waits for staff, if any did."""
    async with studio.reading() as connection:
        waiting = await parked.of_requests(
            connection, workspace_id=request.workspace_id, requests=[request.request_id]
        )
    sums = ", ".join(money_text(each.amount, each.currency) for each in waiting)
    return f"{sums} came for it, does not fit, and waits for our staff. " if sums else ""


async def _lapse_orders(studio: Studio) -> int:
    """Cancel orders that nobody has paid for so many days as the catalog says, or in their term."""
    at = studio.clock.now()
    days = studio.catalog.version_at(at=at).billing.order_days
    async with studio.reading() as connection:
        old = await payments.orders_to_lapse(
            connection, at=at, before=at - timedelta(days=days), size=CHUNK
        )
    lapsed = 0
    for request in old:
        try:
            await studio.journal.submit(Submission(()), side_rows=await _lapse(studio, request))
        except SideRowRefused:
            continue  # paid in the meantime
        lapsed += 1
    return lapsed


async def _lapse(studio: Studio, request: PaymentRequest) -> tuple[SideRow, ...]:
    return await cancelled(studio, request, at=studio.clock.now())
