"""Generating, editing, animating and regenerating: a job is priced, held and queued at once.

The hold, the job's row and its first step in the queue are one transaction, so that there is no
job without its credits and no credits held for nothing. What can be refused is refused before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app.caps import attribution_again, rows_of_holds
from mutoscope.app.downloads import require_room
from mutoscope.app.fitting import fits, limits
from mutoscope.app.frames import frame_at
from mutoscope.app.pace import starts_of
from mutoscope.app.placing import Placing, placing_now
from mutoscope.app.repeats import once
from mutoscope.app.routing import engine_route
from mutoscope.app.shortage import NotEnoughCredits, shortage
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal, checked_key
from mutoscope.domain.estimate import Size, picture_size, price
from mutoscope.domain.fine_tune import checked_adjustments
from mutoscope.domain.jobs import FrameName, JobSpec, JobState, checked_prompt
from mutoscope.domain.journal import NOBODY, Attribution
from mutoscope.domain.ledger import InsufficientCredits
from mutoscope.domain.offers import Tool
from mutoscope.domain.planner import KeyReused, Submission, UnknownWallet
from mutoscope.domain.requests import Request, checked
from mutoscope.storage import balances, jobs
from mutoscope.storage.jobs import Job
from mutoscope.storage.queue import enqueue_steps
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.routes import Route
    from mutoscope.storage.workspaces import Workspace

NAMESPACE: Final = "job"
Beside = Callable[[Job], tuple[SideRow, ...]]
"""What commits beside a job."""

SEEDS: Final = 2**31
ENGINE_RESOLUTION_PX: Final = 720
"""The shorter side of what the built-in engine makes, whatever the tool that it stands in for."""

_NO_ROUTE: Final = (
    "has no route to a provider: the operator has to set one "
    "(demo workspaces use the built-in engine)"
)
_PARKED: Final = (
    "cannot be made now, its routes are parked: staff find the reason with "
    "`mutoscope providers check`"
)


class ToolUnavailable(Refusal):
    """A tool that no provider serves for this workspace."""

    code = "tool_unavailable"

    def __init__(self, *, tool: str, is_parked: bool = False) -> None:
        super().__init__(f"{tool} {_PARKED if is_parked else _NO_ROUTE}")
        self.tool = tool
        self.reason = "parked" if is_parked else "no_route"


class RouteCannot(Refusal):
    """A job that the tool allows, and no model behind it can do at once."""

    code = "route_cannot"

    def __init__(self, *, tool: str, remedy: str) -> None:
        super().__init__(f"no model behind {tool} can make this in one job: {remedy}")
        self.tool = tool


class SourceNeeded(Refusal):
    """An edit or a clip without the still that it starts from."""

    code = "source_needed"

    def __init__(self, *, tool: str) -> None:
        super().__init__(f"{tool} starts from a still: name a job and the number of its image")
        self.tool = tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a creator asks of a tool.

    The same seed gives the same picture. `source` names the still to start from. `ratio` and
    `duration_s` have to be among the tool's; without a ratio it is the source's, or the tool's
    first.
    """

    tool: str
    prompt: str
    seed: int | None = None
    images: int = 1
    ratio: str | None = None
    duration_s: int | None = None
    source: FrameName | None = None
    instruction: str | None = None
    adjustments: dict[str, str | float] | None = None
    references: tuple[str, ...] = ()
    history: tuple[str, ...] = ()


def nothing_beside(_: Job) -> tuple[SideRow, ...]:
    """Return no further rows."""
    return ()


async def place(
    studio: Studio, *, workspace_id: UUID, wish: Wish, key: str,
    attribution: Attribution = NOBODY, beside: Beside = nothing_beside,
) -> tuple[Job, bool]:  # fmt: skip
    """Place a job under a key of the client's; return it, and whether it was placed before.

    :raises Refusal: when the tool, the wish or the balance does not allow it; nothing is held.
    """
    checked_key(key)
    placing = await placing_now(studio, workspace_id=workspace_id)
    tool = placing.version.tool(key=wish.tool)
    spec = await spec_of(studio, placing.workspace, tool=tool, wish=wish)

    async def before() -> tuple[Job, bool] | None:
        async with studio.reading() as connection:
            found = await jobs.by_request(connection, workspace_id=workspace_id, request_key=key)
        return None if found is None else (_same(found, tool.key, spec), True)

    async def make() -> tuple[Job, bool]:
        placing.require(tool=tool)
        job = job_of(studio, placing, tool=tool, spec=spec, key=key)
        (starts_at,) = await starts_of(studio, placing, tool=tool, amounts=[job.price])
        job = started(job, starts_at=starts_at)
        await require_room(studio, workspace_id=workspace_id, size_bytes=0)
        await hold(studio, placing, placed=[job], attribution=attribution, rows=beside(job))
        return job, False

    return await once(before=before, make=make)


def job_of(studio: Studio, placing: Placing, *, tool: Tool, spec: JobSpec, key: str) -> Job:
    """Return a new job at the current price, to be started at once.

    :raises ToolUnavailable: when no provider serves the tool for the workspace.
    """
    return Job(
        workspace_id=placing.workspace.workspace_id, job_id=studio.ids.new(), request_key=key,
        request_digest=spec.digest(tool=tool.key), tool=tool.key, kind=tool.kind,
        version=placing.version.key, is_metered=tool.kind in placing.access.unlimited, spec=spec,
        state=JobState.WAITING,
        price=price(tool=tool, images=spec.images, duration_s=spec.duration_s),
        is_cancel_asked=False, progress=0.0,
        provider=provider_of(
            studio, placing.workspace, tool, at=placing.at, spec=spec, parked=placing.parked
        ),
        provider_job_id=None, tries=0,
        captured=None, reason=None, sentence=None, created_at=placing.at, starts_at=placing.at,
        deadline_at=placing.at + timedelta(minutes=placing.version.rules.deadline_minutes),
        submitting_at=None, submitted_at=None, finished_at=None, stepped_at=placing.at,
    )  # fmt: skip


def started(job: Job, *, starts_at: datetime) -> Job:
    """Return a new job that is to be started at another instant."""
    span = starts_at - job.starts_at
    return replace(
        job, starts_at=starts_at, stepped_at=starts_at, deadline_at=job.deadline_at + span
    )


async def regenerate(
    studio: Studio, *, workspace_id: UUID, job_id: UUID, key: str,
    attribution: Attribution = NOBODY,
) -> tuple[Job, bool]:  # fmt: skip
    """Place a job like an earlier one, for its project, with another seed; it costs as much."""
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
    wish = wish_again(job, seed=(job.spec.seed + job.spec.images) % SEEDS)
    whose = await attribution_again(studio, job, attribution)
    return await place(studio, workspace_id=workspace_id, wish=wish, key=key, attribution=whose)


def wish_again(job: Job, *, seed: int) -> Wish:
    """Return the wish that a job was placed for, with another seed."""
    spec = job.spec
    return Wish(
        tool=job.tool, prompt=spec.prompt, seed=seed, images=spec.images, ratio=spec.ratio,
        duration_s=spec.duration_s, source=spec.source, instruction=spec.instruction,
        adjustments=spec.adjustments, references=spec.references, history=spec.history,
    )  # fmt: skip


def hold_of(job: Job) -> ask.Reference:
    """Return the key of a job's hold."""
    return ask.Reference(NAMESPACE, f"hold/{job.job_id}")


async def hold(
    studio: Studio, placing: Placing, *, placed: Sequence[Job], attribution: Attribution,
    rows: tuple[SideRow, ...],
) -> None:  # fmt: skip
    """Hold the prices of jobs, write them with their rows, and queue them: all of it or nothing.

    :raises UnknownMember, RoleCannot: when who is named is no member, or may not spend.
    :raises NotEnoughCredits: when the balance does not pay for all of them.
    :raises CapExceeded: when they are more than the member or the project may use.
    :raises SideRowRefused: when one of them, or a row, was written before.
    """
    holds = [
        Request(
            job.workspace_id, job.kind, *hold_of(job),
            ask.Hold(job.price, job.deadline_at, job.is_metered), attribution,
        )
        for job in placed
    ]  # fmt: skip
    own = [SideRow(jobs.add_jobs, job.row()) for job in placed]
    steps = [
        SideRow(
            enqueue_steps,
            (job.workspace_id, job.job_id, (job.starts_at - job.created_at).total_seconds()),
        )
        for job in placed
    ]
    caps = await rows_of_holds(studio, placing.workspace, placed, attribution)
    submission = Submission(tuple(map(checked, holds)))
    try:
        await studio.journal.submit(submission, side_rows=(*own, *rows, *steps, *caps))
    except (UnknownWallet, InsufficientCredits) as refusal:
        raise await _shortage(studio, placing, placed, refusal.kind) from None


async def _shortage(
    studio: Studio, placing: Placing, placed: Sequence[Job], kind: str
) -> NotEnoughCredits:
    """Return the refusal of all jobs of the kind that fell short, with the way out."""
    required = sum(job.price for job in placed if job.kind == kind)
    at = studio.clock.now()
    async with studio.reading() as connection:
        found = await balances.balances(
            connection, workspace_id=placing.workspace.workspace_id, at=at, now=at
        )
    return shortage(
        kind=kind, required=required, access=placing.access, zone=placing.workspace.zone,
        balance=next((each for each in found if each.kind == kind), None),
    )  # fmt: skip


def _same(job: Job, tool: str, spec: JobSpec) -> Job:
    if job.request_digest != spec.digest(tool=tool):
        raise KeyReused(namespace=NAMESPACE, key=job.request_key)
    return job


async def spec_of(studio: Studio, workspace: Workspace, *, tool: Tool, wish: Wish) -> JobSpec:
    """Return what a job is asked to make, checked as far as it can be before anything is held.

    :raises Refusal: when the tool cannot make it, or its source is no still of the workspace.
    """
    if wish.source is not None:
        _, origin = await frame_at(studio, workspace_id=workspace.workspace_id, frame=wish.source)
        prompt = wish.prompt.strip() or origin.prompt
        wish = replace(wish, ratio=wish.ratio or origin.ratio, prompt=prompt)
    return checked_spec(workspace, tool=tool, wish=wish)


def checked_spec(workspace: Workspace, *, tool: Tool, wish: Wish) -> JobSpec:
    """Return what a job is asked to make of a source that is known to be there.

    :raises Refusal: when the tool cannot make it.
    """
    if tool.needs_source_frame and wish.source is None:
        raise SourceNeeded(tool=tool.key)
    price(tool=tool, images=wish.images, duration_s=wish.duration_s)
    ratio = wish.ratio or tool.ratios[0]
    size = _size(tool, ratio, is_engine=workspace.is_demo)
    return JobSpec(
        prompt=checked_prompt(wish.prompt), seed=wish.seed or 0, ratio=ratio, width=size.width,
        height=size.height, images=wish.images, duration_s=wish.duration_s, source=wish.source,
        instruction=checked_prompt(wish.instruction) if wish.instruction is not None else None,
        adjustments=_adjusted(wish.adjustments), references=wish.references, history=wish.history,
    )  # fmt: skip


def is_served(studio: Studio, workspace: Workspace, *, tool: Tool) -> bool:
    """Tell whether a provider serves a tool for a workspace."""
    try:
        provider_of(studio, workspace, tool, at=studio.clock.now())
    except ToolUnavailable:
        return False
    return True


def _adjusted(adjustments: dict[str, str | float] | None) -> dict[str, str | float] | None:
    return None if adjustments is None else checked_adjustments(adjustments)


def _size(tool: Tool, ratio: str, *, is_engine: bool) -> Size:
    if is_engine:
        tool = replace(tool, resolutions_px=(ENGINE_RESOLUTION_PX,))
    return picture_size(tool=tool, ratio=ratio, resolution_px=tool.resolutions_px[0])


def provider_of(
    studio: Studio, workspace: Workspace, tool: Tool, *, at: datetime,
    spec: JobSpec | None = None, parked: frozenset[str] = frozenset(),
) -> str:  # fmt: skip
    """Return who makes a job of a tool for a workspace, over the first route that can.

    :raises ToolUnavailable: when no provider serves the tool.
    :raises RouteCannot: when no model behind it makes in one job what is asked.
    """
    found: tuple[Route, ...] = (engine_route(tool.key),)
    if not workspace.is_demo:
        found = studio.routes.of(tool=tool.key, providers=studio.generators, at=at)
    usable = [route for route in found if route.key not in parked]
    if not usable:
        raise ToolUnavailable(tool=tool.key, is_parked=bool(found))
    fitting = [route for route in usable if fits(studio, route, spec)] if spec else usable
    if spec and not fitting:
        raise RouteCannot(tool=tool.key, remedy=limits(studio, usable, spec))
    return fitting[0].provider
