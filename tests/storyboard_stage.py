"""A board on the stage: a project with a screenplay, its stills, and a plan that pays for clips."""

import io
from uuid import UUID

from PIL import Image

from mutoscope.app import storyboard
from mutoscope.app.storyboard_frames import Slot
from mutoscope.app.storyboard_orders import BoardWish, PlacedOrder, order_board
from mutoscope.app.subscribe import start_plan
from mutoscope.assets.uploads import upload
from mutoscope.domain.screenplay_file import screenplay_of
from mutoscope.domain.storyboard import Board, Frame, Project, Wanted
from mutoscope.storage.jobs import Job
from studio_fixture import drive
from studio_stage import Stage

SCRIPT = """INT. KITCHEN - NIGHT

Mara opens the window.

MARA
It is raining.

She looks at the lamp.

EXT. HARBOUR - DAWN

A boat leaves.
"""


async def begin(stage: Stage, *, text: str = SCRIPT, ratio: str = "16:9") -> Project:
    """Begin a board from a screenplay: two scenes, three frames."""
    made = await storyboard.create_project(
        stage.studio, workspace_id=stage.workspace_id, name="Rain", ratio=ratio
    )
    await storyboard.import_screenplay(
        stage.studio, project=made, screenplay=screenplay_of(text=text)
    )
    return made


async def look(stage: Stage, project: Project) -> Board:
    """Read the board as it stands."""
    return await storyboard.read_board(
        stage.studio, workspace_id=stage.workspace_id, project_id=project.project_id
    )


async def start(stage: Stage, plan: str = "pro") -> None:
    """Start a plan, so that clips may be made."""
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan=plan)


def slot(stage: Stage, frame: Frame, key: str) -> Slot:
    """Return where a job is placed."""
    return Slot(workspace_id=stage.workspace_id, frame_id=frame.frame_id, key=key)


async def order(
    stage: Stage, project: Project, *, key: str = "board", wanted: Wanted = Wanted.STILL,
    quote_id: UUID | None = None, is_confirmed: bool = False,
) -> PlacedOrder:  # fmt: skip
    """Order what the board lacks."""
    wish = BoardWish(
        project_id=project.project_id, wanted=wanted, quote_id=quote_id,
        is_confirmed=is_confirmed,
    )  # fmt: skip
    return await order_board(stage.studio, workspace_id=stage.workspace_id, wish=wish, key=key)


async def with_stills(stage: Stage) -> Project:
    """Begin a board of which every frame has a still."""
    project = await begin(stage)
    stage.generator.succeed(images=1)
    placed = await order(stage, project, key="stills")
    for job in placed.jobs:
        assert (await drive(stage, job)).captured == 1
    stage.clock.move(seconds=1)
    return project


async def finished(stage: Stage, placed: tuple[Job, bool]) -> Job:
    """Take the steps of a job that was placed; what comes after it is younger."""
    stage.clock.move(seconds=1)
    stage.generator.succeed(images=placed[0].spec.images)
    return await drive(stage, placed[0])


async def picture(stage: Stage, *, side: int = 64) -> bytes:
    """Bring a picture to the workspace, and return its digest."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(file, "PNG")
    brought = await upload(stage.studio, workspace_id=stage.workspace_id, content=file.getvalue())
    return brought.asset
