"""Estimates: the price of a job before the click, and which lots would pay for it."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import FromPath, JSONBody

from mutoscope.app.estimate import estimate
from mutoscope.app.generate import RouteCannot, ToolUnavailable
from mutoscope.domain.catalog import UnknownTool
from mutoscope.domain.estimate import BadDuration, BadImageCount
from mutoscope.domain.journal import NOBODY
from mutoscope.domain.team import UnknownMember
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.shape import HouseHere, Text
from mutoscope.web.api.team_credits import CapShape, cap_shape
from mutoscope.web.errors import documented

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job whose price is asked: so many images, or a clip of so many seconds."""

    tool: Text
    images: Count = 1
    duration_s: Count | None = None
    member_id: UUID | None = None
    project_id: UUID | None = None


class DrawShape(msgspec.Struct, frozen=True):
    """An amount that would be taken from one lot."""

    lot: int
    amount: int


class EstimateShape(msgspec.Struct, frozen=True, kw_only=True):
    """A ceiling: never more than `price` is charged. `shortfall` is 0 when it fits.

    Else `remedy` tells the way out, and `plans` has the keys of those that it names.

    `caps` are those on the member and the project that it would exceed.
    """

    tool: str
    kind: str
    price: int
    metered: int
    available: int
    remaining: int
    shortfall: int
    remedy: str | None
    plans: tuple[str, ...]
    draws: tuple[DrawShape, ...]
    should_confirm: bool
    next_grant_at: datetime | None
    next_grant_amount: int
    version: str
    caps: tuple[CapShape, ...]


@post(
    "/workspaces/{workspace_id:uuid}/estimates", operation_id="estimateJob", tags=["jobs"],
    summary="What a job would cost now, and which lots would pay", status_code=200,
    responses=documented(
        UnknownWorkspace, UnknownTool, UnknownMember, BadDuration, BadImageCount,
        ToolUnavailable, RouteCannot, "not_json",
        "body_too_large",
    ),
)  # fmt: skip
async def estimate_job(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[Question]
) -> EstimateShape:
    """Tell a price; nothing is held."""
    found = await estimate(
        house.studio, workspace_id=workspace_id, tool=data.tool, images=data.images,
        duration_s=data.duration_s,
        attribution=NOBODY._replace(member_id=data.member_id, project_id=data.project_id),
    )  # fmt: skip
    draws = tuple(DrawShape(*draw) for draw in found.draws)
    hit = tuple(map(cap_shape, found.caps))
    return EstimateShape(**asdict(found) | {"draws": draws, "caps": hit})
