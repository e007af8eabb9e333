"""Shot lists: the same rows as CSV for a table program, and as JSON for any other.

The surprising choice: in CSV a text that a table program would run as a formula gets an apostrophe
before it; in JSON it stands as it is.
"""

import csv
import io
import json
from typing import Any, Final

from mutoscope.app.export_board import ExportBoard, ExportFrame, cost_words

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
BOM: Final = "\ufeff"
"""By this a table program knows that the text is UTF-8."""

COLUMNS: Final = (
    "number", "scene", "description", "dialogue", "duration_s", "tool", "cost", "frame", "clip",
)  # fmt: skip


def frame_name(frame: ExportFrame) -> str | None:
    """Return where a frame's still lies in an archive."""
    return f"frames/{frame.number:03}{frame.still.suffix}" if frame.still else None


def clip_name(frame: ExportFrame) -> str | None:
    """Return where a frame's clip lies in an archive."""
    return f"clips/{frame.number:03}{frame.clip.suffix}" if frame.clip else None


def shot_list_json(board: ExportBoard) -> str:
    """Return the shots as JSON, with what was charged by kind."""
    content = {"title": board.title, "shots": _rows(board)}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def shot_list_csv(board: ExportBoard) -> str:
    """Return the shots as CSV with a line of names."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    for row in _rows(board):
        told = {**row, "cost": cost_words(row["cost"])}
        writer.writerow({name: _harmless(value) for name, value in told.items()})
    return BOM + file.getvalue()


def _rows(board: ExportBoard) -> list[dict[str, Any]]:
    return [
        {
            "number": frame.number, "scene": scene.heading, "description": frame.description,
            "dialogue": frame.dialogue, "duration_s": frame.duration_s, "tool": frame.tool,
            "cost": dict(frame.cost), "frame": frame_name(frame), "clip": clip_name(frame),
        }
        for scene in board.scenes
        for frame in scene.frames
    ]  # fmt: skip


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value
