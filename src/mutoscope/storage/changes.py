"""Changes: what a plan left in its wallets, as the rows that `ledger_apply` writes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from mutoscope.domain.lots import Lot
from mutoscope.domain.standing import StandingGrant
from mutoscope.domain.wallet import Wallet
from mutoscope.domain.wallet_row import Drawn, Placed

Rows = list[tuple[Any, ...]]

_new = tuple.__new__  # makes a value without its class's own, slower, constructor


class Changes(NamedTuple):
    """The rows that `ledger_apply` is given, each list in its type's order."""

    woken_wallets: Rows
    new_entries: Rows
    further_moves: Rows
    new_lots: Rows
    moved_lots: Rows
    new_holds: Rows
    renewed_holds: Rows
    closed_holds: Rows
    new_standing: Rows
    advanced_standing: Rows

    def arguments(self, at: datetime) -> tuple[Any, ...] | None:
        """Return the function's arguments, or None when there is nothing to be written.

        The count before the rows is of wallets with entries; no rows at all are told as NULL, which
        costs less than an empty array.
        """
        moved = sum(row[_VERSION] is not None for row in self.new_entries)
        if moved or self.woken_wallets:
            return (moved, at, *[rows or None for rows in self])
        return None


_VERSION: Final = 27
_NO_POSTING: Final = (None, None, None, None)
_NO_LOT: Final = (None, None, None, None)
_NO_HOLD: Final = (None, None)
_NOTHING_MORE: Final = (None, None, *_NO_LOT, *_NO_HOLD)
_IN_ENTRY: Final = 2
"""Postings that an entry's own row has."""


def changes_of(wallets: Iterable[Wallet], *, at: datetime) -> Changes:
    """Return the rows of all wallets that a plan has changed.

    Nearly every entry was posted at `at`, which is told once: those leave their instant out.
    """
    changes = Changes([], [], [], [], [], [], [], [], [], [])
    for wallet in sorted(wallets, key=_place):  # the order of every lock: no two batches deadlock
        if wallet.is_changed():
            if wallet.holds_before:
                _add_holds(changes, wallet)
            if wallet.entries:
                _add_lots(changes, wallet)
                _add_entries(changes, wallet, at)
            else:
                changes.woken_wallets.append(_woken(wallet))
            if wallet.standing_before:
                _add_standing(changes, wallet)
    return changes


def _place(wallet: Wallet) -> tuple[int, str]:
    return (wallet.workspace_id.int, wallet.kind)


def _woken(wallet: Wallet) -> tuple[Any, ...]:
    return (
        wallet.workspace_id, wallet.kind, wallet.posted_at, wallet.version + 1, wallet.wake_at,
        *(wallet.placed or _NO_HOLD),
    )  # fmt: skip


def _add_entries(changes: Changes, wallet: Wallet, at: datetime) -> None:
    workspace_id, kind = wallet.workspace_id, wallet.kind
    last = wallet.sequence
    for entry in wallet.entries:
        (
            sequence, operation, namespace, key, digest, due_at, posted_at, refers_to, reason,
            available, held, attribution, note_digest, postings, terms, hashed,
        ) = entry  # fmt: skip
        count = len(postings)
        changes.new_entries.append((
            workspace_id, kind, sequence, operation, namespace, key, digest,
            None if due_at is posted_at else due_at, None if posted_at is at else posted_at,
            refers_to, reason, available, held, *attribution, note_digest, hashed,
            *(postings[0] if count else _NO_POSTING), *(postings[1] if count > 1 else _NO_POSTING),
            terms, *(_of_wallet(wallet) if sequence == last else _NOTHING_MORE),
        ))  # fmt: skip
        if count > _IN_ENTRY:
            for ordinal, posting in enumerate(postings[_IN_ENTRY:], _IN_ENTRY + 1):
                changes.further_moves.append((workspace_id, kind, sequence, ordinal, *posting))
        if terms is not None:
            changes.new_lots.append((workspace_id, kind, *wallet.lots[sequence]))


def _of_wallet(wallet: Wallet) -> tuple[Any, ...]:
    return (
        wallet.version + 1, wallet.wake_at, *(wallet.drawn or _NO_LOT), *(wallet.placed or _NO_HOLD)
    )  # fmt: skip


def _add_lots(changes: Changes, wallet: Wallet) -> None:
    """Tell where the credits of lots are: of the one that is drawn from in the wallet's row.

    What that row tells is noted in the wallet; one that cannot be written is forgotten anyway.
    """
    lots, told = wallet.lots, wallet.drawn
    drawn: Lot | None = None
    for number, before in wallet.lots_before.items():
        lot = lots.get(number)
        if lot is before or lot is None or before is None:
            continue  # restored, or opened: by a submission that was refused, or with its grant
        is_told = told is not None and told[0] == number
        if _is_drawn(lot, before) and (drawn is None or is_told):
            lot, drawn = drawn, lot
        if lot is not None:
            changes.moved_lots.append(_moved(wallet, lot))
            told = None if is_told else told
    if drawn is None:
        wallet.drawn = told
        return
    if told is not None and told[0] != drawn[0]:
        changes.moved_lots.append(_moved(wallet, lots[told[0]]))
    wallet.drawn = _new(Drawn, (drawn[0], drawn[9], drawn[11], drawn[12]))


def _is_drawn(lot: Lot, before: Lot) -> bool:
    """Tell whether a lot has credits as before, and only more or less of them are in use.

    A lot with credits available is open, so that none of them is frozen.
    """
    return (
        lot.available > 0
        and before.available > 0
        and lot.state is before.state
        and lot.expires_at is before.expires_at
        and lot[13:] == before[13:]
    )


def _moved(wallet: Wallet, lot: Lot) -> tuple[Any, ...]:
    return (wallet.workspace_id, wallet.kind, lot.lot, lot.expires_at, lot.state, *lot[9:])


def _add_holds(changes: Changes, wallet: Wallet) -> None:
    """Tell which holds are open: of one in the wallet's row, where a new one finds none.

    What that row tells is noted in the wallet, as it is of the lot that is drawn from.
    """
    placed = wallet.placed
    for sequence, before in wallet.holds_before.items():
        hold = wallet.holds.get(sequence)
        told = hold or before
        if hold is before or told is None:
            continue
        is_told = placed is not None and placed[0] == sequence
        if is_told or (before is None and placed is None):
            placed = None if hold is None else _new(Placed, (sequence, hold.deadline_at))
            continue
        row = (wallet.workspace_id, wallet.kind, sequence, told.deadline_at)
        if before is None:
            changes.new_holds.append(row)
        elif hold is None:
            changes.closed_holds.append(row)
        else:
            changes.renewed_holds.append(row)
    wallet.placed = placed


def _add_standing(changes: Changes, wallet: Wallet) -> None:
    for name, before in wallet.standing_before.items():
        standing = wallet.standing.get(name)
        if standing is None or standing == before:
            continue
        row = (wallet.workspace_id, wallet.kind)
        if before is not None and _terms_of(before) == _terms_of(standing):
            step = (standing.subscription_id, standing.change, standing.next_index)
            changes.advanced_standing.append((*row, *step))
        else:
            changes.new_standing.append((*row, *standing))


def _terms_of(standing: StandingGrant) -> tuple[object, ...]:
    """Return all of a standing grant but its next period."""
    return (*standing[:4], *standing[5:])
