"""Changes: what a plan left in its wallets, as the rows that `ledger_apply` writes."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from mutoscope.domain.lots import Lot
from mutoscope.domain.wallet import Wallet

Rows = list[tuple[Any, ...]]


class Changes(NamedTuple):
    """The arguments of `ledger_apply`, each a list of rows in its type's order.

    `moved` counts the wallets with new entries: each of them moves by its last one.
    """

    moved: int
    woken_wallets: Rows
    new_entries: Rows
    new_postings: Rows
    new_grants: Rows
    new_lots: Rows
    drawn_lots: Rows
    moved_lots: Rows
    open_holds: Rows
    closed_holds: Rows
    new_standing: Rows


def changes_of(wallets: Iterable[Wallet]) -> Changes:
    """Return the rows of all wallets that the plan has changed."""
    changes, moved = Changes(0, [], [], [], [], [], [], [], [], [], []), 0
    for wallet in sorted(wallets, key=_place):  # the order of every lock: no two batches deadlock
        if wallet.is_changed():
            if wallet.entries:
                moved += 1
                _add_entries(changes, wallet)
            else:
                changes.woken_wallets.append(_woken(wallet))
            _add_lots(changes, wallet)
            if wallet.holds_before:
                _add_holds(changes, wallet)
            if wallet.standing_before:
                _add_standing(changes, wallet)
    return changes._replace(moved=moved)


def _place(wallet: Wallet) -> tuple[int, str]:
    return (wallet.workspace_id.int, wallet.kind)


def _woken(wallet: Wallet) -> tuple[Any, ...]:
    version = wallet.version + 1
    return (wallet.workspace_id, wallet.kind, wallet.posted_at, version, wallet.wake_at)


def _add_entries(changes: Changes, wallet: Wallet) -> None:
    workspace_id, kind = wallet.workspace_id, wallet.kind
    last = wallet.sequence
    for entry in wallet.entries:
        (
            sequence, operation, namespace, key, digest, due_at, posted_at, refers_to, reason,
            available, held, attribution, note_digest, postings, terms, hashed,
        ) = entry  # fmt: skip
        changes.new_entries.append((
            workspace_id, kind, sequence, operation, namespace, key, digest,
            None if due_at is posted_at else due_at, posted_at, refers_to, reason, available,
            held, *attribution, note_digest, hashed,
            wallet.version + 1 if sequence == last else None, wallet.wake_at,
        ))  # fmt: skip
        for ordinal, posting in enumerate(postings, 1):
            changes.new_postings.append((workspace_id, kind, sequence, ordinal, *posting))
        if terms is not None:
            source, effective_at, expires_at, reference, paid, currency = terms
            changes.new_grants.append((
                workspace_id, kind, sequence, source, reference, effective_at, expires_at, paid,
                currency, postings[0].amount,
            ))  # fmt: skip


def _add_lots(changes: Changes, wallet: Wallet) -> None:
    workspace_id, kind = wallet.workspace_id, wallet.kind
    for number, before in wallet.lots_before.items():
        lot = wallet.lots.get(number)
        if lot is None:  # granted by a submission that was refused after all
            continue
        if before is None:
            changes.new_lots.append((workspace_id, kind, *lot, None))
        elif _is_drawn(lot, before):
            changes.drawn_lots.append((workspace_id, kind, number, *lot[9:13]))
        elif before is not lot:
            changes.moved_lots.append((
                workspace_id, kind, number, lot.expires_at, lot.state, *lot[9:]
            ))  # fmt: skip


def _is_drawn(lot: Lot, before: Lot) -> bool:
    """Tell whether credits of a lot moved, but none to an end and not the lot's own terms."""
    return (
        lot is not before
        and lot[13:] == before[13:]
        and lot.state is before.state
        and lot.expires_at is before.expires_at
    )


def _add_holds(changes: Changes, wallet: Wallet) -> None:
    for sequence, before in wallet.holds_before.items():
        hold = wallet.holds.get(sequence)
        if hold is not None and (before is None or before.deadline_at != hold.deadline_at):
            row = (wallet.workspace_id, wallet.kind, sequence, hold.deadline_at)
            changes.open_holds.append(row)
        elif hold is None and before is not None:
            row = (wallet.workspace_id, wallet.kind, sequence, before.deadline_at)
            changes.closed_holds.append(row)


def _add_standing(changes: Changes, wallet: Wallet) -> None:
    for subscription_id, before in wallet.standing_before.items():
        standing = wallet.standing.get(subscription_id)
        if standing is not None and standing != before:
            changes.new_standing.append((wallet.workspace_id, wallet.kind, *standing))
