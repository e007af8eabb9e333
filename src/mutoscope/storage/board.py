"""A whole board in one reading, and what is kept beside it: uploads, quotes, orders, links to jobs.

Invariant: versions are told from the jobs' own rows and outputs, so that a frame shows exactly what
was delivered and charged. The writers named `add_*` of rows commit with the ledger.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.fine_tune import ShotSize
from mutoscope.domain.jobs import FrameName
from mutoscope.domain.quote import Quote, QuotedItem
from mutoscope.domain.storyboard import Board, BoardScene, Frame, FrameVersion, Wanted
from mutoscope.storage.database import queries
from mutoscope.storage.storyboard import cast, project

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("storyboard")


class UnknownQuote(Refusal):
    """An id that names no quote of the project."""

    code = "unknown_quote"

    def __init__(self, *, quote_id: UUID) -> None:
        super().__init__(f"there is no quote {quote_id} of this project: ask for a new one")
        self.quote_id = quote_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A picture that a creator brought along as a version of a frame."""

    upload_id: UUID
    frame_id: UUID
    asset: bytes
    media_type: str
    size_bytes: int
    width: int
    height: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPicture:
    """A picture that a workspace has: brought along, or delivered."""

    asset: bytes
    media_type: str
    size_bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardOrder:
    """One order of many shots, as it was placed."""

    order_id: UUID
    request_digest: bytes
    project_id: UUID
    quote_id: UUID | None
    created_at: datetime


async def board(connection: Connection, *, workspace_id: UUID, project_id: UUID) -> Board:
    """Return a project with its scenes, frames, versions, clips and cast.

    :raises UnknownProject: when there is none of that id.
    """
    name = {"workspace_id": workspace_id, "project_id": project_id}
    found = await project(connection, **name)
    scenes = [row async for row in _SQL.scenes_of(connection, **name)]
    rows = [row async for row in _SQL.frames_of(connection, **name)]
    versions = await _versions(connection, name)
    pending: defaultdict[UUID, set[Wanted]] = defaultdict(set)
    async for row in _SQL.pending_of(connection, **name):
        pending[row["frame_id"]].add(Wanted(row["wanted"]))
    frames: defaultdict[UUID, list[Frame]] = defaultdict(list)
    for number, row in enumerate(rows, start=1):
        made = _frame(row, number, versions, frozenset(pending[row["frame_id"]]))
        frames[row["scene_id"]].append(made)
    return Board(
        project=found,
        scenes=tuple(
            BoardScene(
                scene_id=row["scene_id"], heading=row["heading"],
                frames=tuple(frames[row["scene_id"]]),
            )
            for row in scenes
        ),
        cast=await cast(connection, project=found),
    )  # fmt: skip


async def frame_of_job(
    connection: Connection, *, workspace_id: UUID, job_id: UUID
) -> tuple[UUID, Wanted] | None:
    """Return the frame that a job was placed for and what it was to make, if it was for one."""
    row = await _SQL.frame_of_job(connection, workspace_id=workspace_id, job_id=job_id)
    return None if row is None else (row["frame_id"], Wanted(row["wanted"]))


async def turns(
    connection: Connection, *, workspace_id: UUID, project_id: UUID
) -> dict[tuple[UUID, Wanted], int]:
    """Return how many jobs the frames of a board have had, by what was wanted."""
    rows = _SQL.turns_of(connection, workspace_id=workspace_id, project_id=project_id)
    return {(row["frame_id"], Wanted(row["wanted"])): row["turns"] async for row in rows}


async def seed_after(
    connection: Connection, *, workspace_id: UUID, project_id: UUID, frame_id: UUID
) -> int:
    """Return the first seed that no job of a frame has used."""
    seed: int = await _SQL.seed_after(
        connection, workspace_id=workspace_id, project_id=project_id, frame_id=frame_id
    )
    return seed


async def add_frame_jobs(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write which frames jobs are placed for, unless another order has claimed their turn."""
    written: int = await _SQL.add_frame_jobs(connection, frame_jobs=rows)
    return written


async def add_board_orders(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write orders of many shots, unless their keys were used before."""
    written: int = await _SQL.add_board_orders(connection, board_orders=rows)
    return written


async def board_order(
    connection: Connection, *, workspace_id: UUID, request_key: str
) -> BoardOrder | None:
    """Return the order that a request has placed, if it did."""
    row = await _SQL.board_order(connection, workspace_id=workspace_id, request_key=request_key)
    return None if row is None else BoardOrder(**row)


async def jobs_of_order(
    connection: Connection, *, workspace_id: UUID, order_id: UUID
) -> tuple[UUID, ...]:
    """Return the jobs of an order, in the order of the board."""
    rows = _SQL.jobs_of_order(connection, workspace_id=workspace_id, order_id=order_id)
    return tuple([row["job_id"] async for row in rows])


async def add_quote(connection: Connection, *, workspace_id: UUID, quote: Quote) -> None:
    """Keep a quote."""
    items = [[str(each.frame_id), *each[1:]] for each in quote.items]
    await _SQL.add_quote(
        connection, workspace_id=workspace_id, quote_id=quote.quote_id,
        project_id=quote.project_id, version=quote.version, items=json.dumps(items),
        created_at=quote.created_at, expires_at=quote.expires_at,
    )  # fmt: skip


async def quote(
    connection: Connection, *, workspace_id: UUID, project_id: UUID, quote_id: UUID
) -> Quote:
    """Return a quote of a project.

    :raises UnknownQuote: when the project has none of that id.
    """
    row = await _SQL.quote(
        connection, workspace_id=workspace_id, project_id=project_id, quote_id=quote_id
    )
    if row is None:
        raise UnknownQuote(quote_id=quote_id)
    items = tuple(
        QuotedItem(UUID(frame_id), Wanted(wanted), *rest)
        for frame_id, wanted, *rest in json.loads(row["items"])
    )
    return Quote(**{**row, "items": items})


async def add_upload(
    connection: Connection, *, workspace_id: UUID, project_id: UUID, upload: Upload
) -> None:
    """Keep an upload's row; its file is an asset."""
    await _SQL.add_upload(
        connection, workspace_id=workspace_id, project_id=project_id, upload_id=upload.upload_id,
        frame_id=upload.frame_id, asset=upload.asset, media_type=upload.media_type,
        size_bytes=upload.size_bytes, width=upload.width, height=upload.height,
        created_at=upload.created_at,
    )  # fmt: skip


async def upload(connection: Connection, *, workspace_id: UUID, upload_id: UUID) -> Upload | None:
    """Return an upload, if there is one of that id."""
    row = await _SQL.upload(connection, workspace_id=workspace_id, upload_id=upload_id)
    return None if row is None else Upload(**row)


async def picture(
    connection: Connection, *, workspace_id: UUID, asset: bytes
) -> StoredPicture | None:
    """Return a picture of a workspace, or None when it has none of that digest."""
    row = await _SQL.picture(connection, workspace_id=workspace_id, asset=asset)
    return None if row is None else StoredPicture(**row)


async def _versions(
    connection: Connection, name: Mapping[str, UUID]
) -> dict[tuple[UUID, bool], list[FrameVersion]]:
    """Return the stills (False) and clips (True) of each frame, the oldest first."""
    found: defaultdict[tuple[UUID, bool], list[FrameVersion]] = defaultdict(list)
    async for row in _SQL.versions_of(connection, **name):
        is_clip = row["duration_ms"] is not None
        found[row["frame_id"], is_clip].append(_version(row))
    async for row in _SQL.uploads_of(connection, **name):
        found[row["frame_id"], False].append(_uploaded(row))
    for versions in found.values():
        versions.sort(key=lambda each: each.created_at)
    return found


def _version(row: Mapping[str, Any]) -> FrameVersion:
    spec = json.loads(row["spec"])
    return FrameVersion(
        name=FrameName(str(row["job_id"]), row["ordinal"]), asset=row["asset"],
        media_type=row["media_type"], width=row["width"], height=row["height"],
        duration_ms=row["duration_ms"], tool=row["tool"], prompt=spec["prompt"],
        instruction=spec["instruction"], adjustments=spec["adjustments"],
        seed=spec["seed"] + row["ordinal"] - 1,
        source=None if spec["source"] is None else FrameName(*spec["source"]),
        charged=None if row["is_metered"] else row["captured"], created_at=row["created_at"],
    )  # fmt: skip


def _uploaded(row: Mapping[str, Any]) -> FrameVersion:
    return FrameVersion(
        name=FrameName(str(row["upload_id"]), 1), asset=row["asset"],
        media_type=row["media_type"], width=row["width"], height=row["height"], duration_ms=None,
        tool=None, prompt="", instruction=None, adjustments=None, seed=None, source=None,
        charged=0, created_at=row["created_at"],
    )  # fmt: skip


def _frame(
    row: Mapping[str, Any], number: int,
    versions: Mapping[tuple[UUID, bool], Iterable[FrameVersion]], pending: frozenset[Wanted],
) -> Frame:  # fmt: skip
    frame_id, chosen_id = row["frame_id"], row["chosen_job_id"]
    shot_size = row["shot_size"]
    return Frame(
        frame_id=frame_id, scene_id=row["scene_id"], number=number,
        description=row["description"], dialogue=row["dialogue"],
        shot_size=None if shot_size is None else ShotSize(shot_size), tool=row["tool"],
        duration_s=row["duration_s"],
        chosen=None if chosen_id is None else FrameName(str(chosen_id), row["chosen_ordinal"]),
        is_final=row["final_at"] is not None, versions=tuple(versions.get((frame_id, False), ())),
        clips=tuple(versions.get((frame_id, True), ())), pending=pending,
    )  # fmt: skip
