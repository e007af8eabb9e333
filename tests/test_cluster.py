"""A folder of the PostgreSQL inside is complete, or refused with the remedy and left as it is."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutoscope.storage import binaries, cluster, embedded
from mutoscope.storage.binaries import ProgramFailedError
from mutoscope.storage.cluster import (
    DiskFullError,
    FolderForeignError,
    FolderOfAnotherVersionError,
    FolderUnusableError,
)
from mutoscope.storage.embedded import EmbeddedPostgres, ServerFailedError
from servers import (
    WHEEL,
    as_root_only,
    ask,
    ask_again,
    enterable_folder,
    is_running,
    kill,
    postmaster,
    programs_folder,
)


@pytest.fixture
def place() -> Iterator[Path]:
    with enterable_folder() as folder:
        yield folder


async def test_two_first_starts_at_once_make_one_cluster(place: Path) -> None:
    one, other = EmbeddedPostgres(folder=place), EmbeddedPostgres(folder=place)

    await asyncio.gather(one.start(), other.start())

    assert one.dsn == other.dsn
    assert await ask(one.dsn, "SELECT 1") == 1
    await asyncio.gather(one.stop(), other.stop())
    assert not is_running(place)


async def test_what_a_killed_first_start_left_is_cleared_away(place: Path) -> None:
    (place / "new-abandoned").mkdir()

    async with EmbeddedPostgres(folder=place):
        assert not (place / "new-abandoned").exists()


async def test_a_long_path_gets_a_short_private_place_for_its_socket(place: Path) -> None:
    folder = place / ("x" * 60) / ("y" * 60)

    async with EmbeddedPostgres(folder=folder) as server:
        sockets = (folder / "socket").readlink()
        (sockets / ".s.PGSQL.5432").unlink()
        (sockets / ".s.PGSQL.5432.lock").unlink()
        sockets.rmdir()  # what sweeps /tmp does not ask
        await kill(postmaster(folder), folder=folder)

        assert await ask_again(server.dsn, "SELECT 1") == 1
        assert sockets.stat().st_mode & 0o777 == 0o700
    sockets.rmdir()


async def test_a_place_for_sockets_that_others_may_enter_is_refused(place: Path) -> None:
    sockets = place / "open"
    sockets.mkdir()
    sockets.chmod(0o755)

    with pytest.raises(FolderUnusableError, match="private"):
        cluster._make_private(sockets, binaries.unprivileged())


@as_root_only
async def test_a_folder_out_of_the_accounts_reach_keeps_its_cluster_elsewhere(place: Path) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    folder = private / "db"

    async with EmbeddedPostgres(folder=folder) as server:
        answer = await ask(server.dsn, "SELECT 1")

    home = (folder / "cluster").readlink().parent
    shutil.rmtree(home)
    assert answer == 1
    assert home.parent == cluster.ELSEWHERE
    assert private.stat().st_mode & 0o777 == 0o700


@as_root_only
def test_the_account_out_of_reach_of_every_place_is_told(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.chmod(0o700)
    monkeypatch.setattr(cluster, "ELSEWHERE", place / "elsewhere")

    with pytest.raises(FolderUnusableError, match="may enter neither"):
        asyncio.run(EmbeddedPostgres(folder=place / "db").start())


@pytest.mark.parametrize(("major", "is_builtin"), [(16, False), (17, True)])
def test_a_locale_of_its_own_is_asked_of_versions_that_have_one(
    *, major: int, is_builtin: bool
) -> None:
    programs = binaries.Programs(folder=WHEEL, version=f"{major}.1", major=major)

    assert ("C.UTF-8" in str(cluster._builtin_locale(programs))) is is_builtin


async def test_a_folder_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(FolderUnusableError, match="DATABASE_URL"):
        await EmbeddedPostgres(folder=Path("/proc/mutoscope")).start()


async def test_a_lock_that_cannot_be_opened_is_refused(place: Path) -> None:
    (place / "server.lock").mkdir()

    with pytest.raises(FolderUnusableError, match=r"server\.lock"):
        await EmbeddedPostgres(folder=place).start()


async def test_a_file_in_place_of_the_folder_is_refused(place: Path) -> None:
    (place / "file").touch()

    with pytest.raises(FolderUnusableError, match="file"):
        await EmbeddedPostgres(folder=place / "file").start()


async def test_a_folder_with_other_things_in_it_is_left_as_it_is(place: Path) -> None:
    (place / "holiday.jpg").touch()

    with pytest.raises(FolderForeignError, match=r"holiday\.jpg") as refused:
        await EmbeddedPostgres(folder=place).start()

    assert refused.value.code == "folder_foreign"
    assert not (place / "cluster").exists()


async def test_a_cluster_without_its_password_is_refused(place: Path) -> None:
    (place / "cluster").mkdir()
    (place / "cluster" / "PG_VERSION").write_text("18\n", encoding="ascii")

    with pytest.raises(FolderForeignError, match="password"):
        await EmbeddedPostgres(folder=place).start()


async def test_a_cluster_with_another_password_is_refused(place: Path) -> None:
    async with EmbeddedPostgres(folder=place):
        pass
    (place / "cluster" / "password").write_text("another", encoding="ascii")

    with pytest.raises(FolderForeignError, match="refuses the password"):
        await EmbeddedPostgres(folder=place).start()

    assert not is_running(place)


@as_root_only
async def test_a_cluster_that_belongs_to_root_is_refused(place: Path) -> None:
    (place / "cluster").mkdir()
    for name in ("PG_VERSION", "password"):
        (place / "cluster" / name).write_text("18\n", encoding="ascii")

    with pytest.raises(FolderForeignError, match="belongs to root"):
        await EmbeddedPostgres(folder=place).start()


async def test_a_cluster_of_another_major_version_is_refused(place: Path) -> None:
    async with EmbeddedPostgres(folder=place):
        pass
    (place / "cluster" / "PG_VERSION").write_text("17\n", encoding="ascii")

    with pytest.raises(FolderOfAnotherVersionError, match="PostgreSQL 17") as refused:
        await EmbeddedPostgres(folder=place).start()

    assert refused.value.found == "17"


async def test_a_damaged_cluster_is_refused_with_what_the_server_said(place: Path) -> None:
    async with EmbeddedPostgres(folder=place):
        pass
    (place / "cluster" / "global" / "pg_control").unlink()

    with pytest.raises(ServerFailedError, match="pg_control") as refused:
        await EmbeddedPostgres(folder=place).start()

    assert refused.value.log == place / "server.log"


async def test_a_server_that_dies_of_a_full_disk_says_so(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with EmbeddedPostgres(folder=place):
        pass
    (place / "cluster" / "global" / "pg_control").unlink()
    monkeypatch.setattr(cluster, "FREE_BYTES_MIN", 2**62)

    with pytest.raises(DiskFullError, match="free some space"):
        await EmbeddedPostgres(folder=place).start()


async def test_a_server_that_never_answers_is_given_up(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with EmbeddedPostgres(folder=place):
        pass
    programs = programs_folder(place)
    (programs / "postgres").unlink()
    version = "*version*) echo 'postgres (PostgreSQL) 18.1';;"
    text = f'#!/bin/sh\ncase "$*" in {version} *) exec sleep 60;; esac\n'
    (programs / "postgres").write_text(text, encoding="ascii")
    (programs / "postgres").chmod(0o755)
    monkeypatch.setattr(embedded, "START_LIMIT_S", 0.5)

    with pytest.raises(ServerFailedError, match="no answer"):
        await EmbeddedPostgres(folder=place, binaries=programs).start()


@pytest.mark.parametrize(
    ("cause", "refusal"),
    [
        (OSError(28, "No space left on device"), DiskFullError),
        (
            ProgramFailedError(program=Path("initdb"), said="x: No space left on device"),
            DiskFullError,
        ),
        (ProgramFailedError(program=Path("initdb"), said="no user"), ProgramFailedError),
        (PermissionError(13, "Permission denied"), FolderUnusableError),
    ],
)
def test_what_the_system_says_becomes_the_refusal_that_helps(
    place: Path, cause: Exception, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal), cluster.refusals(folder=place):
        raise cause
