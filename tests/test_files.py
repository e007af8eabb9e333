"""What commands write is there whole or not at all, and what prevents it is told."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from command_line import MUTOSCOPE, Done, run, run_here
from mutoscope.cli.files import OutUnwritable, place_for, scratch_folder, written
from mutoscope.storage.cluster import existing
from mutoscope.storage.embedded import EmbeddedPostgres
from small_disk import small_disk

DEVICE = Path("/dev/full")
ANCHOR = ("calendar", "--anchor", "2027-01-31T10:00")


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> dict[str, object]:
    return {"database_url": database_url, "data": tmp_path / "data"}


def told(done: Done) -> tuple[int, str]:
    """Return the exit and the code of a refusal, which is one line."""
    assert done.errors.count("\n") == 1, done.errors
    return done.code, done.errors.partition(":")[0]


def broken_off(path: Path) -> None:
    """Write a half of a file, and then find the disk full."""
    with place_for(path) as place:
        place.write_text("half")
        DEVICE.write_text("the other half")


def test_a_file_is_replaced_as_a_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "feed.ics"
    path.write_text("before")
    path.chmod(0o600)

    written(path, "after\r\n")

    assert path.read_bytes() == b"after\r\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_breaks_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"
    path.write_text("before")

    with pytest.raises(OutUnwritable, match="No space left"):
        broken_off(path)

    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    link, path = tmp_path / "link", tmp_path / "file"
    path.write_text("before")
    link.symlink_to(path)

    written(link, "after")

    assert (link.is_symlink(), path.read_text()) == (True, "after")


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", mebibytes=1) as disk:
        path = disk.folder / "receipt.pdf"

        with pytest.raises(OutUnwritable, match="No space left on device"):
            written(path, bytes(2 * 1024 * 1024))

        assert list(disk.folder.iterdir()) == []


@pytest.mark.parametrize("out", ["no/feed.ics", "file/feed.ics", "", "/dev/full"])
def test_a_feed_that_cannot_be_written_is_refused(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("in the way")

    done = run_here(*ANCHOR, "--ics", str(tmp_path / out), data=tmp_path)

    assert told(done) == (1, "out_unwritable")
    assert "or name another place" in done.errors


def test_a_device_takes_what_is_written_straight(tmp_path: Path) -> None:
    done = run(*ANCHOR, "--ics", "/dev/stdout", data=tmp_path)

    assert (done.code, done.errors) == (0, "")
    assert done.output == run(*ANCHOR, "--ics", "-", data=tmp_path).output


@pytest.mark.parametrize("what", ["--out", "--pdf"])
def test_a_receipt_that_cannot_be_kept_is_refused(
    place: dict[str, object], tmp_path: Path, what: str
) -> None:
    made = run_here("workspace", "create", "Ada", "--demo", "--json", **place).json()
    workspace = made["workspace"]["workspace_id"]
    run_here("workspace", "plan", workspace, "pro", **place)
    done = run("generate", workspace, "a pier", "--json", **place)
    (tmp_path / "file").write_text("in the way")

    for out in (tmp_path / "file" / "below", DEVICE):
        receipt = ("receipt", workspace, done.json()["job"]["job_id"], what, str(out))
        assert told(run_here(*receipt, **place)) == (1, "out_unwritable"), out


@pytest.mark.parametrize("group", ["checkpoint", "audit"])
def test_lines_that_are_exported_are_counted(
    place: dict[str, object], tmp_path: Path, group: str
) -> None:
    run_here("checkpoint", "take", **place)
    file = tmp_path / "lines.jsonl"
    export = (group, "export", "--out")

    refused = run_here(*export, str(tmp_path / "no" / "lines.jsonl"), **place)
    counted = run_here(*export, str(file), "--json", **place)
    plainly = run_here(*export, str(file), **place)

    assert told(refused) == (1, "out_unwritable")
    assert counted.json() == {"file": str(file), "lines": len(file.read_text().splitlines())}
    assert "written to" in plainly.errors
    assert run_here(*export, "-", **place).output == file.read_text()


def printed_to(stream: IO[str], *, folder: Path, unbuffered: str) -> Done:
    """Print an example's dates to a stream, and return what was told of it."""
    done = subprocess.run(
        [MUTOSCOPE, *ANCHOR, "--json"], stdout=stream, stderr=subprocess.PIPE, text=True,
        check=False, cwd=folder, env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    return Done(done.returncode, "", done.stderr)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_under_the_output_is_told(tmp_path: Path, unbuffered: str) -> None:
    with DEVICE.open("w") as full:
        done = printed_to(full, folder=tmp_path, unbuffered=unbuffered)

    assert (done.code, done.errors.count("\n")) == (1, 1)
    assert '"code": "system_failed"' in done.errors


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_nobody_reads_on_ends_in_silence(tmp_path: Path, unbuffered: str) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE, text=True)
    gone.wait()
    assert gone.stdin is not None

    with gone.stdin as stream:
        done = printed_to(stream, folder=tmp_path, unbuffered=unbuffered)

    assert (done.code, done.errors) == (0, "")


async def test_the_database_of_a_bench_is_gone_with_its_folder() -> None:
    with scratch_folder() as folder:
        async with EmbeddedPostgres(folder=folder / "server"):
            cluster = existing(folder=folder / "server")

    assert cluster is not None
    assert not cluster.data.exists()
