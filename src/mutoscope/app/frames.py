"""Frames: the stills that jobs delivered or creators uploaded, from which edits and clips start."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.jobs import FrameName, JobSpec
from mutoscope.storage import board, jobs
from mutoscope.storage.jobs import StoredOutput, UnknownJob

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.board import Upload


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

    An upload is a still, too: its ratio is its own, and nothing was asked for.

    :raises NoSuchFrame: when the name names no still of the workspace.
    """
    try:
        job_id = UUID(frame.job_id)
    except ValueError:
        raise NoSuchFrame(frame=frame) from None
    async with studio.reading() as connection:
        upload = await board.upload(connection, workspace_id=workspace_id, upload_id=job_id)
        if upload is not None and frame.ordinal == 1:
            return _uploaded(upload)
        try:
            job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
        except UnknownJob:
            raise NoSuchFrame(frame=frame) from None
        outputs = await jobs.outputs_of(connection, workspace_id=workspace_id, job_id=job_id)
    for output in outputs:
        if output.ordinal == frame.ordinal and output.media_type.startswith("image/"):
            return output, job.spec
    raise NoSuchFrame(frame=frame)


def _uploaded(upload: Upload) -> tuple[StoredOutput, JobSpec]:
    width, height = upload.width, upload.height
    common = gcd(width, height)
    output = StoredOutput(
        ordinal=1, asset=upload.asset, media_type=upload.media_type, size_bytes=upload.size_bytes,
        width=width, height=height, duration_ms=None, frames=None,
    )  # fmt: skip
    ratio = f"{width // common}:{height // common}"
    return output, JobSpec(prompt="", seed=0, ratio=ratio, width=width, height=height)
