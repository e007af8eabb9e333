"""The board as a ZIP: stills, clips, the shot list, and a timeline for editing programs.

Invariant: the same board gives the same bytes. Names are numbers, so that they mean the same on any
machine. Files are copied piece by piece and not packed again, since pictures and clips are already.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from mutoscope.app.export_board import ExportBoard, ExportOptions
from mutoscope.documents.shot_list import (
    clip_name,
    frame_name,
    shot_list_csv,
    shot_list_json,
)
from mutoscope.documents.timeline import timeline_text

CHUNK_BYTES: Final = 1024 * 1024
LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The eldest instant that the format knows: every file has it."""

READABLE: Final = 0o644 << 16


class BoardArchive:
    """Writes boards as ZIP."""

    suffix = ".zip"
    media_type = "application/zip"

    def write(
        self, *, board: ExportBoard, options: ExportOptions, path: Path,
        hear: Callable[[float], None],
    ) -> None:  # fmt: skip
        """Write a board to a file, telling how far it is by the bytes that were copied."""
        del options  # everything is in it
        files = dict(_files(board))
        total = sum(source.stat().st_size for source in files.values()) or 1
        done = 0
        with ZipFile(path, "w") as archive:
            for name, text in _texts(board).items():
                archive.writestr(_entry(name, ZIP_DEFLATED), text.encode())
            for name, source in files.items():
                for copied in _copied(archive, name, source):
                    done += copied
                    hear(done / total)
        hear(1.0)


def _texts(board: ExportBoard) -> dict[str, str]:
    return {
        "shot-list.csv": shot_list_csv(board),
        "shot-list.json": shot_list_json(board),
        "board.otio": timeline_text(board),
    }


def _files(board: ExportBoard) -> Iterator[tuple[str, Path]]:
    for frame in board.frames:
        for name, path in ((frame_name(frame), frame.still), (clip_name(frame), frame.clip)):
            if name is not None and path is not None:
                yield name, path


def _copied(archive: ZipFile, name: str, source: Path) -> Iterator[int]:
    entry = _entry(name, ZIP_STORED)
    entry.file_size = source.stat().st_size  # by this a file beyond 4 GiB is known beforehand
    with source.open("rb") as file, archive.open(entry, "w") as target:
        while piece := file.read(CHUNK_BYTES):
            yield target.write(piece)


def _entry(name: str, method: int) -> ZipInfo:
    entry = ZipInfo(name, LONG_AGO)
    entry.compress_type, entry.external_attr = method, READABLE
    return entry
