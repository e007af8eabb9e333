"""What the postings of an entry must be, given the state that the entries before it left.

One function per operation, of one shape: (entry, state) -> the postings. The amount and the
reference are the entry's own; which lots they touch, in which order and how much of each, follows
from the rules alone. The rules are those by which the planner writes (`domain.ledger`), applied to
a state that was replayed instead of loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutoscope.domain.chart import Account, Operation
from mutoscope.domain.findings import Broken, Fault
from mutoscope.domain.journal import Entry, Posting
from mutoscope.domain.ledger import (
    emptied,
    granted,
    lessened,
    metered,
    moved_between,
    refunded,
    settled,
)
from mutoscope.domain.lots import Lot, LotState, Source, draws_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mutoscope.domain.replay_state import ReplayState

Postings = tuple[Posting, ...]

_ = Account
_LAPSE: Final = "lapse"
_ENDS: Final = {
    LotState.OPEN: Operation.EXPIRE, LotState.FROZEN: Operation.EXPIRE,
    LotState.VOIDED: Operation.VOID, LotState.FORFEITED: Operation.FORFEIT,
}  # fmt: skip
TURNS: Final = {
    Operation.FREEZE: (LotState.OPEN, LotState.FROZEN, _.AVAILABLE, _.FROZEN),
    Operation.THAW: (LotState.FROZEN, LotState.OPEN, _.FROZEN, _.AVAILABLE),
}
"""For a freeze and a thaw: the state of the lots before and after, and the move between."""


def expected_postings(*, entry: Entry, state: ReplayState) -> Postings:
    """Return the postings that an entry must have.

    :raises Broken: when no postings would make it right, because of what it refers to.
    """
    return _EXPECTED[entry.operation](entry, state)


def turned_lots(*, entry: Entry, state: ReplayState) -> tuple[Lot, ...]:
    """Return the lots that a freeze or a thaw is about: one by its number, or all purchased."""
    before = TURNS[Operation(entry.operation)][0]
    if entry.refers_to is not None:
        lots: Iterable[Lot] = (state.lot(entry.refers_to),)
    else:
        lots = (lot for lot in state.lots.values() if lot.source == Source.PACK)
    return tuple(lot for lot in lots if lot.state == before)


def closable_lots(lots: Mapping[int, Lot]) -> tuple[Lot, ...]:
    """Return the lots that a closing of the wallet forfeits."""
    return tuple(lot for lot in lots.values() if lot.state in {LotState.OPEN, LotState.FROZEN})


def _grant(entry: Entry, _state: ReplayState) -> Postings:
    is_frozen = bool(entry.postings) and entry.postings[0].target == _.FROZEN
    return granted(lot=entry.sequence, amount=_total(entry), is_frozen=is_frozen)


def _hold(entry: Entry, state: ReplayState) -> Postings:
    if entry.postings and entry.postings[0].lot is None:
        return metered(amount=_total(entry), source=_.UNLIMITED, target=_.METERING)
    return _drawn(entry, state, _.HELD)


def _charge(entry: Entry, state: ReplayState) -> Postings:
    return _drawn(entry, state, _.CAPTURED)


def _adjust(entry: Entry, state: ReplayState) -> Postings:
    if entry.terms:
        return _grant(entry, state)
    if entry.refers_to is None:
        return _drawn(entry, state, _.VOIDED)
    return lessened(lot=state.lot(entry.refers_to), amount=_total(entry), target=_.VOIDED)


def _settle(entry: Entry, state: ReplayState) -> Postings:
    hold = state.holds.get(entry.refers_to or 0)
    if hold is None:
        expected = "an open hold"
        raise Broken(fault=Fault.HOLD_NOT_OPEN, expected=expected, found=entry.refers_to)
    captured = sum(p.amount for p in entry.postings if p.target in {_.CAPTURED, _.METERED})
    if captured > hold.amount:
        expected = f"{hold.amount} captured at most"
        raise Broken(fault=Fault.CAPTURE_EXCEEDS_HOLD, expected=expected, found=captured)
    return settled(hold=hold, lots=state.lots, amount=captured)


def _refund(entry: Entry, state: ReplayState) -> Postings:
    captures = state.captures.get(entry.refers_to or 0)
    if not captures:
        expected = "an earlier capture, not refunded before"
        raise Broken(fault=Fault.REFUND_WITHOUT_CAPTURE, expected=expected, found=entry.refers_to)
    captured, amount = sum(draw.amount for draw in captures), _total(entry)
    if amount > captured:
        expected = f"{captured} refunded at most"
        raise Broken(fault=Fault.REFUND_EXCEEDS_CAPTURE, expected=expected, found=amount)
    return refunded(captures=captures, lots=state.lots, amount=amount)


def _expire(entry: Entry, state: ReplayState) -> Postings:
    if entry.refers_to is not None:
        lot = _ended(entry, state)
        if not lot.is_dead(at=entry.due_at):
            expected = f"lot {lot.lot} to lapse at {lot.expires_at}"
            raise Broken(fault=Fault.LAPSED_TOO_EARLY, expected=expected, found=entry.due_at)
        return emptied(lots=(lot,), target=_.EXPIRED)
    lots = (lot for lot in state.lots.values() if lot.source == entry.reason)
    return emptied(lots=lots, target=_.EXPIRED)


def _void(entry: Entry, state: ReplayState) -> Postings:
    is_follow_up = entry.namespace == _LAPSE
    lot = _ended(entry, state) if is_follow_up else state.lot(entry.refers_to)
    return emptied(lots=(lot,), target=_.VOIDED)


def _forfeit(entry: Entry, state: ReplayState) -> Postings:
    is_follow_up = entry.refers_to is not None
    lots = (_ended(entry, state),) if is_follow_up else closable_lots(state.lots)
    return emptied(lots=lots, target=_.FORFEITED)


def _turn(entry: Entry, state: ReplayState) -> Postings:
    _before, _after, source, target = TURNS[Operation(entry.operation)]
    lots = turned_lots(entry=entry, state=state)
    return moved_between(lots=lots, source=source, target=target)


def _meter(entry: Entry, _state: ReplayState) -> Postings:
    return metered(amount=_total(entry), source=_.UNLIMITED, target=_.METERED)


def _absorb(entry: Entry, _state: ReplayState) -> Postings:
    return metered(amount=_total(entry), source=_.OPERATOR, target=_.ABSORBED)


def _drawn(entry: Entry, state: ReplayState, target: Account) -> Postings:
    draws = draws_for(lots=state.filled.values(), amount=_total(entry), at=entry.due_at)
    return tuple([Posting(_.AVAILABLE, target, draw.lot, draw.amount) for draw in draws])


def _ended(entry: Entry, state: ReplayState) -> Lot:
    lot = state.lot(entry.refers_to)
    if _ENDS[LotState(lot.state)] != entry.operation:
        expected = f"the end of lot {lot.lot}, which is {lot.state}"
        raise Broken(fault=Fault.LAPSED_TOO_EARLY, expected=expected, found=entry.operation)
    return lot


def _total(entry: Entry) -> int:
    if not entry.postings:
        raise Broken(fault=Fault.POSTINGS_DIFFER, expected="a posting", found="none")
    return sum(posting[3] for posting in entry.postings)


_EXPECTED: Final[dict[str, Callable[[Entry, ReplayState], Postings]]] = {
    Operation.GRANT: _grant, Operation.HOLD: _hold, Operation.SETTLE: _settle,
    Operation.RELEASE: _settle, Operation.CHARGE: _charge, Operation.EXPIRE: _expire,
    Operation.VOID: _void, Operation.REFUND: _refund, Operation.ADJUST: _adjust,
    Operation.FREEZE: _turn, Operation.THAW: _turn, Operation.FORFEIT: _forfeit,
    Operation.METER: _meter, Operation.ABSORB: _absorb,
}  # fmt: skip
