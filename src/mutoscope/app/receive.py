"""Receiving payments: each counts once, for the request that it was made for (rule 5).

Invariant: a payment is claimed by its gateway's reference before anything follows from it, and what
follows is one transaction with the payment's own row; so it may be told any number of times, in any
order, by an event, a comparison of the books or a person. What does not fit is parked for staff,
and never guessed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mutoscope.app import subscribe, suspend, upgrade
from mutoscope.app.acts import NOBODYS, Act, submit_new
from mutoscope.app.billing import rows_paid
from mutoscope.app.fulfil import fulfilled, undisputed
from mutoscope.app.gateway import PaymentState
from mutoscope.app.money_back import returned
from mutoscope.domain.catalog import Fulfilment
from mutoscope.domain.credits import Refusal
from mutoscope.domain.planner import Submission
from mutoscope.domain.purchases import PurchaseState
from mutoscope.domain.subscriptions import State
from mutoscope.storage import payments, purchases, workspaces
from mutoscope.storage.journal import AWAY
from mutoscope.storage.payments import NOBODY, Payment, PaymentRequest, Purpose
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.gateway import GatewayPayment
    from mutoscope.app.studio import Studio
    from mutoscope.domain.audit import Value
    from mutoscope.domain.subscriptions import Subscription
    from mutoscope.storage.workspaces import Workspace

TRIES: Final = 5
"""How often a payment is applied anew when its matter moves on meanwhile: then it is parked."""

APPLIED: Final = "applied"
PARKED: Final = "parked"
RETURNED: Final = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came of a payment: `applied`, `parked`, `returned`, or `ignored` as it is none yet.

    `reason` says why it was not applied; `is_replay` that it was known before.
    """

    outcome: str
    payment_id: UUID | None = None
    workspace_id: UUID | None = None
    reason: str | None = None
    is_replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A payment that fits its request: `rows` are its own, and those of the act that found it."""

    payment: Payment
    workspace: Workspace
    request: PaymentRequest
    rows: tuple[SideRow, ...]
    act: Act


class PaymentDoesNotFit(Refusal):
    """A payment that cannot be used for a request; nothing can be once it `is_void`."""

    code = "payment_does_not_fit"

    def __init__(self, *, reason: str, is_void: bool = False) -> None:
        super().__init__(
            f"the payment does not fit the request ({reason.replace('_', ' ')}): use it for "
            "another one, or give it back"
        )
        self.reason = reason
        self.is_void = is_void


async def receive(
    studio: Studio, *, gateway: str, payment: GatewayPayment, act: Act = NOBODYS,
    owner: UUID = NOBODY,
) -> Received:  # fmt: skip
    """Take a payment as its gateway tells it, or as staff confirm it.

    `owner` is whose it is when it names no request of anybody: nobody's, as long as nobody knows.

    :raises DatabaseUnreachable: when the database stays away; it is told again later.
    """
    if payment.state is not PaymentState.SUCCEEDED:
        return Received(outcome="ignored", reason=payment.failure_code or payment.state.value)
    claimed = await _claimed(studio, gateway, payment, owner)
    async with studio.reading() as connection:
        if payment.customer is not None and claimed.workspace_id != NOBODY:
            await payments.keep_method(
                connection, workspace_id=claimed.workspace_id, gateway=gateway,
                customer=payment.customer, method=payment.method, at=studio.clock.now(),
            )  # fmt: skip
    for _ in range(TRIES):
        before = await _before(studio, claimed)
        if before is not None:
            return before
        try:
            return await _taken(studio, claimed, act)
        except SideRowRefused:  # its matter has moved on, or staff gave it to a workspace
            claimed = await _claimed(studio, gateway, payment, owner)
    return await _park(studio, claimed, "moved_on", act)


async def _claimed(studio: Studio, gateway: str, payment: GatewayPayment, owner: UUID) -> Payment:
    """Claim a payment for the workspace that it was made for, else for its owner."""
    at = studio.clock.now()
    async with studio.reading() as connection:
        request = None
        if payment.request_id is not None:
            request = await payments.request_of_anybody(connection, request_id=payment.request_id)
        found = Payment(
            workspace_id=owner if request is None else request.workspace_id,
            payment_id=studio.ids.new(), gateway=gateway, reference=payment.reference,
            request_id=None if request is None else request.request_id,
            amount=payment.total.amount, currency=payment.total.currency, state=PARKED,
            reason="unknown_request", refunded=0, received_at=at, settled_at=None,
        )  # fmt: skip
        workspace_id, payment_id = await payments.claim(connection, found)
    return replace(found, workspace_id=workspace_id, payment_id=payment_id)


async def _before(studio: Studio, claimed: Payment) -> Received | None:
    """Return what came of a payment that was told before."""
    try:
        async with studio.reading() as connection:
            found = await payments.payment(
                connection, workspace_id=claimed.workspace_id, payment_id=claimed.payment_id
            )
    except payments.UnknownPayment:
        return None
    return Received(
        outcome=found.state, payment_id=found.payment_id, workspace_id=found.workspace_id,
        reason=found.reason, is_replay=True,
    )  # fmt: skip


async def _taken(studio: Studio, claimed: Payment, act: Act) -> Received:
    """Apply a payment, or say why not.

    :raises SideRowRefused: when its matter has moved on meanwhile.
    """
    if claimed.request_id is None or claimed.workspace_id == NOBODY:
        return await _park(studio, claimed, "unknown_request", act)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=claimed.workspace_id)
        request = await payments.request(
            connection, workspace_id=claimed.workspace_id, request_id=claimed.request_id
        )
    if workspace.state_at(at=studio.clock.now()) is State.CLOSED and request.invoice_id is None:
        rows = returned(studio, claimed, reason="closed", at=studio.clock.now())
        told = act.telling(**_told(claimed, RETURNED, "closed"))
        await studio.journal.submit(Submission(()), side_rows=(*rows, *told))
        return _outcome(claimed, RETURNED, "closed")
    reason = _why_not(request, claimed)
    if reason is not None:
        return await _park(studio, claimed, reason, act)
    return await _applied(studio, claimed, workspace, request=request, act=act)


def _why_not(request: PaymentRequest, payment: Payment) -> str | None:
    """Return why a payment does not fit its request, if it does not."""
    if request.state == "paid":
        return "already_paid"
    if request.state == "cancelled":
        return "request_cancelled"
    if payment.currency != request.taxed.currency:
        return "other_currency"
    if payment.amount != request.money().amount:
        return "other_amount"
    return None


async def use_parked(
    studio: Studio, payment: Payment, *, before: UUID, request_id: UUID, act: Act
) -> Received:
    """Use a payment that waits for staff for an open request of the same amount.

    `before` is whose it is until then: its workspace's, or nobody's.

    :raises UnknownRequest: when its workspace has none of that id.
    :raises PaymentDoesNotFit: when the request is not open, or asks for another amount.
    :raises SideRowRefused: when somebody else decides about it at this moment, or it is disputed.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=payment.workspace_id)
        request = await payments.request(
            connection, workspace_id=payment.workspace_id, request_id=request_id
        )
    reason = _why_not(request, payment)
    if reason is not None:
        raise PaymentDoesNotFit(reason=reason)
    row = SideRow(
        payments.settle_payments,
        (before, payment.payment_id, APPLIED, request_id, at, payment.workspace_id),
    )
    rows = (row, undisputed(payment), *act.telling(**_told(payment, APPLIED, None)))
    case = _Case(payment=payment, workspace=workspace, request=request, rows=rows, act=act)
    await _CARRY_OUT[request.purpose](studio, case, at)
    return _outcome(payment, APPLIED, None)


async def _applied(
    studio: Studio, payment: Payment, workspace: Workspace, *, request: PaymentRequest, act: Act
) -> Received:
    """Carry out what a request is for, in one transaction with its payment, or park it.

    What refuses it is told to staff as the payment's reason: money is never tried for ever.

    :raises SideRowRefused: when its matter has moved on meanwhile.
    :raises Refusal: when the ledger is away, which says nothing about the payment.
    """
    at = studio.clock.now()
    applied = replace(
        payment, state=APPLIED, reason=None, settled_at=at, request_id=request.request_id
    )
    row = SideRow(payments.add_payments, applied.row())
    rows = (row, *act.telling(**_told(applied, APPLIED, None)))
    case = _Case(payment=applied, workspace=workspace, request=request, rows=rows, act=act)
    try:
        await _CARRY_OUT[request.purpose](studio, case, at)
    except PaymentDoesNotFit as unfit:
        void: tuple[SideRow, ...] = ()
        if unfit.is_void:
            cancelled = (request.workspace_id, request.request_id, at)
            void = (SideRow(payments.cancel_requests, cancelled),)
        return await _park(studio, payment, unfit.reason, act, rows=void)
    except (SideRowRefused, *AWAY):
        raise
    except Refusal as refusal:
        return await _park(studio, payment, refusal.code, act)
    return _outcome(applied, APPLIED, None)


async def _park(
    studio: Studio, payment: Payment, reason: str, act: Act, *, rows: tuple[SideRow, ...] = ()
) -> Received:
    if payment.settled_at is None:
        row = SideRow(payments.add_payments, replace(payment, reason=reason).row())
        told = act.telling(**_told(payment, PARKED, reason))
        try:
            await studio.journal.submit(Submission(()), side_rows=(row, *rows, *told))
        except SideRowRefused:
            before = await _before(studio, payment)
            if before is not None:
                return before
            raise
    return _outcome(payment, PARKED, reason)


async def _plan(studio: Studio, case: _Case, at: datetime) -> None:
    """Start the plan that was ordered; one that was started on account is paid."""
    request, wish = case.request, case.request.wish
    if "plan" not in wish:
        await _renewal(studio, case, at)
        return
    if case.workspace.state_at(at=at) not in {State.TRIAL, State.FREE, State.CANCELLED}:
        raise PaymentDoesNotFit(reason="already_subscribed")
    new = subscribe.wished(wish, gateway=request.gateway)
    begun = replace(
        subscribe.begin(studio, case.workspace, new=new, at=at),
        subscription_id=request.subject_id,
    )
    request = subscribe.of_term(studio, request, begun=begun)
    rows = _rows(studio, replace(case, request=request), at, begun)
    try:
        await subscribe.submit_start(
            studio, case.workspace, begun, rows=rows, at=at, note=case.act.note
        )
    except subscribe.AlreadySubscribed:
        raise PaymentDoesNotFit(reason="already_subscribed") from None


async def _renewal(studio: Studio, case: _Case, at: datetime) -> None:
    """Let the grants of a plan go on; of one that is over only the debt is paid."""
    await suspend.settle(studio, case.request, rows=case.rows, act=case.act, at=at)


async def _upgrade(studio: Studio, case: _Case, at: datetime) -> None:
    """Carry out an upgrade that was to be paid first; one on account is paid."""
    request, subscription = case.request, case.workspace.subscription
    if request.invoice_id is not None:
        await _renewal(studio, case, at)
        return
    if subscription is None or subscription.subscription_id != request.subject_id:
        raise PaymentDoesNotFit(reason="plan_is_over")
    if subscription.plan == request.wish["plan"]:
        raise PaymentDoesNotFit(reason="plan_is_changed")
    if not upgrade.is_still_priced(subscription, wish=request.wish, at=at):
        raise PaymentDoesNotFit(reason="period_over", is_void=True)
    rows = _rows(studio, case, at, subscription)
    await upgrade.carry_out(studio, subscription, wish=request.wish, rows=rows, at=at)


async def _purchase(studio: Studio, case: _Case, at: datetime) -> None:
    """Note that an order is paid; where no desk adds its credits, they come with it."""
    request, workspace = case.request, case.workspace
    async with studio.reading() as connection:
        purchase = await purchases.get(
            connection, workspace_id=request.workspace_id, purchase_id=request.subject_id
        )
    rows = _rows(studio, case, at, workspace.subscription)
    version = studio.catalog.version_at(at=at)
    if purchase.is_refill or version.fulfilment is Fulfilment.AUTOMATIC:
        granted, own = fulfilled(workspace, purchase, payment_id=case.payment.payment_id, at=at)
        await submit_new(studio, case.act.noted((granted,)), rows=(*own, *rows))
        return
    row = purchases.changed(purchase, replace(purchase, state=PurchaseState.PAID, paid_at=at))
    await studio.journal.submit(Submission(()), side_rows=(row, *rows))


def _rows(
    studio: Studio, case: _Case, at: datetime, subscription: Subscription | None
) -> tuple[SideRow, ...]:
    """Return the rows of a payment, and those that tell that its request is paid."""
    paid = rows_paid(
        studio, case.request, at=at, subscription=subscription, gateway=case.payment.gateway
    )
    return (*case.rows, *paid)


_CarryOut = Callable[["Studio", _Case, "datetime"], Awaitable[None]]
_CARRY_OUT: Final[Mapping[Purpose, _CarryOut]] = {
    Purpose.PLAN: _plan, Purpose.RENEWAL: _renewal, Purpose.UPGRADE: _upgrade,
    Purpose.PURCHASE: _purchase,
}  # fmt: skip


def _told(payment: Payment, outcome: str, reason: str | None) -> dict[str, Value]:
    """Return what an act of staff tells of a payment."""
    found: dict[str, Value] = {
        "payment_id": str(payment.payment_id), "outcome": outcome, "amount": payment.amount,
        "currency": payment.currency,
    }  # fmt: skip
    return found if reason is None else found | {"outcome_reason": reason}


def _outcome(payment: Payment, outcome: str, reason: str | None) -> Received:
    return Received(
        outcome=outcome, payment_id=payment.payment_id, workspace_id=payment.workspace_id,
        reason=reason,
    )  # fmt: skip
