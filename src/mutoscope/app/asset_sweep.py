"""Sweeping the asset store: exported files past their time, and files that nobody names.

A file is stored before the row that names it is committed, so what came lately is left alone.
Invariant: a file that a row names is never removed; asking and removing go on in small lots, and a
file that came again in between is spared. The surprising choice: looking comes first, as a dry run,
since what is removed here is nowhere else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from mutoscope.storage import assets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mutoscope.app.ports import KeptFile
    from mutoscope.app.studio import Studio

GRACE: Final = timedelta(days=1)
"""How long a file may wait for the row that names it: the longest step takes minutes."""

LOT: Final = 500
"""Files about which the database is asked at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep found, and removed unless it was a dry run."""

    files: int
    size_bytes: int
    orphans: int
    orphans_bytes: int
    exports: int
    is_dry_run: bool


async def sweep_assets(studio: Studio, *, is_dry_run: bool, grace: timedelta = GRACE) -> Swept:
    """Give up exported files past their time, then remove the files that nobody names.

    :raises Refusal: when the store does not answer; what was removed before stays removed.
    """
    at = studio.clock.now()
    exports = 0
    keep = studio.asset_rules.keep_exports
    if keep is not None:
        async with studio.reading() as connection:
            exports = await assets.forget_exported(
                connection, before=at - keep, is_dry_run=is_dry_run
            )
    files, orphans = _Sum(), _Sum()
    kept = studio.assets.kept()
    while lot := await asyncio.to_thread(_next, kept):
        files.add(lot)
        orphans.add(await _cleared(studio, lot, at - grace, is_dry_run=is_dry_run))
    return Swept(
        files=files.count, size_bytes=files.size_bytes, orphans=orphans.count,
        orphans_bytes=orphans.size_bytes, exports=exports, is_dry_run=is_dry_run,
    )  # fmt: skip


class _Sum:
    """Counts files and their bytes."""

    def __init__(self) -> None:
        self.count = 0
        self.size_bytes = 0

    def add(self, files: list[KeptFile]) -> None:
        self.count += len(files)
        self.size_bytes += sum(file.size_bytes for file in files)


def _next(kept: Iterator[KeptFile]) -> list[KeptFile]:
    return list(islice(kept, LOT))


async def _cleared(
    studio: Studio, lot: list[KeptFile], before: datetime, *, is_dry_run: bool
) -> list[KeptFile]:
    """Remove the files of a lot that nobody names and that are old enough; return them."""
    old = [file for file in lot if file.kept_at < before]
    async with studio.reading() as connection:
        unnamed = await assets.orphans(connection, digests=[file.digest for file in old])
    found = [file for file in old if file.digest in unnamed]
    for file in [] if is_dry_run else found:
        await asyncio.to_thread(studio.assets.remove, digest=file.digest, before=before)
    return found
