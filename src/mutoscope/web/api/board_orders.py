"""Boards as a whole: estimated, quoted, mixed and ordered; and the table of tools."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from mutoscope.app.generate import ToolUnavailable
from mutoscope.app.shortage import NotEnoughCredits
from mutoscope.app.storyboard_estimate import (
    NothingLacking,
    estimate_board,
    mix_board,
    quote_board,
    tools_for,
)
from mutoscope.app.storyboard_orders import BoardWish, order_board
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.best_mix import BudgetTooSmall
from mutoscope.domain.board_price import BoardEstimate, NoToolFits
from mutoscope.domain.caps import CapExceeded
from mutoscope.domain.catalog import UnknownTool
from mutoscope.domain.credits import AMOUNT_MAX, BadKey
from mutoscope.domain.estimate import BadDuration, BadRatio
from mutoscope.domain.journal import NOBODY
from mutoscope.domain.offers import Unit
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.quote import QuoteExpired, QuoteOutdated
from mutoscope.domain.storyboard import (
    FRAMES_MAX,
    FrameNotFinal,
    FrameNotMade,
    Wanted,
)
from mutoscope.domain.team import RoleCannot, UnknownMember
from mutoscope.storage.board import UnknownQuote
from mutoscope.storage.storyboard import UnknownFrame, UnknownProject
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.estimates import DrawShape
from mutoscope.web.api.jobs import JobShape, job_shape
from mutoscope.web.api.shape import HouseHere, IdempotencyKey
from mutoscope.web.api.workspaces import replay_headers
from mutoscope.web.errors import IdempotencyKeyMissing, documented

BODY = ("not_json", "body_too_large")
PRICING = (UnknownWorkspace, UnknownProject, UnknownTool, BadDuration, BadRatio)
Budget = Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MAX)]
Frames = Annotated[Sequence[UUID], msgspec.Meta(max_length=FRAMES_MAX)]


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a board is ordered: what all frames lack, or some; at a quote's prices, or today's.

    `is_confirmed` says that frames are animated though they are not marked final.
    """

    wanted: Wanted
    frame_ids: Frames = ()
    quote_id: UUID | None = None
    is_confirmed: bool = False
    member_id: UUID | None = None


class NewMix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A budget for the clips that a board lacks; without one it is the balance."""

    budget: Budget | None = None
    is_chosen: bool = False


class SwapShape(msgspec.Struct, frozen=True):
    """Another tool that makes the same for less."""

    tool: str
    price: int
    saved: int
    quality_rank: int


class ItemShape(msgspec.Struct, frozen=True, kw_only=True):
    """A still or clip that a frame lacks."""

    frame_id: UUID
    number: int
    wanted: Wanted
    tool: str
    kind: str
    duration_s: int | None
    price: int
    swaps: tuple[SwapShape, ...]


class TotalShape(msgspec.Struct, frozen=True, kw_only=True):
    """All items of a kind against its balance, now and on the next billing date or lapse."""

    kind: str
    required: int
    metered: int
    available: int
    remaining: int
    shortfall: int
    draws: tuple[DrawShape, ...]
    should_confirm: bool
    next_at: datetime | None
    next_grant_amount: int
    lapsing: int
    remaining_then: int


class BoardEstimateShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a board still costs; a ceiling."""

    project_id: UUID
    version: str
    items: tuple[ItemShape, ...]
    totals: tuple[TotalShape, ...]


class QuoteShape(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate whose prices are locked until an instant."""

    quote_id: UUID
    expires_at: datetime
    estimate: BoardEstimateShape


class MixedShape(msgspec.Struct, frozen=True, kw_only=True):
    """The tool that the best mix has for a frame's clip."""

    frame_id: UUID
    number: int
    tool: str
    price: int
    quality_rank: int


class MixShape(msgspec.Struct, frozen=True, kw_only=True):
    """The best mix for a budget; `is_chosen` tells whether the frames have these tools now."""

    budget: int
    price: int
    rank_sum: int
    frames: tuple[MixedShape, ...]
    is_chosen: bool


class OrderShape(msgspec.Struct, frozen=True, kw_only=True):
    """An order with its jobs, in the order of the board; each is settled alone."""

    order_id: UUID
    jobs: tuple[JobShape, ...]


class ClipPriceShape(msgspec.Struct, frozen=True):
    """What a clip of a duration costs, and what a hundred seconds of such clips would."""

    duration_s: int
    credits: int
    credits_per_100_s: int


class ToolShape(msgspec.Struct, frozen=True, kw_only=True):
    """A tool with its prices, and what the balance buys of it, or that the plan has no limit."""

    tool: str
    name: str
    kind: str
    unit: Unit
    credits: int
    clips: tuple[ClipPriceShape, ...]
    ratios: tuple[str, ...]
    resolutions_px: tuple[int, ...]
    quality_rank: int
    available: int
    images_affordable: int
    clips_affordable: int
    seconds_affordable: int
    is_unlimited: bool


class ToolList(msgspec.Struct, frozen=True, kw_only=True):
    """The tools in the catalog's order."""

    tools: tuple[ToolShape, ...]


@get(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/estimate",
    operation_id="estimateBoard", tags=["projects"],
    summary="What a board still costs, who pays, and what would be cheaper",
    responses=documented(*PRICING),
)  # fmt: skip
async def show_estimate(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID]
) -> BoardEstimateShape:
    """Tell what a board costs; nothing is held."""
    found = await estimate_board(house.studio, workspace_id=workspace_id, project_id=project_id)
    return _estimate_shape(found)


@post(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/quotes",
    operation_id="quoteBoard", tags=["projects"],
    summary="Estimate a board and lock its prices for a time",
    responses=documented(*PRICING, NothingLacking),
)  # fmt: skip
async def make_quote(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID]
) -> QuoteShape:
    """Lock the prices of a board; no credits are held."""
    made = await quote_board(house.studio, workspace_id=workspace_id, project_id=project_id)
    return QuoteShape(
        quote_id=made.quote_id, expires_at=made.expires_at,
        estimate=_estimate_shape(made.estimate),
    )  # fmt: skip


@post(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/orders",
    operation_id="orderBoard", tags=["projects"],
    summary="Order what a board lacks: a hold for each shot, all of them or none",
    responses=documented(
        *PRICING, NotEnoughCredits, NotEntitled, ToolUnavailable, UnknownQuote, UnknownFrame,
        NothingLacking, FrameNotMade, FrameNotFinal, QuoteExpired, QuoteOutdated, UnknownMember,
        RoleCannot, CapExceeded, BadKey, KeyReused, IdempotencyKeyMissing, "ledger_busy", *BODY,
    ),
)  # fmt: skip
async def place_order(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    data: JSONBody[NewOrder], idempotency_key: IdempotencyKey,
) -> Response[OrderShape]:  # fmt: skip
    """Place the jobs of a board; a repeat with the same key returns the same jobs."""
    wish = BoardWish(
        project_id=project_id, wanted=data.wanted, frame_ids=tuple(data.frame_ids),
        quote_id=data.quote_id, is_confirmed=data.is_confirmed,
    )  # fmt: skip
    placed = await order_board(
        house.studio, workspace_id=workspace_id, wish=wish, key=idempotency_key,
        attribution=NOBODY._replace(member_id=data.member_id),
    )  # fmt: skip
    shape = OrderShape(order_id=placed.order_id, jobs=tuple(map(job_shape, placed.jobs)))
    return Response(shape, headers=dict(replay_headers(is_replay=placed.is_replay)))


@post(
    "/workspaces/{workspace_id:uuid}/projects/{project_id:uuid}/mix", operation_id="mixBoard",
    tags=["projects"], status_code=200,
    summary="The best tools that a budget buys for the clips that a board lacks",
    responses=documented(
        UnknownWorkspace, UnknownProject, NothingLacking, NoToolFits, BudgetTooSmall, *BODY
    ),
)  # fmt: skip
async def find_mix(
    *, house: HouseHere, workspace_id: FromPath[UUID], project_id: FromPath[UUID],
    data: JSONBody[NewMix],
) -> MixShape:  # fmt: skip
    """Find the best mix, and give it to the frames when that is asked for."""
    mix = await mix_board(
        house.studio, workspace_id=workspace_id, project_id=project_id, budget=data.budget,
        is_chosen=data.is_chosen,
    )  # fmt: skip
    return msgspec.convert(mix, MixShape, from_attributes=True)


@get(
    "/workspaces/{workspace_id:uuid}/tools", operation_id="compareTools", tags=["projects"],
    summary="The tools, what a clip and a second cost, and what the balance buys",
    responses=documented(UnknownWorkspace),
)  # fmt: skip
async def compare_tools(*, house: HouseHere, workspace_id: FromPath[UUID]) -> ToolList:
    """Return the table of tools."""
    found = await tools_for(house.studio, workspace_id=workspace_id)
    clips = [tuple(ClipPriceShape(*clip) for clip in row.clips) for row in found]
    own = [name for name in ToolShape.__struct_fields__ if name != "clips"]
    return ToolList(
        tools=tuple(
            ToolShape(**{name: getattr(row, name) for name in own}, clips=prices)
            for row, prices in zip(found, clips, strict=True)
        )
    )


def _estimate_shape(found: BoardEstimate) -> BoardEstimateShape:
    own = [name for name in TotalShape.__struct_fields__ if name != "draws"]
    return BoardEstimateShape(
        project_id=found.project_id, version=found.version,
        items=tuple(
            ItemShape(**item._asdict() | {"swaps": tuple(SwapShape(*each) for each in item.swaps)})
            for item in found.items
        ),
        totals=tuple(
            TotalShape(
                **{name: getattr(total, name) for name in own},
                draws=tuple(DrawShape(*draw) for draw in total.draws),
            )
            for total in found.totals
        ),
    )  # fmt: skip
