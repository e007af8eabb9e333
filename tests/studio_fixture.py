"""What a test does on the stage beyond making one frame: plans, clips, edits, the journal."""

from collections import Counter
from pathlib import Path
from uuid import UUID

from mutoscope.app import generate, sign_up
from mutoscope.app.advance import advance
from mutoscope.app.generate import Wish
from mutoscope.app.ports import Output, Render, RenderState
from mutoscope.app.subscribe import start_plan
from mutoscope.domain.jobs import FrameName
from mutoscope.storage import history
from mutoscope.storage.jobs import Job
from studio_stage import Stage

Lines = list[tuple[str, int]]


async def place(
    stage: Stage, wish: Wish, *, key: str = "job-1", workspace_id: UUID | None = None
) -> Job:
    """Place a job of the stage's workspace, or of another."""
    whose = workspace_id or stage.workspace_id
    job, _ = await generate.place(stage.studio, workspace_id=whose, wish=wish, key=key)
    return job


async def drive(stage: Stage, job: Job) -> Job:
    """Take steps until there is none left, while the clock stands."""
    while (
        await advance(stage.studio, workspace_id=job.workspace_id, job_id=job.job_id)
    ).wait_s is not None:
        continue
    return await stage.read(job)


async def frame(stage: Stage) -> FrameName:
    """Make a frame to start from, and return its name."""
    stage.generator.succeed(images=1)
    job = await drive(stage, await stage.place(key="source"))
    return FrameName(str(job.job_id), 1)


async def open_workspace(stage: Stage, *, plan: str | None = None, is_demo: bool = True) -> UUID:
    """Open another workspace, with a plan if one is named."""
    opened = await sign_up.create(stage.studio, name="Borealis", zone="UTC", is_demo=is_demo)
    if plan is not None:
        await start_plan(stage.studio, workspace_id=opened.workspace_id, plan=plan)
    return opened.workspace_id


async def lines(stage: Stage, *, kind: str = "image", workspace_id: UUID | None = None) -> Lines:
    """Return each line of a wallet, oldest first, as its operation and the credits it moved."""
    window = history.Window(is_oldest_first=True)
    async with stage.studio.reading() as connection:
        found = await history.page(
            connection, workspace_id=workspace_id or stage.workspace_id, kind=kind, window=window
        )
    return [
        (str(line.entry.operation), sum(posting.amount for posting in line.entry.postings))
        for line in found.lines
    ]


async def spent(stage: Stage, job: Job) -> Counter[str]:
    """Return what became of a job's credits: how many moved to each account."""
    async with stage.studio.reading() as connection:
        hold = await history.entry_by_key(
            connection, workspace_id=job.workspace_id, namespace="job", key=f"hold/{job.job_id}"
        )
        about = await history.related(
            connection, workspace_id=job.workspace_id, kind=job.kind, sequence=hold.entry.sequence
        )
    moved: Counter[str] = Counter()
    for line in about:
        for posting in line.entry.postings:
            moved[str(posting.target)] += posting.amount
    return moved


def deliver_clip(stage: Stage, folder: Path, *, duration_s: float) -> None:
    """Let the generator deliver a clip of a measured length from now on."""
    path = folder / "clip.mp4"
    path.write_bytes(b"a clip")
    clip = Output(
        path=path, media_type="video/mp4", width=1280, height=720, duration_s=duration_s,
        frames=round(duration_s * 24),
    )  # fmt: skip
    stage.generator.render = Render(state=RenderState.SUCCEEDED, progress=1.0, outputs=(clip,))
