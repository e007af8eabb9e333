"""Starting a plan: the billing date is fixed, the trial ends, the first credits are granted.

Staff start it on account, or its first payment does (`app.receive`). The subscription, the end of
the trial, the first period's grants, the thaw of purchased credits and the invoice are one
transaction; later periods are granted by what is due on the wallet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.agree import check_open
from mutoscope.app.billing import (
    Bill,
    asked,
    billed,
    rows_on_account,
    rows_to_pay_first,
)
from mutoscope.app.demo import gateway_in, require_charged
from mutoscope.app.packs import thaws
from mutoscope.app.repeats import once
from mutoscope.app.terms import (
    MONTHS,
    NAMESPACE,
    charge_line,
    charge_of,
    monthly,
    standing,
)
from mutoscope.domain import actions as ask
from mutoscope.domain.agreed import Agreed
from mutoscope.domain.audit import Value
from mutoscope.domain.calendar import BillingAnchor
from mutoscope.domain.credits import Refusal, checked_key
from mutoscope.domain.instants import told
from mutoscope.domain.lots import Source
from mutoscope.domain.offers import Money
from mutoscope.domain.planner import KeyReused, Submission
from mutoscope.domain.requests import Request, checked
from mutoscope.domain.subscriptions import Event, State, Subscription, after
from mutoscope.storage import payments, subscriptions, workspaces
from mutoscope.storage.payments import PaymentRequest, Purpose
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.requests import Note
    from mutoscope.storage.workspaces import Workspace

BACKDATED_MAX: Final = timedelta(days=366)
"""How far staff may set a plan's beginning back, for what was agreed before it was typed in."""


class AlreadySubscribed(Refusal):
    """A second plan for a workspace that has one."""

    code = "already_subscribed"

    def __init__(self, *, plan: str) -> None:
        super().__init__(f"the workspace has the plan {plan}: end it before another is started")
        self.plan = plan


class NotVerified(Refusal):
    """A plan for a person whose address is not proven."""

    code = "not_verified"

    def __init__(self) -> None:
        super().__init__("the e-mail address is not verified: enter the code that was sent first")


class PlanIsFree(Refusal):
    """A plan that is to be paid first, at a price of nothing."""

    code = "plan_is_free"

    def __init__(self, *, plan: str) -> None:
        super().__init__(f"{plan} costs nothing as agreed: start it on account, without a payment")
        self.plan = plan


class BadStart(Refusal):
    """A plan's beginning in the future, too long ago, or before the end of the plan before it."""

    code = "bad_start"

    def __init__(self, *, anchor_at: datetime, earliest_at: datetime) -> None:
        super().__init__(
            f"a plan cannot begin at {told(anchor_at)}: name an instant from {told(earliest_at)} "
            "until now"
        )
        self.anchor_at = anchor_at
        self.earliest_at = earliest_at


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """What is to be started: `agreed` has the monthly credits where the plan leaves them open.

    `price` is what a charge costs where staff agreed on one. With `anchor_at` the plan began
    earlier: its billing date is that day's, and the period that runs is granted. `version` is the
    catalog's that was quoted, where it is not the current one.
    """

    plan: str
    is_annual: bool = False
    agreed: Mapping[str, int] = field(default_factory=dict)
    price: Money | None = None
    can_purchase: bool = False
    gateway: str = "manual"
    anchor_at: datetime | None = None
    version: str | None = None


async def start_plan(
    studio: Studio, *, workspace_id: UUID, plan: str, is_annual: bool = False,
    agreed: Mapping[str, int] | None = None, price: Money | None = None,
) -> Workspace:  # fmt: skip
    """Start a plan now, on account, at the catalog's terms and those that were agreed.

    :raises Refusal: as `start_on_account`.
    """
    new = NewPlan(plan=plan, is_annual=is_annual, agreed=agreed or {}, price=price)
    return await start_on_account(studio, workspace_id=workspace_id, new=new)


async def start_on_account(
    studio: Studio, *, workspace_id: UUID, new: NewPlan, act: Act = NOBODYS
) -> Workspace:
    """Start a plan now; its first term is invoiced, to be paid within the catalog's days.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises UnknownPlan: when the catalog has no such plan.
    :raises AlreadySubscribed: when it has a plan.
    :raises NotVerified: when the person has not proven the address.
    :raises NotInThisState: when the workspace is closed.
    :raises AllowanceNotAgreed: when the plan leaves credits open that `agreed` does not set.
    :raises PriceNotAgreed: when the plan leaves its price open that `price` does not set.
    :raises NotToBeAgreed: when the catalog sets for everybody what was agreed.
    :raises BadAmount: when what was agreed is no amount.
    :raises BadStart: when it is to begin in the future, too long ago, or in the plan before it.
    """
    at = studio.clock.now()
    workspace = await startable(studio, workspace_id=workspace_id)
    begun = begin(studio, workspace, new=new, at=at)
    bill = first_bill(studio, begun, key=f"start/{begun.subscription_id}")
    rows: tuple[SideRow, ...] = ()
    charged: dict[str, Value] = {}
    if bill is not None:
        request = await asked(studio, bill, at=at)
        rows = rows_on_account(
            studio, request, subscription=begun, is_due_now=studio.can_charge(begun.gateway)
        )
        charged = {"total": request.taxed.total, "currency": request.taxed.currency}
    told = act.telling(subscription_id=str(begun.subscription_id), **charged)
    return await submit_start(studio, workspace, begun, rows=(*rows, *told), at=at, note=act.note)


async def startable(studio: Studio, *, workspace_id: UUID) -> Workspace:
    """Return a workspace in which a plan may be started.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotVerified: when the person has not proven the address.
    :raises AlreadySubscribed: when it has a plan.
    :raises NotInThisState: when it is closed.
    """
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    if workspace.verified_at is None:
        raise NotVerified
    at = studio.clock.now()
    state = workspace.state_at(at=at)
    if workspace.subscription is not None and state is not State.CLOSED:
        raise AlreadySubscribed(plan=workspace.subscription.plan)
    after(state=state, event=Event.START)
    return workspace


def begin(studio: Studio, workspace: Workspace, *, new: NewPlan, at: datetime) -> Subscription:
    """Return the subscription that a plan begins.

    :raises Refusal: as `start_on_account`.
    """
    anchor_at = new.anchor_at or at
    earliest_at = max(at - BACKDATED_MAX, workspace.plan_ended_at or at - BACKDATED_MAX)
    if not earliest_at <= anchor_at <= at:
        raise BadStart(anchor_at=anchor_at, earliest_at=earliest_at)
    catalog = studio.catalog
    version = catalog.version(key=new.version) if new.version else catalog.version_at(at=at)
    agreed = Agreed(allowances=new.agreed, price=new.price, can_purchase=new.can_purchase or None)
    check_open(version=version, plan=new.plan, agreed=agreed)
    months, gateway = MONTHS[new.is_annual], gateway_in(workspace, gateway=new.gateway)
    anchor = BillingAnchor(at=anchor_at, zone=workspace.zone)
    begun = Subscription(
        workspace_id=workspace.workspace_id, subscription_id=studio.ids.new(), plan=new.plan,
        version=version.key, anchor_at=anchor.at, zone=workspace.zone, begins_at=None,
        months_per_charge=months, state=State.ACTIVE, change=0, revision=0,
        allowances=monthly(version=version, plan=new.plan, agreed=new.agreed), price=new.price,
        can_purchase=new.can_purchase, gateway=gateway,
        renewal_grant=studio.renewal_grant(gateway, version), charge_index=0, charge_at=None,
        paid_index=0, scheduled=None, cancels_at=None, past_due_at=None, suspended_at=None,
        ends_at=None,
    )  # fmt: skip
    return _charged_first(begun, at=at)


async def submit_start(
    studio: Studio, workspace: Workspace, begun: Subscription, *, rows: tuple[SideRow, ...],
    at: datetime, note: Note | None = None,
) -> Workspace:  # fmt: skip
    """Write a subscription with its grants and rows, all of it or nothing.

    Other orders of a plan that nobody has paid end with it: paid later, they would start nothing.

    :raises AlreadySubscribed: when another start was first.
    """
    index = begun.period_at(at=at).index
    requests = (
        *_ends_of_trial(studio, workspace, begun, at=at),
        *standing(begun, next_index=index),
        *await thaws(studio, workspace_id=begun.workspace_id, key=f"start/{begun.subscription_id}"),
    )
    row = subscriptions.added(
        begun, event=Event.START, before=workspace.state_at(at=at), at=at
    )  # fmt: skip
    try:
        await studio.journal.submit(
            Submission(tuple(checked(each._replace(note=note)) for each in requests)),
            side_rows=(row, *rows, *await _ends_of_orders(studio, begun, at=at)),
        )
    except SideRowRefused:  # another start was first, or what it is paid by has changed
        found = await _read(studio, begun.workspace_id)
        if found.subscription is None:
            raise
        raise AlreadySubscribed(plan=found.subscription.plan) from None
    return await _read(studio, begun.workspace_id)


async def order_plan(
    studio: Studio, *, workspace_id: UUID, new: NewPlan, key: str, act: Act = NOBODYS
) -> PaymentRequest:
    """Ask for a plan's first payment; the plan starts when it is confirmed. A repeat is the same.

    It begins when it is paid, whatever `anchor_at` says.

    :raises DemoWorkspace: when nothing is charged in the workspace.
    :raises PlanIsFree: when the agreed price is nothing.
    :raises Refusal: as `start_on_account`.
    """
    request_key = order_key(key)
    made = await once(  # also when it is paid, and the plan runs
        before=partial(billed, studio, workspace_id=workspace_id, request_key=request_key),
        make=partial(_order, studio, workspace_id, new, request_key, act=act),
    )
    return _same(made, new, key)


async def _order(
    studio: Studio, workspace_id: UUID, new: NewPlan, request_key: str, *, act: Act
) -> PaymentRequest:
    at = studio.clock.now()
    workspace = await startable(studio, workspace_id=workspace_id)
    require_charged(workspace)
    begun = begin(studio, workspace, new=new, at=at)
    bill = first_bill(studio, begun, key=request_key)
    if bill is None:
        raise PlanIsFree(plan=new.plan)
    wish = {**_terms(new), "version": begun.version}
    request = await asked(studio, replace(bill, wish=wish), at=at)
    told = act.telling(request_id=str(request.request_id), plan=new.plan)
    rows = (*rows_to_pay_first(studio, request), *told)
    await studio.journal.submit(Submission(()), side_rows=rows)
    return request


def wished(wish: Mapping[str, Any], *, gateway: str) -> NewPlan:
    """Return the plan that was ordered, with its version and all that was agreed for it."""
    price = wish.get("price")
    return NewPlan(
        plan=wish["plan"], is_annual=wish["is_annual"], version=wish["version"], gateway=gateway,
        agreed=wish.get("agreed", {}), can_purchase=wish.get("can_purchase", False),
        price=None if price is None else Money(**price),
    )  # fmt: skip


def _terms(new: NewPlan) -> dict[str, Any]:
    """Return what is ordered as plain data."""
    return {
        "plan": new.plan, "is_annual": new.is_annual, "agreed": dict(new.agreed),
        "can_purchase": new.can_purchase, "price": None if new.price is None else asdict(new.price),
    }  # fmt: skip


def order_key(key: str) -> str:
    """Return the key under which an order's payment is asked for.

    :raises BadKey: when it cannot stand in the journal.
    """
    return f"order/{checked_key(key)}"


def trial_key(begun: Subscription, kind: str) -> str:
    """Return the key of the ledger's line on which the trial's credits of a kind end."""
    return f"{begun.subscription_id}/{kind}/trial"


def first_bill(studio: Studio, begun: Subscription, *, key: str) -> Bill | None:
    """Return the bill of a subscription's first term; None when it costs nothing.

    :raises PriceNotAgreed: when the plan leaves its price open, and none was agreed.
    """
    version = studio.catalog.version(key=begun.version)
    price = charge_of(version=version, subscription=begun)
    if price is None or not price.amount:
        return None
    term = replace(begun, charge_index=begun.term_start())
    line = charge_line(version=version, subscription=term, amount=price.amount)
    return Bill(
        workspace_id=begun.workspace_id, key=key, purpose=Purpose.PLAN,
        subject_id=begun.subscription_id, gateway=begun.gateway, title=line.text, lines=(line,),
        currency=price.currency,
    )  # fmt: skip


def of_term(studio: Studio, request: PaymentRequest, *, begun: Subscription) -> PaymentRequest:
    """Return an order that is paid, its lines telling the term that begins with the payment."""
    bill = first_bill(studio, begun, key=request.request_key)
    assert bill is not None, "an order is never free"
    return replace(request, lines=bill.lines)


def _charged_first(begun: Subscription, *, at: datetime) -> Subscription:
    """Return a subscription whose running term is charged; what is charged on account counts."""
    months = begun.months_per_charge
    index = (begun.period_at(at=at).index // months + 1) * months
    return replace(begun, charge_index=index, charge_at=begun.start(index=index), paid_index=index)


def _ends_of_trial(
    studio: Studio, workspace: Workspace, begun: Subscription, *, at: datetime
) -> tuple[Request, ...]:
    if workspace.trial_ends_at is None:
        return ()
    return tuple(
        Request(workspace.workspace_id, allowance.kind, NAMESPACE,
                trial_key(begun, allowance.kind), ask.Expire(Source.TRIAL))
        for allowance in studio.catalog.version_at(at=at).trial.allowances
    )  # fmt: skip


async def _ends_of_orders(
    studio: Studio, begun: Subscription, *, at: datetime
) -> tuple[SideRow, ...]:
    """Return the rows that cancel open orders of a plan, but the one that begins."""
    async with studio.reading() as connection:
        found = await payments.open_requests(connection, workspace_id=begun.workspace_id)
    return tuple(
        SideRow(payments.cancel_requests, (each.workspace_id, each.request_id, at))
        for each in found
        if each.purpose is Purpose.PLAN and each.invoice_id is None
        and each.subject_id != begun.subscription_id
    )  # fmt: skip


def _same(request: PaymentRequest, new: NewPlan, key: str) -> PaymentRequest:
    if {**_terms(new), "version": request.wish["version"]} != request.wish:
        raise KeyReused(namespace="order", key=key)
    return request


async def _read(studio: Studio, workspace_id: UUID) -> Workspace:
    async with studio.reading() as connection:
        return await workspaces.get(connection, workspace_id=workspace_id)
