"""Assets in a folder: each file is named by the SHA-256 of its content.

The same content is kept once, a file never changes, and it appears whole or not at all (it is
written beside its place and then renamed).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mutoscope.app.ports import KeptFile
from mutoscope.assets.naming import CHUNK_BYTES, PART, digest_in, digest_of, folder_of, name_of
from mutoscope.assets.refusals import AssetMissing, AssetsUnwritable


class AssetFolder:
    """A store of files below one folder."""

    def __init__(self, *, folder: Path) -> None:
        """Name the folder; it is created when the first file comes."""
        self._folder = folder

    def put(self, *, path: Path) -> bytes:
        """Keep a copy of a file and return its digest.

        :raises AssetsUnwritable: when it cannot be written; nothing is left half-done.
        """
        digest = digest_of(path)
        place = self._folder / name_of(digest, suffix=path.suffix)
        try:
            if not _renewed(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                _copy(path, place)
        except OSError as error:
            reason = error.strerror or str(error)
            raise AssetsUnwritable(place=str(self._folder), reason=reason) from error
        return digest

    def path(self, *, digest: bytes) -> Path:
        """Return where a file lies.

        :raises AssetMissing: when it is not there.
        """
        place = next(self._places(digest), None)
        if place is None:
            raise AssetMissing(digest=digest)
        return place

    def chunks(self, *, digest: bytes) -> Iterator[bytes]:
        """Return a file piece by piece.

        :raises AssetMissing: when it is not there.
        """
        return _pieces(self.path(digest=digest))

    def link(self, *, digest: bytes, lasts: timedelta) -> str | None:
        """Return no address: a folder has none of its own."""
        del digest, lasts
        return None

    def kept(self) -> Iterator[KeptFile]:
        """Return every file of the store; what is being written is none yet."""
        for place in self._folder.glob("??/*"):
            digest = digest_in(place.name)
            if digest is not None:
                size_bytes = place.stat().st_size
                yield KeptFile(digest=digest, size_bytes=size_bytes, kept_at=_kept_at(place))

    def remove(self, *, digest: bytes, before: datetime) -> None:
        """Remove a file that came before an instant, and has not come again since."""
        for place in self._places(digest):
            aside = place.with_suffix(PART)
            with suppress(FileNotFoundError):  # somebody else has removed it
                place.rename(aside)
                if _kept_at(aside) < before:
                    aside.unlink()
                else:
                    aside.rename(place)

    def trim(self, *, bytes_max: int) -> None:
        """Remove the files that came first, until the others take no more than some bytes."""
        kept = sorted(self.kept(), key=lambda file: file.kept_at)
        excess = sum(file.size_bytes for file in kept) - bytes_max
        for file in kept:
            if excess <= 0:
                return
            for place in self._places(file.digest):
                place.unlink(missing_ok=True)
            excess -= file.size_bytes

    def _places(self, digest: bytes) -> Iterator[Path]:
        for place in (self._folder / folder_of(digest)).glob(f"{digest.hex()}*"):
            if place.suffix != PART:
                yield place


def _kept_at(place: Path) -> datetime:
    return datetime.fromtimestamp(place.stat().st_mtime, UTC)


def _renewed(place: Path) -> bool:
    """Make a file as new as the row that will name it; false when it is not there."""
    try:
        os.utime(place)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            yield piece


def _copy(path: Path, place: Path) -> None:
    """Bring a copy to its place whole, however many do so at once."""
    with tempfile.TemporaryDirectory(dir=place.parent, suffix=PART) as folder:
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
