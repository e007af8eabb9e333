"""Reads balances: now, projected, or as they were.

Invariant: reading changes nothing. Now and later cost what the open lots and holds cost; a balance
of the past costs the shorter way to it, from the journal's beginning or back from now. The
surprising choice: a past instant after the last entry is read like now, with what was due by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.balance import (
    Balance,
    HoldView,
    LotView,
    Placement,
    Standpoint,
    balance_after,
    balance_of,
)
from mutoscope.domain.credits import checked_instant
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import UnknownWallet
from mutoscope.domain.remains import (
    Moved,
    Remains,
    Turn,
    lot_view,
    remains_after,
    remains_before,
    turned,
)
from mutoscope.domain.wallet import Wallet
from mutoscope.storage.database import queries
from mutoscope.storage.facts import add_due, facts_from

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection


_SQL: Final = queries("balances")


async def balance(
    connection: Connection, *, workspace_id: UUID, kind: str, at: datetime, now: datetime
) -> Balance:
    """Return a wallet's balance at an instant; what lies beyond now is projected.

    In a projection grants and lapses come when they are due, and holds end at their deadlines.

    :raises UnknownWallet: when the workspace has no such wallet.
    :raises TooFarAhead: when the instant lies more than ten years ahead.
    :raises NaiveInstant: when an instant has no zone.
    """
    found = await _balances(connection, workspace_id, kind, _instants(at, now))
    if not found:
        raise UnknownWallet(workspace_id=workspace_id, kind=kind)
    return found[0]


async def balances(
    connection: Connection, *, workspace_id: UUID, at: datetime, now: datetime
) -> tuple[Balance, ...]:
    """Return the balances of all wallets of a workspace, by kind; none when it has no wallet.

    :raises TooFarAhead: when the instant lies more than ten years ahead.
    :raises NaiveInstant: when an instant has no zone.
    """
    return await _balances(connection, workspace_id, None, _instants(at, now))


async def sequences_at(
    connection: Connection, *, workspace_id: UUID, kinds: Iterable[str], at: datetime
) -> dict[str, int]:
    """Return the last entry of each wallet that took effect by an instant, 0 for none."""
    asked = list(kinds)
    rows = _SQL.sequences_at(
        connection, workspace_id=workspace_id, kinds=asked, instants=[at] * len(asked)
    )
    return {row["kind"]: row["sequence"] async for row in rows}


def _instants(at: datetime, now: datetime) -> tuple[datetime, datetime]:
    return checked_instant(at, name="at"), checked_instant(now, name="now")


async def _balances(
    connection: Connection,
    workspace_id: UUID,
    kind: str | None,
    instants: tuple[datetime, datetime],
) -> tuple[Balance, ...]:
    at, now = instants
    row = await _SQL.facts(connection, workspace_id=workspace_id, kind=kind)
    wallets, open_lots, standing, holds, postings, held_lots, entries = row
    found = facts_from((wallets, open_lots, None, None, None, None)).wallets
    add_due(dict(found), (standing, holds, entries, postings, held_lots, None))
    placements = {(e["kind"], e["sequence"]): _placement(e) for e in entries}
    shown = []
    for wallet in found.values():
        if at < min(now, wallet.due_at):
            shown.append(await _past(connection, wallet, at))
        else:
            mine = {s: p for (kind, s), p in placements.items() if kind == wallet.kind}
            shown.append(balance_after(wallet=wallet, placements=mine, at=at, now=now))
    return tuple(shown)


def _placement(entry: Mapping[str, Any]) -> Placement:
    return Placement(entry["namespace"], entry["key"], entry["due_at"])


async def _past(connection: Connection, wallet: Wallet, at: datetime) -> Balance:
    """Return the balance at an instant before the wallet's last entry."""
    workspace_id, kind = wallet.workspace_id, wallet.kind
    sequences = await sequences_at(connection, workspace_id=workspace_id, kinds=[kind], at=at)
    standpoint = Standpoint(workspace_id, kind, at, sequences[kind])
    remains, holds = await _left(connection, wallet, standpoint)
    return balance_of(
        standpoint=standpoint,
        lots=await _lots(connection, standpoint, remains),
        holds=await _placed(connection, standpoint, holds),
    )


async def _left(
    connection: Connection, wallet: Wallet, standpoint: Standpoint
) -> tuple[Remains, list[int]]:
    """Return what was left of the lots and which holds were open, by the shorter way."""
    sequence, last = standpoint.sequence, wallet.sequence
    is_forward = sequence <= last - sequence
    span = {
        "workspace_id": wallet.workspace_id, "kind": wallet.kind,
        "after": 0 if is_forward else sequence, "upto": sequence if is_forward else last,
    }  # fmt: skip
    moves = [Moved(*row) async for row in _SQL.moves(connection, **span) if row["lot"] <= sequence]
    holds = [row["hold"] async for row in _SQL.halved_holds(connection, sequence=sequence, **span)]
    if is_forward:
        return remains_after(moves=moves), holds
    lots = [lot for lot in wallet.lots.values() if lot.lot <= sequence]
    still_open = [hold for hold in wallet.holds if hold <= sequence]
    return remains_before(lots=lots, moves=moves), still_open + holds


async def _lots(
    connection: Connection, standpoint: Standpoint, remains: Remains
) -> tuple[LotView, ...]:
    if not remains:
        return ()
    workspace_id, kind = standpoint[:2]
    rows = _SQL.granted_lots(connection, workspace_id=workspace_id, kind=kind, lots=list(remains))
    lots = [
        lot_view(lot=lot, terms=Terms(*terms), is_frozen=is_frozen, remains=remains[lot])
        async for lot, *terms, is_frozen in rows
    ]
    held = [lot.lot for lot in lots if not (lot.available or lot.frozen)]
    if not held:
        return tuple(lots)
    found = _SQL.turns(
        connection,
        workspace_id=workspace_id,
        kind=kind,
        after=min(held),
        upto=standpoint.sequence,
    )
    turns = [Turn(*row) async for row in found]
    return tuple(turned(lot=lot, turns=turns) if lot.lot in held else lot for lot in lots)


async def _placed(
    connection: Connection, standpoint: Standpoint, holds: list[int]
) -> tuple[HoldView, ...]:
    rows = _SQL.placed_holds(
        connection, workspace_id=standpoint.workspace_id, kind=standpoint.kind, holds=holds
    )
    return tuple([HoldView(**row, deadline_at=None) async for row in rows])
