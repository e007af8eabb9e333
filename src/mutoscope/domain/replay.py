"""The replay of one wallet: its entries followed one by one, each held against the rules.

Invariant: an entry is followed only when its postings are exactly those that the rules give
(`domain.expected`) in the state that the entries before it left; so no lot is ever negative and
every credit granted is accounted for. The surprising choice: what follows a broken entry is not
judged, because every later line would only repeat its fault.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from mutoscope.domain.chart import MOVES, Account, Operation
from mutoscope.domain.due import OWN_NAMESPACES
from mutoscope.domain.expected import TURNS, closable_lots, expected_postings, turned_lots
from mutoscope.domain.findings import Broken, Fault
from mutoscope.domain.journal import Entry, Posting
from mutoscope.domain.lots import Draw, Lot, LotState, granted_lot, moved
from mutoscope.domain.replay_state import ReplayState
from mutoscope.domain.spending import open_hold
from mutoscope.domain.standing import NAMESPACE as RENEWAL

_ = Account
_PERMITTED: Final = {str(operation): moves for operation, moves in MOVES.items()}
_CLOSED: Final = frozenset({LotState.VOIDED, LotState.FORFEITED})
_WITHOUT_ORDER: Final = frozenset(
    {Operation.EXPIRE, Operation.FORFEIT, Operation.FREEZE, Operation.THAW}
)


class Replay(ReplayState):
    """The replay of a wallet's entries, one after the other."""

    __slots__ = ()

    def follow(self, entry: Entry) -> None:
        """Follow the next entry.

        :raises Broken: when the rules do not allow it here.
        """
        self._check_time(entry)
        _check_form(entry)
        expected = expected_postings(entry=entry, state=self)
        if not _is_same(entry, expected):
            found = _text(entry.postings)
            raise Broken(fault=Fault.POSTINGS_DIFFER, expected=_text(expected), found=found)
        if entry.terms is not None:
            self._open_lot(entry)
        self._move(entry.postings)
        self._take_effect(entry)
        self.sequence, self.due_at, self.posted_at = entry.sequence, entry.due_at, entry.posted_at
        self._check_balance(entry)

    def check_nothing_missed(self, *, at: datetime) -> None:
        """Check that no lot that is over still has credits.

        :raises Broken: when one has.
        """
        for lot in self.filled.values():
            ends_at = lot.expires_at
            if (ends_at is not None and ends_at <= at) or lot.state in _CLOSED:
                expected = f"lot {lot.lot} empty at {at}"
                found = f"{lot.available} available and {lot.frozen} frozen"
                raise Broken(fault=Fault.LAPSE_MISSED, expected=expected, found=found)

    def _check_time(self, entry: Entry) -> None:
        if entry.due_at < self.due_at or entry.posted_at < self.posted_at:
            expected = f"due {self.due_at} and posted {self.posted_at}, or later"
            found = f"due {entry.due_at} and posted {entry.posted_at}"
            raise Broken(fault=Fault.TIME_WENT_BACK, expected=expected, found=found)
        if entry.posted_at < entry.due_at:
            expected = f"due {entry.posted_at} at the latest"
            raise Broken(fault=Fault.POSTED_BEFORE_DUE, expected=expected, found=entry.due_at)
        if entry.namespace not in OWN_NAMESPACES:
            self.check_nothing_missed(at=entry.due_at)

    def _open_lot(self, entry: Entry) -> None:
        assert entry.terms is not None, entry
        ((_source, target, _number, amount),) = entry.postings
        self.lots[entry.sequence] = granted_lot(
            lot=entry.sequence,
            terms=entry.terms,
            amount=amount,
            is_frozen=target == _.FROZEN,
        )
        if entry.namespace == RENEWAL:
            period = (str(entry.terms.reference), entry.key.rpartition("/")[2])
            if period in self.periods:
                expected, found = f"{period[0]} granted once", f"granted again by {entry.key}"
                raise Broken(fault=Fault.PERIOD_GRANTED_TWICE, expected=expected, found=found)
            self.periods.add(period)

    def _move(self, postings: tuple[Posting, ...]) -> None:
        for source, target, number, amount in postings:
            if number is None:
                continue
            before = self.lots[number]
            lot = moved(lot=before, source=source, target=target, amount=amount)
            self.available += lot.available - before.available
            self.held += lot.held - before.held
            self._keep(lot)

    def _keep(self, lot: Lot) -> None:
        self.lots[lot.lot] = lot
        if lot.available or lot.frozen:
            self.filled[lot.lot] = lot
        else:
            self.filled.pop(lot.lot, None)

    def _take_effect(self, entry: Entry) -> None:
        match entry.operation:
            case Operation.HOLD:
                self.holds[entry.sequence] = open_hold(entry=entry, deadline_at=entry.due_at)
            case Operation.SETTLE | Operation.RELEASE:
                del self.holds[entry.refers_to or 0]
                self._remember_captures(entry)
            case Operation.CHARGE:
                self._remember_captures(entry)
            case Operation.REFUND:
                del self.captures[entry.refers_to or 0]
            case Operation.GRANT | Operation.ADJUST | Operation.METER | Operation.ABSORB:
                pass
            case _:
                self._restate(entry)

    def _remember_captures(self, entry: Entry) -> None:
        if entry.sequence in self.refunded:
            self.captures[entry.sequence] = tuple(
                Draw(posting.lot, posting.amount)
                for posting in entry.postings
                if posting.target == _.CAPTURED and posting.lot is not None
            )

    def _restate(self, entry: Entry) -> None:
        match entry.operation:
            case Operation.EXPIRE if entry.refers_to is None:
                self._end_source(entry)
            case Operation.VOID:
                self._keep(self.lot(entry.refers_to)._replace(state=LotState.VOIDED))
            case Operation.FORFEIT if entry.refers_to is None:
                for lot in closable_lots(self.lots):
                    self._keep(lot._replace(state=LotState.FORFEITED))
            case Operation.FREEZE | Operation.THAW:
                after = TURNS[Operation(entry.operation)][1]
                for lot in turned_lots(entry=entry, state=self):
                    self._keep(lot._replace(state=after))

    def _end_source(self, entry: Entry) -> None:
        for lot in list(self.lots.values()):
            if lot.source == entry.reason:
                at = entry.due_at
                ends_at = at if lot.expires_at is None else min(lot.expires_at, at)
                self._keep(lot._replace(expires_at=ends_at))

    def _check_balance(self, entry: Entry) -> None:
        if entry.available != self.available or entry.held != self.held:
            expected = f"{self.available} available and {self.held} held"
            found = f"{entry.available} available and {entry.held} held"
            raise Broken(fault=Fault.BALANCE_DIFFERS, expected=expected, found=found)


def _check_form(entry: Entry) -> None:
    if entry.refers_to is not None and not 0 < entry.refers_to < entry.sequence:
        expected = f"an entry before {entry.sequence}"
        raise Broken(fault=Fault.REFERENCE_NOT_EARLIER, expected=expected, found=entry.refers_to)
    permitted = _PERMITTED.get(entry.operation)
    if permitted is None:
        expected, found = "an operation of the chart", entry.operation
        raise Broken(fault=Fault.OPERATION_UNKNOWN, expected=expected, found=found)
    for source, target, _lot, amount in entry.postings:
        if (source, target) not in permitted:
            expected, found = f"a move of a {entry.operation}", f"{source} to {target}"
            raise Broken(fault=Fault.MOVE_NOT_PERMITTED, expected=expected, found=found)
        if amount <= 0:
            raise Broken(fault=Fault.AMOUNT_NOT_POSITIVE, expected="1 or more", found=amount)
    is_granting = bool(entry.postings) and entry.postings[0].source == _.ISSUED
    if is_granting and entry.terms is None:
        raise Broken(fault=Fault.TERMS_MISSING, expected="the terms of the lot", found="none")
    if entry.terms is not None and not is_granting:
        expected, found = f"no terms for a {entry.operation}", "those of a lot"
        raise Broken(fault=Fault.TERMS_WITHOUT_GRANT, expected=expected, found=found)


def _is_same(entry: Entry, expected: tuple[Posting, ...]) -> bool:
    found = entry.postings
    if found == expected:
        return True
    is_free = entry.operation in _WITHOUT_ORDER and len(found) == len(expected)
    return is_free and frozenset(found) == frozenset(expected)


def _text(postings: Iterable[Posting]) -> str:
    lines = [f"{p.source} to {p.target} {p.amount} of lot {p.lot or '-'}" for p in postings]
    return ", ".join(lines) or "no postings"
