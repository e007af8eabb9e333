"""Generating, editing, animating and regenerating: a job is priced, held and queued at once.

The hold, the job's row and its first step in the queue are one transaction, so that there is no
job without its credits and no credits held for nothing. What can be refused is refused before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app.frames import frame_at
from mutoscope.app.studio import ENGINE
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal, checked_key
from mutoscope.domain.estimate import Size, picture_size, price
from mutoscope.domain.jobs import FrameName, JobSpec, JobState, checked_prompt
from mutoscope.domain.journal import NOBODY, Attribution
from mutoscope.domain.ledger import InsufficientCredits
from mutoscope.domain.offers import Entitlement, Tool, Unit
from mutoscope.domain.planner import KeyReused, Submission, UnknownWallet
from mutoscope.domain.requests import Request, checked
from mutoscope.storage import balances, jobs, workspaces
from mutoscope.storage.jobs import Job
from mutoscope.storage.queue import enqueue_steps
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.catalog import Version
    from mutoscope.storage.workspaces import Workspace

NAMESPACE: Final = "job"
PACE_SPAN: Final = timedelta(hours=1)
SEEDS: Final = 2**31
ENGINE_RESOLUTION_PX: Final = 720
"""The shorter side of what the built-in engine makes, whatever the tool that it stands in for."""


class ToolUnavailable(Refusal):
    """A tool that no provider serves for this workspace."""

    code = "tool_unavailable"

    def __init__(self, *, tool: str) -> None:
        super().__init__(
            f"{tool} has no route to a provider: the operator has to set one "
            "(demo workspaces use the built-in engine)"
        )
        self.tool = tool


class NotEnoughCredits(Refusal):
    """A job that costs more than the wallet can give, with the way out."""

    code = "insufficient_credits"

    def __init__(
        self, *, kind: str, required: int, available: int, next_grant_at: datetime | None,
        next_grant_amount: int, plan: str,
    ) -> None:  # fmt: skip
        if next_grant_at is not None:
            remedy = f"{next_grant_amount} more arrive on {next_grant_at:%d %B %Y}"
        elif plan in {"trial", "free"}:
            remedy = "start a plan (Essential, Pro or Unlimited) to go on"
        else:
            remedy = "ask for more credits in the chat"
        super().__init__(
            f"{required} {kind} credits are needed and {available} can be spent, "
            f"{required - available} short: {remedy}"
        )
        self.kind = kind
        self.required = required
        self.available = available
        self.shortfall = required - available
        self.next_grant_at = next_grant_at
        self.next_grant_amount = next_grant_amount


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


async def place(
    studio: Studio, *, workspace_id: UUID, wish: Wish, key: str,
    attribution: Attribution = NOBODY,
) -> tuple[Job, bool]:  # fmt: skip
    """Place a job under a key of the client's; return it, and whether it was placed before.

    :raises Refusal: when the tool, the wish or the balance does not allow it; nothing is held.
    """
    checked_key(key)
    at = studio.clock.now()
    version = studio.catalog.version_at(at=at)
    tool = version.tool(key=wish.tool)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        before = await jobs.by_request(connection, workspace_id=workspace_id, request_key=key)
    spec = await _spec(studio, workspace, tool, wish)
    if before is not None:
        return _same(before, tool.key, spec), True
    access = studio.access_of(workspace, at=at)
    if tool.unit is not Unit.PER_IMAGE:
        access.require(Entitlement.VIDEO)
    provider = _provider(studio, workspace, tool)
    is_metered = tool.kind in access.unlimited
    starts_at = at
    if is_metered:
        starts_at = await _paced(studio, workspace_id, version=version, tool=tool, at=at)
    job = Job(
        workspace_id=workspace_id, job_id=studio.ids.new(), request_key=key,
        request_digest=spec.digest(tool=tool.key), tool=tool.key, kind=tool.kind,
        version=version.key, is_metered=is_metered, spec=spec, state=JobState.WAITING,
        price=price(tool=tool, images=spec.images, duration_s=spec.duration_s),
        is_cancel_asked=False, progress=0.0, provider=provider, provider_job_id=None, tries=0,
        captured=None, reason=None, sentence=None, created_at=at, starts_at=starts_at,
        deadline_at=starts_at + timedelta(minutes=version.rules.deadline_minutes),
        submitting_at=None, submitted_at=None, finished_at=None, stepped_at=starts_at,
    )  # fmt: skip
    return await _placed(studio, job, attribution=attribution, plan=access.plan)


async def regenerate(
    studio: Studio, *, workspace_id: UUID, job_id: UUID, key: str,
    attribution: Attribution = NOBODY,
) -> tuple[Job, bool]:  # fmt: skip
    """Place a job like an earlier one, with another seed; it costs as much again."""
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
    spec = job.spec
    wish = Wish(
        tool=job.tool, prompt=spec.prompt, seed=(spec.seed + spec.images) % SEEDS,
        images=spec.images, ratio=spec.ratio, duration_s=spec.duration_s,
        source=spec.source, instruction=spec.instruction, adjustments=spec.adjustments,
    )  # fmt: skip
    return await place(
        studio, workspace_id=workspace_id, wish=wish, key=key, attribution=attribution
    )


def hold_of(job: Job) -> ask.Reference:
    """Return the key of a job's hold."""
    return ask.Reference(NAMESPACE, f"hold/{job.job_id}")


async def _placed(
    studio: Studio, job: Job, *, attribution: Attribution, plan: str
) -> tuple[Job, bool]:
    hold = Request(
        job.workspace_id, job.kind, *hold_of(job),
        ask.Hold(job.price, job.deadline_at, job.is_metered), attribution,
    )  # fmt: skip
    wait_s = (job.starts_at - job.created_at).total_seconds()
    rows = (
        SideRow(jobs.add_jobs, job.row()),
        SideRow(enqueue_steps, (job.workspace_id, job.job_id, wait_s)),
    )
    try:
        await studio.journal.submit(Submission((checked(hold),)), side_rows=rows)
    except SideRowRefused:
        async with studio.reading() as connection:
            winner = await jobs.by_request(
                connection, workspace_id=job.workspace_id, request_key=job.request_key
            )
        assert winner is not None
        return _same(winner, job.tool, job.spec), True
    except UnknownWallet:
        raise await _shortage(studio, job, 0, plan) from None
    except InsufficientCredits as refusal:
        raise await _shortage(studio, job, refusal.available, plan) from None
    return job, False


async def _shortage(studio: Studio, job: Job, available: int, plan: str) -> NotEnoughCredits:
    at = studio.clock.now()
    async with studio.reading() as connection:
        found = await balances.balances(connection, workspace_id=job.workspace_id, at=at, now=at)
    balance = next((each for each in found if each.kind == job.kind), None)
    return NotEnoughCredits(
        kind=job.kind, required=job.price, available=available, plan=plan,
        next_grant_at=balance.next_grant_at if balance else None,
        next_grant_amount=balance.next_grant_amount if balance else 0,
    )  # fmt: skip


def _same(job: Job, tool: str, spec: JobSpec) -> Job:
    if job.request_digest != spec.digest(tool=tool):
        raise KeyReused(namespace=NAMESPACE, key=job.request_key)
    return job


async def _spec(studio: Studio, workspace: Workspace, tool: Tool, wish: Wish) -> JobSpec:
    if tool.needs_source_frame and wish.source is None:
        raise SourceNeeded(tool=tool.key)
    ratio, prompt = wish.ratio or tool.ratios[0], wish.prompt
    if wish.source is not None:
        _, origin = await frame_at(studio, workspace_id=workspace.workspace_id, frame=wish.source)
        ratio, prompt = wish.ratio or origin.ratio, wish.prompt.strip() or origin.prompt
    price(tool=tool, images=wish.images, duration_s=wish.duration_s)
    size = _size(tool, ratio, is_engine=workspace.is_demo)
    return JobSpec(
        prompt=checked_prompt(prompt), seed=wish.seed or 0, ratio=ratio, width=size.width,
        height=size.height, images=wish.images, duration_s=wish.duration_s, source=wish.source,
        instruction=checked_prompt(wish.instruction) if wish.instruction is not None else None,
        adjustments=wish.adjustments,
    )  # fmt: skip


def _size(tool: Tool, ratio: str, *, is_engine: bool) -> Size:
    if is_engine:
        tool = replace(tool, resolutions_px=(ENGINE_RESOLUTION_PX,))
    return picture_size(tool=tool, ratio=ratio, resolution_px=tool.resolutions_px[0])


def _provider(studio: Studio, workspace: Workspace, tool: Tool) -> str:
    provider = ENGINE if workspace.is_demo else studio.routes.get(tool.key)
    if provider is None or provider not in studio.generators:
        raise ToolUnavailable(tool=tool.key)
    return provider


async def _paced(
    studio: Studio, workspace_id: UUID, *, version: Version, tool: Tool, at: datetime
) -> datetime:
    """Return when a metered job may start: at once within the fair-use pace, else an hour later."""
    pace = next((each for each in version.paces if each.kind == tool.kind), None)
    if pace is None:
        return at
    async with studio.reading() as connection:
        used = await jobs.metered_since(
            connection, workspace_id=workspace_id, kind=tool.kind, since=at - PACE_SPAN
        )
    return at + PACE_SPAN * (used // pace.credits_per_hour)
