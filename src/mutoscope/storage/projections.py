"""The rows that a rebuild locks, reads and writes: wallets, lots and open holds.

Invariant: nothing here writes the journal. A wallet's version grows beyond every one it ever had,
so that no process believes what it remembers of the wallet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mutoscope.domain.chain import ENTRIES
from mutoscope.domain.findings import Fault, Finding
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.domain.planner import WalletName
    from mutoscope.domain.replay import Replay
    from mutoscope.storage.session import Connection
    from mutoscope.storage.verification import Scope

_SQL: Final = queries("projections")


class Made(NamedTuple):
    """What a wallet's journal makes: all that its rows are to say.

    A hold whose row was gone gets `deadline_at`: no entry tells when its job renewed it last.
    """

    name: WalletName
    head: bytes
    replay: Replay
    at: datetime
    deadline_at: datetime


async def lock(connection: Connection, workspace_id: UUID) -> None:
    """Lock the wallets of a workspace, those without a row as well, until the transaction ends."""
    await connection.execute(_SQL.open_missing.sql, workspace_id)
    await connection.execute(_SQL.lock.sql, workspace_id)


async def unmatched_heads(connection: Connection, scope: Scope) -> list[Finding]:
    """Return the wallets that once were at a line which their journal does not have."""
    return [
        Finding(
            Fault.JOURNAL_CUT if found is None else Fault.JOURNAL_REWRITTEN, ENTRIES,
            workspace_id, kind, sequence,
            f"{head.hex()}, as the wallet's row tells",
            "no entry" if found is None else found.hex(),
        )
        for workspace_id, kind, sequence, head, found in await connection.fetch(
            _SQL.unmatched_heads.sql, *scope.bounds()
        )
    ]  # fmt: skip


async def write(connection: Connection, made: Made) -> None:
    """Write the rows of a locked wallet as its journal makes them."""
    name, head, replay, at, deadline_at = made
    version = round(at.timestamp() * 1_000_000)  # more than a wallet can have been written
    await connection.execute(_SQL.keep_placed_hold.sql, deadline_at, *name)
    await connection.execute(
        _SQL.write_wallet.sql, replay.sequence, head, replay.available, replay.held,
        replay.due_at, at, replay.posted_at, version, *name,
    )  # fmt: skip
    await connection.execute(_SQL.clear_lots.sql, *name)
    lots = [(*name, *lot, None) for lot in replay.lots.values()]
    await connection.execute(_SQL.write_lots.sql, lots)
    open_holds = list(replay.holds)
    await connection.execute(_SQL.clear_holds.sql, *name, open_holds)
    await connection.execute(_SQL.write_holds.sql, *name, deadline_at, open_holds)
