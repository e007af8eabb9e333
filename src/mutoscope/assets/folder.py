"""Assets in a folder: each file is named by the SHA-256 of its content.

The same content is kept once, a file never changes, and it appears whole or not at all (it is
written beside its place and then renamed).
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from mutoscope.domain.credits import Refusal


class AssetsUnwritable(Refusal):
    """The asset folder takes no file: it is full, or not ours to write."""

    code = "assets_unwritable"

    def __init__(self, *, folder: Path, reason: str) -> None:
        super().__init__(
            f"{folder} takes no file ({reason}): free space or correct its owner, then try again"
        )
        self.folder = folder


class AssetMissing(Refusal):
    """A digest of which the folder has no file."""

    code = "asset_missing"

    def __init__(self, *, digest: bytes) -> None:
        super().__init__(f"the asset {digest.hex()} is not in the store: restore it from a backup")
        self.digest = digest


class AssetFolder:
    """A store of files below one folder."""

    def __init__(self, *, folder: Path) -> None:
        """Name the folder; it is created when the first file comes."""
        self._folder = folder

    def put(self, *, path: Path) -> bytes:
        """Keep a copy of a file and return its digest.

        :raises AssetsUnwritable: when it cannot be written; nothing is left half-done.
        """
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        place = self._place(digest, path.suffix)
        if place.exists():
            return digest
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _copy(path, place)
        except OSError as error:
            reason = error.strerror or str(error)
            raise AssetsUnwritable(folder=self._folder, reason=reason) from error
        return digest

    def path(self, *, digest: bytes) -> Path:
        """Return where a file lies.

        :raises AssetMissing: when it is not there.
        """
        for place in self._place(digest, "").parent.glob(f"{digest.hex()}.*"):
            if place.suffix != ".part":
                return place
        raise AssetMissing(digest=digest)

    def _place(self, digest: bytes, suffix: str) -> Path:
        name = digest.hex()
        return self._folder / name[:2] / f"{name}{suffix}"


def _copy(path: Path, place: Path) -> None:
    """Bring a copy to its place whole, however many do so at once."""
    with tempfile.TemporaryDirectory(dir=place.parent, suffix=".part") as folder:
        beside = Path(folder) / place.name
        shutil.copyfile(path, beside)
        _flush(beside)
        beside.replace(place)
    _flush(place.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
