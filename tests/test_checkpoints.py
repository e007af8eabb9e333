"""Checkpoints find what a chain alone cannot: a journal cut short, or written anew as a whole."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import asyncpg
import pytest

from eventful_journal import STUDIOS, day, write_eventful_journal, write_one_more
from mutoscope.app import checkpoint
from mutoscope.app.checkpoint import Export, check_against, export, take, take_daily
from mutoscope.app.verify import examine
from mutoscope.domain.checkpoint import (
    NO_PREVIOUS,
    CheckpointsUnreadable,
    UnusableKey,
    public_key_of,
)
from mutoscope.domain.findings import Fault, Findings
from mutoscope.storage.verification import Scope
from tampering import PRIVATE_KEY, PUBLIC_KEY, given
from tampers import Forger, Tamper, disarm, loot

HOUR = timedelta(hours=1)


def checkpoint_with(field: str, value: object) -> str:
    """Return a line of an export that is right but for one field."""
    fields = {
        "checkpoint": 1, "taken_at": "2027-01-01T00:00:00+00:00", "wallets": 0,
        "heads_digest": "00" * 32, "previous": "00" * 32, "public_key": "00" * 32,
        "signature": "00" * 64, field: value,
    }  # fmt: skip
    return json.dumps(fields)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    await write_eventful_journal(database_url)
    connection = await asyncpg.connect(database_url)
    await disarm(connection)
    yield connection
    await connection.close()


async def exported(ledger: asyncpg.Connection, *, number: int | None = None) -> list[str]:
    return [line async for line in export(ledger, number=number)]


async def against(ledger: asyncpg.Connection, lines: list[str]) -> Findings:
    findings = Findings()
    wanted = Export(lines=given(lines), public_key=PUBLIC_KEY)
    await check_against(ledger, export=wanted, findings=findings)
    return findings


async def taken(ledger: asyncpg.Connection, *, days: int = 73) -> list[str]:
    await take(ledger, private_key=PRIVATE_KEY, at=day(days))
    return await exported(ledger)


async def move_a_head(ledger: asyncpg.Connection) -> None:
    moved = "UPDATE wallets SET head = sha256(head) WHERE workspace_id = $1 AND kind = 'video'"
    await ledger.execute(moved, STUDIOS[0])


async def tampered(ledger: asyncpg.Connection, sort: str) -> None:
    forger = Forger(loot=await loot(ledger), seed=4)
    tampers: Callable[[], Tamper] = forger.tamper
    tamper = next(each for each in iter(tampers, None) if each.sort == sort)
    for statement in tamper.statements:
        await ledger.execute(statement.sql, *statement.arguments)


async def test_the_clock_takes_a_checkpoint_a_day_also_after_downtime(
    ledger: asyncpg.Connection,
) -> None:
    numbers = []
    for at in (day(73), day(73) + HOUR, day(74) - HOUR, day(74), day(90), day(90) + HOUR):
        signed = await take_daily(ledger, private_key=PRIVATE_KEY, at=at)
        numbers.append(signed and signed.checkpoint.number)

    assert numbers == [1, None, None, 2, 3, None]
    assert not (await against(ledger, await exported(ledger))).counts


async def test_of_two_workers_one_takes_the_day_s_checkpoint(
    ledger: asyncpg.Connection, database_url: str
) -> None:
    another = await asyncpg.connect(database_url)

    signed = await asyncio.gather(
        *(take_daily(each, private_key=PRIVATE_KEY, at=day(73)) for each in (ledger, another))
    )

    await another.close()
    assert sum(each is not None for each in signed) == 1


async def test_an_honest_ledger_passes_against_its_checkpoints(ledger: asyncpg.Connection) -> None:
    lines = await taken(ledger)

    findings = await against(ledger, lines)

    assert findings.listed == []
    assert len(lines) == 1 + 4


async def test_heads_are_looked_up_some_at_a_time(
    ledger: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = await taken(ledger)
    await ledger.execute("UPDATE entries SET hash = sha256(hash)")
    monkeypatch.setattr(checkpoint, "HEADS_MAX", 3)

    findings = await against(ledger, lines)

    assert dict(findings.counts) == {Fault.JOURNAL_REWRITTEN: 4}


async def test_a_checkpoint_lists_only_the_heads_that_moved(ledger: asyncpg.Connection) -> None:
    first = await take(ledger, private_key=PRIVATE_KEY, at=day(73))
    await move_a_head(ledger)

    second = await take(ledger, private_key=PRIVATE_KEY, at=day(74))
    third = await take(ledger, private_key=PRIVATE_KEY, at=day(75))

    assert [each.checkpoint.wallets for each in (first, second, third)] == [4, 1, 0]


async def test_checkpoints_are_chained_by_their_digests(ledger: asyncpg.Connection) -> None:
    first = await take(ledger, private_key=PRIVATE_KEY, at=day(73))
    second = await take(ledger, private_key=PRIVATE_KEY, at=day(74))

    assert first.checkpoint.previous == NO_PREVIOUS
    assert second.checkpoint.previous == first.checkpoint.digest()
    assert (await against(ledger, await exported(ledger))).listed == []
    assert (await against(ledger, await exported(ledger, number=2))).listed == []


@pytest.mark.parametrize(
    ("sort", "fault"),
    [("cut_whole", Fault.JOURNAL_CUT), ("rewritten", Fault.JOURNAL_REWRITTEN)],
)
async def test_what_a_replay_cannot_see_a_checkpoint_tells(
    ledger: asyncpg.Connection, sort: str, fault: Fault
) -> None:
    lines = await taken(ledger)
    await tampered(ledger, sort)

    findings = await against(ledger, lines)
    replayed = await examine(ledger, scope=Scope())

    assert not replayed.findings.counts
    assert dict(findings.counts) == {fault: 1}


async def test_what_came_after_the_last_checkpoint_is_not_proved(
    ledger: asyncpg.Connection, database_url: str
) -> None:
    lines = await taken(ledger)
    await write_one_more(database_url, at=day(74))
    await ledger.execute("DELETE FROM entries WHERE key = 'afterwards'")

    findings = await against(ledger, lines)

    assert findings.listed == []


async def test_a_checkpoint_signed_by_another_key_is_forged(ledger: asyncpg.Connection) -> None:
    await take(ledger, private_key=bytes(32), at=day(73))

    findings = await against(ledger, await exported(ledger))

    assert public_key_of(bytes(32)) != PUBLIC_KEY
    assert dict(findings.counts) == {Fault.CHECKPOINT_FORGED: 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("taken_at", "2027-01-01T00:00:00+00:00"),
        ("wallets", 5),
        ("heads_digest", "00" * 32),
        ("previous", "11" * 32),
        ("audit", f"7:{'33' * 32}"),
        ("checkpoint", 2),
        ("signature", "22" * 64),
    ],
)
async def test_every_field_of_a_checkpoint_is_signed(
    ledger: asyncpg.Connection, field: str, value: object
) -> None:
    lines = await taken(ledger)
    lines[0] = json.dumps({**json.loads(lines[0]), field: value})

    findings = await against(ledger, lines)

    assert findings.counts[Fault.CHECKPOINT_FORGED]


async def test_a_head_left_out_of_an_export_is_missed(ledger: asyncpg.Connection) -> None:
    lines = await taken(ledger)

    findings = await against(ledger, lines[:-1])

    assert dict(findings.counts) == {Fault.CHECKPOINT_FORGED: 1}


async def test_a_checkpoint_left_out_of_an_export_is_missed(ledger: asyncpg.Connection) -> None:
    for days in (73, 74, 75):
        lines = await taken(ledger, days=days)

    findings = await against(ledger, [line for line in lines if '"checkpoint":2' not in line])

    assert dict(findings.counts) == {Fault.CHECKPOINT_OUT_OF_ORDER: 1}


async def test_heads_changed_in_the_database_break_the_signature(
    ledger: asyncpg.Connection,
) -> None:
    await taken(ledger)
    await ledger.execute("UPDATE checkpoint_heads SET sequence = 3 WHERE kind = 'image'")

    findings = await against(ledger, await exported(ledger))

    assert findings.counts[Fault.CHECKPOINT_FORGED] == 1


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ([], 1),
        (["", "no json"], 2),
        (["7"], 1),
        (['{"kind":"image"}'], 1),
        (['{"checkpoint":1,"taken_at":"2027-01-01T00:00:00"}'], 1),
        ([checkpoint_with("audit", "no head")], 1),
        ([checkpoint_with("audit", None)], 1),
        ([checkpoint_with("audit", 7)], 1),
        (
            [json.dumps({"workspace_id": str(STUDIOS[0]), "kind": "x", "sequence": 1, "hash": ""})],
            1,
        ),
    ],
)
async def test_an_unreadable_export_is_refused_with_its_line(
    ledger: asyncpg.Connection, lines: list[str], number: int
) -> None:
    with pytest.raises(CheckpointsUnreadable) as refused:
        await against(ledger, lines)

    assert refused.value.line == number


async def test_a_checkpoint_needs_a_whole_key(ledger: asyncpg.Connection) -> None:
    with pytest.raises(UnusableKey):
        await take(ledger, private_key=b"", at=day(73))

    assert await ledger.fetchval("SELECT count(*) FROM checkpoint_heads") == 0
