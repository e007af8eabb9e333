"""How the files of a store are named: by the SHA-256 of their content, in 256 folders.

The suffix is the delivered file's own, so that programs that go by it can open a copy.
"""

import hashlib
from pathlib import Path, PurePosixPath
from typing import Final

PART: Final = ".part"
"""The suffix of what is being written: never a file of the store."""

CHUNK_BYTES: Final = 1024 * 1024
"""Bytes of a file that are in memory at once."""

DIGEST_BYTES: Final = 32


def digest_of(path: Path) -> bytes:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def name_of(digest: bytes, *, suffix: str) -> str:
    """Return where a file lies, from the store's root."""
    return f"{folder_of(digest)}/{digest.hex()}{suffix}"


def folder_of(digest: bytes) -> str:
    """Return the folder of a file."""
    return digest.hex()[:2]


def digest_in(name: str) -> bytes | None:
    """Return the digest that a name has, or None when it is no file of a store."""
    place = PurePosixPath(name)
    if PART in name or len(place.name.partition(".")[0]) != DIGEST_BYTES * 2:
        return None
    try:
        return bytes.fromhex(place.name.partition(".")[0])
    except ValueError:
        return None
