"""A storyboard as PDF: a grid of pictures, or a list with every word.

The surprising choice: pictures are printed at the size of the paper, not at their own, so that a
board of a hundred frames can still be sent by mail.
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import typst
from PIL import Image

from mutoscope.app.export_board import (
    ExportBoard,
    ExportFrame,
    ExportOptions,
    cost_words,
)
from mutoscope.documents.letters import font_folders, replacements

TEMPLATE: Final = Path(__file__).with_name("storyboard.typ")
PRINT_PX: Final = 1_200
"""The longer side of a printed picture: 13 cm at 230 dots an inch."""

JPEG_QUALITY: Final = 88
UNSEEN: Final = 9 / 16
"""The height of a picture that is not there yet, for a width of 1."""

STANDARD: Final = "ua-1"
"""PDF/UA: a screen reader tells pictures by their descriptions."""

LAYOUTS: Final = {"2x2": (2, 2, 10.0, 320), "2x3": (2, 3, 9.0, 200), "3x3": (3, 3, 7.5, 110)}
"""Rows, columns, the letters' size in points, and the characters of a text that fit below."""


class StoryboardPdf:
    """Writes boards as PDF."""

    suffix = ".pdf"
    media_type = "application/pdf"

    def __init__(self, *, fonts: Path) -> None:
        """Name the folder of the operator's own fonts; it need not be there."""
        self._fonts = fonts

    def write(
        self, *, board: ExportBoard, options: ExportOptions, path: Path,
        hear: Callable[[float], None],
    ) -> None:  # fmt: skip
        """Write a board to a file, telling how far it is.

        :raises FontMissing: when it has letters that cannot be printed.
        """
        boxes = replacements(_texts(board), fonts=self._fonts)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            place = Path(folder)
            shutil.copy(TEMPLATE, place / TEMPLATE.name)
            frames = []
            for index, (heading, frame) in enumerate(_under_headings(board)):
                frames.append(_shown(frame, heading, options, place))
                hear((index + 1) / (len(board.frames) + 1))
            content = _content(board, options, frames)
            text = json.dumps(content, ensure_ascii=False).translate(boxes)
            (place / "board.json").write_text(text, encoding="utf-8")
            typst.compile(
                place / TEMPLATE.name, output=path, root=place, timestamp=0,
                pdf_standards=STANDARD, font_paths=font_folders(self._fonts),
            )  # fmt: skip
        hear(1.0)


def _content(
    board: ExportBoard, options: ExportOptions, frames: list[dict[str, Any]]
) -> dict[str, Any]:
    rows, columns, text_pt, _ = LAYOUTS.get(options.grid, (0, 0, 10.0, 0))
    seconds = sum(frame.duration_s for frame in board.frames)
    return {
        "title": board.title, "subtitle": f"{len(frames)} frames, {seconds} seconds",
        "grid": options.grid, "rows": rows, "columns": columns, "text_pt": text_pt,
        "fields": list(options.fields), "frames": frames,
    }  # fmt: skip


def _under_headings(board: ExportBoard) -> list[tuple[str, ExportFrame]]:
    """Return the frames, the first of each scene with its heading."""
    return [
        ("" if index else scene.heading, frame)
        for scene in board.scenes
        for index, frame in enumerate(scene.frames)
    ]


def _shown(frame: ExportFrame, heading: str, options: ExportOptions, place: Path) -> dict[str, Any]:
    picture, ratio = None, UNSEEN
    if frame.still is not None:
        picture = f"{frame.number}.jpg"
        ratio = _printed(frame.still, place / picture)
    limit = LAYOUTS[options.grid][3] if options.grid in LAYOUTS else None
    return {
        "number": frame.number, "heading": heading, "picture": picture, "ratio": ratio,
        "alt": frame.description or f"Frame {frame.number}",
        "description": _shortened(frame.description, limit),
        "dialogue": _shortened(frame.dialogue, limit), "duration": f"{frame.duration_s} s",
        "tool": frame.tool or "", "cost": cost_words(frame.cost),
    }  # fmt: skip


def _printed(source: Path, target: Path) -> float:
    """Write a picture as it is printed, and return its height for a width of 1."""
    with Image.open(source) as picture:
        small = picture.convert("RGB")
        small.thumbnail((PRINT_PX, PRINT_PX), Image.Resampling.LANCZOS)
        small.save(target, "JPEG", quality=JPEG_QUALITY)
        return small.height / small.width


def _shortened(text: str, limit: int | None) -> str:
    if limit is None or len(text) <= limit:
        return text
    return text[: limit - 1].rstrip() + "…"


def _texts(board: ExportBoard) -> list[str]:
    headings = [scene.heading for scene in board.scenes]
    return [board.title, *headings, *(f.description + f.dialogue for f in board.frames)]
