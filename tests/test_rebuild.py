"""Projections are dropped or falsified, and rebuilt: every row is as it was before."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import pytest
import typer

from command_line import Done, run_here
from eventful_journal import STUDIOS, day, write_eventful_journal
from lost_projections import EVERYTHING
from mutoscope.app.rebuild import GRACE, Damage, JournalBroken, Rebuilt, rebuild, survey
from mutoscope.app.verify import examine
from mutoscope.cli.rebuild import ask
from mutoscope.domain.findings import LISTED_MAX, Fault, Finding
from mutoscope.ledger import Ledger
from mutoscope.storage.verification import Scope
from mutoscope.storage.workspaces import UnknownWorkspace
from scenario_language import Step, Theatre, parse
from soundness import assert_sound
from tampers import disarm

STORIES = sorted(Path(__file__).with_name("scenarios").glob("*.txt"))
LATER: Final = day(80)
IMAGES = f" WHERE workspace_id = '{STUDIOS[0]}' AND kind = 'image'"
PROJECTIONS = (
    "SELECT workspace_id, kind, sequence, head, available, held, due_at FROM wallets",
    "SELECT * FROM lots",
    "SELECT workspace_id, kind, sequence FROM holds",
)
JOURNAL = ("SELECT * FROM entries", "SELECT * FROM postings", "SELECT * FROM grants")


class House(NamedTuple):
    """A studio for the command line."""

    database_url: str
    data: Path

    def run(self, *arguments: str) -> Done:
        return run_here(*arguments, database_url=self.database_url, data=self.data)


class Terminal(StringIO):
    """Somebody at a terminal, who has typed an answer."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    await write_eventful_journal(database_url)
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def read(story: Path) -> tuple[Step, ...]:
    return parse(text=story.read_text("utf-8"), name=story.name)


async def rows(connection: asyncpg.Connection, queries: tuple[str, ...]) -> list[list[Any]]:
    return [sorted(map(tuple, await connection.fetch(query)), key=str) for query in queries]


async def rebuilt(
    connection: asyncpg.Connection, *, at: datetime = LATER, is_journal_proven: bool = False
) -> Rebuilt:
    damage = await survey(connection, scope=Scope(), is_journal_proven=is_journal_proven)
    return await rebuild(connection, damage=damage, at=at, is_journal_proven=is_journal_proven)


async def assert_clean(connection: asyncpg.Connection) -> None:
    findings = (await examine(connection, scope=Scope())).findings
    assert not findings.listed


@pytest.mark.parametrize(
    "falsify",
    [
        EVERYTHING,
        ("DELETE FROM wallets",),
        ("UPDATE wallets SET drawn_available = drawn_available + 7",),
        ("DELETE FROM stored_lots" + IMAGES, "DELETE FROM stored_holds"),
        ("UPDATE wallets SET available = available + 7, held = 0" + IMAGES,),
        ("UPDATE wallets SET due_at = 'epoch', wake_at = NULL" + IMAGES,),
        ("UPDATE stored_lots SET reference = 'forged', paid_amount = 1, currency = 'eur'",),
        ("UPDATE stored_lots SET captured = 0, expired = expired + captured",),
        ("UPDATE stored_lots SET lot = 900" + IMAGES + " AND lot = 1",),
        ("UPDATE stored_holds SET sequence = sequence + 900",),
        ("UPDATE wallets SET placed_hold = placed_hold + 900",),
        ("UPDATE wallets SET placed_deadline_at = NULL, drawn_held = NULL",),
        ("UPDATE stored_lots SET kind = 'audio'" + IMAGES,),
        ("UPDATE stored_holds SET kind = 'audio'",),
    ],
)  # fmt: skip
async def test_every_row_is_as_it_was(
    ledger: asyncpg.Connection, database_url: str, falsify: tuple[str, ...]
) -> None:
    before, journal = await rows(ledger, PROJECTIONS), await rows(ledger, JOURNAL)
    for statement in falsify:
        await ledger.execute(statement)

    done = await rebuilt(ledger)

    assert done.wallets
    assert await rows(ledger, PROJECTIONS) == before
    assert await rows(ledger, JOURNAL) == journal
    await assert_clean(ledger)
    await assert_sound(database_url)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
async def test_every_story_is_rebuilt_from_its_journal(database_url: str, story: Path) -> None:
    steps = read(story)
    async with Theatre(url=database_url) as theatre:
        await theatre.play(steps=steps, workspace_id=uuid4())
    connection = await asyncpg.connect(database_url)
    before = await rows(connection, PROJECTIONS)
    for statement in EVERYTHING:
        await connection.execute(statement)

    await rebuilt(connection)

    assert await rows(connection, PROJECTIONS) == before
    await assert_clean(connection)
    await connection.close()


async def test_what_is_as_the_journal_makes_it_is_left_alone(ledger: asyncpg.Connection) -> None:
    await ledger.execute("UPDATE wallets SET held = 0" + IMAGES)
    whole = "SELECT ctid, * FROM stored_lots WHERE kind = 'video'"
    untouched = await rows(ledger, (whole,))

    first, second = await rebuilt(ledger), await rebuilt(ledger)

    assert (first.wallets, second.wallets, second.findings) == (1, 0, ())
    assert [finding.fault for finding in first.findings] == [Fault.ROW_DIFFERS]
    assert await rows(ledger, (whole,)) == untouched


async def test_a_hold_whose_row_was_gone_gets_a_new_deadline(ledger: asyncpg.Connection) -> None:
    deadlines = "SELECT deadline_at FROM holds" + IMAGES + " ORDER BY sequence"
    first, _ = [row[0] for row in await ledger.fetch(deadlines)]
    await ledger.execute("DELETE FROM stored_holds" + IMAGES + " AND deadline_at <> $1", first)

    await rebuilt(ledger)

    assert [row[0] for row in await ledger.fetch(deadlines)] == [first, LATER + GRACE]


@pytest.mark.parametrize(
    ("tamper", "place"),
    [
        ("UPDATE entries SET key = 'x'" + IMAGES + " AND sequence = 7", "hash_broken: entries"),
        ("DELETE FROM entries" + IMAGES + " AND sequence = 9", "sequence_gap: entries"),
        (
            "UPDATE entries SET first_amount = 9" + IMAGES + " AND sequence = 7",
            "hash_broken: entries",
        ),
        ("UPDATE wallets SET head = '\\x00'" + IMAGES, "journal_rewritten: entries"),
        ("UPDATE wallets SET sequence = sequence + 1" + IMAGES, "journal_cut: entries"),
    ],
)
async def test_a_broken_journal_is_named_and_nothing_is_rebuilt(
    ledger: asyncpg.Connection, tamper: str, place: str
) -> None:
    await disarm(ledger)
    await ledger.execute(tamper)
    await ledger.execute("DELETE FROM stored_lots")

    with pytest.raises(JournalBroken, match=f"{place} {STUDIOS[0]}/image"):
        await rebuilt(ledger)

    assert not await ledger.fetchval("SELECT count(*) FROM lots")


async def test_a_journal_that_breaks_after_the_survey_is_not_rebuilt_from(
    ledger: asyncpg.Connection,
) -> None:
    await ledger.execute("DELETE FROM stored_lots")
    damage = await survey(ledger, scope=Scope())
    await disarm(ledger)
    await ledger.execute("DELETE FROM entries" + IMAGES + " AND sequence = 9")

    with pytest.raises(JournalBroken, match="image 10: expected 9"):
        await rebuild(ledger, damage=damage, at=LATER)


async def test_a_note_that_was_changed_hinders_no_rebuild(ledger: asyncpg.Connection) -> None:
    before = await rows(ledger, PROJECTIONS)
    await ledger.execute("UPDATE entry_notes SET actor = 'bob'" + IMAGES)
    await ledger.execute("DELETE FROM stored_lots")

    await rebuilt(ledger)

    assert await rows(ledger, PROJECTIONS) == before


async def test_a_row_ahead_of_a_proven_journal_is_rebuilt(ledger: asyncpg.Connection) -> None:
    before = await rows(ledger, PROJECTIONS)
    await ledger.execute("UPDATE wallets SET sequence = sequence + 1, head = '\\x00'" + IMAGES)

    await rebuilt(ledger, is_journal_proven=True)

    assert await rows(ledger, PROJECTIONS) == before


async def test_a_running_process_does_not_believe_what_it_remembers(
    database_url: str, connection: asyncpg.Connection
) -> None:
    workspace_id = uuid4()
    async with Ledger(database_url) as first, Ledger(database_url) as second:
        await first.grant(workspace_id, "video", 100, key="pack")
        await first.hold(workspace_id, "video", 30, key="clip")
        for statement in EVERYTHING:
            await connection.execute(statement)

        done = await second.rebuild(workspace_id=workspace_id)
        await second.charge(workspace_id, "video", 60, key="elsewhere")
        await first.settle(workspace_id, "video", 10, key="done", hold="clip")
        await first.charge(workspace_id, "video", 30, key="here")
        balance = await first.balance(workspace_id, "video")

    assert done.wallets == 1
    assert (balance.available, balance.held) == (0, 0)
    await assert_clean(connection)
    await assert_sound(database_url)


async def test_operations_and_a_rebuild_wait_for_one_another(
    database_url: str, connection: asyncpg.Connection
) -> None:
    workspace_id = uuid4()
    async with Ledger(database_url) as ledger:
        await ledger.grant(workspace_id, "video", 100, key="pack")
        await connection.execute("UPDATE stored_lots SET reference = 'forged'")

        charges = [ledger.charge(workspace_id, "video", 1, key=f"clip-{n}") for n in range(100)]
        done, *_ = await asyncio.gather(ledger.rebuild(), *charges)

    assert done.wallets == 1
    assert await connection.fetchval("SELECT captured FROM lots WHERE reference IS NULL") == 100
    await assert_clean(connection)


async def test_a_workspace_that_is_none_is_not_rebuilt(ledger: asyncpg.Connection) -> None:
    with pytest.raises(UnknownWorkspace):
        await survey(ledger, scope=Scope(workspace_id=UUID(int=5)))


async def test_the_clock_looks_at_once_and_grants_what_stands(
    ledger: asyncpg.Connection, database_url: str
) -> None:
    for statement in EVERYTHING:
        await ledger.execute(statement)

    at = day(130)
    async with Ledger(database_url, now=lambda: at) as other:
        await other.rebuild()
        renewal = await other.post_due()

    assert renewal.entries > 0
    await assert_clean(ledger)


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> House:
    house = House(database_url, tmp_path / "data")
    house.run("workspace", "create", "Ada", "--demo")
    return house


async def test_the_command_tells_what_differs_and_rebuilds_it(
    house: House, connection: asyncpg.Connection
) -> None:
    before = await rows(connection, PROJECTIONS)
    for statement in EVERYTHING:
        await connection.execute(statement)

    done = house.run("rebuild", "--yes")

    assert done.code == 0
    assert done.output == "1 wallet rebuilt: `mutoscope verify` proves it.\n"
    assert "row_missing: wallets" in done.errors
    assert await rows(connection, PROJECTIONS) == before
    assert house.run("verify").code == 0
    assert house.run("rebuild", "--json").json() == {"wallets": 0, "findings": []}
    assert house.run("rebuild").output == "Nothing to rebuild: all is as the journal makes it.\n"


async def test_a_rebuild_has_a_line_in_the_audit_of_each_workspace(
    house: House, connection: asyncpg.Connection
) -> None:
    house.run("workspace", "create", "Grace", "--demo")
    await connection.execute("UPDATE wallets SET available = available + 1")
    workspaces = await connection.fetch("SELECT workspace_id FROM wallets ORDER BY workspace_id")

    house.run("rebuild", "--yes")
    house.run("rebuild", "--yes")

    found = house.run("audit", "list", "--action", "rebuild", "--json").json()
    assert sorted(each["workspace_id"] for each in found) == [str(row[0]) for row in workspaces]
    assert all(each["reason"] == f"{each['name']}: mutoscope rebuild" for each in found)
    assert all(each["data"]["wallets"] == 1 for each in found)


async def test_what_cannot_be_told_in_the_audit_is_not_rebuilt(
    house: House, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE wallets SET available = available + 1")
    before = await rows(connection, PROJECTIONS)
    await connection.execute(
        "ALTER TABLE audit_lines ADD CONSTRAINT closed CHECK (action <> 'rebuild') NOT VALID"
    )

    refused = house.run("rebuild", "--yes")

    assert refused.code != 0
    assert await rows(connection, PROJECTIONS) == before


async def test_the_command_refuses_a_broken_journal_by_its_first_bad_row(
    house: House, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE wallets SET sequence = 9")

    refused, proven = house.run("rebuild", "--json"), house.run("rebuild", "--journal-proven")

    assert (refused.code, refused.output, proven.code) == (6, "", 0)
    assert '"code": "journal_broken"' in refused.errors
    assert "journal_cut: entries" in refused.errors


def test_more_differences_than_are_listed_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    damage = Damage()
    for number in range(LISTED_MAX + 5):
        damage.add(Finding(Fault.ROW_MISSING, "lots", STUDIOS[0], "image", number, "a", "b"))

    ask(damage, yes=True)

    assert capsys.readouterr().err.endswith("... and 5 more.\n")


def test_a_person_at_a_terminal_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    damage = Damage()
    damage.add(Finding(Fault.ROW_MISSING, "lots", STUDIOS[0], "image", 1, "a", "b"))

    with pytest.raises(typer.Abort):
        ask(damage, yes=False)
