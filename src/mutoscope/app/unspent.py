"""What is unspent of a purchase that was paid, and what its money is.

Invariant: credits are taken back whole or not at all. While a job holds credits of a purchase,
nobody knows yet how much of it is spent: what is left of it is not taken back before the hold has
ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Source
from mutoscope.domain.money import money_text
from mutoscope.domain.purchases import Purchase, PurchaseState
from mutoscope.storage import payments, purchases, subscriptions
from mutoscope.storage.payments import Payment, PaymentRequest
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.offers import Money
    from mutoscope.storage.subscriptions import Granted


class NothingToRefund(Refusal):
    """A refund of a purchase of which nothing is left, or more than was paid."""

    code = "nothing_to_refund"

    def __init__(self, *, purchase_id: UUID, amount_max: int) -> None:
        super().__init__(
            f"purchase {purchase_id} has no unspent credits whose money could go back: an amount "
            f"that staff decide may be up to {amount_max} minor units"
        )
        self.purchase_id = purchase_id
        self.amount_max = amount_max


class RefundTooSmall(Refusal):
    """A refund of less than the share of the price of the credits that it takes back."""

    code = "refund_too_small"

    def __init__(self, *, purchase_id: UUID, credits_left: int, least: Money) -> None:
        super().__init__(
            f"a refund takes back the {credits_left:,} unspent credits of purchase {purchase_id}, "
            f"which were paid with {money_text(least.amount, least.currency)}: leave the amount "
            "out to send that back, or decide on more"
        )
        self.purchase_id = purchase_id
        self.credits_left = credits_left
        self.amount_min = least.amount
        self.currency = least.currency


class CreditsHeld(Refusal):
    """Taking back what is left of a purchase of which credits are held."""

    code = "credits_held"

    def __init__(self, *, purchase_id: UUID, held: int) -> None:
        super().__init__(
            f"{held:,} credits of the purchase {purchase_id} are held for jobs that go on, and may "
            "be spent or come back: wait until these end, or cancel them, then try again"
        )
        self.purchase_id = purchase_id
        self.held = held


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A purchase with the payment that it was bought by, and where its credits are."""

    purchase: Purchase
    request: PaymentRequest
    payment: Payment
    lots: tuple[Granted, ...]

    def left(self) -> int:
        """Return how many of its credits are not spent: all of them until they are granted."""
        if self.purchase.granted_at is None:
            return self.purchase.credits
        return sum(lot.left_over for lot in self.lots)

    def require_unheld(self) -> None:
        """Pass when none of its credits are held.

        :raises CreditsHeld: when some are.
        """
        held = sum(lot.held for lot in self.lots)
        if held:
            raise CreditsHeld(purchase_id=self.purchase.purchase_id, held=held)

    def emptied(self) -> tuple[SideRow, ...]:
        """Return the side rows that pass only when as much was voided as was read to be left."""
        whose = self.purchase.workspace_id
        return tuple(
            SideRow(
                subscriptions.expect_emptied, (whose, lot.kind, lot.lot, lot.voided + lot.left_over)
            )
            for lot in self.lots
        )


async def read_paid(studio: Studio, *, workspace_id: UUID, purchase_id: UUID) -> Paid:
    """Return a purchase that was paid.

    :raises UnknownPurchase: when the workspace has none of that id.
    :raises PurchaseNotInThisState: when it was never paid.
    """
    async with studio.reading() as connection:
        purchase = await purchases.get(
            connection, workspace_id=workspace_id, purchase_id=purchase_id
        )
        request = await payments.request(
            connection, workspace_id=workspace_id, request_id=purchase.request_id
        )
        payment = await payments.payment_of_request(
            connection, workspace_id=workspace_id, request_id=purchase.request_id
        )
        lots = await subscriptions.grants_for(
            connection, workspace_id=workspace_id, source=Source.PACK, reference=str(purchase_id)
        )
    if payment is None:
        purchase.require(PurchaseState.PAID, PurchaseState.GRANTED)
    assert payment is not None, "what is paid has a payment"
    return Paid(purchase=purchase, request=request, payment=payment, lots=lots)
