"""What a verification reads: the tables of the ledger, merged wallet by wallet in one snapshot.

Invariant: every row of every table is handed out exactly once, with the wallet that its key names,
even when that wallet has no other row; and memory holds a few chunks of rows, however long a
journal is. The surprising choice: kinds are ordered as the database orders them, which is asked,
because collations differ from server to server.
"""

from __future__ import annotations

from bisect import bisect_left
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.chain import Link
from mutoscope.domain.findings import Fault, Finding
from mutoscope.domain.journal import EPOCH, Entry, Posting
from mutoscope.domain.lots import Lot, Terms
from mutoscope.domain.requests import Note
from mutoscope.domain.wallet_row import WalletRow
from mutoscope.storage.database import queries
from mutoscope.storage.facts import Row, entry_from, postings_from

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from mutoscope.domain.planner import WalletName
    from mutoscope.storage.session import Connection

CHUNK: Final = 1_000
"""Rows of a stream that are in memory at once: more is not faster."""

_FIRST: Final = UUID(int=0)
_LAST: Final = UUID(int=2**128 - 1)
_SQL: Final = queries("verification")
FURTHER: Final = "further_postings"
NOTES: Final = "entry_notes"
HOLDS: Final = "holds"
LINES: Final = "lines"
_CHAIN: Final = ("wallets", LINES)
_FULL: Final = (
    "wallets", "entries", FURTHER, "lots", HOLDS, NOTES, "refunds",
)  # fmt: skip
_OF_ENTRIES: Final = {
    FURTHER: Fault.POSTING_WITHOUT_ENTRY,
    NOTES: Fault.NOTE_WITHOUT_ENTRY,
}


class Scope(NamedTuple):
    """What is verified: everything or one workspace; the chain alone or the full replay."""

    is_full: bool = True
    workspace_id: UUID | None = None

    def bounds(self) -> tuple[UUID, UUID]:
        """Return the first and the last workspace."""
        return (self.workspace_id or _FIRST, self.workspace_id or _LAST)


class Stream:
    """The rows of one table in the order of its key, with a look at the next one."""

    __slots__ = ("_cursor", "_position", "_rows")

    def __init__(self, cursor: Any) -> None:  # noqa: ANN401 - asyncpg does not export its cursor
        self._cursor = cursor
        self._rows: list[Row] = []
        self._position = 0

    async def refill(self) -> None:
        """Read the next chunk in the place of the last."""
        self._rows = await self._cursor.fetch(CHUNK)
        self._position = 0

    def name(self) -> WalletName | None:
        """Return the wallet of the next row, or None at the end."""
        if not self._rows:
            return None
        workspace_id, kind = self._rows[self._position][:2]
        return workspace_id, kind

    async def part(self, name: WalletName) -> list[Row]:
        """Take the rows of a wallet that are in memory, at least one unless there is none left."""
        return await self._take(name, 2**63)

    async def up_to(self, name: WalletName, number: int) -> list[Row]:
        """Take the rows of a wallet up to a sequence or lot, that one included."""
        taken = rows = await self._take(name, number)
        while rows and self._position == 0:
            rows = await self._take(name, number)
            taken += rows
        return taken

    async def all(self, name: WalletName) -> list[Row]:
        """Take all rows of a wallet."""
        return await self.up_to(name, 2**63)

    async def _take(self, name: WalletName, number: int) -> list[Row]:
        start, rows = self._position, self._rows
        end = _end(rows, start, name, number)
        taken = rows[start:end]
        self._position = end
        if end == len(rows) and rows:
            await self.refill()
        return taken


class WalletRows:
    """All rows of one wallet; the parts of its journal are to be read before the rest.

    `erased_notes` counts the notes that entries once had, in the parts read so far.
    """

    __slots__ = ("_report", "_streams", "erased_notes", "name")

    def __init__(
        self, *, name: WalletName, streams: dict[str, Stream], report: Callable[[Finding], None]
    ) -> None:
        self.name = name
        self.erased_notes = 0
        self._streams = streams
        self._report = report

    async def parts(self) -> AsyncIterator[list[Entry]]:
        """Yield the entries in order, some at a time, with their postings and terms."""
        streams, name = self._streams, self.name
        while rows := await streams["entries"].part(name):
            last = rows[-1][2]
            postings = await streams[FURTHER].up_to(name, last)
            entries = self._merged(rows, postings)
            self._check_notes(entries, await streams[NOTES].up_to(name, last))
            yield entries
        await self._report_rest()

    async def links(self) -> AsyncIterator[list[Link]]:
        """Yield the links of the chain in order, some at a time, without the entries."""
        while rows := await self._streams[LINES].part(self.name):
            yield [Link._make(row[2:]) for row in rows]

    async def wallet(self) -> WalletRow | None:
        """Return the wallet's own row, when there is one."""
        rows = await self._streams["wallets"].all(self.name)
        return WalletRow(*rows[0]) if rows else None

    async def lots(self) -> dict[int, Lot]:
        """Return the projected lots by their numbers."""
        return {row[2]: Lot(*row[2:]) for row in await self._streams["lots"].all(self.name)}

    async def holds(self) -> dict[int, datetime]:
        """Return the deadlines of the holds that are said to be open, by their sequences."""
        rows = await self._streams[HOLDS].all(self.name)
        for row, after in pairwise(rows):
            if row[2] == after[2]:  # in the wallet's row, and in one of its own
                fault = Fault.ROW_WITHOUT_JOURNAL
                self.report(fault, HOLDS, row[2], expected="one row of the hold", found="two")
        return {row[2]: row[3] for row in rows}

    async def refunded(self) -> list[int]:
        """Return the sequences of the entries that are refunded later."""
        return [row[2] for row in await self._streams["refunds"].all(self.name)]

    def report(self, fault: Fault, table: str, number: int, *, expected: str, found: str) -> None:
        """Report what is wrong with a row of this wallet."""
        self._report(Finding(fault, table, *self.name, number, expected, found))

    def _merged(self, rows: list[Row], postings: list[Row]) -> list[Entry]:
        position, count = 0, len(postings)
        entries = []
        for row in rows:
            sequence = row[2]
            while position < count and postings[position][2] < sequence:
                self._report_orphan(FURTHER, postings[position][2])
                position += 1
            start = position
            while position < count and postings[position][2] == sequence:
                position += 1
            moves = postings[start:position]
            lines = postings_from(row, moves)
            if any(None in (p.source, p.target, p.amount) for p in lines):
                lines = _filled(lines)
            if moves:
                self._check_ordinals(moves, begin=len(lines) - len(moves) + 1)
            entry = entry_from(row, lines)
            if entry.terms is not None and None in entry.terms[:2]:
                entry = entry._replace(terms=_filled_terms(entry.terms))
            entries.append(entry)
        return entries

    def _check_notes(self, entries: list[Entry], rows: list[Row]) -> None:
        notes = {row[2]: Note(*row[3:]) for row in rows if any(row[3:])}
        for entry in entries:
            if entry.note_digest is None:
                continue
            note = notes.pop(entry.sequence, None)
            if note is None:
                self.erased_notes += 1
            elif (digest := note.digest()) != entry.note_digest:
                expected, found = entry.note_digest.hex(), digest.hex()
                fault = Fault.NOTE_CHANGED
                self.report(fault, NOTES, entry.sequence, expected=expected, found=found)
        for number in notes:
            self._report_orphan(NOTES, number)

    async def _report_rest(self) -> None:
        for table in _OF_ENTRIES:
            for row in await self._streams[table].all(self.name):
                self._report_orphan(table, row[2])

    def _report_orphan(self, table: str, number: int) -> None:
        fault = _OF_ENTRIES[table]
        self.report(fault, table, number, expected="an entry of this number", found="none")

    def _check_ordinals(self, postings: list[Row], *, begin: int) -> None:
        end = begin + len(postings) - 1
        if postings[0][3] != begin or postings[-1][3] != end:
            found = ", ".join(str(posting[3]) for posting in postings)
            expected = f"{begin} to {end}"
            self.report(Fault.ORDINAL_GAP, FURTHER, postings[0][2], expected=expected, found=found)


class Reading:
    """One snapshot of the ledger, open for a verification."""

    __slots__ = ("_connection", "_kinds", "_scope", "_streams")

    def __init__(self, *, connection: Connection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope
        self._kinds: dict[str, int] = {}
        self._streams: dict[str, Stream] = {}

    async def open(self) -> None:
        """Begin to read every table that the scope asks for."""
        tables = _FULL if self._scope.is_full else _CHAIN
        for table in tables:
            sql = getattr(_SQL, table).sql
            stream = Stream(await self._connection.cursor(sql, *self._scope.bounds()))
            await stream.refill()
            self._streams[table] = stream

    async def wallets(self, report: Callable[[Finding], None]) -> AsyncIterator[WalletRows]:
        """Yield each wallet that any row names; what is wrong with its rows is reported."""
        while (name := await self._next_name()) is not None:
            yield WalletRows(name=name, streams=self._streams, report=report)
            for stream in self._streams.values():
                await stream.all(name)

    async def repeated_keys(self) -> list[Finding]:
        """Return the entries whose key another entry of the workspace has."""
        rows = await self._connection.fetch(_SQL.repeated_keys.sql, *self._scope.bounds())
        return [
            Finding(
                Fault.KEY_REPEATED, "entries", workspace_id, kind, sequence,
                "a key of its own", f"{namespace}:{key} again",
            )
            for workspace_id, namespace, key, kind, sequence in rows
        ]  # fmt: skip

    async def _next_name(self) -> WalletName | None:
        names = {name for stream in self._streams.values() if (name := stream.name()) is not None}
        if len(names) > 1 and not {kind for _, kind in names} <= self._kinds.keys():
            await self._learn_kinds({kind for _, kind in names})
        if len(names) > 1:
            return min(names, key=lambda name: (name[0], self._kinds[name[1]]))
        return names.pop() if names else None

    async def _learn_kinds(self, kinds: set[str]) -> None:
        known = list(kinds | self._kinds.keys())
        rows = await self._connection.fetch(_SQL.kinds_in_order.sql, known)
        self._kinds = {row[0]: rank for rank, row in enumerate(rows)}


@asynccontextmanager
async def opened(*, connection: Connection, scope: Scope) -> AsyncIterator[Reading]:
    """Open a reading of one snapshot: what is written meanwhile is not seen."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        reading = Reading(connection=connection, scope=scope)
        await reading.open()
        yield reading


def _filled(postings: tuple[Posting, ...]) -> tuple[Posting, ...]:
    """Return postings without blanks, which only a forger leaves: the hash differs all the same."""
    return tuple(Posting(p.source or "", p.target or "", p.lot, p.amount or 0) for p in postings)


def _filled_terms(terms: Terms) -> Terms:
    """Return terms without blanks, which only a forger leaves."""
    return terms._replace(source=terms.source or "", effective_at=terms.effective_at or EPOCH)


def _end(rows: list[Row], start: int, name: WalletName, number: int) -> int:
    """Return where the rows of a wallet up to a number end, looking twice as far each time."""
    workspace_id, kind = name

    def is_beyond(row: Row) -> bool:
        return bool(row[2] > number or row[1] != kind or row[0] != workspace_id)

    size, step = len(rows), 1
    while start + step <= size and not is_beyond(rows[start + step - 1]):
        step *= 2
    low = start + step // 2
    return bisect_left(rows, True, low, min(start + step, size), key=is_beyond)
