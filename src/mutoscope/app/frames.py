"""Frames: the stills that jobs delivered, from which edits and clips start."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.jobs import FrameName, JobSpec
from mutoscope.storage import jobs
from mutoscope.storage.jobs import StoredOutput, UnknownJob

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio


class NoSuchFrame(Refusal):
    """A frame name that names no still."""

    code = "no_such_frame"

    def __init__(self, *, frame: FrameName) -> None:
        super().__init__(
            f"job {frame.job_id} has not delivered a still number {frame.ordinal}: "
            "the job tells what it delivered"
        )
        self.frame = frame


async def frame_at(
    studio: Studio, *, workspace_id: UUID, frame: FrameName
) -> tuple[StoredOutput, JobSpec]:
    """Return a still, and what the job that delivered it was asked to make.

    :raises NoSuchFrame: when the name names no still of the workspace.
    """
    try:
        job_id = UUID(frame.job_id)
        async with studio.reading() as connection:
            job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
            outputs = await jobs.outputs_of(connection, workspace_id=workspace_id, job_id=job_id)
    except (ValueError, UnknownJob):
        raise NoSuchFrame(frame=frame) from None
    for output in outputs:
        if output.ordinal == frame.ordinal and output.media_type.startswith("image/"):
            return output, job.spec
    raise NoSuchFrame(frame=frame)
