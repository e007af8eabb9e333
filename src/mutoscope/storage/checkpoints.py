"""Checkpoints in the database: the heads that moved, and what was signed about them.

Invariant: the heads of a checkpoint and its signature are written in one transaction, so that a
checkpoint is there whole or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutoscope.domain.audit import AuditHead
from mutoscope.domain.checkpoint import NO_PREVIOUS, Checkpoint, Head, HeadsDigest, Signed
from mutoscope.storage import audit
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from mutoscope.storage.database import Connection

CHUNK: Final = 4_000
"""Heads that are in memory at once."""

_SQL: Final = queries("checkpoints")


async def last_at(connection: Connection) -> datetime | None:
    """Return when the last checkpoint was taken.

    To be called in a transaction; until it ends, nobody else takes one.
    """
    await connection.execute(_SQL.lock.sql)
    last = await connection.fetchrow(_SQL.last.sql)
    return last["taken_at"] if last else None


async def begin(connection: Connection, *, taken_at: datetime) -> Checkpoint:
    """Write the heads that moved and return the checkpoint of them, yet to be signed.

    To be called in a transaction that ends with `write`.
    """
    await connection.execute(_SQL.lock.sql)
    last = await connection.fetchrow(_SQL.last.sql)
    number = last["checkpoint"] + 1 if last else 1
    digest = HeadsDigest()
    cursor = await connection.cursor(_SQL.write_heads.sql, number)
    while rows := await cursor.fetch(CHUNK):
        for row in rows:
            digest.add(Head(*row))
    return Checkpoint(
        number=number,
        taken_at=taken_at,
        wallets=digest.wallets,
        heads_digest=digest.value(),
        previous=last["digest"] if last else NO_PREVIOUS,
        audit=await audit.end(connection),
    )


async def write(connection: Connection, *, signed: Signed) -> None:
    """Write a signed checkpoint beside its heads."""
    checkpoint = signed.checkpoint
    await connection.execute(
        _SQL.write.sql,
        checkpoint.number,
        checkpoint.taken_at,
        checkpoint.wallets,
        checkpoint.digest(),
        signed.public_key,
        signed.signature,
        None if checkpoint.audit is None else checkpoint.audit.sequence,
        None if checkpoint.audit is None else checkpoint.audit.hash,
    )


async def read(
    connection: Connection, *, number: int | None = None
) -> AsyncIterator[Signed | Head]:
    """Yield each checkpoint, or one, followed by its heads.

    To be called in a transaction, so that all are of one snapshot.
    """
    previous = NO_PREVIOUS
    for row in await connection.fetch(_SQL.checkpoints.sql):
        if number is None or row["checkpoint"] == number:
            heads = await _heads_digest(connection, row["checkpoint"])
            checkpoint = Checkpoint(
                number=row["checkpoint"],
                taken_at=row["taken_at"],
                wallets=row["wallets"],
                heads_digest=heads,
                previous=previous,
                audit=_audit_head(row["audit_sequence"], row["audit_hash"]),
            )
            yield Signed(checkpoint, row["public_key"], row["signature"])
            async for head in _heads(connection, row["checkpoint"]):
                yield head
        previous = row["digest"]


async def hashes(connection: Connection, *, heads: Sequence[Head]) -> dict[int, bytes]:
    """Return the hashes that stand in the journal at some heads, by their places among them."""
    rows = await connection.fetch(
        _SQL.hashes.sql,
        [head.workspace_id for head in heads],
        [head.kind for head in heads],
        [head.sequence for head in heads],
    )
    return {row["position"] - 1: row["hash"] for row in rows}


def _audit_head(sequence: int | None, digest: bytes | None) -> AuditHead | None:
    return None if sequence is None or digest is None else AuditHead(sequence, digest)


async def _heads_digest(connection: Connection, number: int) -> bytes:
    digest = HeadsDigest()
    async for head in _heads(connection, number):
        digest.add(head)
    return digest.value()


async def _heads(connection: Connection, number: int) -> AsyncIterator[Head]:
    cursor = await connection.cursor(_SQL.heads.sql, number)
    while rows := await cursor.fetch(CHUNK):
        for row in rows:
            yield Head(*row)
