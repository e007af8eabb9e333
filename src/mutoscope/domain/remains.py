"""What was left of each lot after an entry of the past, from sums of postings.

Invariant: the sums reach from the journal's beginning to the entry, or from the entry to what is
left now; both ways tell the same. The surprising choice: what is available or frozen of a lot tells
its state, but what is held does not, so the entries that turn lots without moving them are told.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from mutoscope.domain.balance import LotView
from mutoscope.domain.chart import Account, Operation
from mutoscope.domain.lots import NEVER, Lot, LotState, Source, Terms

_ = Account

Remains = dict[int, Counter[str]]
"""What each account has of each lot."""


class Moved(NamedTuple):
    """The sum of some postings of one lot from a source to a target."""

    lot: int
    source: str
    target: str
    amount: int


class Turn(NamedTuple):
    """An entry that may turn the state or the expiry of lots, with postings or without."""

    sequence: int
    operation: str
    refers_to: int | None
    reason: str | None
    due_at: datetime


_TURNS: Final = {
    Operation.FREEZE: (frozenset({LotState.OPEN}), LotState.FROZEN),
    Operation.THAW: (frozenset({LotState.FROZEN}), LotState.OPEN),
    Operation.VOID: (frozenset(LotState), LotState.VOIDED),
    Operation.FORFEIT: (frozenset({LotState.OPEN, LotState.FROZEN}), LotState.FORFEITED),
}
"""The states that an operation turns, and into which."""


def remains_after(*, moves: Iterable[Moved]) -> Remains:
    """Return what is left of each lot after all postings since its grant."""
    return _shifted(Counter(), moves, sign=1)


def remains_before(*, lots: Iterable[Lot], moves: Iterable[Moved]) -> Remains:
    """Return what was left of each lot before the postings that led to what is left now.

    A lot of which nothing is left now may be missing.
    """
    now: Counter[tuple[int, str]] = Counter()
    for lot in lots:
        now[lot.lot, _.AVAILABLE] = lot.available
        now[lot.lot, _.FROZEN] = lot.frozen
        now[lot.lot, _.HELD] = lot.held
    return _shifted(now, moves, sign=-1)


def lot_view(*, lot: int, terms: Terms, is_frozen: bool, remains: Counter[str]) -> LotView:
    """Return a lot with what is left of it; its state is the grant's where only held credits are.

    The entries that turned such a lot since are told by `turned`.
    """
    if remains[_.AVAILABLE] or remains[_.FROZEN]:
        is_frozen = remains[_.FROZEN] > 0
    return LotView(
        lot=lot, source=terms.source, reference=terms.reference,
        available=remains[_.AVAILABLE], frozen=remains[_.FROZEN], held=remains[_.HELD],
        effective_at=terms.effective_at, expires_at=terms.expires_at,
        is_paid=terms.paid_amount is not None,
        state=LotState.FROZEN if is_frozen else LotState.OPEN,
    )  # fmt: skip


def turned(*, lot: LotView, turns: Iterable[Turn]) -> LotView:
    """Return a lot of which only held credits are left after the entries that turn it."""
    for turn in turns:
        if turn.sequence > lot.lot and _is_meant(lot, turn):
            lot = _turned_once(lot, turn)
    return lot


def _shifted(start: Counter[tuple[int, str]], moves: Iterable[Moved], *, sign: int) -> Remains:
    for lot, source, target, amount in moves:
        start[lot, source] -= sign * amount
        start[lot, target] += sign * amount
    remains: Remains = defaultdict(Counter)
    for (lot, account), amount in start.items():
        if amount and account in {_.AVAILABLE, _.FROZEN, _.HELD}:
            remains[lot][account] = amount
    return dict(remains)


def _is_meant(lot: LotView, turn: Turn) -> bool:
    if turn.operation == Operation.EXPIRE:  # of one lot: it was over already
        return turn.refers_to is None and turn.reason == lot.source
    if turn.refers_to is not None:
        return turn.refers_to == lot.lot
    return turn.operation == Operation.FORFEIT or lot.source == Source.PACK


def _turned_once(lot: LotView, turn: Turn) -> LotView:
    if turn.operation == Operation.EXPIRE:
        return replace(lot, expires_at=min(lot.expires_at or NEVER, turn.due_at))
    before, after = _TURNS[Operation(turn.operation)]
    return replace(lot, state=after) if lot.state in before else lot
