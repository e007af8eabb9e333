"""Jobs: placing them (images, edits, clips by tool), reading them, cancelling and regenerating."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from mutoscope.app import generate
from mutoscope.app.cancel import JobIsFinal, cancel
from mutoscope.app.frames import NoSuchFrame
from mutoscope.app.generate import (
    SEEDS,
    RouteCannot,
    SourceNeeded,
    ToolUnavailable,
    Wish,
    place,
)
from mutoscope.app.shortage import NotEnoughCredits
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.caps import CapExceeded
from mutoscope.domain.catalog import UnknownTool
from mutoscope.domain.credits import BadKey
from mutoscope.domain.estimate import BadDuration, BadImageCount, BadRatio
from mutoscope.domain.jobs import EmptyPrompt, FrameName, JobSpec, JobState, PromptTooLong
from mutoscope.domain.journal import NOBODY, Attribution
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.team import RoleCannot, UnknownMember
from mutoscope.storage import jobs, storyboard, workspaces
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.jobs import Job, StoredOutput, UnknownJob
from mutoscope.storage.storyboard import UnknownProject
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.estimates import Count
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Ordinal, Text
from mutoscope.web.api.workspaces import replay_headers
from mutoscope.web.errors import IdempotencyKeyMissing, documented

InState = Annotated[
    JobState | None, QueryParameter(name="state", description="jobs in one state alone")
]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=SEEDS)]
PLACING = (
    UnknownWorkspace, UnknownTool, NotEnoughCredits, NotEntitled, ToolUnavailable, RouteCannot,
    BadDuration, BadImageCount, BadRatio, EmptyPrompt, PromptTooLong, SourceNeeded, NoSuchFrame,
    UnknownMember, RoleCannot, CapExceeded, BadKey,
    KeyReused, IdempotencyKeyMissing, "not_json", "body_too_large", "ledger_busy",
)  # fmt: skip


class FrameShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A still: which job delivered it, and its place among the outputs, from 1."""

    job_id: UUID
    ordinal: Ordinal


class NewJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tool is asked to make; `source` names the still that an edit or a clip starts from."""

    tool: Text
    prompt: Text = ""
    seed: Seed | None = None
    images: Count = 1
    ratio: Text | None = None
    duration_s: Count | None = None
    source: FrameShape | None = None
    instruction: Text | None = None
    adjustments: dict[Text, Text | float] | None = None
    member_id: UUID | None = None
    project_id: UUID | None = None


class SpecShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a job was asked to make; sizes are pixels.

    `references` are digests of pictures of the cast, `history` the conversation's earlier
    instructions.
    """

    prompt: str
    seed: int
    ratio: str
    width: int
    height: int
    images: int
    duration_s: int | None
    source: FrameShape | None
    instruction: str | None
    adjustments: dict[str, str | float] | None
    references: tuple[str, ...]
    history: tuple[str, ...]


class OutputShape(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a job delivered, as measured on it; `sha256` is its content's."""

    ordinal: int
    media_type: str
    size_bytes: int
    width: int
    height: int
    duration_ms: int | None
    frames: int | None
    sha256: str
    url: str


class JobShape(msgspec.Struct, frozen=True, kw_only=True):
    """A job; `price` is what was held, `captured` what was charged in the end."""

    job_id: UUID
    workspace_id: UUID
    key: str
    tool: str
    kind: str
    version: str
    price: int
    is_metered: bool
    state: JobState
    is_cancel_asked: bool
    progress: float
    captured: int | None
    reason: str | None
    sentence: str | None
    spec: SpecShape
    created_at: datetime
    starts_at: datetime
    deadline_at: datetime
    submitted_at: datetime | None
    finished_at: datetime | None


class JobDetail(JobShape, frozen=True, kw_only=True):
    """A job with what it delivered."""

    outputs: tuple[OutputShape, ...]


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs, newest first; `next` is the cursor of the page after, None on the last."""

    jobs: tuple[JobShape, ...]
    next: str | None


def job_shape(job: Job) -> JobShape:
    """Return a job as it is told."""
    return JobShape(**_job_fields(job))


def output_shape(job: Job, output: StoredOutput) -> OutputShape:
    """Return an output as it is told."""
    measured = {name: getattr(output, name) for name in OutputShape.__struct_fields__[:-2]}
    url = f"/v1/workspaces/{job.workspace_id}/jobs/{job.job_id}/outputs/{output.ordinal}"
    return OutputShape(**measured, sha256=output.asset.hex(), url=url)


@post(
    "/workspaces/{workspace_id:uuid}/jobs", operation_id="placeJob", tags=["jobs"],
    summary="Generate, edit or animate: the price is held and the job queued",
    responses=documented(UnknownProject, *PLACING),
)  # fmt: skip
async def place_job(
    *,
    house: HouseHere,
    workspace_id: FromPath[UUID],
    data: JSONBody[NewJob],
    idempotency_key: IdempotencyKey,
) -> Response[JobShape]:
    """Place a job; a repeat with the same key returns the same job."""
    if data.project_id is not None:
        async with house.studio.reading() as connection:
            await storyboard.project(
                connection, workspace_id=workspace_id, project_id=data.project_id
            )
    job, is_replay = await place(
        house.studio, workspace_id=workspace_id, wish=_wish(data), key=idempotency_key,
        attribution=Attribution(data.member_id, data.project_id),
    )  # fmt: skip
    return placed_job(job, is_replay=is_replay)


@get(
    "/workspaces/{workspace_id:uuid}/jobs", operation_id="listJobs", tags=["jobs"],
    summary="The jobs of a workspace, newest first, in any state or in one",
    responses=documented(UnknownWorkspace, BadCursor),
)  # fmt: skip
async def list_jobs(
    *, house: HouseHere, workspace_id: FromPath[UUID], limit: Limit = 50, after: After = None,
    in_state: InState = None,
) -> JobPage:  # fmt: skip
    """Return a page of jobs, in any state or in one."""
    async with house.studio.reading() as connection:
        found = await jobs.page(
            connection, workspace_id=workspace_id, limit=limit, after=after, state=in_state
        )
        if not found.jobs:
            await workspaces.get(connection, workspace_id=workspace_id)
    return JobPage(jobs=tuple(map(job_shape, found.jobs)), next=found.next)


@get(
    "/workspaces/{workspace_id:uuid}/jobs/{job_id:uuid}", operation_id="showJob", tags=["jobs"],
    summary="A job and what it delivered", responses=documented(UnknownJob),
)  # fmt: skip
async def show_job(
    *, house: HouseHere, workspace_id: FromPath[UUID], job_id: FromPath[UUID]
) -> JobDetail:
    """Return a job."""
    async with house.studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
        outputs = await jobs.outputs_of(connection, workspace_id=workspace_id, job_id=job_id)
    shapes = tuple(output_shape(job, output) for output in outputs)
    return JobDetail(**_job_fields(job), outputs=shapes)


@post(
    "/workspaces/{workspace_id:uuid}/jobs/{job_id:uuid}/cancel", operation_id="cancelJob",
    tags=["jobs"], status_code=200,
    summary="Ask for a job to be stopped: all is released if it had not begun, or does stop",
    responses=documented(UnknownJob, JobIsFinal),
)  # fmt: skip
async def cancel_job(
    *, house: HouseHere, workspace_id: FromPath[UUID], job_id: FromPath[UUID]
) -> JobShape:
    """Ask for a job to be stopped."""
    return job_shape(await cancel(house.studio, workspace_id=workspace_id, job_id=job_id))


@post(
    "/workspaces/{workspace_id:uuid}/jobs/{job_id:uuid}/regenerate", operation_id="regenerateJob",
    tags=["jobs"], summary="Make a job again with another seed; it costs as much again",
    responses=documented(UnknownJob, *PLACING[:-3], "ledger_busy"),
)  # fmt: skip
async def regenerate_job(
    *, house: HouseHere, workspace_id: FromPath[UUID], job_id: FromPath[UUID],
    idempotency_key: IdempotencyKey, member_id: FromQuery[UUID | None] = None,
) -> Response[JobShape]:  # fmt: skip
    """Place a job like an earlier one; a repeat with the same key returns the same job."""
    job, is_replay = await generate.regenerate(
        house.studio, workspace_id=workspace_id, job_id=job_id, key=idempotency_key,
        attribution=NOBODY._replace(member_id=member_id),
    )  # fmt: skip
    return placed_job(job, is_replay=is_replay)


def placed_job(job: Job, *, is_replay: bool) -> Response[JobShape]:
    """Return a job that was placed, now or before, with where it is."""
    place_of_job = f"/v1/workspaces/{job.workspace_id}/jobs/{job.job_id}"
    headers = {"Location": place_of_job, **replay_headers(is_replay=is_replay)}
    return Response(job_shape(job), headers=headers)


def _wish(data: NewJob) -> Wish:
    frame = data.source
    source = FrameName(str(frame.job_id), frame.ordinal) if frame else None
    own = ("tool", "prompt", "seed", "images", "ratio", "duration_s", "instruction", "adjustments")
    return Wish(**{name: getattr(data, name) for name in own}, source=source)


def _job_fields(job: Job) -> dict[str, Any]:
    others = {"key": job.request_key, "spec": _spec_shape(job.spec)}
    own = [name for name in JobShape.__struct_fields__ if name not in others]
    return {name: getattr(job, name) for name in own} | others


def _spec_shape(spec: JobSpec) -> SpecShape:
    source = spec.source and FrameShape(
        job_id=UUID(spec.source.job_id), ordinal=spec.source.ordinal
    )
    return SpecShape(**spec._asdict() | {"source": source})
