"""Changes: what a plan left in its wallets, as the rows that `ledger_apply` writes."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from mutoscope.domain.planner import WalletName
from mutoscope.domain.wallet import Wallet

Rows = list[tuple[Any, ...]]


class Changes(NamedTuple):
    """The arguments of `ledger_apply`, each a list of rows in its table's order."""

    moved_wallets: Rows
    new_entries: Rows
    new_postings: Rows
    new_grants: Rows
    new_lots: Rows
    moved_lots: Rows
    open_holds: Rows
    closed_holds: Rows
    new_standing: Rows


def changes_of(wallets: Iterable[Wallet]) -> Changes:
    """Return the rows of all wallets that the plan has changed."""
    changes = Changes([], [], [], [], [], [], [], [], [])
    for wallet in sorted(wallets, key=_name):  # the order of every lock: no two batches deadlock
        if wallet.is_changed():
            _add_wallet(changes, wallet)
            _add_entries(changes, wallet)
            _add_lots(changes, wallet)
            _add_holds(changes, wallet)
            _add_standing(changes, wallet)
    return changes


def _name(wallet: Wallet) -> WalletName:
    return (wallet.workspace_id, wallet.kind)


def _add_wallet(changes: Changes, wallet: Wallet) -> None:
    changes.moved_wallets.append((
        wallet.workspace_id, wallet.kind, wallet.sequence, wallet.head, wallet.available,
        wallet.held, wallet.due_at, wallet.posted_at, wallet.wake_at, wallet.version + 1,
    ))  # fmt: skip


def _add_entries(changes: Changes, wallet: Wallet) -> None:
    workspace_id, kind = wallet.workspace_id, wallet.kind
    for entry in wallet.entries:
        sequence = entry[0]
        changes.new_entries.append(
            (workspace_id, kind, *entry[:11], *entry.attribution, entry.note_digest, entry.hash)
        )
        for ordinal, posting in enumerate(entry.postings, 1):
            changes.new_postings.append((workspace_id, kind, sequence, ordinal, *posting))
        if entry.terms is not None:
            source, effective_at, expires_at, reference, paid, currency = entry.terms
            amount = entry.postings[0].amount
            changes.new_grants.append((
                workspace_id, kind, sequence, source, reference, effective_at, expires_at, paid,
                currency, amount,
            ))  # fmt: skip


def _add_lots(changes: Changes, wallet: Wallet) -> None:
    loaded = wallet.loaded_lots
    for number, lot in wallet.lots.items():
        before = loaded.get(number)
        if before is None:
            changes.new_lots.append((wallet.workspace_id, wallet.kind, *lot, None))
        elif before is not lot:
            changes.moved_lots.append((
                wallet.workspace_id, wallet.kind, number, lot.expires_at, lot.state, *lot[9:]
            ))  # fmt: skip


def _add_holds(changes: Changes, wallet: Wallet) -> None:
    loaded = wallet.loaded_holds
    for sequence, hold in wallet.holds.items():
        before = loaded.get(sequence)
        row = (wallet.workspace_id, wallet.kind, sequence, hold.deadline_at)
        if before is None or before.deadline_at != hold.deadline_at:
            changes.open_holds.append(row)
    for sequence, hold in loaded.items():
        if sequence not in wallet.holds:
            row = (wallet.workspace_id, wallet.kind, sequence, hold.deadline_at)
            changes.closed_holds.append(row)


def _add_standing(changes: Changes, wallet: Wallet) -> None:
    loaded = wallet.loaded_standing
    changes.new_standing.extend(
        (wallet.workspace_id, wallet.kind, *standing)
        for subscription_id, standing in wallet.standing.items()
        if loaded.get(subscription_id) != standing
    )
