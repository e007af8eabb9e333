"""A disk of a few megabytes that a test fills up and frees again: a file system in memory."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEBIBYTE = 1024 * 1024


class SmallDisk:
    """A mounted disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, mebibytes_left: int = 0) -> None:
        """Take what is left, all of it or all but so much."""
        with self._ballast.open("ab", buffering=0) as file:
            while taken := self._free() - mebibytes_left * MEBIBYTE:
                file.write(bytes(min(taken, MEBIBYTE)))

    def free(self) -> None:
        """Give back what was taken."""
        self._ballast.unlink()

    def _free(self) -> int:
        return shutil.disk_usage(self.folder).free


@contextmanager
def small_disk(folder: Path, *, mebibytes: int) -> Iterator[SmallDisk]:
    """Mount a disk at a folder, open to every account; only root may."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = ["-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0711", "tmpfs"]
    mounted = subprocess.run(
        ["mount", *kind, str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here ({mounted.stderr.strip()}): run this as root")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
