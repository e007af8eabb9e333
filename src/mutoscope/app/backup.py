"""Backup and restore: the database, the assets and the keys in one archive with a manifest.

Invariant: whatever lies in an archive is named in its manifest with its size and SHA-256, and is
checked before anything of it is used. The database is dumped first: assets are never changed or
removed, so those that are copied later cover every row of the dump. The surprising choice: the
archive is a plain tar, since what is in it is compressed already and anybody can open it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from mutoscope.domain.credits import Refusal
from mutoscope.storage import backup as database

FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
MANIFEST_BYTES_MAX: Final = 1_000_000_000
"""About five million assets; more would not be read into memory."""

DUMP: Final = "database.dump"
FOLDERS: Final = ("assets", "keys")
CHUNK_BYTES: Final = 1024 * 1024


class ArchiveExists(Refusal):
    """A backup would replace a file."""

    code = "archive_exists"

    def __init__(self, *, path: Path) -> None:
        super().__init__(f"{path} is there already: name another file, or replace it with --yes")
        self.path = path


class ArchiveUnreadable(Refusal):
    """A file that is no whole backup of ours."""

    code = "archive_unreadable"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"{path} is no whole backup ({reason}): restore from another one")
        self.path = path
        self.reason = reason


class TargetNotEmpty(Refusal):
    """A restore would mix with what is there."""

    code = "target_not_empty"

    def __init__(self, *, what: str) -> None:
        super().__init__(
            f"{what} is not empty: restore into a new MUTOSCOPE_DATA folder and, if DATABASE_URL "
            "is set, a new database"
        )
        self.what = what


class ArchiveUnwritable(Refusal):
    """A place where a backup cannot be written."""

    code = "archive_unwritable"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be written ({reason}), and no backup was made: free space or correct "
            "its folder, or name another file"
        )
        self.path = path


class TargetUnwritable(Refusal):
    """A data folder that does not take what a backup holds."""

    code = "target_unwritable"

    def __init__(self, *, folder: Path, reason: str) -> None:
        super().__init__(
            f"{folder} cannot be written ({reason}), so the backup is not restored: free space or "
            "correct its owner, then restore into a new MUTOSCOPE_DATA folder and, if "
            "DATABASE_URL is set, a new database"
        )
        self.folder = folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a house keeps its data: a database, a folder, and the programs of PostgreSQL."""

    url: str
    data: Path
    binaries: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive holds: each file's size and SHA-256 in hexadecimal."""

    made_at: str
    files: dict[str, tuple[int, str]]

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all files."""
        return sum(size for size, _ in self.files.values())

    def text(self) -> str:
        """Return it as JSON."""
        files = {name: {"bytes": size, "sha256": digest}
                 for name, (size, digest) in self.files.items()}  # fmt: skip
        content = {"format": FORMAT_VERSION, "made_at": self.made_at, "files": files}
        return json.dumps(content, indent=1, sort_keys=True)


async def back_up(place: Place, *, path: Path, at: datetime, may_replace: bool) -> Manifest:
    """Write everything that a house cannot be without to one file, which only its owner may read.

    :raises ArchiveExists: when the file is there and may not be replaced.
    :raises ArchiveUnwritable: when it cannot be written; what was there before is there still.
    :raises EmbeddedPostgresError: when the database cannot be dumped.
    """
    try:
        await asyncio.to_thread(_refuse_replacing, path, may_replace=may_replace)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{path.name}-") as folder:
            dump = Path(folder) / DUMP
            await database.dump(url=place.url, path=dump, binaries=place.binaries)
            return await asyncio.to_thread(_pack, place.data, dump, path, at)
    except OSError as error:
        raise ArchiveUnwritable(path=path, reason=_reason(error)) from error


async def restore(place: Place, *, path: Path) -> Manifest:
    """Bring a backup into an empty database and an empty data folder.

    :raises TargetNotEmpty: when there is anything.
    :raises ArchiveUnreadable: when a file is missing, changed or not ours; nothing was restored.
    :raises TargetUnwritable: when the data folder does not take it.
    :raises EmbeddedPostgresError: when the database takes no dump; nothing was restored.
    """
    await _refuse_mixing(place)
    try:
        with tempfile.TemporaryDirectory(dir=place.data, prefix="restore-") as folder:
            staging = Path(folder)
            manifest = await asyncio.to_thread(_unpack, path, staging)
            await database.restore(url=place.url, path=staging / DUMP, binaries=place.binaries)
            for name in FOLDERS:
                if (staging / name).is_dir():
                    await asyncio.to_thread(shutil.move, staging / name, place.data / name)
    except OSError as error:
        raise TargetUnwritable(folder=place.data, reason=_reason(error)) from error
    return manifest


def _refuse_replacing(path: Path, *, may_replace: bool) -> None:
    if path.exists() and not path.is_file():
        raise ArchiveUnwritable(path=path, reason="it is no file that could be replaced")
    if path.exists() and not may_replace:
        raise ArchiveExists(path=path)


async def _refuse_mixing(place: Place) -> None:
    for name in FOLDERS:
        if (place.data / name).exists():
            raise TargetNotEmpty(what=str(place.data / name))
    if await database.has_tables(place.url):
        raise TargetNotEmpty(what="the database")


def _pack(data: Path, dump: Path, path: Path, at: datetime) -> Manifest:
    sources = {DUMP: dump} | {
        f"{name}/{each.relative_to(data / name).as_posix()}": each
        for name in FOLDERS
        for each in sorted((data / name).rglob("*"))
        if each.is_file() and each.suffix != ".part"
    }
    files = {name: _measured(source) for name, source in sources.items()}
    manifest = Manifest(made_at=at.isoformat(), files=files)
    beside = dump.with_name(path.name)
    beside.touch(mode=0o600)
    with tarfile.open(beside, "w") as archive:
        text = manifest.text().encode()
        about = tarfile.TarInfo(MANIFEST)
        about.size = len(text)
        archive.addfile(about, BytesIO(text))
        for name, source in sources.items():
            archive.add(source, arcname=name)
    beside.replace(path)
    return manifest


def _unpack(path: Path, staging: Path) -> Manifest:
    """Write the files of an archive below a folder, and check each against the manifest."""
    try:
        with _opened(path) as file, tarfile.open(fileobj=file) as archive:
            members = iter(archive)
            manifest = _manifest(archive, next(members, None), path)
            missing = dict(manifest.files)
            for member in members:
                expected = missing.pop(member.name, None)
                source = archive.extractfile(member) if member.isfile() else None
                if expected is None or source is None:
                    raise ArchiveUnreadable(path=path, reason=f"{member.name} is unexpected")
                if _copied(source, staging / member.name) != expected:
                    raise ArchiveUnreadable(path=path, reason=f"{member.name} was changed")
    except (tarfile.TarError, EOFError) as error:
        # Of a file that is no archive, a line for every compression that was tried follows.
        raise ArchiveUnreadable(path=path, reason=str(error).partition(":\n")[0]) from error
    if missing:
        raise ArchiveUnreadable(path=path, reason=f"{min(missing)} is missing")
    return manifest


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise ArchiveUnreadable(path=path, reason=_reason(error)) from error


def _manifest(archive: tarfile.TarFile, first: tarfile.TarInfo | None, path: Path) -> Manifest:
    if first is None or first.name != MANIFEST or first.size > MANIFEST_BYTES_MAX:
        raise ArchiveUnreadable(path=path, reason=f"it does not begin with {MANIFEST}")
    file = archive.extractfile(first)
    assert file is not None, "only a regular file has that name and a size"
    try:
        content: dict[str, Any] = json.loads(file.read())
        files = {name: (one["bytes"], one["sha256"]) for name, one in content["files"].items()}
        is_ours = content["format"] == FORMAT_VERSION and DUMP in files
        made_at = str(content["made_at"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveUnreadable(path=path, reason=f"{MANIFEST} is not ours") from error
    if not is_ours or not all(map(_is_inside, files)):
        raise ArchiveUnreadable(path=path, reason=f"{MANIFEST} is not ours")
    return Manifest(made_at=made_at, files=files)


def _is_inside(name: str) -> bool:
    """Tell whether a name stays below the folder that it is written to."""
    place = PurePosixPath(name)
    is_known = name == DUMP or place.parts[0] in FOLDERS
    return is_known and not place.is_absolute() and ".." not in place.parts


def _measured(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _copied(source: IO[bytes], target: Path) -> tuple[int, str]:
    """Write a file that only its owner may read; return its size and digest."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        target.chmod(0o600)
        for chunk in _chunks(source):
            digest.update(chunk)
            size += file.write(chunk)
    return size, digest.hexdigest()


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(CHUNK_BYTES):
        yield chunk
