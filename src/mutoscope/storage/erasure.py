"""Forgets the people of closed workspaces. `erase_workspaces` is a side writer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("erasure")


async def erase_workspaces(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Forget who (workspace id) is, and all that they wrote, where it is closed."""
    workspaces = [row[0] for row in rows]
    erased: int = await _SQL.erase_names(connection, workspaces=workspaces)
    if erased == len(rows):
        await _SQL.erase_words(connection, workspaces=workspaces)
        await _SQL.erase_work(connection, workspaces=workspaces)
    return erased
