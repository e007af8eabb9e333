"""Lives of customers: what each does on a day of the business demo, drawn from a seed.

Owns the habits of customers and of the staff who serve them. Invariant: every act goes through the
same use cases as the API; a refusal is a fact of life that is counted, never an error. The
surprising choice: customers live side by side, as in the world, so that what they do meets in the
ledger's transactions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.app import (
    buy,
    change_plan,
    disputes,
    money_back,
    pay_links,
    promo,
    sign_up,
    subscribe,
    suspend,
    upgrade,
)
from mutoscope.app.buy import Wish
from mutoscope.app.confirm import confirm_payment
from mutoscope.app.fulfil import add_credits
from mutoscope.app.gateway import GatewayDispute, GatewayError
from mutoscope.app.studio import MANUAL
from mutoscope.app.subscribe import NewPlan
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Money
from mutoscope.domain.planner import Submission
from mutoscope.domain.purchases import PurchaseState
from mutoscope.domain.requests import Request
from mutoscope.domain.subscriptions import State
from mutoscope.storage import desk, payments, purchases, workspaces
from mutoscope.storage.payments import PaymentRequest
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    import httpx

    from mutoscope.app.studio import Studio
    from mutoscope.bootstrap import House

STRIPE: Final = "stripe"
CODE: Final = "SPRING"
PLANS: Final = ("essential", "essential", "pro", "pro", "unlimited")
ZONES: Final = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
    "America/Sao_Paulo", "Pacific/Apia",
)  # fmt: skip
CARDS: Final = (
    *("4242424242424242",) * 6, "4000000000000341", "4000000000000259", "4000000000005126",
)  # fmt: skip
"""Good cards mostly; one is declined later, one is disputed, one's refunds fail."""

CALL_FAULTS: Final = (
    "http500_on_create_but_task_created", "drop_connection_after_accept", "rate_limited"
)  # fmt: skip
HOOK_FAULTS: Final = (
    "duplicate_webhook", "webhook_after_its_successor", "dropped_webhook",
    "webhook_again_with_another_id", "webhook_bad_signature",
)  # fmt: skip
DAY: Final = timedelta(days=1)
OFTEN: Final = 0.9
RARELY: Final = 0.02


def happens(chance: Random, share: float) -> bool:
    """Tell whether something happens that does so with a share of its chances."""
    return chance.random() < share


@dataclass(slots=True, kw_only=True)
class Customer:
    """One customer: its habits, and what became of it."""

    number: int
    chance: Random
    gateway: str
    plan: str
    is_annual: bool
    zone: str
    joins_on: datetime
    card: str
    pays_after_days: int
    stops_paying_on: datetime | None
    workspace_id: UUID | None = None
    acts: int = 0

    def key(self) -> str:
        """Return a key that it has not used before."""
        self.acts += 1
        return f"c{self.number}-{self.acts}"


@dataclass(slots=True, kw_only=True)
class Town:
    """The house, its customers, and what has happened so far."""

    house: House
    client: httpx.AsyncClient
    customers: tuple[Customer, ...]
    chance: Random
    seen: Counter[str] = field(default_factory=Counter)

    def studio_of(self, customer: Customer) -> Studio:
        """Return the studio as a customer meets it: with its own way of paying."""
        return replace(self.house.studio, gateway=customer.gateway)

    async def trouble(self, name: str) -> None:
        """Let a fault befall the next call to the simulated Stripe, or its next event."""
        asked = {"provider": STRIPE, "outcome": name, "n": 1}
        answer = await self.client.post("/_sim/next", json=asked)
        assert answer.is_success, answer.text
        self.seen[f"fault: {name}"] += 1

    async def control(self, path: str, **asked: object) -> dict[str, Any]:
        """Do at the simulated Stripe what payers, banks and its dashboard would do."""
        answer = await self.client.post(path, json=asked)
        found: dict[str, Any] = answer.json()
        return found


async def live(town: Town, customer: Customer) -> None:
    """Let a customer live a day."""
    studio = town.studio_of(customer)
    if studio.clock.now() < customer.joins_on:
        return
    if customer.workspace_id is None:
        await _tried(town, "joined", _join(town, customer))
        return
    await _pay_bills(town, customer)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=customer.workspace_id)
    state = workspace.state_at(at=studio.clock.now())
    chance = customer.chance.random()
    for share, name, act in HABITS[state]:
        if chance < share:
            await _tried(town, name, act(town, customer))
            return
        chance -= share


async def serve(town: Town) -> None:
    """Let the staff work: add what is paid, send refunds, decide what is parked."""
    studio = town.house.studio
    async with studio.reading() as connection:
        waiting = await purchases.waiting(connection, limit=500)
        asked = await purchases.asked_refunds(connection, limit=500)
    for purchase, _ in waiting:
        await _tried(town, "credits added", add_credits(
            studio, workspace_id=purchase.workspace_id, purchase_id=purchase.purchase_id
        ))  # fmt: skip
    for refund in asked:
        async with studio.reading() as connection:
            payment = await payments.payment(
                connection, workspace_id=refund.workspace_id, payment_id=refund.payment_id
            )
        if payment.gateway == MANUAL:
            await _tried(town, "refund sent", money_back.confirm(
                studio, workspace_id=refund.workspace_id, refund_id=refund.refund_id,
                is_sent=happens(town.chance, OFTEN),
            ))  # fmt: skip


async def _tried(town: Town, name: str, act: Awaitable[object]) -> None:
    """Count what was done, or why it was refused."""
    try:
        await act
    except (Refusal, GatewayError) as refusal:
        town.seen[f"refused: {refusal.code}"] += 1
    else:
        town.seen[name] += 1


async def _join(town: Town, customer: Customer) -> None:
    studio = town.studio_of(customer)
    opened = await sign_up.create(
        studio, name=f"Customer {customer.number}", zone=customer.zone,
        email=f"customer{customer.number}@example.com",
    )  # fmt: skip
    customer.workspace_id = opened.workspace_id
    await _start(town, customer)
    if customer.gateway == MANUAL or happens(customer.chance, OFTEN):
        row = SideRow(
            desk.enable_purchases, (opened.workspace_id, customer.plan, studio.clock.now())
        )
        try:
            await studio.journal.submit(Submission(()), side_rows=(row,))
        except SideRowRefused:
            town.seen["enabled later"] += 1


async def _start(town: Town, customer: Customer) -> None:
    """Start a plan: on account, or by a first payment."""
    studio, whose = town.studio_of(customer), _whose(customer)
    new = NewPlan(plan=customer.plan, is_annual=customer.is_annual, gateway=customer.gateway)
    if customer.gateway == MANUAL:
        await subscribe.start_on_account(studio, workspace_id=whose, new=new)
        return
    request = await subscribe.order_plan(studio, workspace_id=whose, new=new, key=customer.key())
    await _pay(town, customer, request)


async def _pay_bills(town: Town, customer: Customer) -> None:
    """Pay what is open, when the customer is one who pays, and as late as it does."""
    studio = town.studio_of(customer)
    at = studio.clock.now()
    if customer.stops_paying_on is not None and at >= customer.stops_paying_on:
        return
    async with studio.reading() as connection:
        bills = await payments.open_requests(connection, workspace_id=_whose(customer))
    for bill in bills:
        is_kept_card = bill.invoice_id is not None and customer.gateway == STRIPE
        patience = timedelta(days=customer.pays_after_days + (3 if is_kept_card else 0))
        if at >= bill.created_at + patience:
            await _tried(town, "bill paid", _pay(town, customer, bill))


async def _pay(town: Town, customer: Customer, bill: PaymentRequest) -> None:
    """Pay a bill, sometimes twice, sometimes with the wrong amount."""
    studio = town.studio_of(customer)
    if bill.gateway == STRIPE:
        checkout = await pay_links.checkout(studio, bill)
        await town.control("/stripe/_sim/pay", session=checkout.reference, card=customer.card)
        return
    is_short = happens(customer.chance, RARELY)
    told = f"transfer {bill.request_id} {customer.acts if is_short else ''}"
    for _ in range(customer.chance.choice((1, 1, 1, 2, 3))):
        await confirm_payment(
            studio, workspace_id=bill.workspace_id, request_id=bill.request_id, reference=told,
            amount=bill.taxed.total - 1 if is_short else None,
        )  # fmt: skip


async def _spend(town: Town, customer: Customer) -> None:
    """Spend on a job: hold, then settle for less or more of it."""
    studio, whose, key = town.studio_of(customer), _whose(customer), customer.key()
    kind = customer.chance.choice(("video", "video", "image"))
    amount = customer.chance.choice((1, 5, 25, 50, 80, 250))
    deadline_at = studio.clock.now() + timedelta(hours=1)
    hold = Request(whose, kind, "api", f"hold/{key}", ask.Hold(amount, deadline_at))
    await studio.journal.submit(Submission((hold,)))
    if happens(customer.chance, RARELY):
        return  # the worker was killed: the deadline gives the hold back
    captured = amount if happens(customer.chance, OFTEN) else customer.chance.randrange(amount)
    settle = ask.Settle(ask.Reference("api", f"hold/{key}"), captured)
    await studio.journal.submit(Submission((Request(whose, kind, "api", f"settle/{key}", settle),)))


async def _buy(town: Town, customer: Customer) -> None:
    wish = customer.chance.choice(
        (Wish(pack="video_1500"), Wish(kind="video", credits=customer.chance.randint(650, 5_000)))
    )
    studio = town.studio_of(customer)
    order = await buy.buy(studio, workspace_id=_whose(customer), wish=wish, key=customer.key())
    if happens(customer.chance, 1 - OFTEN):
        await buy.cancel(
            studio, workspace_id=_whose(customer), purchase_id=order.purchase.purchase_id
        )


async def _refund(town: Town, customer: Customer) -> None:
    studio = town.studio_of(customer)
    async with studio.reading() as connection:
        bought = await purchases.page(connection, workspace_id=_whose(customer), limit=50)
    granted = [each for each in bought if each.state is PurchaseState.GRANTED]
    if not granted:
        town.seen["nothing to refund"] += 1
        return
    await money_back.refund(
        studio, workspace_id=_whose(customer), reason="asked for in the chat",
        purchase_id=customer.chance.choice(granted).purchase_id,
    )  # fmt: skip


async def _dispute(town: Town, customer: Customer) -> None:
    """Dispute a payment at the bank, and have it decided at once or never."""
    studio = town.studio_of(customer)
    async with studio.reading() as connection:
        paid = await payments.page(connection, workspace_id=_whose(customer), limit=50)
    applied = [each for each in paid if each.state == "applied"]
    if not applied:
        town.seen["nothing to dispute"] += 1
        return
    payment = customer.chance.choice(applied)
    is_won = customer.chance.choice((True, False))
    if payment.gateway == STRIPE:
        told = await town.control("/stripe/_sim/dispute", payment_intent=payment.reference)
        outcome = "won" if is_won else "lost"
        await town.control("/stripe/_sim/dispute", dispute=told.get("id"), outcome=outcome)
        return
    dispute = GatewayDispute(
        reference=f"dispute {payment.payment_id}", payment_reference=payment.reference,
        total=Money(amount=payment.amount, currency=payment.currency), is_won=is_won,
    )  # fmt: skip
    await disputes.dispute_told(studio, gateway=MANUAL, dispute=dispute)


async def _upgrade(town: Town, customer: Customer) -> None:
    plan = customer.chance.choice(("pro", "unlimited"))
    await upgrade.upgrade(
        town.studio_of(customer), workspace_id=_whose(customer), plan=plan, key=customer.key()
    )


async def _downgrade(town: Town, customer: Customer) -> None:
    plan = customer.chance.choice(("essential", "pro"))
    is_annual = customer.chance.choice((None, None, True, False))
    await change_plan.schedule(
        town.studio_of(customer), workspace_id=_whose(customer), plan=plan, is_annual=is_annual
    )


async def _move(town: Town, customer: Customer) -> None:
    zone = customer.chance.choice(ZONES)
    await change_plan.schedule(town.studio_of(customer), workspace_id=_whose(customer), zone=zone)


async def _cancel(town: Town, customer: Customer) -> None:
    await change_plan.cancel(town.studio_of(customer), workspace_id=_whose(customer))


async def _undo(town: Town, customer: Customer) -> None:
    await change_plan.undo(town.studio_of(customer), workspace_id=_whose(customer))


async def _redeem(town: Town, customer: Customer) -> None:
    await promo.redeem(town.studio_of(customer), workspace_id=_whose(customer), code=CODE)


async def _close(town: Town, customer: Customer) -> None:
    await suspend.close(town.studio_of(customer), workspace_id=_whose(customer))


def _whose(customer: Customer) -> UUID:
    assert customer.workspace_id is not None, "it has joined"
    return customer.workspace_id


Act = Callable[[Town, Customer], Awaitable[None]]
_PAYING: Final[tuple[tuple[float, str, Act], ...]] = (
    (0.05, "spent", _spend), (0.012, "bought", _buy), (0.004, "upgraded", _upgrade),
    (0.004, "change scheduled", _downgrade), (0.002, "zone scheduled", _move),
    (0.003, "cancelled", _cancel), (0.003, "undone", _undo), (0.002, "refunded", _refund),
    (0.001, "disputed", _dispute), (0.003, "code redeemed", _redeem), (0.0003, "closed", _close),
)  # fmt: skip
HABITS: Final[dict[State, tuple[tuple[float, str, Act], ...]]] = {
    State.TRIAL: ((0.1, "started", _start), (0.1, "spent", _spend)),
    State.FREE: ((0.05, "started", _start),),
    State.ACTIVE: _PAYING,
    State.PAST_DUE: _PAYING,
    State.SUSPENDED: ((0.01, "spent", _spend), (0.01, "bought", _buy)),
    State.CANCELLED: ((0.03, "came back", _start), (0.01, "closed", _close)),
    State.CLOSED: ((0.01, "spent", _spend),),
}
"""What a customer does on a day, by its state: each with its share of days."""
