"""A storyboard that exports are made of, and an exporter that waits in the middle."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest

from api_client import Api
from board_fixture import picture
from mutoscope.app import export, export_run, storyboard
from mutoscope.app.export_board import ExportBoard, ExportOptions, ExportWish, Form
from mutoscope.app.storyboard import FrameText
from mutoscope.app.studio import Studio
from mutoscope.assets.uploads import upload
from mutoscope.domain.storyboard import Project
from mutoscope.storage import exports
from mutoscope.storage.exports import Export


@dataclass
class Board:
    """A studio with a workspace on a plan, and a storyboard of two frames in it."""

    api: Api
    project: Project

    @property
    def studio(self) -> Studio:
        return self.api.house.studio

    @property
    def names(self) -> tuple[str, str]:
        return str(self.project.workspace_id), str(self.project.project_id)

    @property
    def address(self) -> str:
        return f"/v1/workspaces/{self.project.workspace_id}"

    async def order(self, form: Form = Form.PDF, *, key: str = "one") -> Export:
        ordered, _ = await export.order(
            self.studio, workspace_id=self.project.workspace_id,
            project_id=self.project.project_id, wish=ExportWish(form=form), key=key,
        )  # fmt: skip
        return ordered

    async def run(self, ordered: Export, **studio: object) -> Export:
        return await export_run.run(
            replace(self.studio, **studio), workspace_id=ordered.workspace_id,
            export_id=ordered.export_id,
        )  # fmt: skip

    async def read(self, ordered: Export) -> Export:
        async with self.studio.reading() as connection:
            return await exports.get(
                connection, workspace_id=ordered.workspace_id, export_id=ordered.export_id
            )

    async def ended(self, ordered: Export) -> Export:
        return await self.until(ordered, lambda found: found.finished_at is not None)

    async def until(self, ordered: Export, is_so: Callable[[Export], bool]) -> Export:
        for _ in range(600):
            found = await self.read(ordered)
            if is_so(found):
                return found
            await asyncio.sleep(0.1)
        pytest.fail("it did not come to that in a minute")

    async def execute(self, statement: str, *values: object) -> None:
        async with self.studio.reading() as connection:
            await connection.execute(statement, *values)


@dataclass
class Gate:
    """An exporter that waits in the middle until it is told what to do, and counts its calls."""

    suffix: str = ".pdf"
    media_type: str = "application/pdf"
    trouble: Exception | None = None
    calls: int = 0

    def write(
        self, *, board: ExportBoard, options: ExportOptions, path: Path,
        hear: Callable[[float], None],
    ) -> None:  # fmt: skip
        assert (board.title, options.grid) == ("The Lighthouse", "2x3")
        self.calls += 1
        path.write_bytes(b"half")
        if self.trouble is not None:
            raise self.trouble
        while True:
            hear(0.5)
            threading.Event().wait(0.01)


async def drawn(studio: Studio, address: str, folder: Path) -> Project:
    """Draw a storyboard of two frames, the first with a picture."""
    workspace_id = UUID(address.rpartition("/")[2])
    project = await storyboard.create_project(
        studio, workspace_id=workspace_id, name="The Lighthouse"
    )
    scene = await storyboard.add_scene(studio, project=project, heading="INT. TOWER - DUSK")
    frames = [
        await storyboard.add_frame(
            studio, project=project, scene_id=scene, text=FrameText(description=description)
        )
        for description in ("The keeper climbs.", "He lights the lamp.")
    ]
    content = picture(folder / "still.png", "teal").read_bytes()
    brought = await upload(studio, workspace_id=workspace_id, content=content)
    await storyboard.upload(
        studio, workspace_id=workspace_id, frame_id=frames[0], asset=brought.asset
    )
    return project
