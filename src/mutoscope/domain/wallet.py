"""The working copy of a wallet while a plan is made: its lots, holds, and the lines to be written.

`record` is the one place where an entry is made and lots follow its postings. The copy is mutable
on purpose (a plan touches thousands of them); `saved` and `restored` undo a set of requests that
fails in its middle.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from mutoscope.domain.chart import MOVES, Account, Operation
from mutoscope.domain.journal import (
    NOBODY,
    Attribution,
    Entry,
    Posting,
    canonical_line,
    chained,
)
from mutoscope.domain.lots import Draw, Lot, Terms, granted_lot, moved
from mutoscope.domain.standing import StandingGrant


class OpenHold(NamedTuple):
    """A hold that is not settled: its draws in the order drawn; a metered one has no draws."""

    sequence: int
    amount: int
    is_metered: bool
    deadline_at: datetime
    draws: tuple[Draw, ...]


class Stamp(NamedTuple):
    """What an entry says of the request that caused it."""

    namespace: str
    key: str
    digest: bytes
    attribution: Attribution = NOBODY
    reason: str | None = None
    note_digest: bytes | None = None


class Saved(NamedTuple):
    """What `restored` puts back."""

    fields: tuple[object, ...]
    lots: dict[int, Lot]
    holds: dict[int, OpenHold]
    standing: dict[UUID, StandingGrant]
    entries: int


_LEFT = frozenset({Account.AVAILABLE, Account.FROZEN})


class WalletRow(NamedTuple):
    """A wallet's own columns, in the table's order; `version` counts its writings."""

    workspace_id: UUID
    kind: str
    sequence: int
    head: bytes
    available: int
    held: int
    due_at: datetime
    posted_at: datetime
    wake_at: datetime | None
    version: int


class Wallet:
    """One wallet's state, and what a plan adds to it.

    `lots` and `holds` have what was loaded: every lot with credits left, and those that the
    requests name. `next_deadline_at` is the earliest deadline among the holds that were not
    loaded.
    """

    __slots__ = (
        "available", "due_at", "entries", "head", "held", "holds", "kind", "loaded_holds",
        "loaded_lots", "loaded_standing", "loaded_wake_at", "lots", "next_deadline_at",
        "posted_at", "sequence", "standing", "version", "wake_at", "workspace_id",
    )  # fmt: skip

    def __init__(self, row: WalletRow) -> None:
        """Begin with a wallet as it stands; lots, holds and standing grants are added after."""
        (
            self.workspace_id, self.kind, self.sequence, self.head, self.available, self.held,
            self.due_at, self.posted_at, self.wake_at, self.version,
        ) = row  # fmt: skip
        self.next_deadline_at: datetime | None = None
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, OpenHold] = {}
        self.standing: dict[UUID, StandingGrant] = {}
        self.mark_written()

    def mark_written(self) -> None:
        """Begin anew from what is written by now, without the lots that are spent."""
        self.entries: list[Entry] = []
        for number in [number for number, lot in self.lots.items() if lot.is_spent()]:
            del self.lots[number]
        self.loaded_lots = dict(self.lots)
        self.loaded_holds = dict(self.holds)
        self.loaded_standing = dict(self.standing)
        self.loaded_wake_at = self.wake_at

    def record(
        self, operation: Operation, stamp: Stamp, postings: tuple[Posting, ...], *,
        due_at: datetime, refers_to: int | None = None, terms: Terms | None = None,
    ) -> Entry:  # fmt: skip
        """Append an entry and move the lots by its postings."""
        self.sequence += 1
        self.due_at = max(self.due_at, due_at)
        if terms is not None:
            self._open_lot(terms, postings)
        permitted = MOVES[operation]
        for posting in postings:
            assert posting.amount > 0, postings
            assert posting[:2] in permitted, (operation, posting)
            self._move(posting)
        unchained = Entry(
            self.sequence, operation, stamp.namespace, stamp.key, stamp.digest, self.due_at,
            self.posted_at, refers_to, stamp.reason, self.available, self.held,
            stamp.attribution, stamp.note_digest, postings, terms, self.head,
        )  # fmt: skip
        line = canonical_line(workspace_id=self.workspace_id, kind=self.kind, entry=unchained)
        self.head = chained(previous=self.head, line=line)
        entry = Entry._make((*unchained[:-1], self.head))
        self.entries.append(entry)
        return entry

    def wake(self, instant: datetime | None) -> None:
        """Make sure that the clock looks at this wallet no later than an instant."""
        if instant is not None and (self.wake_at is None or instant < self.wake_at):
            self.wake_at = instant

    def settle_wake(self) -> None:
        """Compute anew when something is due next; all that is due was posted before."""
        self.wake_at = self.next_deadline_at
        for hold in self.holds.values():
            self.wake(hold.deadline_at)
        for lot in self.lots.values():
            if lot.available or lot.frozen:
                self.wake(lot.expires_at)
        for standing in self.standing.values():
            self.wake(standing.next_at())

    def is_changed(self) -> bool:
        """Tell whether a plan left anything to be written."""
        return bool(
            self.entries
            or self.wake_at != self.loaded_wake_at
            or self.holds != self.loaded_holds
            or self.standing != self.loaded_standing
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
        del self.entries[saved.entries :]

    def _open_lot(self, terms: Terms, postings: tuple[Posting, ...]) -> None:
        ((_, target, lot, amount),) = postings
        assert lot == self.sequence, (lot, self.sequence)
        is_frozen = target == Account.FROZEN
        self.lots[lot] = granted_lot(lot=lot, terms=terms, amount=amount, is_frozen=is_frozen)
        self.wake(terms.expires_at)

    def _move(self, posting: Posting) -> None:
        source, target, number, amount = posting
        if number is not None:
            lot = self.lots[number]
            self.lots[number] = moved(lot=lot, source=source, target=target, amount=amount)
            if target in _LEFT and not lot.is_dead(at=self.due_at):
                self.wake(lot.expires_at)  # an emptied lot has something to lapse again
        if source == Account.AVAILABLE:
            self.available -= amount
        elif source == Account.HELD:
            self.held -= amount
        if target == Account.AVAILABLE:
            self.available += amount
        elif target == Account.HELD:
            self.held += amount
