"""Uploads: a picture that somebody brings becomes a file of the workspace."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mutoscope.app import downloads
from mutoscope.assets.pictures import Picture, taken_in
from mutoscope.storage.assets import Asset, Origin

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.ports import AssetStore
    from mutoscope.app.studio import Studio

NAME: Final = "picture"


async def upload(studio: Studio, *, workspace_id: UUID, content: bytes) -> Asset:
    """Take in a picture and keep it; the same one again is the same file.

    :raises PictureRefused: when it cannot be used.
    :raises UnknownWorkspace: when there is no such workspace.
    :raises QuotaExceeded: when the workspace has no room.
    :raises AssetsUnwritable: when the store takes nothing; nothing was kept.
    """
    picture = await asyncio.to_thread(taken_in, content)
    size_bytes = len(picture.content)
    await downloads.require_room(studio, workspace_id=workspace_id, size_bytes=size_bytes)
    asset = Asset(
        workspace_id=workspace_id, asset=await asyncio.to_thread(_stored, studio.assets, picture),
        origin=Origin.UPLOAD, name=NAME + picture.suffix, media_type=picture.media_type,
        size_bytes=size_bytes, width=picture.width, height=picture.height,
        added_at=studio.clock.now(),
    )  # fmt: skip
    await downloads.keep(studio, asset)
    return asset


def _stored(store: AssetStore, picture: Picture) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{NAME}{picture.suffix}"
        path.write_bytes(picture.content)
        return store.put(path=path)
