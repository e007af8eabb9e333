"""Purchases: one order of credits from its price to its end, and the money that goes back.

Invariant: credits leave before money does, and the money that went back in all is the paid amount
times the credits taken back over those granted, rounded down (rule 17 of the product), so that it
never comes to more than was paid, however many parts it goes back in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from mutoscope.domain.catalog import Version
from mutoscope.domain.credits import Refusal
from mutoscope.domain.estimate import purchase_price
from mutoscope.domain.offers import Money


class PurchaseState(StrEnum):
    """Where an order of credits stands."""

    ORDERED = "ordered"
    PAID = "paid"
    GRANTED = "granted"
    DISPUTED = "disputed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


_ = PurchaseState

TRANSITIONS: Final[Mapping[PurchaseState, frozenset[PurchaseState]]] = {
    _.ORDERED: frozenset({_.PAID, _.GRANTED, _.CANCELLED}),
    _.PAID: frozenset({_.GRANTED, _.REFUNDED}),
    _.GRANTED: frozenset({_.REFUNDED, _.DISPUTED}),
    _.DISPUTED: frozenset({_.GRANTED, _.REFUNDED}),
    _.REFUNDED: frozenset({_.GRANTED, _.PAID, _.DISPUTED}),
    _.CANCELLED: frozenset(),
}
"""A refund that fails restores the credits, hence the way back from refunded.

A part that is refunded changes no state.
"""


class PurchaseNotInThisState(Refusal):
    """Something that cannot be done to a purchase as it stands."""

    code = "purchase_not_in_this_state"

    def __init__(self, *, purchase_id: UUID, state: str, wanted: str) -> None:
        super().__init__(
            f"the purchase {purchase_id} is {state}, and this is for one that is {wanted}: "
            "the workspace's thread tells what was done, and by whom"
        )
        self.purchase_id = purchase_id
        self.state = state
        self.wanted = wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Wares:
    """What is bought: credits of a kind, as a pack or as an amount that the buyer chose."""

    kind: str
    credits: int
    pack: str | None
    price: Money
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """One order of credits; `price` is net.

    `taken_back` counts credits that were taken back, `refunded` minor units that went back with
    them, tax and all; `debt` is what a lost dispute left unpaid of what was spent, in minor units.
    """

    workspace_id: UUID
    purchase_id: UUID
    request_id: UUID
    pack: str | None
    kind: str
    credits: int
    price: Money
    version: str
    state: PurchaseState
    is_refill: bool
    ordered_by: UUID | None
    ordered_at: datetime
    paid_at: datetime | None
    granted_at: datetime | None
    ended_at: datetime | None
    taken_back: int
    refunded: int
    debt: int

    def require(self, *states: PurchaseState) -> None:
        """Pass when it is in one of some states.

        :raises PurchaseNotInThisState: when it is in another.
        """
        if self.state not in states:
            raise PurchaseNotInThisState(
                purchase_id=self.purchase_id, state=self.state, wanted=" or ".join(states)
            )


def pack_wares(*, version: Version, pack: str) -> Wares:
    """Return a pack as it is sold.

    :raises UnknownPack: when this version has none of that key.
    """
    found = version.pack(key=pack)
    return Wares(
        kind=found.kind, credits=found.credits, pack=found.key, price=found.price, name=found.name
    )


def free_wares(*, version: Version, kind: str, credits: int) -> Wares:  # noqa: A002 -- the word of the house
    """Return an amount that the buyer chose, at the price of free amounts.

    :raises BadAmount: when it is not a whole number in range.
    :raises NotForSale: when no free amounts of that kind are sold.
    :raises PurchaseTooSmall: when it lies below the smallest purchase.
    """
    price = purchase_price(version=version, kind=kind, amount=credits)
    name = amount_name(kind=kind, credits=credits)
    return Wares(kind=kind, credits=credits, pack=None, price=price, name=name)


def amount_name(*, kind: str, credits: int) -> str:  # noqa: A002 -- the word of the house
    """Return what an amount of credits is called where it is sold."""
    return f"{credits:,} {kind} credits"


def money_back(*, paid: int, granted: int, taken_back: int, refunded: int) -> int:
    """Return the minor units that are still to go back for the credits taken back, rounded down."""
    assert 0 <= taken_back <= granted
    return max(0, paid * taken_back // granted - refunded)


def credits_worth(*, paid: int, granted: int, money: int) -> int:
    """Return the most credits whose money, rounded down, comes to no more than some."""
    assert 0 <= money < paid
    return ((money + 1) * granted - 1) // paid


def unpaid_use(*, paid: int, granted: int, spent: int, refunded: int) -> int:
    """Return what a lost dispute leaves unpaid of the credits that were spent, rounded down."""
    assert 0 <= spent <= granted
    return min(paid * spent // granted, paid - refunded)
