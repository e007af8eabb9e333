"""Changes: what a plan left in its wallets, as the rows that `ledger_apply` writes."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from mutoscope.domain.lots import Lot, Terms
from mutoscope.domain.wallet import Wallet

Rows = list[tuple[Any, ...]]


class Changes(NamedTuple):
    """The rows that `ledger_apply` is given, each list in its type's order."""

    woken_wallets: Rows
    new_entries: Rows
    further_postings: Rows
    new_lots: Rows
    drawn_lots: Rows
    moved_lots: Rows
    new_holds: Rows
    renewed_holds: Rows
    closed_holds: Rows
    new_standing: Rows

    def arguments(self) -> tuple[Any, ...] | None:
        """Return the function's arguments, or None when there is nothing to be written.

        The counts before the rows are of wallets with entries and of lots that were drawn from; no
        rows at all are told as NULL, which costs less than an empty array.
        """
        moved = sum(row[_VERSION] is not None for row in self.new_entries)
        drawn = sum(row[_LOT_AVAILABLE] is not None for row in self.new_entries)
        if moved or self.woken_wallets:
            return (moved, drawn + len(self.drawn_lots), *[rows or None for rows in self])
        return None


_VERSION = 18
_LOT_AVAILABLE = 24
_NO_POSTING = (None, None, None, None)
_NO_LOT = (None, None, None, None, None)


def changes_of(wallets: Iterable[Wallet]) -> Changes:
    """Return the rows of all wallets that the plan has changed."""
    changes = Changes([], [], [], [], [], [], [], [], [], [])
    for wallet in sorted(wallets, key=_place):  # the order of every lock: no two batches deadlock
        if wallet.is_changed():
            if wallet.entries:
                _add_entries(changes, wallet, _add_lots(changes, wallet))
            else:
                changes.woken_wallets.append(_woken(wallet))
            if wallet.holds_before:
                _add_holds(changes, wallet)
            if wallet.standing_before:
                _add_standing(changes, wallet)
    return changes


def _place(wallet: Wallet) -> tuple[int, str]:
    return (wallet.workspace_id.int, wallet.kind)


def _woken(wallet: Wallet) -> tuple[Any, ...]:
    version = wallet.version + 1
    return (wallet.workspace_id, wallet.kind, wallet.posted_at, version, wallet.wake_at)


def _add_entries(changes: Changes, wallet: Wallet, drawn: dict[int, Lot]) -> None:
    workspace_id, kind = wallet.workspace_id, wallet.kind
    version: int | None = wallet.version + 1
    rows = []
    for entry in reversed(wallet.entries):  # the last one tells of the wallet and of drawn lots
        (
            sequence, operation, namespace, key, digest, due_at, posted_at, refers_to, reason,
            available, held, attribution, note_digest, postings, terms, hashed,
        ) = entry  # fmt: skip
        first, *further = postings or (_NO_POSTING,)
        lot = drawn.pop(first[2] or 0, None)
        rows.append((
            workspace_id, kind, sequence, operation, namespace, key, digest,
            None if due_at is posted_at else due_at, posted_at, refers_to, reason, available,
            held, *attribution, note_digest, hashed, version, wallet.wake_at,
            *first, *(_NO_LOT if lot is None else lot[9:14]),
        ))  # fmt: skip
        version = None
        for ordinal, posting in enumerate(further, 2):
            changes.further_postings.append((workspace_id, kind, sequence, ordinal, *posting))
        if terms is not None:
            changes.new_lots.append(_opened(wallet, terms, wallet.lots[sequence]))
    changes.new_entries.extend(reversed(rows))
    for number, lot in drawn.items():
        changes.drawn_lots.append((workspace_id, kind, number, *lot[9:14]))


def _opened(wallet: Wallet, terms: Terms, lot: Lot) -> tuple[Any, ...]:
    source, effective_at, expires_at, reference, paid, currency = terms
    return (
        wallet.workspace_id, wallet.kind, lot.lot, source, reference, effective_at, expires_at,
        paid, currency, lot.granted, lot.expires_at, lot.state, *lot[9:],
    )  # fmt: skip


def _add_lots(changes: Changes, wallet: Wallet) -> dict[int, Lot]:
    """Add the lots whose terms or ends have changed; return those that were drawn from."""
    drawn = {}
    for number, before in wallet.lots_before.items():
        lot = wallet.lots.get(number)
        if lot is before or lot is None or before is None:
            continue  # restored, or opened: by a submission that was refused, or with its grant
        if _is_drawn(lot, before):
            drawn[number] = lot
        else:
            changes.moved_lots.append((
                wallet.workspace_id, wallet.kind, number, lot.expires_at, lot.state, *lot[9:]
            ))  # fmt: skip
    return drawn


def _is_drawn(lot: Lot, before: Lot) -> bool:
    """Tell whether credits moved in or out of a lot, or lapsed, but its own terms stay."""
    return (
        lot[14:] == before[14:]
        and lot.state is before.state
        and lot.expires_at is before.expires_at
    )


def _add_holds(changes: Changes, wallet: Wallet) -> None:
    for sequence, before in wallet.holds_before.items():
        hold = wallet.holds.get(sequence)
        told = hold or before
        if hold is before or told is None:
            continue
        row = (wallet.workspace_id, wallet.kind, sequence, told.deadline_at)
        if before is None:
            changes.new_holds.append(row)
        elif hold is None:
            changes.closed_holds.append(row)
        else:
            changes.renewed_holds.append(row)


def _add_standing(changes: Changes, wallet: Wallet) -> None:
    for name, before in wallet.standing_before.items():
        standing = wallet.standing.get(name)
        if standing is not None and standing != before:
            changes.new_standing.append((wallet.workspace_id, wallet.kind, *standing))
