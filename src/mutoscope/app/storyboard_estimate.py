"""Telling what a whole board costs, locking its price, and finding the best tools for a budget.

Reads alone, but for the quote that is kept and the tools that are chosen when that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mutoscope.app.generate import is_served
from mutoscope.domain.best_mix import best_mix
from mutoscope.domain.board_price import BoardEstimate, items_of, options_of, totals
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Unit
from mutoscope.domain.quote import Quote, quoted_items
from mutoscope.domain.storyboard import Wanted
from mutoscope.domain.tool_table import ToolRow, tool_table
from mutoscope.storage import balances, workspaces
from mutoscope.storage import board as boards
from mutoscope.storage import storyboard as rows

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio


class NothingLacking(Refusal):
    """A board on which every frame has what it is to have, or waits for it."""

    code = "nothing_lacking"

    def __init__(self) -> None:
        super().__init__(
            "no frame of the board lacks it: add frames, give them a tool, or make some again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedBoard:
    """An estimate and the quote that locks its prices."""

    quote_id: UUID
    expires_at: datetime
    estimate: BoardEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedFrame:
    """The tool that the best mix has for a frame's clip."""

    frame_id: UUID
    number: int
    tool: str
    price: int
    quality_rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardMix:
    """The best mix for a budget; `is_chosen` tells whether the frames have these tools now."""

    budget: int
    price: int
    rank_sum: int
    frames: tuple[MixedFrame, ...]
    is_chosen: bool


async def estimate_board(studio: Studio, *, workspace_id: UUID, project_id: UUID) -> BoardEstimate:
    """Tell what the frames of a board lack and what that costs now.

    :raises Refusal: when the project is unknown, or a frame's tool cannot make its clip.
    """
    at = studio.clock.now()
    version = studio.catalog.version_at(at=at)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        board = await boards.board(connection, workspace_id=workspace_id, project_id=project_id)
        found = await balances.balances(connection, workspace_id=workspace_id, at=at, now=at)
    items = items_of(board=board, version=version)
    return BoardEstimate(
        project_id=project_id, version=version.key, items=items,
        totals=totals(
            items=items, balances={each.kind: each for each in found},
            unlimited=studio.access_of(workspace, at=at).unlimited,
            confirm_percent=version.rules.confirm_percent,
        ),
    )  # fmt: skip


async def quote_board(studio: Studio, *, workspace_id: UUID, project_id: UUID) -> QuotedBoard:
    """Estimate a board and lock its prices for the catalog's time.

    :raises NothingLacking: when there is nothing to quote.
    """
    estimate = await estimate_board(studio, workspace_id=workspace_id, project_id=project_id)
    if not estimate.items:
        raise NothingLacking
    at = studio.clock.now()
    rules = studio.catalog.version(key=estimate.version).rules
    made = Quote(
        quote_id=studio.ids.new(), project_id=project_id, version=estimate.version,
        items=quoted_items(estimate.items), created_at=at,
        expires_at=at + timedelta(minutes=rules.price_lock_minutes),
    )  # fmt: skip
    async with studio.reading() as connection:
        await boards.add_quote(connection, workspace_id=workspace_id, quote=made)
    return QuotedBoard(quote_id=made.quote_id, expires_at=made.expires_at, estimate=estimate)


async def mix_board(
    studio: Studio, *, workspace_id: UUID, project_id: UUID, budget: int | None = None,
    is_chosen: bool = False,
) -> BoardMix:  # fmt: skip
    """Find the tools of the best quality for the clips that a board lacks, within a budget.

    Without a budget it is what may be spent. Only tools that are served count.

    :raises NothingLacking: when no frame lacks a clip.
    :raises NoToolFits: when no tool makes one of the clips.
    :raises BudgetTooSmall: when the cheapest mix costs more.
    """
    at = studio.clock.now()
    version = studio.catalog.version_at(at=at)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        board = await boards.board(connection, workspace_id=workspace_id, project_id=project_id)
        found = await balances.balances(connection, workspace_id=workspace_id, at=at, now=at)
    frames = [frame for frame in board.frames if frame.lacks(Wanted.CLIP)]
    if not frames:
        raise NothingLacking
    making = [tool for tool in version.tools if tool.unit is not Unit.PER_IMAGE]
    kind = making[0].kind if making else ""
    tools = [
        tool for tool in making if tool.kind == kind and is_served(studio, workspace, tool=tool)
    ]
    spendable = next((each.spendable for each in found if each.kind == kind), 0)
    limit = spendable if budget is None else budget
    options = options_of(frames=frames, tools=tools, ratio=board.project.ratio)
    mix = best_mix(frames=options, budget=limit)
    if is_chosen:
        pairs = [(frame.frame_id, one.tool) for frame, one in zip(frames, mix.chosen, strict=True)]
        async with studio.reading() as connection:
            await rows.choose_tools(connection, project=board.project, tools=pairs)
    return BoardMix(
        budget=limit, price=mix.price, rank_sum=mix.rank_sum, is_chosen=is_chosen,
        frames=tuple(
            MixedFrame(
                frame_id=frame.frame_id, number=frame.number, tool=one.tool, price=one.price,
                quality_rank=one.rank,
            )
            for frame, one in zip(frames, mix.chosen, strict=True)
        ),
    )  # fmt: skip


async def tools_for(
    studio: Studio, *, workspace_id: UUID, available: int | None = None
) -> tuple[ToolRow, ...]:
    """Return the tools with what the workspace's balance, or another amount, buys of each."""
    at = studio.clock.now()
    version = studio.catalog.version_at(at=at)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        found = await balances.balances(connection, workspace_id=workspace_id, at=at, now=at)
    amounts = {each.kind: each.spendable for each in found}
    unlimited = studio.unlimited_of(workspace, at=at, now=at)
    if available is not None:
        amounts, unlimited = {kind.key: available for kind in version.kinds}, ()
    return tool_table(version=version, available=amounts, unlimited=unlimited)
