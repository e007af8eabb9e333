"""Assets in a bucket of S3, Google Cloud or Azure, named as in a folder.

Invariant: a file is in the bucket whole or not at all, and what is read from it has the content
that its name promises. The surprising choice: what is put there is written again even when it is
there, so that the sweep sees how new it is; and a file that is opened is copied into a folder and
stays there for a while, since pictures and clips are read many times and by programs that want a
path.
"""

from __future__ import annotations

import hashlib
import mimetypes
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError, UnknownConfigurationKeyError
from obstore.store import AzureStore, GCSStore, S3Store, from_url

from mutoscope.app.ports import KeptFile
from mutoscope.assets.folder import AssetFolder
from mutoscope.assets.naming import CHUNK_BYTES, PART, digest_in, digest_of, folder_of, name_of
from mutoscope.assets.refusals import (
    AssetDamaged,
    AssetMissing,
    AssetsUnreachable,
    AssetsUnwritable,
)

if TYPE_CHECKING:
    from obstore import ObjectMeta

CONNECT_TIMEOUT: Final = "5s"
TIMEOUT: Final = "60s"
RETRIES_MAX: Final = 2
RETRY_S: Final = 10
PIECE_BYTES: Final = 8 * 1024 * 1024
"""Larger files go up in pieces of this size; a bucket shows them when the last one has come."""

COPIES_BYTES_MAX: Final = 10 * 1024**3
"""What the copies on this machine may take: hours of work of a busy studio."""

SCHEMES: Final = ("s3://", "gs://", "az://")
NAMES_AT_ONCE: Final = 1_000

Bucket = S3Store | GCSStore | AzureStore


class BadBucket(AssetsUnreachable):
    """An address or options that no bucket has."""

    code = "bad_bucket"


class AssetBucket:
    """A store of files in one bucket, with a folder for copies of those in use."""

    def __init__(self, *, url: str, options: Mapping[str, str], copies: Path) -> None:
        """Name the bucket and its options; nothing is asked of it yet.

        :raises BadBucket: when the address or an option is not one of a bucket's.
        """
        self._url = url
        self._store = _store(url, options)
        self._copies = copies

    def put(self, *, path: Path) -> bytes:
        """Keep a copy of a file and return its digest.

        :raises AssetsUnwritable: when it cannot be written; nothing is left half-done.
        """
        digest = digest_of(path)
        name = name_of(digest, suffix=path.suffix)
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        try:
            obstore.put(
                self._store, name, path, attributes={"Content-Type": media_type},
                chunk_size=PIECE_BYTES,
            )  # fmt: skip
        except (BaseError, OSError) as error:
            raise AssetsUnwritable(place=self._url, reason=_reason(error)) from error
        return digest

    def path(self, *, digest: bytes) -> Path:
        """Return a copy on this machine, made now if there is none.

        :raises AssetMissing: when the bucket has no such file.
        :raises AssetDamaged: when its content is another.
        :raises AssetsUnreachable: when it cannot be read.
        :raises AssetsUnwritable: when there is no room for the copy.
        """
        copies = AssetFolder(folder=self._copies)
        try:
            return copies.path(digest=digest)
        except AssetMissing:
            self._fetch(digest, copies)
            return copies.path(digest=digest)

    def chunks(self, *, digest: bytes) -> Iterator[bytes]:
        """Return a file piece by piece.

        :raises AssetMissing: when the bucket has no such file.
        :raises AssetsUnreachable: when it cannot be read.
        """
        name = self._found(digest)["path"]
        with self._reading(digest):
            pieces = obstore.get(self._store, name).stream(min_chunk_size=CHUNK_BYTES)
        return self._pieces(digest, iter(map(bytes, pieces)))

    def link(self, *, digest: bytes, lasts: timedelta) -> str | None:
        """Return an address of the bucket's own that serves a file for a time.

        :raises AssetMissing: when the bucket has no such file.
        :raises AssetsUnreachable: when it cannot be asked.
        """
        name = self._found(digest)["path"]
        with self._reading(digest):
            return obstore.sign(self._store, "GET", name, lasts)

    def kept(self) -> Iterator[KeptFile]:
        """Return every file of the bucket that has a name of ours.

        :raises AssetsUnreachable: when it cannot be listed.
        """
        listed = obstore.list(self._store, chunk_size=NAMES_AT_ONCE)
        try:
            for found in (each for some in listed for each in some):
                digest = digest_in(found["path"])
                if digest is not None:
                    yield KeptFile(
                        digest=digest, size_bytes=found["size"], kept_at=found["last_modified"]
                    )
        except BaseError as error:
            raise AssetsUnreachable(place=self._url, reason=_reason(error)) from error

    def remove(self, *, digest: bytes, before: datetime) -> None:
        """Remove a file that came before an instant, and has not come again since.

        :raises AssetsUnreachable: when the bucket does not answer.
        """
        try:
            found = self._found(digest)
            with self._reading(digest):
                if found["last_modified"] < before:
                    obstore.delete(self._store, found["path"])
        except AssetMissing:
            return  # somebody else has removed it

    def _fetch(self, digest: bytes, copies: AssetFolder) -> None:
        name, hashed = self._found(digest)["path"], hashlib.sha256()
        try:
            self._copies.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._copies, suffix=PART) as folder:
                copy = Path(folder) / Path(name).name
                with copy.open("wb") as file:
                    for piece in self.chunks(digest=digest):
                        hashed.update(piece)
                        file.write(piece)
                if hashed.digest() != digest:
                    raise AssetDamaged(digest=digest)
                copies.put(path=copy)
                copies.trim(bytes_max=COPIES_BYTES_MAX)
        except OSError as error:
            raise AssetsUnwritable(place=str(self._copies), reason=_reason(error)) from error

    def _found(self, digest: bytes) -> ObjectMeta:
        """Return what the bucket knows of a file, whose suffix only the bucket knows.

        :raises AssetMissing: when the bucket has no such file.
        """
        begin = f"{folder_of(digest)}/{digest.hex()}"
        with self._reading(digest):
            for some in obstore.list(self._store, folder_of(digest), offset=begin[:-1]):
                for found in some:
                    if found["path"].startswith(begin):
                        return found
        raise AssetMissing(digest=digest)

    def _pieces(self, digest: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
        with self._reading(digest):
            yield from pieces

    @contextmanager
    def _reading(self, digest: bytes) -> Iterator[None]:
        """Tell why a file cannot be read."""
        try:
            yield
        except FileNotFoundError as error:
            raise AssetMissing(digest=digest) from error
        except (BaseError, OSError) as error:
            raise AssetsUnreachable(place=self._url, reason=_reason(error)) from error


def _store(url: str, options: Mapping[str, str]) -> Bucket:
    client = {"connect_timeout": CONNECT_TIMEOUT, "timeout": TIMEOUT, "allow_http": True}
    retry = {"max_retries": RETRIES_MAX, "retry_timeout": timedelta(seconds=RETRY_S)}
    if not url.startswith(SCHEMES):
        raise BadBucket(place=url, reason=f"an address begins with {', '.join(SCHEMES)}")
    try:
        return from_url(url, config=dict(options), client_options=client, retry_config=retry)  # type: ignore[call-overload, no-any-return]  # options are checked by the store
    except (BaseError, UnknownConfigurationKeyError, ValueError) as error:
        raise BadBucket(place=url, reason=_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return the first line of what a store tells, without its debugging."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
