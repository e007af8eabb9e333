"""Verify names what is wrong, row by row, and signs what it says."""

import gc
import json
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from eventful_journal import ERASED, NOTED, STUDIOS, write_eventful_journal
from mutoscope.app.verify import Verification, check_answer, examine, verify
from mutoscope.domain import actions as ask
from mutoscope.domain.checkpoint import UnusableKey, public_key_of
from mutoscope.domain.findings import LISTED_MAX, Fault, Finding, Findings
from mutoscope.domain.requests import Request
from mutoscope.ledger import Ledger
from mutoscope.storage.verification import CHUNK, Scope
from tampers import disarm, loot, rebuilt

PRIVATE_KEY = bytes(range(32))
NOON = datetime(2027, 5, 1, 12, tzinfo=UTC)
STRAYS = ("further_postings", "entry_notes", "stored_lots", "stored_holds", "wallets")
AT_SEQUENCE = " WHERE workspace_id = $1 AND kind = 'image' AND "
OF_THREE_LOTS = " WHERE workspace_id = $1 AND kind = 'video' AND ordinal = 3"
TOLD_IN_PART = (Fault.ROW_DIFFERS, "wallets", 0)
FULL = Scope()
CHAIN = Scope(is_full=False)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    await write_eventful_journal(database_url)
    connection = await asyncpg.connect(database_url)
    await disarm(connection)
    yield connection
    await connection.close()


async def answered(ledger: asyncpg.Connection, scope: Scope = FULL) -> Verification:
    return await verify(ledger, scope=scope, private_key=PRIVATE_KEY, now=lambda: NOON)


async def first_fault(ledger: asyncpg.Connection, scope: Scope = FULL) -> tuple[Fault, str, int]:
    finding = (await answered(ledger, scope)).findings[0]
    return finding.fault, finding.table, finding.number


async def change(ledger: asyncpg.Connection, sql: str) -> None:
    assert await ledger.execute(sql, STUDIOS[0]) != "UPDATE 0", sql


@pytest.mark.parametrize("scope", [FULL, CHAIN])
async def test_an_honest_ledger_is_clean(ledger: asyncpg.Connection, scope: Scope) -> None:
    entries = await ledger.fetchval("SELECT count(*) FROM entries")

    answer = await answered(ledger, scope)

    assert answer.is_clean, answer.findings
    assert (answer.wallets, answer.entries) == (4, entries)
    assert answer.findings == answer.counts == ()


async def test_an_empty_ledger_is_clean(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)

    answer = await answered(connection)
    await connection.close()

    assert answer.is_clean
    assert (answer.wallets, answer.entries, answer.lots, answer.holds) == (0, 0, 0, 0)


async def test_both_ways_of_making_a_line_agree(ledger: asyncpg.Connection) -> None:
    full = await answered(ledger)

    chain = await answered(ledger, CHAIN)

    assert chain.heads_digest == full.heads_digest
    assert chain.is_clean
    assert full.is_clean


async def test_an_erased_note_is_erased_and_not_broken(ledger: asyncpg.Connection) -> None:
    kept = await ledger.fetchval("SELECT count(*) FROM entry_notes")

    answer = await answered(ledger)

    assert ERASED in NOTED
    assert kept == (len(NOTED) - 1) * len(STUDIOS)
    assert answer.erased_notes == len(STUDIOS)


async def test_one_workspace_is_verified_alone(ledger: asyncpg.Connection) -> None:
    await change(ledger, "UPDATE entries SET available = 1" + AT_SEQUENCE + "sequence = 3")

    honest = await answered(ledger, Scope(workspace_id=STUDIOS[1]))
    forged = await answered(ledger, Scope(workspace_id=STUDIOS[0]))

    assert honest.is_clean
    assert honest.wallets == 2
    assert not forged.is_clean


async def test_progress_tells_the_entries_done(ledger: asyncpg.Connection) -> None:
    told: list[int] = []

    answer = await verify(
        ledger, scope=FULL, private_key=PRIVATE_KEY, now=lambda: NOON, progress=told.append
    )

    assert told == sorted(told)
    assert told[-1] == answer.entries


async def peak_bytes(connection: asyncpg.Connection, workspace_id: UUID, scope: Scope) -> int:
    """Return what a verification of one workspace takes of memory at most.

    It is the least of three: what else runs in the process allocates, too.
    """
    peaks = []
    for _ in range(3):
        gc.collect()
        tracemalloc.start()
        examined = await examine(connection, scope=scope._replace(workspace_id=workspace_id))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert not examined.findings.counts
    return min(peaks)


@pytest.mark.parametrize("scope", [FULL, CHAIN])
async def test_a_long_journal_takes_no_more_memory_than_a_short_one(
    database_url: str, connection: asyncpg.Connection, scope: Scope
) -> None:
    short, long = STUDIOS
    async with Ledger(database_url) as ledger:
        for workspace_id, entries in ((short, 2 * CHUNK), (long, 8 * CHUNK)):
            await ledger.grant(workspace_id, "image", entries, key="pack")
            charges = [
                [Request(workspace_id, "image", "api", f"clip-{number}", ask.Charge(1))]
                for number in range(entries)
            ]
            await ledger.batch(charges)

    few = await peak_bytes(connection, short, scope)
    many = await peak_bytes(connection, long, scope)

    assert many < 1.5 * few


@pytest.mark.parametrize(
    ("tamper", "scope", "expected"),
    [
        ("UPDATE entries SET key = 'x'{}sequence = 7", CHAIN, (Fault.HASH_BROKEN, "entries", 7)),
        ("UPDATE entries SET key = 'x'{}sequence = 7", FULL, (Fault.HASH_BROKEN, "entries", 7)),
        ("UPDATE entries SET key = 'a b'{}sequence = 7", CHAIN, (Fault.HASH_BROKEN, "entries", 7)),
        ("UPDATE entries SET reason = '-'{}sequence = 2", FULL, (Fault.HASH_BROKEN, "entries", 2)),
        ("UPDATE entries SET reason = '-'{}sequence = 2", CHAIN, (Fault.HASH_BROKEN, "entries", 2)),
        (
            "UPDATE entries SET due_at = '-infinity'{}sequence = 5",
            FULL,
            (Fault.HASH_BROKEN, "entries", 5),
        ),
        (
            "UPDATE entries SET due_at = '-infinity'{}sequence = 5",
            CHAIN,
            (Fault.HASH_BROKEN, "entries", 5),
        ),
        (
            "UPDATE entries SET lot_expires_at = 'infinity'{}sequence = 2",
            CHAIN,
            (Fault.HASH_BROKEN, "entries", 2),
        ),
        ("DELETE FROM entries{}sequence = 9", CHAIN, (Fault.SEQUENCE_GAP, "entries", 10)),
        ("UPDATE wallets SET head = '\\x00'{}true", CHAIN, (Fault.ROW_DIFFERS, "wallets", 0)),
        ("UPDATE wallets SET held = held + 1{}true", FULL, (Fault.ROW_DIFFERS, "wallets", 0)),
        ("UPDATE wallets SET posted_at = 'epoch'{}true", FULL, (Fault.ROW_DIFFERS, "wallets", 0)),
        ("UPDATE wallets SET wake_at = NULL{}true", FULL, (Fault.WAKES_TOO_LATE, "wallets", 0)),
        ("DELETE FROM wallets{}true", FULL, (Fault.ROW_MISSING, "wallets", 0)),
        ("DELETE FROM stored_lots{}lot = 2", FULL, (Fault.ROW_MISSING, "lots", 2)),
        ("UPDATE stored_lots SET lot = 999{}lot = 2", FULL, (Fault.ROW_MISSING, "lots", 2)),
        ("UPDATE stored_lots SET reference = 'x'{}lot = 2", FULL, (Fault.ROW_DIFFERS, "lots", 2)),
        ("UPDATE stored_holds SET kind = 'zero'{}true", FULL, (Fault.ROW_MISSING, "holds", 40)),
        ("UPDATE wallets SET placed_hold = 99{}true", FULL, (Fault.ROW_MISSING, "holds", 39)),
        ("UPDATE wallets SET placed_deadline_at = NULL{}true", FULL, TOLD_IN_PART),
        ("UPDATE wallets SET placed_hold = NULL{}true", FULL, (Fault.ROW_MISSING, "holds", 39)),
        (
            "UPDATE wallets SET drawn_held = 3 WHERE workspace_id = $1 AND kind = 'video'",
            FULL,
            TOLD_IN_PART,
        ),
        (
            "INSERT INTO stored_holds SELECT workspace_id, kind, 39, 'epoch' FROM wallets{}true",
            FULL,
            (Fault.ROW_WITHOUT_JOURNAL, "holds", 39),
        ),
        *[
            (f"UPDATE entries SET {terms}", scope, (Fault.HASH_BROKEN, "entries", number))
            for terms, number in (
                ("lot_source = NULL{}sequence = 1", 1),
                ("lot_effective_at = NULL{}sequence = 1", 1),
                ("lot_currency = 'EUR'{}sequence = 1", 1),
                ("lot_reference = 'x'{}sequence = 7", 7),
                ("lot_effective_at = 'epoch'{}sequence = 7", 7),
            )
            for scope in (CHAIN, FULL)
        ],
        (
            "UPDATE further_postings SET ordinal = 7" + OF_THREE_LOTS,
            FULL,
            (Fault.ORDINAL_GAP, "further_postings", 9),
        ),
        (
            "UPDATE further_postings SET sequence = 99" + OF_THREE_LOTS,
            FULL,
            (Fault.HASH_BROKEN, "entries", 9),
        ),
        (
            "UPDATE entries SET second_source = NULL, second_amount = NULL{}sequence = 5",
            FULL,
            (Fault.HASH_BROKEN, "entries", 5),
        ),
        (
            "UPDATE entries SET second_lot = 3{}sequence = 1",
            CHAIN,
            (Fault.HASH_BROKEN, "entries", 1),
        ),
        (
            "UPDATE entries SET first_lot = 99{}sequence = 7",
            CHAIN,
            (Fault.HASH_BROKEN, "entries", 7),
        ),
        (
            "UPDATE wallets SET drawn_lot = drawn_lot + 1{}true",
            FULL,
            (Fault.ROW_DIFFERS, "lots", 25),
        ),
        (
            "UPDATE entry_notes SET actor = 'bob'{}true",
            FULL,
            (Fault.NOTE_CHANGED, "entry_notes", 10),
        ),
    ],
)
async def test_the_first_bad_row_is_named(
    ledger: asyncpg.Connection, tamper: str, scope: Scope, expected: tuple[Fault, str, int]
) -> None:
    await change(ledger, tamper.format(AT_SEQUENCE))

    found = await first_fault(ledger, scope)

    assert found == expected


@pytest.mark.parametrize("table", STRAYS)
async def test_a_row_of_no_journal_is_named(ledger: asyncpg.Connection, table: str) -> None:
    await change(ledger, f"UPDATE {table} SET kind = 'audio'" + AT_SEQUENCE + "true")

    answer = await answered(ledger)

    strays = [finding for finding in answer.findings if finding.kind == "audio"]
    assert strays
    assert {finding.workspace_id for finding in strays} == {STUDIOS[0]}


async def test_a_lot_in_a_wallet_s_row_that_was_never_granted_is_named(
    ledger: asyncpg.Connection,
) -> None:
    await ledger.execute(
        "UPDATE wallets SET drawn_lot = 999, drawn_available = 5, drawn_held = 0, "
        "drawn_captured = 0 WHERE drawn_lot IS NULL AND sequence > 0"
    )

    assert await first_fault(ledger) == (Fault.ROW_DIFFERS, "wallets", 0)


async def test_a_key_used_twice_is_found_without_its_index(ledger: asyncpg.Connection) -> None:
    await ledger.execute("ALTER TABLE entries DROP CONSTRAINT entries_key")
    await change(ledger, "UPDATE entries SET key = 'pack'" + AT_SEQUENCE + "sequence = 40")

    answer = await answered(ledger)

    assert dict(answer.counts)[Fault.KEY_REPEATED] == 1


async def test_a_lapse_missed_at_the_journal_s_end_is_found(ledger: asyncpg.Connection) -> None:
    backdated = await ledger.fetchval("SELECT sequence FROM entries WHERE key = 'late' LIMIT 1")
    for statement in rebuilt(await loot(ledger), name=(STUDIOS[0], "image"), last=backdated):
        await ledger.execute(statement.sql, *statement.arguments)

    found = await first_fault(ledger)

    assert found == (Fault.LAPSE_MISSED, "entries", backdated)


def test_findings_beyond_those_listed_are_counted() -> None:
    findings = Findings()

    for number in range(LISTED_MAX + 5):
        findings.add(Finding(Fault.HASH_BROKEN, "entries", STUDIOS[0], "image", number, "a", "b"))

    assert len(findings.listed) == LISTED_MAX
    assert findings.counts[Fault.HASH_BROKEN] == LISTED_MAX + 5


async def test_what_follows_a_broken_entry_is_not_blamed(ledger: asyncpg.Connection) -> None:
    await change(ledger, "UPDATE entries SET first_amount = 9" + AT_SEQUENCE + "sequence = 7")

    answer = await answered(ledger)

    numbers = {finding.number for finding in answer.findings if finding.table == "entries"}
    assert numbers == {7}
    assert dict(answer.counts)[Fault.POSTINGS_DIFFER] == 1


async def test_an_answer_can_be_checked_by_anyone(ledger: asyncpg.Connection) -> None:
    answer = await answered(ledger)

    assert check_answer(answer.text())
    assert check_answer(answer.text(), public_key=public_key_of(PRIVATE_KEY))
    assert not check_answer(answer.text(), public_key=public_key_of(bytes(32)))


async def test_an_answer_that_was_changed_is_refused(ledger: asyncpg.Connection) -> None:
    await change(ledger, "UPDATE entries SET key = 'x'" + AT_SEQUENCE + "sequence = 7")
    text = (await answered(ledger)).text()

    flattered = json.dumps({**json.loads(text), "is_clean": True, "findings": []})

    assert check_answer(text)
    assert not check_answer(flattered)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"signature":"zz"}', '{"signature":""}'])
def test_what_is_no_answer_is_refused(text: str) -> None:
    assert not check_answer(text)


async def test_a_key_of_another_length_is_refused(ledger: asyncpg.Connection) -> None:
    with pytest.raises(UnusableKey, match="32 raw bytes, not 3"):
        await verify(ledger, scope=FULL, private_key=b"abc", now=lambda: NOON)


async def test_an_answer_tells_when_it_was_made(ledger: asyncpg.Connection) -> None:
    instants = iter((NOON, NOON + timedelta(seconds=3)))

    answer = await verify(ledger, scope=FULL, private_key=PRIVATE_KEY, now=lambda: next(instants))

    assert (answer.started_at, answer.finished_at) == (NOON, NOON + timedelta(seconds=3))


def test_a_finding_reads_as_a_sentence() -> None:
    finding = Finding(Fault.ROW_DIFFERS, "lots", STUDIOS[0], "image", 4, "held 3", "held 2")

    assert finding.sentence() == (
        f"row_differs: lots {STUDIOS[0]}/image 4: expected held 3, found held 2"
    )
