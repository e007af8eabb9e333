"""A backup brings a lost house back whole, and anything less is refused."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Done, run
from servers import enterable_folder


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with enterable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def workspace(folder: Path) -> str:
    data = folder / "house"
    made = run("workspace", "create", "Ada", "--demo", "--json", data=data).json()
    workspace_id = str(made["workspace"]["workspace_id"])
    run("generate", workspace_id, "a pier at dusk", data=data)
    return workspace_id


@pytest.fixture(scope="module")
def backup(folder: Path, workspace: str) -> Path:
    path = folder / f"{workspace}.tar"
    run("backup", str(path), data=folder / "house")
    return path


@pytest.fixture(scope="module")
def restored(folder: Path, backup: Path) -> Done:
    return run("restore", str(backup), "--json", data=folder / "new")


def test_a_restored_house_is_verified_and_the_same(
    folder: Path, workspace: str, restored: Done
) -> None:
    before = run("history", workspace, "--json", data=folder / "house")
    after = run("history", workspace, "--json", data=folder / "new")

    assert restored.code == 0, restored.errors
    assert restored.json()["verify"]["is_clean"]
    assert before.json() == after.json()


def test_the_keys_and_assets_come_back(folder: Path, restored: Done) -> None:
    contents = [
        {path.relative_to(house): path.read_bytes()
         for part in ("assets", "keys") for path in (house / part).rglob("*") if path.is_file()}
        for house in (folder / "house", folder / "new")
    ]  # fmt: skip

    assert restored.code == 0
    assert contents[0] == contents[1]
    assert len(contents[0]) == 3


def test_only_its_owner_may_read_a_backup(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600


def test_a_backup_replaces_no_file_by_itself(folder: Path, backup: Path) -> None:
    done = run("backup", str(backup), data=folder / "house")

    assert done.code == 1
    assert done.errors.startswith("archive_exists: ")


def test_nothing_is_restored_into_a_house_that_is_not_empty(folder: Path, backup: Path) -> None:
    done = run("restore", str(backup), data=folder / "house")

    assert done.code == 1
    assert done.errors.startswith("target_not_empty: ")


def test_a_database_with_tables_takes_no_backup(
    backup: Path, database_url: str, tmp_path: Path
) -> None:
    done = run("restore", str(backup), database_url=database_url, data=tmp_path / "new")

    assert done.code == 1
    assert "the database is not empty" in done.errors


@pytest.mark.parametrize("name", ["keys/signing", "database.dump"])
def test_a_changed_archive_is_refused_before_anything_is_restored(
    folder: Path, backup: Path, name: str
) -> None:
    changed = folder / f"changed-{name.replace('/', '-')}.tar"
    content = bytearray(backup.read_bytes())
    with tarfile.open(backup) as archive:
        content[archive.getmember(name).offset_data] ^= 1
    changed.write_bytes(content)

    done = run("restore", str(changed), data=folder / f"not-restored-{name.replace('/', '-')}")

    assert done.code == 1
    assert f"{name} was changed" in done.errors


def test_a_cut_archive_is_refused(folder: Path, backup: Path) -> None:
    cut = folder / "cut.tar"
    cut.write_bytes(backup.read_bytes()[:5_000])

    done = run("restore", str(cut), data=folder / "still-empty")

    assert done.code == 1
    assert done.errors.startswith("archive_unreadable: ")
    assert not (folder / "still-empty" / "keys").exists()
