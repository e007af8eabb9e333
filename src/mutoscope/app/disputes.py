"""Disputes: a payment that its payer takes back through the bank (rule 17).

Invariant: an open dispute freezes what is left of the purchase; one that is lost voids it, and what
was spent already is a debt that is told, never a negative balance; one that is won thaws it. A
payment that is parked waits meanwhile, and has gone back when lost ones have taken all of it. So it
is whether a gateway tells of it or staff do, by a letter of the bank (`app.desk_disputes`). The
events of a dispute may come in any order and any number of times. One that is lost while jobs hold
credits of the purchase stays open until these end: its event is refused, and looked into again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from mutoscope.app.acts import NOBODYS, Act, submit_new
from mutoscope.app.fulfil import is_frozen
from mutoscope.app.receive import receive
from mutoscope.app.terms import NAMESPACE
from mutoscope.app.unspent import Paid, read_paid
from mutoscope.domain import actions as ask
from mutoscope.domain.audit import Value
from mutoscope.domain.lots import LotState
from mutoscope.domain.purchases import PurchaseState, money_back, unpaid_use
from mutoscope.domain.requests import Request
from mutoscope.storage import disputes as stored
from mutoscope.storage import payments, purchases, workspaces
from mutoscope.storage.disputes import Dispute
from mutoscope.storage.payments import Payment, Purpose
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.gateway import GatewayDispute
    from mutoscope.app.studio import Studio

OPEN, WON, LOST = "open", "won", "lost"

TRIES: Final = 5
"""How often a dispute is told anew when its payment moves on meanwhile."""


async def dispute_told(studio: Studio, *, gateway: str, dispute: GatewayDispute) -> str:
    """Take a dispute as its gateway tells it; return the state in which it is now.

    :raises GatewayError: when its payment is not known here, and the gateway does not tell it.
    :raises CreditsHeld: when it is lost, and jobs hold some of the credits of its purchase.
    """
    known = await _opened(studio, gateway, dispute)
    if dispute.is_won is None or known.state != OPEN:
        return known.state
    state = WON if dispute.is_won else LOST
    try:
        await close_dispute(studio, known, state=state)
    except SideRowRefused:  # told by another event at this moment
        now = await _known(studio, known.workspace_id, dispute, gateway=gateway)
        if now is None or now.state == OPEN:
            raise
    return state


async def _opened(studio: Studio, gateway: str, dispute: GatewayDispute) -> Dispute:
    """Return a dispute that is told, written if it was not; its payment may move on meanwhile."""
    for left in reversed(range(TRIES)):
        payment = await _payment(studio, gateway, dispute.payment_reference)
        known = await _known(studio, payment.workspace_id, dispute, gateway=gateway)
        if known is not None:
            return known
        try:
            await open_dispute(studio, payment, dispute)
        except SideRowRefused:  # told by another event, or decided about by staff, at this moment
            if not left:
                raise
    raise AssertionError("a dispute that was written is known")


async def open_dispute(
    studio: Studio, payment: Payment, dispute: GatewayDispute, *, act: Act = NOBODYS
) -> None:
    """Write a dispute, and freeze what is left of its purchase.

    :raises SideRowRefused: when it is known, or its payment or purchase changes at this moment.
    """
    at = studio.clock.now()
    paid = await _purchase_of(studio, payment)
    found = Dispute(
        workspace_id=payment.workspace_id, gateway=payment.gateway, reference=dispute.reference,
        payment_id=payment.payment_id,
        purchase_id=None if paid is None else paid.purchase.purchase_id,
        amount=dispute.total.amount, currency=dispute.total.currency, state=OPEN, opened_at=at,
        closed_at=None,
    )  # fmt: skip
    as_read = (payment.workspace_id, payment.payment_id, payment.state)
    rows = [
        SideRow(stored.expect_payments, as_read),
        SideRow(stored.add_disputes, found.row()),
    ]
    requests: tuple[Request, ...] = ()
    frozen = 0
    if paid is not None and paid.purchase.state is not PurchaseState.GRANTED:
        rows.append(purchases.changed(paid.purchase, paid.purchase))  # as it was read
    elif paid is not None:
        after = replace(paid.purchase, state=PurchaseState.DISPUTED)
        rows.append(purchases.changed(paid.purchase, after))
        spendable = [lot for lot in paid.lots if lot.state is LotState.OPEN]
        frozen = sum(lot.left_over for lot in spendable)
        requests = tuple(
            _turned(paid, f"dispute/{_name(dispute.reference)}", lot.lot, ask.Freeze(lot.grant))
            for lot in spendable
        )
    told = act.telling(**_told(found, paid, credits_moved=frozen))
    await submit_new(studio, act.noted(requests), rows=(*rows, *told))


async def close_dispute(studio: Studio, known: Dispute, *, state: str, act: Act = NOBODYS) -> None:
    """Thaw what was disputed, or take it back for good.

    :raises CreditsHeld: when it is lost, and jobs hold some of the credits of its purchase.
    :raises SideRowRefused: when it, or its purchase, changes at this moment.
    """
    at = studio.clock.now()
    closed = SideRow(
        stored.close_disputes,
        (known.workspace_id, known.gateway, known.reference, state, at),
    )
    paid, end = None, _NOTHING
    if known.purchase_id is not None:
        paid = await read_paid(
            studio, workspace_id=known.workspace_id, purchase_id=known.purchase_id
        )
        decide = _won if state == WON else _lost
        end = await decide(studio, known, paid, at)
    told = _told(known, paid, credits_moved=end.credits)
    if end.debt:
        told["debt"] = end.debt
    held = SideRow(stored.lock_payments, (known.workspace_id, known.payment_id))
    rows = (held, closed, *end.rows, *act.telling(**told))
    await submit_new(studio, act.noted(end.requests), rows=rows)


async def disputes_of(studio: Studio, payment: Payment) -> tuple[Dispute, ...]:
    """Return the disputes of a payment, the newest first."""
    async with studio.reading() as connection:
        of_all = await stored.of_workspace(connection, workspace_id=payment.workspace_id)
    return tuple(each for each in of_all if each.payment_id == payment.payment_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """What the end of a dispute does to its purchase: credits that move, and the debt it leaves."""

    requests: tuple[Request, ...] = ()
    rows: tuple[SideRow, ...] = ()
    credits: int = 0
    debt: int = 0


_NOTHING: Final = _End()


def _told(dispute: Dispute, paid: Paid | None, *, credits_moved: int) -> dict[str, Value]:
    """Return what the line and the card of somebody who acts say of a dispute."""
    found: dict[str, Value] = {
        "reference": dispute.reference, "amount": dispute.amount, "currency": dispute.currency,
    }  # fmt: skip
    if paid is not None:
        found |= {"kind": paid.purchase.kind, "credits": credits_moved}
    return found


async def _payment(studio: Studio, gateway: str, reference: str) -> Payment:
    """Return the payment that is disputed; one that was not told yet is taken first."""
    async with studio.reading() as connection:
        claim = await payments.claimed(connection, gateway=gateway, reference=reference)
    if claim is None:
        told = await studio.gateways[gateway].payment(reference=reference)
        await receive(studio, gateway=gateway, payment=told)
    async with studio.reading() as connection:
        claim = await payments.claimed(connection, gateway=gateway, reference=reference)
        if claim is None:
            raise payments.UnknownPayment(payment=reference)
        return await payments.payment(connection, workspace_id=claim[0], payment_id=claim[1])


async def _known(
    studio: Studio, workspace_id: UUID, dispute: GatewayDispute, *, gateway: str
) -> Dispute | None:
    async with studio.reading() as connection:
        return await stored.get(
            connection, workspace_id=workspace_id, gateway=gateway, reference=dispute.reference
        )


async def _won(studio: Studio, known: Dispute, paid: Paid, at: datetime) -> _End:
    if paid.purchase.state is not PurchaseState.DISPUTED:
        return _NOTHING
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=known.workspace_id)
    frozen = [lot for lot in paid.lots if lot.state is LotState.FROZEN]
    thawed: tuple[Request, ...] = ()
    if not is_frozen(workspace, at=at):
        thawed = tuple(
            _turned(paid, f"won/{_name(known.reference)}", lot.lot, ask.Thaw(lot.grant))
            for lot in frozen
        )
    after = replace(paid.purchase, state=PurchaseState.GRANTED)
    return _End(
        requests=thawed, rows=(purchases.changed(paid.purchase, after),),
        credits=sum(lot.left_over for lot in frozen) if thawed else 0,
    )  # fmt: skip


async def _lost(_studio: Studio, known: Dispute, paid: Paid, at: datetime) -> _End:
    purchase, total = paid.purchase, paid.request.taxed.total
    if purchase.state not in {PurchaseState.DISPUTED, PurchaseState.PAID, PurchaseState.GRANTED}:
        return _NOTHING
    paid.require_unheld()
    left = paid.left()
    taken_back = purchase.taken_back + left
    back = money_back(
        paid=total, granted=purchase.credits, taken_back=taken_back, refunded=purchase.refunded
    )
    spent = purchase.credits - taken_back
    after = replace(
        purchase, state=PurchaseState.REFUNDED, ended_at=at, taken_back=taken_back,
        refunded=purchase.refunded + back,
        debt=unpaid_use(
            paid=total, granted=purchase.credits, spent=spent, refunded=purchase.refunded + back
        ),
    )  # fmt: skip
    voids = tuple(
        _turned(paid, f"lost/{_name(known.reference)}", lot.lot, ask.Void(lot.grant))
        for lot in paid.lots
        if lot.state is not LotState.VOIDED
    )
    rows = (*paid.emptied(), purchases.changed(purchase, after))
    return _End(requests=voids, rows=rows, credits=left, debt=after.debt)


async def _purchase_of(studio: Studio, payment: Payment) -> Paid | None:
    """Return the purchase that a payment paid, if it paid one."""
    if payment.request_id is None:
        return None
    async with studio.reading() as connection:
        request = await payments.request(
            connection, workspace_id=payment.workspace_id, request_id=payment.request_id
        )
    if request.purpose is not Purpose.PURCHASE or payment.state != "applied":
        return None
    return await read_paid(
        studio, workspace_id=payment.workspace_id, purchase_id=request.subject_id
    )


def _name(reference: str) -> str:
    """Return what stands in keys for a gateway's word, which may be any text."""
    return sha256(reference.encode()).hexdigest()[:32]


def _turned(paid: Paid, key: str, lot: int, action: ask.Action) -> Request:
    purchase = paid.purchase
    return Request(purchase.workspace_id, purchase.kind, NAMESPACE, f"{key}/{lot}", action)
