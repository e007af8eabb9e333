"""The audit as rows. `write_audit` is a side writer: it commits with what a line tells.

Invariant: a line is written while the head of the chain is locked, so that the sequence has no gap
and no two lines follow the same one. Only staff's actions lock it, and last of all (`RANK`): two of
them wait for one another here at most, and creators never do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.audit import AuditHead, AuditLine, Reason, canonical_line
from mutoscope.domain.journal import GENESIS, chained
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mutoscope.storage.database import Connection

RANK: Final = 9
"""Written after whatever else commits with it."""

CHUNK: Final = 1_000
"""Lines that are in memory at once."""

_SQL: Final = queries("audit")


class AuditRow(NamedTuple):
    """A line to be written; its sequence and its hash are taken when it is."""

    staff_id: UUID
    action: str
    workspace_id: UUID | None
    key: str | None
    digest: bytes | None
    reason: Reason | None
    data: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A line as it is read: with who acted by name, and why unless that was erased."""

    line: AuditLine
    name: str | None
    reason: Reason | None


async def write_audit(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write lines at the end of the chain, with the reasons of those that have one."""
    sequence, previous = await _SQL.lock_head(connection)
    lines: list[AuditLine] = []
    reasons: list[tuple[int, bytes, str]] = []
    for each in rows:
        sequence += 1
        row = AuditRow(*each)
        line = _line(row, sequence, previous)
        lines.append(line)
        if row.reason is not None:
            reasons.append((sequence, *row.reason))
        previous = line.hash
    written: int = await _SQL.write_lines(connection, lines=lines)
    await _SQL.write_reasons(connection, reasons=reasons)
    await _SQL.move_head(connection, sequence=sequence, hash=previous)
    return written


async def line_by_key(connection: Connection, *, key: str) -> AuditLine | None:
    """Return the line that a key made, or None."""
    row = await _SQL.line_by_key(connection, key=key)
    return None if row is None else AuditLine(*row)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilters:
    """What a line must match; a filter that is not set lets every line pass."""

    workspace_id: UUID | None = None
    staff_id: UUID | None = None
    action: str | None = None


async def page(
    connection: Connection, *, filters: AuditFilters, before: int, limit: int
) -> tuple[Told, ...]:
    """Return lines before a sequence, the newest first."""
    rows = _SQL.page(
        connection, before=before, limit=limit, workspace_id=filters.workspace_id,
        staff_id=filters.staff_id, action=filters.action,
    )  # fmt: skip
    return tuple([_told(row) async for row in rows])


async def parts(connection: Connection) -> AsyncIterator[list[Told]]:
    """Yield every line in order, a chunk at a time."""
    after = 0
    while rows := [row async for row in _SQL.part(connection, after=after, limit=CHUNK)]:
        yield [_told(row) for row in rows]
        after = rows[-1]["sequence"]


async def head(connection: Connection) -> AuditHead | None:
    """Return where the chain has come to; None when somebody took even that away."""
    row = await _SQL.head(connection)
    return None if row is None else AuditHead(*row)


async def end(connection: Connection) -> AuditHead:
    """Return the last line as it stands there, whatever the head's row says of it."""
    row = await _SQL.end(connection)
    return AuditHead(0, GENESIS) if row is None else AuditHead(*row)


async def hashes(connection: Connection, *, sequences: Sequence[int]) -> dict[int, bytes]:
    """Return the hashes of some lines by their sequences, of those that are there."""
    rows = _SQL.hashes(connection, sequences=sequences)
    return {row["sequence"]: row["hash"] async for row in rows}


async def loose_reasons(connection: Connection, *, limit: int) -> list[int]:
    """Return the sequences of reasons that stand beside no line."""
    return [row["sequence"] async for row in _SQL.loose_reasons(connection, limit=limit)]


async def erase_reasons(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Erase the reasons of (sequence) where they are still there."""
    erased: int = await _SQL.erase_reasons(connection, sequences=[row[0] for row in rows])
    return erased


def _line(row: AuditRow, sequence: int, previous: bytes) -> AuditLine:
    reason_digest = b"" if row.reason is None else row.reason.digest()
    made = AuditLine(
        sequence, row.staff_id, row.action, row.workspace_id, row.key, row.digest, reason_digest,
        row.data, row.at, b"",
    )  # fmt: skip
    return made._replace(hash=chained(previous=previous, line=canonical_line(made)))


def _told(row: Any) -> Told:  # noqa: ANN401 -- a row of the query
    reason = None if row["salt"] is None else Reason(row["salt"], row["reason"])
    return Told(line=AuditLine(*tuple(row)[:10]), name=row["name"], reason=reason)
