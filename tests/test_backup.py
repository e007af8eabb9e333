"""A backup brings a lost house back whole, and anything less is refused."""

import json
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from command_line import Done, run, run_here
from conftest import database_at
from mutoscope.app import backup as archives
from mutoscope.app.backup import (
    ArchiveUnreadable,
    ArchiveUnwritable,
    Manifest,
    Place,
    TargetUnwritable,
)
from mutoscope.app.verify import check_answer
from servers import enterable_folder
from small_disk import MEBIBYTE, small_disk

NOON = datetime(2027, 5, 1, 12, tzinfo=UTC)


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


def test_a_restored_house_is_verified_and_the_same(folder: Path, restored: Done) -> None:
    answer = run("verify", "--json", data=folder / "house").json()

    assert restored.code == 0, restored.errors
    assert restored.json()["verify"]["is_clean"]
    assert check_answer(json.dumps(restored.json()["verify"]))
    assert restored.json()["verify"]["heads_digest"] == answer["heads_digest"]


def test_the_keys_and_assets_come_back(folder: Path, restored: Done) -> None:
    contents = [
        {path.relative_to(house): path.read_bytes()
         for part in ("assets", "keys") for path in (house / part).rglob("*") if path.is_file()}
        for house in (folder / "house", folder / "new")
    ]  # fmt: skip

    assert restored.code == 0
    assert contents[0] == contents[1]
    assert {path.name for path in contents[0]} >= {"signing", "email", "links", "call_backs"}


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
def test_a_changed_archive_is_refused(backup: Path, tmp_path: Path, name: str) -> None:
    changed = tmp_path / "changed.tar"
    content = bytearray(backup.read_bytes())
    with tarfile.open(backup) as archive:
        content[archive.getmember(name).offset_data] ^= 1
    changed.write_bytes(content)

    with pytest.raises(ArchiveUnreadable, match=f"{name} was changed"):
        archives._unpack(changed, tmp_path / "staging")


@pytest.mark.parametrize("length", [0, 5_000, 100_000])
def test_a_cut_archive_is_refused(backup: Path, tmp_path: Path, length: int) -> None:
    cut = tmp_path / "cut.tar"
    cut.write_bytes(backup.read_bytes()[:length])

    with pytest.raises(ArchiveUnreadable):
        archives._unpack(cut, tmp_path / "staging")


@pytest.mark.parametrize("name", ["../keys/signing", "/keys/signing", "other/file"])
def test_an_archive_writes_nothing_outside_its_folder(tmp_path: Path, name: str) -> None:
    manifest = Manifest(made_at="", files={archives.DUMP: (0, ""), name: (0, "")})
    hostile = tmp_path / "hostile.tar"
    with tarfile.open(hostile, "w") as archive:
        about = tarfile.TarInfo(archives.MANIFEST)
        about.size = len(manifest.text())
        archive.addfile(about, BytesIO(manifest.text().encode()))

    with pytest.raises(ArchiveUnreadable, match="is not ours"):
        archives._unpack(hostile, tmp_path / "staging")


def test_a_backup_into_no_folder_is_refused(folder: Path, workspace: str) -> None:
    done = run("backup", str(folder / workspace / "no" / "x.tar"), data=folder / "house")

    assert (done.code, done.errors.count("\n")) == (1, 1)
    assert done.errors.startswith("archive_unwritable: ")
    assert "or name another file" in done.errors


def test_a_backup_takes_no_device_s_place(database_url: str, tmp_path: Path) -> None:
    device = Path("/dev/full")

    done = run_here("backup", str(device), "--yes", database_url=database_url, data=tmp_path)

    assert done.code == 1
    assert "it is no file that could be replaced" in done.errors
    assert device.is_char_device()


async def test_a_disk_that_a_backup_fills_keeps_nothing_of_it(
    database_url: str, tmp_path: Path
) -> None:
    place = Place(url=database_url, data=tmp_path / "data", binaries=None)
    (place.data / "assets").mkdir(parents=True)
    (place.data / "assets" / "film.mp4").write_bytes(bytes(4 * MEBIBYTE))

    with small_disk(tmp_path / "disk", mebibytes=3) as disk:
        with pytest.raises(ArchiveUnwritable, match="No space left on device"):
            await archives.back_up(place, path=disk.folder / "x.tar", at=NOON, may_replace=False)

        assert list(disk.folder.iterdir()) == []


def test_a_data_folder_that_cannot_be_made_takes_no_backup(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    done = run("restore", str(backup), data=tmp_path / "file" / "data")

    assert (done.code, done.errors.count("\n")) == (1, 1)
    assert done.errors.startswith("data_unwritable: ")


async def test_a_full_disk_takes_no_backup(backup: Path, server_url: str, tmp_path: Path) -> None:
    address = database_at(server_url, "template1")

    with small_disk(tmp_path / "disk", mebibytes=1) as disk:
        disk.fill()
        place = Place(url=address, data=disk.folder, binaries=None)
        with pytest.raises(TargetUnwritable, match="No space left on device"):
            await archives.restore(place, path=backup)


def test_what_is_no_archive_is_told_in_one_line(tmp_path: Path) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"%PDF-1.7 " * 200)

    with pytest.raises(ArchiveUnreadable) as refused:
        archives._unpack(letter, tmp_path / "staging")

    told = str(refused.value)
    assert told.startswith(f"{letter} is no whole backup (file could not be opened successfully)")
    assert len(told.splitlines()) == 1


def test_a_backup_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveUnreadable, match="No such file"):
        archives._unpack(tmp_path / "gone.tar", tmp_path / "staging")
