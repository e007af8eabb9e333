"""What is unspent of a purchase that was paid, and how it is taken back: all of it, or a part.

Invariant: what is taken back is there when it is taken, or nothing is: a void has to take as much
as was read, and the ledger refuses a part that is not there. While a job holds credits of a
purchase, nobody knows yet how much of it is spent: all that is left of it is not taken back before
the hold has ended. A part is, for the rest of its lot stays. The surprising choice: a part that is
all there is, while nothing is held, is the whole, so that what comes back later follows its money.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mutoscope.app.fulfil import NAMESPACE
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import LotState, Source, drawn
from mutoscope.domain.money import money_text
from mutoscope.domain.purchases import Purchase, PurchaseState
from mutoscope.domain.requests import Request, checked
from mutoscope.storage import payments, purchases, subscriptions
from mutoscope.storage.payments import Payment, PaymentRequest
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.offers import Money
    from mutoscope.storage.subscriptions import Granted


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is decided of a refund: how many credits, else all unspent; how much, else their price.

    The amount is in minor units, tax and all.
    """

    credits: int | None = None
    amount: int | None = None


ALL: Final = Wanted()


class NothingToRefund(Refusal):
    """A refund of a purchase of which nothing is left, or more than was paid."""

    code = "nothing_to_refund"

    def __init__(self, *, purchase_id: UUID, wanted: int, most: Money) -> None:
        why = (
            f"purchase {purchase_id} has no unspent credits whose money could go back, or too few "
            "are named"
        )
        if wanted > most.amount:
            asked = money_text(wanted, most.currency)
            why = f"{asked} is more than is left of what purchase {purchase_id} was paid with"
        up_to = money_text(most.amount, most.currency)
        super().__init__(f"{why}: an amount that staff decide may be up to {up_to}")
        self.purchase_id = purchase_id
        self.amount_max = most.amount


class RefundTooSmall(Refusal):
    """A refund of less than the share of the price of the credits that it takes back."""

    code = "refund_too_small"

    def __init__(self, *, purchase_id: UUID, taken: int, least: Money, worth: int) -> None:
        fewer = f", or name the {worth:,} credits that it is the money of" if worth > 0 else ""
        super().__init__(
            f"this refund takes back {taken:,} unspent credits of purchase {purchase_id}, "
            f"which were paid with {money_text(least.amount, least.currency)}: leave the amount "
            f"out to send that back, decide on more{fewer}"
        )
        self.purchase_id = purchase_id
        self.credits = taken
        self.credits_worth = worth
        self.amount_min = least.amount
        self.currency = least.currency


class RefundExceedsUnspent(Refusal):
    """A refund of more credits of a purchase than are unspent."""

    code = "refund_exceeds_unspent"

    def __init__(self, *, purchase_id: UUID, wanted: int, unspent: int) -> None:
        super().__init__(
            f"{wanted:,} credits of purchase {purchase_id} cannot be taken back: {unspent:,} are "
            "unspent and not held, name so many at most"
        )
        self.purchase_id = purchase_id
        self.wanted = wanted
        self.unspent = unspent


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

    def held(self) -> int:
        """Return how many of its credits jobs hold."""
        return sum(lot.held for lot in self.lots)

    def require_unheld(self) -> None:
        """Pass when none of its credits are held.

        :raises CreditsHeld: when some are.
        """
        held = self.held()
        if held:
            raise CreditsHeld(purchase_id=self.purchase.purchase_id, held=held)

    def part(self, wanted: int | None) -> int | None:
        """Return the part that is meant by a number of credits, or None where all that is left is.

        :raises RefundExceedsUnspent: when fewer are left.
        :raises CreditsHeld: when all is meant, and jobs hold some.
        :raises PurchaseNotInThisState: when it is a part of credits that are not added yet.
        """
        left = self.left()
        if wanted is None or (wanted == left and not self.held()):
            self.require_unheld()
            return None
        if wanted > left:
            raise RefundExceedsUnspent(
                purchase_id=self.purchase.purchase_id, wanted=wanted, unspent=left
            )
        self.purchase.require(PurchaseState.GRANTED)
        return wanted

    def voids(self, *, key: str) -> tuple[Request, ...]:
        """Return the requests that take back all that is left, and what comes back later."""
        return tuple(
            self._request(key, lot.lot, ask.Void(lot.grant))
            for lot in self.lots
            if lot.state is not LotState.VOIDED
        )

    def lessenings(self, *, key: str, part: int) -> tuple[Request, ...]:
        """Return the requests that take back a part of what is left, the eldest lot first."""
        grants = {lot.lot: lot.grant for lot in self.lots}
        filled = [(lot.lot, lot.left_over) for lot in self.lots if lot.left_over]
        return tuple(
            self._request(key, draw.lot, ask.Adjust(draw.amount, grant=grants[draw.lot]))
            for draw in drawn(lots=filled, amount=part)
        )

    def emptied(self) -> tuple[SideRow, ...]:
        """Return the side rows that pass only when as much was voided as was read to be left."""
        whose = self.purchase.workspace_id
        return tuple(
            SideRow(
                subscriptions.expect_emptied, (whose, lot.kind, lot.lot, lot.voided + lot.left_over)
            )
            for lot in self.lots
        )

    def _request(self, key: str, lot: int, action: ask.Action) -> Request:
        purchase = self.purchase
        return checked(
            Request(purchase.workspace_id, purchase.kind, NAMESPACE, f"{key}/{lot}", action)
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
