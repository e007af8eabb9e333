"""Making an export: the board's files are fetched, one file is written, and kept as an asset.

It may run again from its beginning after a crash, or twice at once: the row ends once, and the same
board gives the same file. Invariant: what was stopped or has failed leaves nothing behind. The
writing goes on in a thread; it is told to stop by the next call that says how far it is.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mutoscope.app import downloads
from mutoscope.app.export_board import (
    ExportBoard,
    ExportFrame,
    ExportScene,
    read_options,
)
from mutoscope.domain.credits import Refusal
from mutoscope.storage import assets, exports
from mutoscope.storage.assets import Asset, Origin
from mutoscope.storage.board import board as read_board
from mutoscope.storage.exports import Ending, Export, ExportState

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.ports import Exporter
    from mutoscope.app.studio import Studio
    from mutoscope.domain.storyboard import Board, Frame, FrameVersion

TRIES_MAX: Final = 3
"""A process that was killed this often, or broke, did so by the export itself."""

LOOK_S: Final = 0.5
STILL_S: Final = 3
"""How long a frame is shown for which nobody has wanted a time."""

NAME_MAX: Final = 60
Hear = Callable[[float], None]


class ExportUnwritable(Refusal):
    """An export for which the machine has no room."""

    code = "export_unwritable"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"the export cannot be written ({reason}): free space, then order again")


class _Stopped(Exception):  # it never leaves this module
    """The writing was told to stop."""


async def run(
    studio: Studio, *, workspace_id: UUID, export_id: UUID, hear: Hear = lambda _: None
) -> Export:
    """Make an export unless it has ended; return how it ended.

    :raises UnknownExport: when the workspace has no such export.
    """
    async with studio.reading() as connection:
        export = await exports.get(connection, workspace_id=workspace_id, export_id=export_id)
        tries = await exports.begin(connection, export=export, at=studio.clock.now())
    if tries is not None:
        ending = _given_up() if tries > TRIES_MAX else await _made(studio, export, hear)
        if ending is not None:
            async with studio.reading() as connection:
                at = studio.clock.now()
                await exports.finish(connection, export=export, ending=ending, at=at)
    async with studio.reading() as connection:
        return await exports.get(connection, workspace_id=workspace_id, export_id=export_id)


async def _made(studio: Studio, export: Export, hear: Hear) -> Ending | None:
    """Make the file and keep it; return the ending that is still to be written."""
    try:
        async with studio.reading() as connection:
            found = await read_board(
                connection, workspace_id=export.workspace_id, project_id=export.project_id
            )
        board = await asyncio.to_thread(gathered, studio, found)
        with tempfile.TemporaryDirectory() as folder:
            exporter = studio.exporters[export.form]
            path = Path(folder) / f"export{exporter.suffix}"
            await _write(studio, export, (exporter, board, path), hear)
            await _keep(studio, export, path, _named(board.title) + exporter.suffix)
    except _Stopped:
        return Ending(state=ExportState.CANCELLED, reason="cancelled", sentence="Stopped.")
    except Refusal as refusal:
        return Ending(state=ExportState.FAILED, reason=refusal.code, sentence=str(refusal))
    except OSError as error:
        unwritable = ExportUnwritable(reason=error.strerror or str(error))
        return Ending(state=ExportState.FAILED, reason=unwritable.code, sentence=str(unwritable))
    return None


async def _write(
    studio: Studio, export: Export, work: tuple[Exporter, ExportBoard, Path], hear: Hear
) -> None:
    """Write the file in a thread, and note meanwhile how far it is."""
    exporter, board, path = work
    stop, progress = threading.Event(), 0.0

    def heard(share: float) -> None:
        nonlocal progress
        progress = share
        if stop.is_set():
            raise _Stopped

    options = read_options(export.options)
    writing = asyncio.create_task(
        asyncio.to_thread(exporter.write, board=board, options=options, path=path, hear=heard)
    )
    try:
        while not writing.done():
            await asyncio.wait({writing}, timeout=LOOK_S)
            hear(progress)
            async with studio.reading() as connection:
                at = studio.clock.now()
                is_wanted = await exports.note_progress(
                    connection, export=export, progress=progress, at=at
                )
            if not is_wanted:
                stop.set()
    finally:
        stop.set()
        await asyncio.wait({writing})  # the folder may go only when nobody writes into it
    if not is_wanted:
        raise _Stopped
    writing.result()


async def _keep(studio: Studio, export: Export, path: Path, name: str) -> None:
    """Keep the file as an asset and end the export, at once."""
    size_bytes = (await asyncio.to_thread(path.stat)).st_size
    await downloads.require_room(
        studio, workspace_id=export.workspace_id, size_bytes=size_bytes
    )  # fmt: skip
    digest = await asyncio.to_thread(studio.assets.put, path=path)
    at = studio.clock.now()
    media_type = studio.exporters[export.form].media_type
    asset = Asset(
        workspace_id=export.workspace_id, asset=digest, origin=Origin.EXPORT, name=name,
        media_type=media_type, size_bytes=size_bytes, added_at=at,
    )  # fmt: skip
    ending = Ending(state=ExportState.SUCCEEDED, asset=digest, name=name)
    async with studio.reading() as connection, connection.transaction():
        if await exports.finish(connection, export=export, ending=ending, at=at):
            await assets.add(connection, asset)


def gathered(studio: Studio, found: Board) -> ExportBoard:
    """Return a board with its pictures and clips as files.

    :raises Refusal: when one of them is not in the store.
    """
    return ExportBoard(
        title=found.project.name,
        scenes=tuple(
            ExportScene(
                heading=scene.heading,
                frames=tuple(_frame(studio, frame) for frame in scene.frames),
            )
            for scene in found.scenes
        ),
    )  # fmt: skip


def _frame(studio: Studio, frame: Frame) -> ExportFrame:
    clip_s = frame.clip.duration_ms / 1000 if frame.clip and frame.clip.duration_ms else None
    cost: dict[str, int] = {}
    for version in (*frame.versions, *frame.clips):
        kind = _tool(studio, version.tool)[1]
        cost[kind] = cost.get(kind, 0) + (version.charged or 0)
    made, planned_s = frame.clip or frame, frame.duration_s or STILL_S
    return ExportFrame(
        number=frame.number, description=frame.description, dialogue=frame.dialogue,
        duration_s=max(1, round(planned_s if clip_s is None else clip_s)),
        tool=_tool(studio, made.tool)[0], cost={kind: n for kind, n in cost.items() if n},
        still=_file(studio, frame.still), clip=_file(studio, frame.clip), clip_s=clip_s,
    )  # fmt: skip


def _tool(studio: Studio, key: str | None) -> tuple[str | None, str]:
    """Return a tool's name and kind, by the newest version that has it."""
    for version in reversed(studio.catalog.versions):
        for tool in version.tools:
            if tool.key == key:
                return tool.name, tool.kind
    return key, ""


def _file(studio: Studio, version: FrameVersion | None) -> Path | None:
    return None if version is None else studio.assets.path(digest=version.asset)


def _named(title: str) -> str:
    """Return a file's name that any system takes."""
    words = "".join(each if each.isalnum() else " " for each in title.lower()).split()
    return "-".join(words)[:NAME_MAX].strip("-") or "storyboard"


def _given_up() -> Ending:
    sentence = "The export could not be finished: order it again, or tell the operator."
    return Ending(state=ExportState.FAILED, reason="not_finished", sentence=sentence)
