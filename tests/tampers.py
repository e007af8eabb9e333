"""Tampers: thousands of distinct ways to falsify a ledger, made from a seed.

Left out is what no journal covers: a hold's deadline and a wallet's wake-up, which renew without an
entry, the instant at which a wallet was last looked at and its count of writes; and the erasure of
a note, which is allowed. Values are texts, as PostgreSQL writes them, so that one statement fits
every type.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from mutoscope.domain.journal import GENESIS, Entry, canonical_line, chained
from mutoscope.domain.lots import Lot
from mutoscope.domain.replay import Replay
from mutoscope.storage.verification import Scope, opened

KEYS = {
    "entries": ("workspace_id", "kind", "sequence"),
    "further_postings": ("workspace_id", "kind", "sequence", "ordinal"),
    "stored_lots": ("workspace_id", "kind", "lot"),
    "wallets": ("workspace_id", "kind"),
    "stored_holds": ("workspace_id", "kind", "sequence"),
    "entry_notes": ("workspace_id", "kind", "sequence"),
}
DELETABLE = tuple(table for table in KEYS if table != "entry_notes")
DOUBLED = ("entries", "further_postings", "stored_lots", "stored_holds")
UNCOVERED = frozenset({
    ("stored_holds", "deadline_at"), ("wallets", "placed_deadline_at"), ("wallets", "wake_at"),
    ("wallets", "posted_at"), ("wallets", "version"), ("stored_lots", "is_open"),
})  # fmt: skip
WORDS = (
    "grant", "hold", "settle", "release", "charge", "expire", "void", "refund", "adjust", "freeze",
    "thaw", "forfeit", "meter", "absorb", "issued", "available", "frozen", "held", "captured",
    "expired", "voided", "forfeited", "open", "image", "video", "api", "lapse", "pack", "-", "",
)  # fmt: skip
FAR = ("infinity", "-infinity", "200000-01-01 00:00+00", "4000-01-01 00:00+00 BC")
SORTS = ("changed", "deleted", "doubled", "swapped", "cut", "cut_whole", "rewritten")
WEIGHTS = (70, 12, 8, 4, 1, 2, 3)

Row = dict[str, str | None]
Name = tuple[UUID, str]


class Statement(NamedTuple):
    """One statement with its arguments."""

    sql: str
    arguments: tuple[Any, ...] = ()


class Tamper(NamedTuple):
    """A way to falsify the ledger; a consistent one leaves nothing for a replay to find."""

    sort: str
    what: str
    statements: tuple[Statement, ...]
    is_consistent: bool = False


class Loot(NamedTuple):
    """What a forger knows: all rows as texts, the types of columns, and the wallets' journals."""

    rows: dict[str, list[Row]]
    types: dict[tuple[str, str], str]
    journals: dict[Name, list[Entry]]


async def disarm(connection: asyncpg.Connection) -> None:
    """Switch off the triggers that keep the journal append-only, as a forger would."""
    for table in ("entries", "further_postings"):
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


async def loot(connection: asyncpg.Connection) -> Loot:
    """Read all that a forger has to know."""
    types = {
        (row["table_name"], row["column_name"]): row["data_type"]
        for row in await connection.fetch(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
        )
    }
    rows = {}
    for table, keys in KEYS.items():
        columns = ", ".join(f"{each}::text" for of, each in types if of == table)
        found = await connection.fetch(f"SELECT {columns} FROM {table} ORDER BY {', '.join(keys)}")
        rows[table] = [dict(row) for row in found]
    journals = {}
    async with opened(connection=connection, scope=Scope()) as reading:
        async for wallet in reading.wallets([].append):
            journals[wallet.name] = [entry async for part in wallet.parts() for entry in part]
    return Loot(rows, types, {name: journal for name, journal in journals.items() if journal})


def rebuilt(loot: Loot, *, name: Name, last: int) -> tuple[Statement, ...]:
    """Return what cuts a wallet's journal after an entry and makes its projections fit."""
    return (*_cuts(name, last), *_projections(name, loot.journals[name][:last]))


class Forger:
    """Makes tampers of what it looted, all from one seed, none twice."""

    def __init__(self, *, loot: Loot, seed: int) -> None:
        self._loot = loot
        self._random = random.Random(seed)
        self._known: set[str] = set()

    def tamper(self) -> Tamper:
        """Return a tamper that was not returned before."""
        while True:
            (sort,) = self._random.choices(SORTS, WEIGHTS)
            tamper: Tamper = getattr(self, f"_{sort}")()
            if tamper.what not in self._known:
                self._known.add(tamper.what)
                return tamper

    def _changed(self) -> Tamper:
        table, row = self._row(tuple(KEYS))
        column = self._random.choice([c for c in row if (table, c) not in UNCOVERED])
        value = row[column]
        while value == row[column]:
            value = self._other(table, column, row[column])
        kind = self._loot.types[table, column]
        sql = f"UPDATE {table} SET {column} = $1::text::{kind} WHERE {_place(table, 2)}"
        what = f"{table}.{column} of {_keys(table, row)}: {row[column]!r} becomes {value!r}"
        return Tamper("changed", what, (Statement(sql, (value, *_keys(table, row))),))

    def _deleted(self) -> Tamper:
        table, row = self._row(DELETABLE)
        statement = Statement(f"DELETE FROM {table} WHERE {_place(table)}", _keys(table, row))
        return Tamper("deleted", f"{table} {_keys(table, row)} deleted", (statement,))

    def _doubled(self) -> Tamper:
        table, row = self._row(DOUBLED)
        column = KEYS[table][-1]
        new = {column: str(int(row[column] or 0) + self._random.randint(1, 90))}
        if table == "entries":
            new["key"] = f"{row['key']}-{self._random.randint(2, 99)}"
        columns = [c for c in row if (table, c) != ("stored_lots", "is_open")]
        values = [f"${n}::text::{self._loot.types[table, c]}" for n, c in enumerate(columns, 1)]
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)})"
        what = f"{table} {_keys(table, row)} doubled as {new}"
        return Tamper("doubled", what, (Statement(sql, tuple((row | new)[c] for c in columns)),))

    def _swapped(self) -> Tamper:
        table = self._random.choice(("entries", "further_postings"))
        column = KEYS[table][-1]
        _, one = self._row((table,))
        place = _keys(table, one)[:-1]
        near = [row for row in self._loot.rows[table] if _keys(table, row)[:-1] == place]
        other = self._random.choice(near)
        if other is one:
            return self._swapped()
        here, there = one[column], other[column]
        sql = f"UPDATE {table} SET {column} = $1::text::bigint WHERE {_place(table, 2)}"
        steps = tuple(
            Statement(sql, (after, *place, before))
            for before, after in ((here, "-9"), (there, here), ("-9", there))
        )
        what = f"{table} {_keys(table, one)} swapped with {_keys(table, other)}"
        return Tamper("swapped", what, steps)

    def _cut(self) -> Tamper:
        name, journal = self._journal()
        last = self._random.randrange(len(journal))
        return Tamper("cut", f"{name} cut after {last}", _cuts(name, last))

    def _cut_whole(self) -> Tamper:
        name, journal = self._journal()
        last = self._random.randrange(1, len(journal))
        statements = rebuilt(self._loot, name=name, last=last)
        return Tamper(
            "cut_whole", f"{name} cut and rebuilt after {last}", statements, is_consistent=True
        )

    def _rewritten(self) -> Tamper:
        name, journal = self._journal()
        place = self._random.randrange(len(journal))
        who = UUID(int=self._random.getrandbits(128))
        entry = journal[place]
        forged = entry._replace(attribution=entry.attribution._replace(member_id=who))
        chain = _rechained(name, [*journal[:place], forged, *journal[place + 1 :]])
        sql = "UPDATE entries SET member_id = $4, hash = $5 WHERE " + _AT_SEQUENCE
        statements = [
            Statement(sql, (*name, each.sequence, each.attribution.member_id, each.hash))
            for each in chain
        ]
        head = "UPDATE wallets SET head = $3 WHERE workspace_id = $1 AND kind = $2"
        statements.append(Statement(head, (*name, chain[-1].hash)))
        what = f"{name} rewritten from {place + 1} for {who}"
        return Tamper("rewritten", what, tuple(statements), is_consistent=True)

    def _row(self, tables: tuple[str, ...]) -> tuple[str, Row]:
        table = self._random.choice(tables)
        return table, self._random.choice(self._loot.rows[table])

    def _journal(self) -> tuple[Name, list[Entry]]:
        return self._random.choice(list(self._loot.journals.items()))

    def _other(self, table: str, column: str, value: str | None) -> str | None:
        some = self._random
        if some.random() < 0.1:
            return None
        taken = some.choice(self._loot.rows[table])[column]
        match self._loot.types[table, column]:
            case "bigint" | "smallint":
                step = some.choice((-100, -2, -1, 1, 2, 7, some.randint(3, 9_999)))
                return some.choice((str(int(value or 0) + step), "0", taken))
            case "bytea":
                made = some.randbytes(some.choice((0, 1, 16, 32)))
                return some.choice((f"\\x{made.hex()}", taken))
            case "uuid":
                return some.choice((str(UUID(int=some.getrandbits(128))), taken))
            case "timestamp with time zone":
                second = some.randrange(60 * 10**6) / 10**6
                moved = f"2027-0{some.randint(1, 9)}-15 09:00:{second:09.6f}+00"
                return some.choice((moved, taken, *FAR))
            case _:
                word = some.choice(WORDS)
                return some.choice(
                    (word, f"{value}{word}", f"{value} {some.randint(0, 99)}", taken)
                )


_AT_SEQUENCE = "workspace_id = $1 AND kind = $2 AND sequence = $3"


def _keys(table: str, row: Row) -> tuple[str | None, ...]:
    return tuple(row[key] for key in KEYS[table])


def _place(table: str, first: int = 1) -> str:
    return " AND ".join(f"{key}::text = ${n}" for n, key in enumerate(KEYS[table], first))


def _cuts(name: Name, last: int) -> tuple[Statement, ...]:
    where = "WHERE workspace_id = $1 AND kind = $2 AND"
    return tuple(
        Statement(f"DELETE FROM {table} {where} {KEYS[table][2]} > $3", (*name, last))
        for table in ("entries", "further_postings", "entry_notes")
    )


def _rechained(name: Name, journal: list[Entry]) -> list[Entry]:
    head, chain = GENESIS, []
    for entry in journal:
        line = canonical_line(workspace_id=name[0], kind=name[1], entry=entry)
        head = chained(previous=head, line=line)
        chain.append(entry._replace(hash=head))
    return chain


def _projections(name: Name, journal: list[Entry]) -> tuple[Statement, ...]:
    replay = Replay(refunded=[e.refers_to or 0 for e in journal if e.operation == "refund"])
    for entry in journal:
        replay.follow(entry)
    where = "WHERE workspace_id = $1 AND kind = $2"
    wallet = (
        f"UPDATE wallets SET sequence = $3, head = $4, available = $5, held = $6, due_at = $7,"
        f" wake_at = 'epoch', drawn_lot = NULL, drawn_available = NULL, drawn_held = NULL,"
        f" drawn_captured = NULL, placed_hold = NULL, placed_deadline_at = NULL {where}"
    )
    state = (journal[-1].sequence, journal[-1].hash, replay.available, replay.held, replay.due_at)
    columns = ", ".join(Lot._fields)
    values = ", ".join(f"${n}" for n in range(3, 3 + len(Lot._fields)))
    lot = f"INSERT INTO stored_lots (workspace_id, kind, {columns}) VALUES ($1, $2, {values})"
    hold = (
        "INSERT INTO stored_holds (workspace_id, kind, sequence, deadline_at)"
        " VALUES ($1, $2, $3, $4)"
    )
    return (
        Statement(wallet, (*name, *state)),
        Statement(f"DELETE FROM stored_lots {where}", name),
        Statement(f"DELETE FROM stored_holds {where}", name),
        *(Statement(lot, (*name, *each)) for each in replay.lots.values()),
        *(Statement(hold, (*name, each, replay.due_at)) for each in replay.holds),
    )
