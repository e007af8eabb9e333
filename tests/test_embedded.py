"""The PostgreSQL inside survives what happens to servers and to the processes around them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from mutoscope.storage import binaries, cluster, embedded
from mutoscope.storage.embedded import EmbeddedPostgres, binary
from servers import (
    WHEEL,
    ask,
    ask_again,
    enterable_folder,
    is_running,
    kill,
    postmaster,
    programs_folder,
    until,
)

START_AND_HANG = """
import asyncio, sys
from pathlib import Path
from mutoscope.storage.embedded import EmbeddedPostgres
async def main():
    async with EmbeddedPostgres(folder=Path(sys.argv[1])) as server:
        print(server.dsn, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
def place() -> Iterator[Path]:
    with enterable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Lend one folder to many: the first test makes its cluster, the others start it again."""
    with enterable_folder() as lent:
        yield lent


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    async with EmbeddedPostgres(folder=folder) as running:
        yield running


def status_of(pid: int) -> dict[str, str]:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return dict(line.split(":", 1) for line in status.splitlines())


async def test_what_was_written_is_there_after_a_stop_and_a_start(place: Path) -> None:
    server = EmbeddedPostgres(folder=place / "new" / "db")
    await server.start()
    await ask(server.dsn, "CREATE TABLE kept AS SELECT 7 AS answer")
    dsn = server.dsn
    await server.stop()
    is_running_between = is_running(place / "new" / "db")

    await server.start()

    assert not is_running_between
    assert server.dsn == dsn
    assert await ask(dsn, "SELECT answer FROM kept") == 7
    await server.stop()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("is_superuser", "off"),
    ],
)
async def test_the_server_is_durable_and_private(
    server: EmbeddedPostgres, setting: str, value: str
) -> None:
    shown = await ask(server.dsn, f"SHOW {setting}")

    assert shown == value


async def test_a_configuration_file_cannot_turn_durability_off(folder: Path) -> None:
    async with EmbeddedPostgres(folder=folder):
        pass
    with (folder / "cluster" / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write("fsync = off\n")

    async with EmbeddedPostgres(folder=folder) as server:
        shown = await ask(server.dsn, "SHOW fsync")

    assert shown == "on"


async def test_a_wrong_password_is_refused(server: EmbeddedPostgres, folder: Path) -> None:
    password = (folder / "cluster" / "password").read_text(encoding="ascii")
    dsn = server.dsn.replace(password, "wrong")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(dsn)


async def test_the_password_is_for_nobody_else_to_read(
    server: EmbeddedPostgres, folder: Path
) -> None:
    secret = folder / "cluster" / "password"

    assert secret.read_text(encoding="ascii") in server.dsn
    assert secret.stat().st_mode & 0o777 == 0o600


async def test_the_server_never_runs_as_root(server: EmbeddedPostgres, folder: Path) -> None:
    owner = (folder / "cluster").stat()

    lines = status_of(postmaster(folder))

    assert server.dsn
    assert owner.st_uid != 0
    assert set(lines["Uid"].split()) == {str(owner.st_uid)}
    assert os.geteuid() != 0 or lines["Groups"].split() == []


async def test_the_application_may_make_databases(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.dsn)

    await connection.execute("CREATE DATABASE another")
    await connection.execute("DROP DATABASE another")
    await connection.execute("CHECKPOINT")

    await connection.close()


async def test_the_address_serves_the_programs_of_postgres_too(server: EmbeddedPostgres) -> None:
    question = (binary("psql", binaries=None), "-Atc", "SELECT 41 + 1", server.dsn)

    said = await asyncio.to_thread(binaries.run, argv=question, account=binaries.caller())

    assert said == "42\n"


async def test_a_killed_server_is_back_at_the_same_address(
    server: EmbeddedPostgres, folder: Path
) -> None:
    await ask(server.dsn, "CREATE TABLE IF NOT EXISTS survivor AS SELECT 3 AS answer")

    await kill(postmaster(folder), folder=folder)

    assert await ask_again(server.dsn, "SELECT answer FROM survivor") == 3
    await until(lambda: server.restarts == 1)


async def test_a_killed_backend_is_survived(server: EmbeddedPostgres, folder: Path) -> None:
    connection = await asyncpg.connect(server.dsn)
    before = postmaster(folder)

    os.kill(connection.get_server_pid(), signal.SIGKILL)

    with pytest.raises((OSError, asyncpg.PostgresConnectionError)):
        await connection.fetchval("SELECT pg_sleep(5)")
    assert await ask_again(server.dsn, "SELECT 1") == 1
    assert postmaster(folder) == before


async def test_a_stuck_orphan_of_a_killed_server_does_not_bar_the_next(
    server: EmbeddedPostgres, folder: Path
) -> None:
    connection = await asyncpg.connect(server.dsn)
    stuck = connection.get_server_pid()
    os.kill(stuck, signal.SIGSTOP)

    await kill(postmaster(folder), folder=folder)

    assert await ask_again(server.dsn, "SELECT 1") == 1
    assert stuck not in cluster.processes(data=(folder / "cluster").resolve())
    connection.terminate()


async def test_a_living_server_is_no_orphan(server: EmbeddedPostgres, folder: Path) -> None:
    data = (folder / "cluster").resolve()
    before = cluster.processes(data=data)

    cluster.kill_orphans(data=data)

    assert postmaster(folder) in before
    assert await ask(server.dsn, "SELECT 1") == 1


async def test_without_proc_the_pid_file_tells_who_lives(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (folder / "cluster").resolve()
    async with EmbeddedPostgres(folder=folder):
        seen = postmaster(folder)
        monkeypatch.setattr(cluster, "_PROCESSES", folder / "none")
        living = cluster.processes(data=data)

    assert living == (seen,)
    assert cluster.processes(data=data) == ()


async def test_a_server_that_cannot_start_is_tried_until_it_can(place: Path) -> None:
    programs = programs_folder(place)
    async with EmbeddedPostgres(folder=place / "db", binaries=programs) as server:
        (programs / "postgres").unlink()
        await kill(postmaster(place / "db"), folder=place / "db")
        await asyncio.sleep(0.5)
        is_up_without_program = is_running(place / "db")

        (programs / "postgres").symlink_to(WHEEL / "postgres")

        assert not is_up_without_program
        assert await ask_again(server.dsn, "SELECT 1") == 1


async def test_a_server_that_outlived_its_killed_parent_is_adopted(folder: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", START_AND_HANG, str(folder)), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    dsn = (await parent.stdout.readline()).decode().strip()
    orphan = postmaster(folder)
    parent.kill()
    await parent.wait()

    async with EmbeddedPostgres(folder=folder) as server:
        assert server.dsn == dsn
        assert postmaster(folder) == orphan
        assert await ask(dsn, "SELECT 1") == 1

    assert not is_running(folder)


async def test_two_processes_share_one_server(server: EmbeddedPostgres, folder: Path) -> None:
    guest = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", START_AND_HANG, str(folder)), stdout=subprocess.PIPE
    )
    assert guest.stdout is not None

    dsn = (await guest.stdout.readline()).decode().strip()
    guest.kill()
    await guest.wait()

    assert dsn == server.dsn
    assert await ask(server.dsn, "SELECT 1") == 1


async def test_the_server_runs_on_for_those_who_stay_and_they_watch_it(folder: Path) -> None:
    owner, guest = EmbeddedPostgres(folder=folder), EmbeddedPostgres(folder=folder)
    await owner.start()
    await guest.start()
    kept = await asyncpg.connect(guest.dsn)
    await asyncio.sleep(0.2)

    await owner.stop()

    assert await kept.fetchval("SELECT 1") == 1
    await kept.close()
    await kill(postmaster(folder), folder=folder)
    assert await ask_again(guest.dsn, "SELECT 1") == 1
    await guest.stop()
    assert not is_running(folder)


async def test_who_comes_while_the_last_one_stops_the_server_waits(folder: Path) -> None:
    last = embedded._FileLock(folder / "users.lock")
    late = EmbeddedPostgres(folder=folder)
    assert last.try_exclusive()

    starting = asyncio.create_task(late.start())
    await asyncio.sleep(0.2)

    assert not starting.done()
    last.release()
    await starting
    assert await ask(late.dsn, "SELECT 1") == 1
    await late.stop()


async def test_who_never_started_may_stop(place: Path) -> None:
    await EmbeddedPostgres(folder=place / "db").stop()

    assert not (place / "db").exists()


async def test_a_stale_pid_file_naming_a_living_process_is_seen_through(folder: Path) -> None:
    async with EmbeddedPostgres(folder=folder):
        pass
    stale = folder / "cluster" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{folder / 'cluster'}\n", encoding="ascii")

    async with EmbeddedPostgres(folder=folder) as server:
        answer = await ask(server.dsn, "SELECT 1")

    assert answer == 1


async def test_a_server_that_ignores_the_polite_stop_is_stopped_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "STOP_LIMITS_S", {signal.SIGINT: 0.1, signal.SIGKILL: 10.0})
    server = EmbeddedPostgres(folder=folder)
    await server.start()
    os.kill(postmaster(folder), signal.SIGSTOP)

    await server.stop()

    assert not is_running(folder)


def test_a_log_that_grew_too_long_starts_anew_beside_the_old_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LOG_BYTES_MAX", 3)
    (place / "server.log").write_text("long", encoding="ascii")

    embedded._trim(place / "server.log")

    assert (place / "server.log").read_text(encoding="ascii") == ""
    assert (place / "server.log.1").read_text(encoding="ascii") == "long"
