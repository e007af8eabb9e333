"""Ordering what a whole board lacks: a hold for each shot, all of them or none, each settled alone.

The holds, the jobs, their links to the frames and the order's own row are one transaction. A repeat
under the same key finds that row and returns the same jobs. Under different keys no shot is ordered
twice at once: an order claims the next turn of what a frame lacks, as counted before the board was
read. Whoever comes second writes nothing, and looks again.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from mutoscope.app.generate import Wish, checked_spec, hold, job_of, started
from mutoscope.app.pace import starts_of
from mutoscope.app.placing import placing_now
from mutoscope.app.repeats import once
from mutoscope.app.storyboard_estimate import NothingLacking
from mutoscope.domain.board_price import BoardItem, items_of
from mutoscope.domain.cast import prompt_of, references_of, shown
from mutoscope.domain.credits import checked_key
from mutoscope.domain.journal import NOBODY, Attribution
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.quote import AgreedItem, agreed
from mutoscope.domain.storyboard import Board, Frame, FrameNotFinal, FrameNotMade, Wanted
from mutoscope.storage import board as boards
from mutoscope.storage import jobs
from mutoscope.storage.session import SideRow, SideRowRefused
from mutoscope.storage.storyboard import UnknownFrame

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.app.placing import Placing
    from mutoscope.app.studio import Studio
    from mutoscope.storage.board import BoardOrder
    from mutoscope.storage.jobs import Job

NAMESPACE = "board"
LOOKS_MAX = 8
"""How often an order looks at a board that others are ordering, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardWish:
    """What of a board is ordered: the stills or the clips that it lacks, of all frames or some.

    `is_confirmed` says that frames are animated though they are not final.
    """

    project_id: UUID
    wanted: Wanted
    frame_ids: tuple[UUID, ...] = ()
    quote_id: UUID | None = None
    is_confirmed: bool = False

    def digest(self) -> bytes:
        """Return 16 bytes that are equal for repeats of the same request."""
        frames = sorted(map(str, self.frame_ids))
        text = repr((str(self.project_id), str(self.wanted), frames, str(self.quote_id)))
        return sha256(text.encode()).digest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """An order with its jobs, in the order of the board."""

    order_id: UUID
    jobs: tuple[Job, ...]
    is_replay: bool


async def order_board(
    studio: Studio, *, workspace_id: UUID, wish: BoardWish, key: str,
    attribution: Attribution = NOBODY,
) -> PlacedOrder:  # fmt: skip
    """Place the jobs of a board under a key of the client's: all are held, or none.

    :raises NothingLacking: when no frame lacks what is ordered.
    :raises FrameNotMade: when a clip is ordered of a frame without a still.
    :raises FrameNotFinal: when it is not marked final, and that is not confirmed.
    :raises Refusal: when the quote or the balance does not allow it, or a job could not be placed.
    """
    checked_key(key)
    return await once(
        before=partial(_placed_before, studio, workspace_id, wish, key),
        make=partial(_place, studio, workspace_id, wish, key, attribution=attribution),
    )


async def _place(
    studio: Studio, workspace_id: UUID, wish: BoardWish, key: str, *, attribution: Attribution
) -> PlacedOrder:
    """Order what is lacking; look again when another order has claimed some of it meanwhile."""
    for _ in range(1, LOOKS_MAX):
        with suppress(SideRowRefused):
            return await _claim(studio, workspace_id, wish, key, attribution=attribution)
    return await _claim(studio, workspace_id, wish, key, attribution=attribution)


async def _claim(
    studio: Studio, workspace_id: UUID, wish: BoardWish, key: str, *, attribution: Attribution
) -> PlacedOrder:
    placing = await placing_now(studio, workspace_id=workspace_id)
    name = {"workspace_id": workspace_id, "project_id": wish.project_id}
    async with studio.reading() as connection:
        turns = await boards.turns(connection, **name)  # first: what comes after it is noticed
        board = await boards.board(connection, **name)
        quote = None if wish.quote_id is None else await boards.quote(
            connection, **name, quote_id=wish.quote_id
        )  # fmt: skip
    items = _chosen(placing, board, wish)
    prices = agreed(items=items, version=placing.version.key, quote=quote, at=placing.at)
    order_id = studio.ids.new()
    made = await _jobs(studio, placing, board, prices=prices, order_id=order_id)
    links = [
        (
            job.workspace_id, job.job_id, wish.project_id, item.frame_id, item.wanted, order_id,
            turns.get((item.frame_id, item.wanted), 0) + 1,
        )
        for job, item in zip(made, items, strict=True)
    ]  # fmt: skip
    order = (
        workspace_id, key, wish.digest(), order_id, wish.project_id, wish.quote_id, placing.at
    )  # fmt: skip
    rows = (
        SideRow(boards.add_board_orders, order),
        *(SideRow(boards.add_frame_jobs, link) for link in links),
    )
    await hold(
        studio, placing, placed=made, rows=rows,
        attribution=attribution._replace(project_id=wish.project_id),
    )  # fmt: skip
    return PlacedOrder(order_id=order_id, jobs=tuple(made), is_replay=False)


async def _placed_before(
    studio: Studio, workspace_id: UUID, wish: BoardWish, key: str
) -> PlacedOrder | None:
    """Return the order that was placed under a key, if one was.

    :raises KeyReused: when it was another order.
    """
    async with studio.reading() as connection:
        before: BoardOrder | None = await boards.board_order(
            connection, workspace_id=workspace_id, request_key=key
        )
        if before is None:
            return None
        if before.request_digest != wish.digest():
            raise KeyReused(namespace=NAMESPACE, key=key)
        ids = await boards.jobs_of_order(
            connection, workspace_id=workspace_id, order_id=before.order_id
        )
        found = [
            await jobs.get(connection, workspace_id=workspace_id, job_id=job_id) for job_id in ids
        ]
    return PlacedOrder(order_id=before.order_id, jobs=tuple(found), is_replay=True)


def _chosen(placing: Placing, board: Board, wish: BoardWish) -> tuple[BoardItem, ...]:
    """Return the items that are ordered, when each of them can be made.

    What the plan does not include is refused before anything that the creator could mend.
    """
    frames = {frame.frame_id: frame for frame in board.frames}
    for frame_id in wish.frame_ids:
        if frame_id not in frames:
            raise UnknownFrame(frame_id=frame_id)
    wanted = [
        item for item in items_of(board=board, version=placing.version)
        if item.wanted is wish.wanted and (not wish.frame_ids or item.frame_id in wish.frame_ids)
    ]  # fmt: skip
    if not wanted:
        raise NothingLacking
    for item in wanted:
        placing.require(tool=placing.version.tool(key=item.tool))
    if wish.wanted is Wanted.CLIP:
        _check_sources([frames[item.frame_id] for item in wanted], wish)
    return tuple(wanted)


def _check_sources(frames: list[Frame], wish: BoardWish) -> None:
    if numbers := [frame.number for frame in frames if frame.still is None]:
        raise FrameNotMade(numbers=numbers)
    numbers = [frame.number for frame in frames if not frame.is_final]
    if numbers and not wish.is_confirmed:
        raise FrameNotFinal(numbers=numbers)


async def _jobs(
    studio: Studio, placing: Placing, board: Board, *, prices: tuple[AgreedItem, ...],
    order_id: UUID,
) -> list[Job]:  # fmt: skip
    """Return a job for each item, at its agreed price, started as the fair-use pace allows."""
    places = {
        frame.frame_id: (scene.heading, frame) for scene in board.scenes for frame in scene.frames
    }
    made = []
    for count, (item, price, version) in enumerate(prices, start=1):
        heading, frame = places[item.frame_id]
        tool = placing.version.tool(key=item.tool)
        spec = checked_spec(
            placing.workspace, tool=tool, wish=_wish(board, frame, heading, item=item)
        )
        job = job_of(studio, placing, tool=tool, spec=spec, key=f"{order_id}/{count:04}")
        made.append(replace(job, price=price, version=version))
    starts = await _starts(studio, placing, made)
    return [started(job, starts_at=starts_at) for job, starts_at in zip(made, starts, strict=True)]


async def _starts(studio: Studio, placing: Placing, made: list[Job]) -> list[datetime]:
    """Return when each job may start: the pace of a kind counts all jobs of the kind."""
    by_kind: defaultdict[str, list[int]] = defaultdict(list)
    for index, job in enumerate(made):
        by_kind[job.kind].append(index)
    starts = [placing.at] * len(made)
    for indices in by_kind.values():
        tool = placing.version.tool(key=made[indices[0]].tool)
        amounts = [made[index].price for index in indices]
        found = await starts_of(studio, placing, tool=tool, amounts=amounts)
        for index, starts_at in zip(indices, found, strict=True):
            starts[index] = starts_at
    return starts


def _wish(board: Board, frame: Frame, heading: str, *, item: BoardItem) -> Wish:
    parts = shown(cast=board.cast, text=f"{heading}\n{frame.description}")
    is_clip = item.wanted is Wanted.CLIP
    return Wish(
        tool=item.tool, prompt=prompt_of(description=frame.description, parts=parts),
        seed=frame.number, ratio=board.project.ratio, duration_s=item.duration_s,
        source=frame.still.name if is_clip and frame.still is not None else None,
        references=references_of(parts=parts),
    )  # fmt: skip
