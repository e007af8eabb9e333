"""The ledger survives the end of its process, its connection and its database."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from crash_points import NOW, Crash, crashed, dying, lines, noted, play
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Note, Request
from mutoscope.storage import journal as writer
from mutoscope.storage.database import DatabaseUnreachable, connect, migrate
from mutoscope.storage.embedded import EmbeddedPostgres
from mutoscope.storage.journal import Journal, JournalClosed
from mutoscope.storage.session import SideRow, SideRowRefused
from servers import enterable_folder, is_running, postmaster, quick_disk, until
from soundness import assert_sound

PASSINGS = (1, 3, 6)
KILLS = 2
WORKSPACES = [UUID(int=number) for number in range(1, 9)]


@pytest.fixture(autouse=True)
async def sound(database_url: str) -> AsyncIterator[None]:
    yield
    await assert_sound(database_url)


@pytest.fixture
async def journal(database_url: str) -> AsyncIterator[Journal]:
    journal = Journal(url=database_url, now=lambda: NOW)
    await journal.open()
    yield journal
    await journal.close()


def submission(key: str, action: ask.Action, *, workspace_id: UUID = WORKSPACES[0]) -> Submission:
    return Submission((Request(workspace_id, "video", "api", key, action),))


async def fill(journal: Journal, *, amount: int) -> None:
    grant = ask.Grant(amount, Terms("pack", NOW))
    filled = [submission("grant", grant, workspace_id=each) for each in WORKSPACES]
    assert not any(isinstance(o, Refusal) for o in await journal.submit_all(filled))


def charges(count: int, *, name: str = "clip") -> list[Submission]:
    return [
        submission(f"{name}-{number}", ask.Charge(1), workspace_id=WORKSPACES[number % 8])
        for number in range(count)
    ]


async def keys(url: str) -> set[str]:
    connection = await connect(url)
    rows = await connection.fetch("SELECT key FROM entries")
    await connection.close()
    return {row["key"] for row in rows}


async def check_crashes(*, url: str, folder: Path, passings: Sequence[int], seed: int = 0) -> int:
    """Kill a process at each point, let its caller come again, and compare; return the kills."""
    undisturbed = uuid4()
    await play(url=url, workspace_id=undisturbed, notes=None, seed=seed)
    expected = await lines(url, undisturbed)
    ended = await crashed(url=url, folder=folder, passings=passings, seed=seed)
    for crash in ended:
        answers = await play(url=url, workspace_id=crash.workspace_id(), notes=None, seed=seed)
        for number in noted(folder=folder, crash=crash):
            assert all(each.is_replay or each.entry is None for each in answers[number]), crash
        assert await lines(url, crash.workspace_id()) == expected, crash
    return sum(code == -signal.SIGKILL for code in ended.values())


async def test_a_process_killed_around_a_commit_loses_and_doubles_nothing(
    database_url: str, tmp_path: Path
) -> None:
    killed = await check_crashes(url=database_url, folder=tmp_path, passings=PASSINGS)

    assert killed >= 8 * (len(PASSINGS) - 1)


@pytest.mark.parametrize("point", ["before_apply", "after_apply", "before_write", "after_write"])
async def test_when_the_outcome_of_a_commit_is_unknown_the_caller_is_answered_once(
    point: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose() -> None:
        raise asyncpg.ConnectionDoesNotExistError("cut off")

    monkeypatch.setattr(writer, "Session", dying(Crash(point, 3), die=lose))

    answers = await play(url=database_url, workspace_id=WORKSPACES[0], notes=None)

    told = [each.entry.sequence for answer in answers for each in answer if each.entry is not None]
    assert len(told) == len(set(told))
    assert len(await lines(database_url, WORKSPACES[0])) == len(told) + 1


async def test_connections_that_are_cut_under_load_lose_and_double_nothing(
    journal: Journal, database_url: str, connection: asyncpg.Connection
) -> None:
    await fill(journal, amount=100)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%ledger_%'"

    calls = [asyncio.create_task(journal.submit(each)) for each in charges(400)]
    for _ in range(3):
        await asyncio.sleep(0.01)
        await connection.fetch(cut + " AND pid <> pg_backend_pid()")
    answers = await asyncio.gather(*calls)

    assert len(answers) == 400
    assert len(await keys(database_url)) == 401


async def check_kills(*, kills: int, charges_each: int) -> int:
    """Kill the database under load so many times; return the acknowledged charges."""
    acknowledged = 0
    with enterable_folder(parent=quick_disk()) as folder:
        async with EmbeddedPostgres(folder=folder / "server") as server:
            async with asyncio.timeout(30 + 10 * kills):
                journal = await _opened(server.dsn, amount=kills * charges_each)
                for number in range(kills):
                    wanted = charges(charges_each, name=f"kill-{number}")
                    calls = [asyncio.create_task(journal.submit(each)) for each in wanted]
                    await asyncio.sleep(0.005 * (1 + number % 5))
                    # Those that outlive their server may answer all calls before it is back.
                    await until(lambda: is_running(folder / "server"))
                    os.kill(postmaster(folder / "server"), signal.SIGKILL)
                    acknowledged += len(await asyncio.gather(*calls))
            await journal.close()
            assert len(await keys(server.dsn)) == acknowledged + 1
            await assert_sound(server.dsn)
    return acknowledged


async def _opened(url: str, *, amount: int) -> Journal:
    connection = await connect(url)
    await migrate(connection)
    await connection.close()
    journal = Journal(url=url, now=lambda: NOW)
    await journal.open()
    await fill(journal, amount=amount)
    return journal


async def test_a_database_that_is_killed_under_load_loses_and_doubles_nothing() -> None:
    acknowledged = await check_kills(kills=KILLS, charges_each=300)

    assert acknowledged == KILLS * 300


async def test_callers_of_a_database_that_stays_away_are_told_together_and_may_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "RECONNECT_PAUSES_S", (0.1, 0.1))
    with enterable_folder(parent=quick_disk()) as folder:
        async with EmbeddedPostgres(folder=folder / "server") as server:
            journal = await _opened(server.dsn, amount=100)
            await server.stop()
            async with asyncio.timeout(len(charges(100)) * 0.1):
                outcomes = await asyncio.gather(
                    *map(journal.submit, charges(100)), return_exceptions=True
                )
            await server.start()
            answers = await asyncio.gather(*map(journal.submit, charges(100)))
            await journal.close()

    assert {type(outcome) for outcome in outcomes} == {DatabaseUnreachable}
    assert not any(answer.is_replay for (answer,) in answers)


async def test_a_request_that_the_database_fails_on_fails_alone(
    journal: Journal, connection: asyncpg.Connection, database_url: str
) -> None:
    await fill(journal, amount=100)
    await connection.execute(_POISON)
    wanted = [*charges(20), submission("poison", ask.Charge(1)), *charges(20, name="shot")]

    outcomes = await asyncio.gather(*map(journal.submit, wanted), return_exceptions=True)

    (failed,) = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert isinstance(failed, asyncpg.RaiseError)
    assert await keys(database_url) == {"grant"} | {
        each.requests[0].key for each in charges(20) + charges(20, name="shot")
    }


async def test_a_row_beside_that_is_refused_undoes_its_own_request_alone(
    journal: Journal, database_url: str
) -> None:
    async def write_nothing(_: Any, __: Sequence[tuple[Any, ...]]) -> int:  # noqa: ANN401 - a connection
        return 0

    await fill(journal, amount=100)
    refused, *mates = charges(20)

    calls = [journal.submit(each) for each in mates]
    calls.append(journal.submit(refused, side_rows=(SideRow(write_nothing, ()),)))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(outcomes.pop(), SideRowRefused)
    assert not any(isinstance(outcome, Exception) for outcome in outcomes)
    assert await keys(database_url) == {"grant"} | {each.requests[0].key for each in mates}


async def test_a_note_that_cannot_be_written_undoes_its_entry(
    journal: Journal, database_url: str
) -> None:
    await fill(journal, amount=100)
    note = Note(b"salt", "ada", "a zero byte: \x00")
    request = Request(WORKSPACES[0], "video", "api", "clip", ask.Charge(1), note=note)

    with pytest.raises(asyncpg.PostgresError):
        await journal.submit(Submission((request,)))

    assert await keys(database_url) == {"grant"}


async def test_a_request_that_breaks_the_plan_fails_alone_and_the_next_is_served(
    journal: Journal,
) -> None:
    await fill(journal, amount=100)
    broken = submission("broken", "no action at all")  # type: ignore[arg-type]  # the point of it
    wanted = [*charges(10), broken, *charges(10, name="shot")]

    outcomes = await asyncio.gather(*map(journal.submit, wanted), return_exceptions=True)

    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(each) for each in failed] in ([KeyError], [AttributeError])
    for each in charges(10, name="next"):
        assert await journal.submit(each)


async def test_closing_answers_what_runs_and_refuses_what_waits(database_url: str) -> None:
    journal = Journal(url=database_url, now=lambda: NOW)
    await journal.open()
    await fill(journal, amount=100)
    calls = [asyncio.create_task(journal.submit(each)) for each in charges(600)]
    await asyncio.sleep(0)

    await journal.close()

    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    answers = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    assert {type(o) for o in outcomes if isinstance(o, Exception)} <= {JournalClosed}
    assert len(await keys(database_url)) == 1 + len(answers)
    with pytest.raises(JournalClosed):
        await journal.submit(charges(1)[0])


async def test_a_journal_that_is_closed_as_soon_as_it_is_open_leaves_no_connection(
    database_url: str, connection: asyncpg.Connection
) -> None:
    journal = Journal(url=database_url, now=lambda: NOW)

    await journal.open()
    await journal.close()

    async with asyncio.timeout(30):
        while await connection.fetchval(_OTHERS):  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.01)


async def test_a_caller_that_is_cancelled_learns_by_its_key_what_became_of_it(
    journal: Journal,
) -> None:
    await fill(journal, amount=100)
    (wanted,) = charges(1)
    call = asyncio.create_task(journal.submit(wanted))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    (first,) = await journal.submit(wanted)
    (again,) = await journal.submit(wanted)

    assert again.is_replay
    assert again.entry == first.entry


_POISON = """
    CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'poison';
    END
    $$;
    CREATE TRIGGER poison BEFORE INSERT ON entries FOR EACH ROW
    WHEN (new.key LIKE 'poison%') EXECUTE FUNCTION refuse_poison();
"""
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
