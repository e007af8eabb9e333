"""Fulfilling a purchase: its credits come as a lot without expiry, once per payment.

Invariant: the grant's key is the payment's own id, which a gateway's reference claims for ever, so
that no payment grants twice, told how often and by whomever. Without an active plan the lot comes
frozen. A payment whose dispute is open grants nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mutoscope.app.acts import NOBODYS, Act, submit_new
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.money import money_text
from mutoscope.domain.purchases import Purchase, PurchaseState
from mutoscope.domain.requests import Request
from mutoscope.domain.subscriptions import State
from mutoscope.storage import disputes, payments, purchases, subscriptions, workspaces
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.disputes import Dispute
    from mutoscope.storage.payments import Payment
    from mutoscope.storage.workspaces import Workspace

NAMESPACE: Final = "payment"
_RUNNING: Final = frozenset({State.ACTIVE, State.PAST_DUE})


class PaymentDisputed(Refusal):
    """Credits, or money back, for a payment that is disputed, or that a lost dispute took."""

    code = "payment_disputed"

    def __init__(self, *, dispute: Dispute) -> None:
        told = (
            "is disputed: its credits and its money wait until the dispute is decided; `desk "
            "waiting` tells the next step"
            if dispute.state == "open"
            else "was disputed, and its payer's bank has taken "
            f"{money_text(dispute.amount, dispute.currency)} of it back: it pays nothing, and what "
            "is left of it goes back with `desk return-payment`"
        )
        super().__init__(f"the payment {dispute.payment_id} {told}")
        self.payment_id = dispute.payment_id
        self.state = dispute.state


async def add_credits(
    studio: Studio, *, workspace_id: UUID, purchase_id: UUID, act: Act = NOBODYS
) -> Purchase:
    """Add the credits of a purchase that is paid.

    :raises UnknownPurchase: when the workspace has none of that id.
    :raises PurchaseNotInThisState: when it is not paid, or its credits were added before.
    :raises PaymentDisputed: when the dispute of its payment is open.
    :raises SideRowRefused: when the plan of the workspace changes at this moment.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        purchase = await purchases.get(
            connection, workspace_id=workspace_id, purchase_id=purchase_id
        )
        purchase.require(PurchaseState.PAID)
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        payment = await payments.payment_of_request(
            connection, workspace_id=workspace_id, request_id=purchase.request_id
        )
    assert payment is not None, "a paid purchase has a payment"
    await require_undisputed(studio, purchase)
    granted, own = fulfilled(workspace, purchase, payment_id=payment.payment_id, at=at)
    told = act.telling(
        kind=purchase.kind, credits=purchase.credits, payment_id=str(payment.payment_id)
    )
    try:
        rows = (undisputed(payment), *own, *told)
        await submit_new(studio, act.noted((granted,)), rows=rows)
    except SideRowRefused:
        (await _read(studio, purchase)).require(PurchaseState.PAID)
        await require_undisputed(studio, purchase)
        raise
    return await _read(studio, purchase)


async def require_undisputed(studio: Studio, purchase: Purchase) -> None:
    """Pass a purchase that nobody disputes.

    :raises PaymentDisputed: when the dispute of its payment is open.
    """
    async with studio.reading() as connection:
        found = await disputes.of_workspace(connection, workspace_id=purchase.workspace_id)
    for each in found:
        if each.purchase_id == purchase.purchase_id and each.state == "open":
            raise PaymentDisputed(dispute=each)


def undisputed(payment: Payment, *, taken: int = 0) -> SideRow:
    """Return what passes while no dispute of a payment is open; lost ones took so much of it."""
    row = (payment.workspace_id, payment.payment_id, taken)
    return SideRow(disputes.expect_undisputed, row)


async def _read(studio: Studio, purchase: Purchase) -> Purchase:
    async with studio.reading() as connection:
        return await purchases.get(
            connection, workspace_id=purchase.workspace_id, purchase_id=purchase.purchase_id
        )


def fulfilled(
    workspace: Workspace, purchase: Purchase, *, payment_id: UUID, at: datetime
) -> tuple[Request, tuple[SideRow, ...]]:
    """Return the grant of a purchase, and the rows that commit with it."""
    after = replace(
        purchase, state=PurchaseState.GRANTED, paid_at=purchase.paid_at or at, granted_at=at
    )
    request = Request(
        purchase.workspace_id, purchase.kind, NAMESPACE, str(payment_id),
        ask.Grant(
            purchase.credits,
            Terms(
                source=Source.PACK, effective_at=at, reference=str(purchase.purchase_id),
                paid_amount=purchase.price.amount, currency=purchase.price.currency,
            ),
            is_frozen=is_frozen(workspace, at=at),
        ),
    )  # fmt: skip
    as_read = subscriptions.expected(workspace.workspace_id, workspace.subscription)
    return request, (as_read, purchases.changed(purchase, after))


def is_frozen(workspace: Workspace, *, at: datetime) -> bool:
    """Tell whether purchased credits that come now are not spendable, for want of a plan."""
    return workspace.state_at(at=at) not in _RUNNING
