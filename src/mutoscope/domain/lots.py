"""Lots: what is left of each grant, and the order in which they are drawn.

Invariant: granted = available + frozen + held + captured + expired + voided + forfeited, each of
them at least zero (the database checks the same sum). A lot is named by the sequence of the entry
that granted it, so that no other id is needed.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from mutoscope.domain.chart import ISSUED, LOT_ACCOUNTS

NEVER = datetime.max.replace(tzinfo=UTC)
_new = tuple.__new__  # makes a value without its class's own, slower, constructor


class Source(StrEnum):
    """Why a lot was granted."""

    TRIAL = "trial"
    PLAN = "plan"
    PACK = "pack"
    PROMO = "promo"
    GOODWILL = "goodwill"
    ADJUSTMENT = "adjustment"


class LotState(StrEnum):
    """Where credits go that come back to a lot: a lapsed lot is told by its `expires_at`."""

    OPEN = "open"
    FROZEN = "frozen"
    VOIDED = "voided"
    FORFEITED = "forfeited"


class Terms(NamedTuple):
    """What a grant promised, never changed: where it came from and when it may be spent.

    `reference` names what it was granted for (a subscription's period, a purchase). `paid_amount`
    is the cost basis in minor units of `currency`; a free lot has neither.
    """

    source: str
    effective_at: datetime
    expires_at: datetime | None = None
    reference: str | None = None
    paid_amount: int | None = None
    currency: str | None = None


class Lot(NamedTuple):
    """A lot's terms and where its credits are now; the fields stand in the table's order.

    `expires_at` is the instant at which it is dead: the grant's, or earlier when a lapse said so.
    """

    lot: int
    source: str
    reference: str | None
    effective_at: datetime
    expires_at: datetime | None
    paid_amount: int | None
    currency: str | None
    state: str
    granted: int
    available: int
    frozen: int
    held: int
    captured: int
    expired: int
    voided: int
    forfeited: int

    def is_dead(self, *, at: datetime) -> bool:
        """Tell whether it has lapsed: the instant of expiry itself is dead."""
        return self.expires_at is not None and self.expires_at <= at

    def is_spent(self) -> bool:
        """Tell whether nothing is left in it, and nothing held can come back."""
        return not (self.available or self.frozen or self.held)

    def is_spendable(self, *, at: datetime) -> bool:
        """Tell whether a hold or a charge may draw from it at an instant."""
        ends_at = self.expires_at
        return self.available > 0 and self.effective_at <= at and (ends_at is None or at < ends_at)


_NOWHERE = (0,) * len(LOT_ACCOUNTS)
_PLACES = {account.value: Lot._fields.index(account.value) for account in LOT_ACCOUNTS}


class Draw(NamedTuple):
    """An amount taken from one lot."""

    lot: int
    amount: int


def granted_lot(*, lot: int, terms: Terms, amount: int, is_frozen: bool) -> Lot:
    """Return the lot before its grant's posting fills it."""
    state = LotState.FROZEN if is_frozen else LotState.OPEN
    source, effective_at, expires_at, reference, paid_amount, currency = terms
    return _new(Lot, (
        lot, source, reference, effective_at, expires_at, paid_amount, currency, state, amount,
        *_NOWHERE,
    ))  # fmt: skip


def spend_order(lot: Lot) -> tuple[datetime, bool, int]:
    """Return the sorting key: soonest expiry, never last; free before paid; oldest first."""
    return (lot.expires_at or NEVER, lot.paid_amount is not None, lot.lot)


def draws_for(*, lots: Iterable[Lot], amount: int, at: datetime) -> tuple[Draw, ...]:
    """Return the draws that take an amount from the spendable lots, or () when it is not there."""
    ordered = sorted((lot for lot in lots if lot.is_spendable(at=at)), key=spend_order)
    return drawn(lots=((lot.lot, lot.available) for lot in ordered), amount=amount)


def drawn(*, lots: Iterable[tuple[int, int]], amount: int) -> tuple[Draw, ...]:
    """Return the draws that take an amount from (lot, available) in order, or () when short."""
    wanted = amount
    draws = []
    for lot, available in lots:
        taken = min(available, wanted)
        draws.append(Draw(lot, taken))
        wanted -= taken
        if not wanted:
            return tuple(draws)
    return ()


def spendable(*, lots: Iterable[Lot], at: datetime) -> int:
    """Return the credits that a hold could take at an instant."""
    return sum(lot.available for lot in lots if lot.is_spendable(at=at))


def moved(*, lot: Lot, source: str, target: str, amount: int) -> Lot:
    """Return the lot after a posting; a place outside the lot (issued) is not counted.

    A lot that would fall below zero anywhere is a bug of the planner, not a refusal.
    """
    fields: list[Any] = list(lot)
    if source != ISSUED:
        place = _PLACES[source]
        fields[place] -= amount
        assert fields[place] >= 0, (lot, source, target, amount)
    fields[_PLACES[target]] += amount
    return _new(Lot, fields)


def is_conserved(lot: Lot) -> bool:
    """Tell whether every credit of the grant is accounted for, once."""
    everywhere: int = sum(getattr(lot, account) for account in LOT_ACCOUNTS)
    return lot.granted == everywhere
