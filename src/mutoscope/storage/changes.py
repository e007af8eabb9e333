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
    for number, before in wallet.lots_before.items():
        lot = wallet.lots.get(number)
        if lot is None:  # granted by a submission that was refused after all
            continue
        if before is None:
            changes.new_lots.append((wallet.workspace_id, wallet.kind, *lot, None))
        elif before is not lot:
            changes.moved_lots.append((
                wallet.workspace_id, wallet.kind, number, lot.expires_at, lot.state, *lot[9:]
            ))  # fmt: skip


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
