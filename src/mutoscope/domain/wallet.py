"""The working copy of a wallet while a plan is made: its lots, holds, and the lines to be written.

`record` is the one place where an entry is made and lots follow its postings. The copy is mutable
on purpose (a plan touches thousands of them); `saved` and `restored` undo a set of requests that
fails in its middle.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from mutoscope.domain.chart import AVAILABLE, FROZEN, HELD, MOVES
from mutoscope.domain.journal import (
    NOBODY,
    Attribution,
    Entry,
    Posting,
    chained,
    line_beginning,
    line_of,
)
from mutoscope.domain.lots import Draw, Lot, Terms, granted_lot, moved, spend_order
from mutoscope.domain.standing import StandingGrant, StandingName
from mutoscope.domain.wallet_row import Drawn, Placed, WalletRow


class OpenHold(NamedTuple):
    """A hold that is not settled: its draws in the order drawn; a metered one has no draws.

    `attribution` is that of the entry that placed it: what ends it is theirs, too.
    """

    sequence: int
    amount: int
    is_metered: bool
    deadline_at: datetime
    draws: tuple[Draw, ...]
    attribution: Attribution = NOBODY


class Stamp(NamedTuple):
    """What an entry says of the request that caused it."""

    namespace: str
    key: str
    digest: bytes
    attribution: Attribution = NOBODY
    reason: str | None = None
    note_digest: bytes | None = None

    def after(self, attribution: Attribution) -> "Stamp":
        """Return it for an entry about an earlier one: theirs, unless it names somebody itself."""
        mine = self.attribution
        if mine is attribution or (mine is not NOBODY and mine != NOBODY):
            return self
        return self._replace(attribution=attribution)


class Saved(NamedTuple):
    """What `restored` puts back."""

    fields: tuple[object, ...]
    lots: dict[int, Lot]
    holds: dict[int, OpenHold]
    standing: dict[StandingName, StandingGrant]
    entries: int


_LEFT = frozenset({AVAILABLE, FROZEN})
_PERMITTED = {
    operation.value: frozenset((source.value, target.value) for source, target in moves)
    for operation, moves in MOVES.items()
}


class Wallet:
    """One wallet's state, and what a plan adds to it.

    `lots` and `holds` have what was loaded: every lot with credits left, and those that the
    requests name; read them freely, and change them by the methods alone. What a changed one was
    before (None for a new one) is in `lots_before`, `holds_before` and `standing_before`.
    `next_deadline_at` is the earliest deadline among the holds that were not loaded. `begun_at` is
    the instant of the plan that is under way. `drawn` and `placed` are what the wallet's row tells
    of a lot and of a hold.
    """

    __slots__ = (
        "_beginning", "_order", "available", "begun_at", "drawn", "due_at", "entries", "head",
        "held", "holds", "holds_before", "kind", "lots", "lots_before", "next_deadline_at",
        "placed", "posted_at", "sequence", "standing", "standing_before", "version", "wake_at",
        "wake_before", "workspace_id",
    )  # fmt: skip

    def __init__(self, row: WalletRow) -> None:
        """Begin with a wallet as it stands; lots, holds and standing grants are added after."""
        (
            self.workspace_id, self.kind, self.sequence, self.head, self.available, self.held,
            self.due_at, self.posted_at, self.wake_at, self.version, *told,
        ) = row  # fmt: skip
        self._beginning = line_beginning(workspace_id=self.workspace_id, kind=self.kind)
        self._order: tuple[int, ...] | None = None
        self.next_deadline_at: datetime | None = None
        self.drawn: Drawn | None = None if told[0] is None else Drawn._make(told[:4])
        self.placed: Placed | None = None if told[4] is None else Placed._make(told[4:])
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, OpenHold] = {}
        self.standing: dict[StandingName, StandingGrant] = {}
        self.lots_before: dict[int, Lot | None] = {}
        self.holds_before: dict[int, OpenHold | None] = {}
        self.standing_before: dict[StandingName, StandingGrant | None] = {}
        self.mark_written()

    def mark_written(self) -> None:
        """Begin anew from what is written by now, without the lots that are spent."""
        self.begun_at: datetime | None = None
        self.entries: list[Entry] = []
        self.wake_before = self.wake_at
        if self.holds_before:
            self.holds_before = {}
        if self.standing_before:
            self.standing_before = {}
        moved_lots, self.lots_before = self.lots_before, {}
        for number in moved_lots:
            lot = self.lots.get(number)
            if lot is not None and lot.is_spent():
                self._order = None
                del self.lots[number]

    def put_lot(self, lot: Lot) -> None:
        """Set what a lot is from now on."""
        number = lot.lot
        self.lots_before.setdefault(number, self.lots.get(number))
        self.lots[number] = lot

    def put_hold(self, hold: OpenHold) -> None:
        """Set what an open hold is from now on."""
        self.holds_before.setdefault(hold.sequence, self.holds.get(hold.sequence))
        self.holds[hold.sequence] = hold
        self.wake(hold.deadline_at)

    def close_hold(self, hold: OpenHold) -> None:
        """Take away a hold that is settled."""
        self.holds_before.setdefault(hold.sequence, hold)
        del self.holds[hold.sequence]

    def put_standing(self, grant: StandingGrant) -> None:
        """Set what a subscription's grants are under one change of its terms."""
        name = grant.name()
        self.standing_before.setdefault(name, self.standing.get(name))
        self.standing[name] = grant

    def lots_to_spend(self) -> Iterator[Lot]:
        """Yield the lots in the spend order; not every one of them need be spendable."""
        if self._order is None:
            self._order = tuple([lot.lot for lot in sorted(self.lots.values(), key=spend_order)])
        return map(self.lots.__getitem__, self._order)

    def record(
        self, operation: str, stamp: Stamp, postings: tuple[Posting, ...], *,
        due_at: datetime, refers_to: int | None = None, terms: Terms | None = None,
    ) -> Entry:  # fmt: skip
        """Append an entry and move the lots by its postings."""
        self.sequence += 1
        self.due_at = max(self.due_at, due_at)
        if terms is not None:
            self._open_lot(terms, postings)
        permitted = _PERMITTED[operation]
        for posting in postings:
            assert posting[3] > 0, postings
            assert posting[:2] in permitted, (operation, posting)
            self._move(posting)
        namespace, key, digest, attribution, reason, note_digest = stamp
        fields = (
            self.sequence, operation, namespace, key, digest, self.due_at, self.posted_at,
            refers_to, reason, self.available, self.held, attribution, note_digest, postings, terms,
        )  # fmt: skip
        line = line_of(fields=fields, beginning=self._beginning)
        self.head = chained(previous=self.head, line=line)
        entry = tuple.__new__(Entry, (*fields, self.head))
        self.entries.append(entry)
        return entry

    def wake(self, instant: datetime | None) -> None:
        """Make sure that the clock looks at this wallet no later than an instant."""
        if instant is not None and (self.wake_at is None or instant < self.wake_at):
            self.wake_at = instant

    def is_changed(self) -> bool:
        """Tell whether a plan left anything to be written."""
        return (
            bool(self.entries)
            or self.wake_at != self.wake_before
            or any(self.holds.get(name) != hold for name, hold in self.holds_before.items())
            or any(self.standing.get(name) != one for name, one in self.standing_before.items())
        )

    def saved(self) -> Saved:
        """Return what is needed to undo what follows."""
        fields = (self.sequence, self.head, self.available, self.held, self.due_at, self.wake_at)
        return Saved(
            fields, dict(self.lots), dict(self.holds), dict(self.standing), len(self.entries)
        )

    def restored(self, saved: Saved) -> None:
        """Undo all that followed `saved`."""
        (self.sequence, self.head, self.available, self.held, self.due_at, self.wake_at) = (
            saved.fields  # type: ignore[assignment]  # the tuple of `saved`, field by field
        )
        self.lots, self.holds, self.standing = saved.lots, saved.holds, saved.standing
        self._order = None
        del self.entries[saved.entries :]

    def _open_lot(self, terms: Terms, postings: tuple[Posting, ...]) -> None:
        ((_, target, lot, amount),) = postings
        assert lot == self.sequence, (lot, self.sequence)
        self._order = None
        is_frozen = target == FROZEN
        self.put_lot(granted_lot(lot=lot, terms=terms, amount=amount, is_frozen=is_frozen))
        self.wake(terms.expires_at)

    def _move(self, posting: Posting) -> None:
        source, target, number, amount = posting
        if number is not None:
            lots = self.lots
            lot = lots[number]
            self.lots_before.setdefault(number, lot)
            lots[number] = moved(lot=lot, source=source, target=target, amount=amount)
            if target in _LEFT and not lot.is_dead(at=self.due_at):
                self.wake(lot.expires_at)  # an emptied lot has something to lapse again
        if source == AVAILABLE:
            self.available -= amount
        elif source == HELD:
            self.held -= amount
        if target == AVAILABLE:
            self.available += amount
        elif target == HELD:
            self.held += amount
