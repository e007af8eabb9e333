"""Serving files: piece by piece out of the store, never run by the browser that shows them."""

import asyncio
import mimetypes
from typing import Final
from urllib.parse import quote

from litestar.response import Stream

from mutoscope.app.studio import Studio
from mutoscope.storage.assets import NamedFile

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, max-age=31536000, immutable",
}


async def served(studio: Studio, file: NamedFile, *, is_download: bool) -> Stream:
    """Return a file to look at, or as an attachment.

    :raises Refusal: when the store does not give it.
    """
    pieces = await asyncio.to_thread(studio.assets.chunks, digest=file.asset)
    disposition = "attachment" if is_download else "inline"
    headers = {
        **HEADERS,
        "Content-Type": file.media_type,
        "Content-Length": str(file.size_bytes),
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(file.name, safe='')}",
        "ETag": f'"{file.asset.hex()}"',
    }
    return Stream(pieces, headers=headers)


def suffix_of(media_type: str) -> str:
    """Return the end of a file's name by what it is."""
    return mimetypes.guess_extension(media_type) or ""
