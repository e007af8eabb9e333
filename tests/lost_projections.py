"""Projections that are lost, and rebuilt from the journal."""

from datetime import datetime
from uuid import UUID

import asyncpg

from mutoscope.app.rebuild import rebuild, survey
from mutoscope.storage.verification import Scope

EVERYTHING = ("DELETE FROM wallets", "DELETE FROM stored_lots", "DELETE FROM stored_holds")


async def lose_and_rebuild(
    connection: asyncpg.Connection, workspace_id: UUID, *, at: datetime
) -> None:
    """Drop every projection of a workspace and rebuild it; deadlines, which no entry has, stay."""
    of_it = " WHERE workspace_id = $1"
    deadlines = await connection.fetch("SELECT * FROM holds" + of_it, workspace_id)
    for statement in EVERYTHING:
        await connection.execute(statement + of_it, workspace_id)
    damage = await survey(connection, scope=Scope(workspace_id=workspace_id))
    await rebuild(connection, damage=damage, at=at)
    renew = f"UPDATE stored_holds SET deadline_at = $4 {of_it} AND kind = $2 AND sequence = $3"
    await connection.executemany(renew, deadlines)
