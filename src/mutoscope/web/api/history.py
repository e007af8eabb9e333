"""The history: the lines of a workspace's journal, by cursor, with filters."""

from datetime import datetime
from typing import Annotated, Final, NamedTuple
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, QueryParameter, SkipValidation

from mutoscope.app.read_history import read_history
from mutoscope.domain.caps import UnknownKind
from mutoscope.domain.chart import Operation
from mutoscope.domain.credits import (
    BadKey,
    InstantOutOfReach,
    NaiveInstant,
    checked_code,
    checked_key,
)
from mutoscope.domain.journal import Attribution, Entry
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.history import LIMIT_MAX, Filters, Line, Window
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.shape import HouseHere, Instant, instant_of
from mutoscope.web.errors import documented

Lines = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="lines on a page")]
Cursor = Annotated[str | None, QueryParameter(max_length=2_000)]


class PostingShape(msgspec.Struct, frozen=True):
    """A positive amount from a source to a target, of one lot."""

    source: str
    target: str
    lot: int | None
    amount: int


class EntryShape(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a wallet's journal, with the balance after it; `hash` closes the chain up to it."""

    kind: str
    sequence: int
    operation: str
    namespace: str
    key: str
    due_at: datetime
    posted_at: datetime
    refers_to: int | None
    reason: str | None
    available: int
    held: int
    member_id: UUID | None
    project_id: UUID | None
    api_key_id: UUID | None
    postings: tuple[PostingShape, ...]
    hash: str


class LineShape(EntryShape, frozen=True, kw_only=True):
    """An entry in plain words, with who acted and why unless that was erased.

    `job_id` and `tool`, a tool's key, are null where the line is about no job, and `purchase_id`
    where it is no grant of purchased credits.
    """

    words: str
    job_id: UUID | None
    tool: str | None
    purchase_id: UUID | None
    actor: str | None
    note: str | None
    is_note_erased: bool


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines in the reading order; `after` reads on, `before` reads back."""

    lines: tuple[LineShape, ...]
    before: str
    after: str
    has_more: bool


class Named(NamedTuple):
    """A key and its namespace that lines are asked for."""

    namespace: str | None
    key: str | None


def entry_shape(*, kind: str, entry: Entry) -> EntryShape:
    """Return an entry as it is told."""
    return EntryShape(**_entry_fields(kind, entry))  # type: ignore[arg-type]


def line_shape(line: Line) -> LineShape:
    """Return a line as it is told."""
    note, job = line.note, line.job
    return LineShape(
        **_entry_fields(line.kind, line.entry),  # type: ignore[arg-type]
        words=line.words,
        job_id=job.job_id if job else None,
        tool=job.tool if job else None,
        purchase_id=line.purchase_id,
        actor=note.actor if note else None,
        note=note.text if note else None,
        is_note_erased=line.is_note_erased,
    )


async def attribution(
    *,
    member_id: FromQuery[UUID | None] = None,
    project_id: FromQuery[UUID | None] = None,
    api_key_id: FromQuery[UUID | None] = None,
) -> Attribution:
    """Return whose lines are asked for."""
    return Attribution(member_id, project_id, api_key_id)


async def named(
    *, namespace: FromQuery[str | None] = None, key: FromQuery[str | None] = None
) -> Named:
    """Return the key that is asked for."""
    if namespace is not None:
        checked_code(namespace, name="namespace")
    return Named(namespace, None if key is None else checked_key(key))


async def filters(
    *,
    who: NamedDependency[SkipValidation[Attribution]],
    named: NamedDependency[SkipValidation[Named]],
    operation: FromQuery[list[Operation] | None] = None,
    reason: FromQuery[str | None] = None,
    due_from: Instant = None,
    due_until: Instant = None,
) -> Filters:
    """Return what a line must match."""
    return Filters(
        operations=tuple(operation or ()),
        **who._asdict(),
        **named._asdict(),
        reason=None if reason is None else checked_code(reason, name="reason"),
        due_from=None if due_from is None else instant_of(due_from, name="due_from"),
        due_until=None if due_until is None else instant_of(due_until, name="due_until"),
    )


async def window(
    *, limit: Lines = 100, after: Cursor = None, before: Cursor = None,
    is_oldest_first: FromQuery[bool] = False,
) -> Window:  # fmt: skip
    """Return which page is asked for."""
    return Window(limit=limit, after=after, before=before, is_oldest_first=is_oldest_first)


DEPENDENCIES: Final = {
    "who": Provide(attribution), "named": Provide(named), "filters": Provide(filters),
    "window": Provide(window),
}  # fmt: skip


@get(
    "/workspaces/{workspace_id:uuid}/history", operation_id="listHistory", tags=["credits"],
    summary="The lines of the ledger, by cursor, with filters", dependencies=DEPENDENCIES,
    responses=documented(
        UnknownWorkspace, UnknownKind, BadCursor, BadKey, NaiveInstant, InstantOutOfReach
    ),
)  # fmt: skip
async def list_history(
    *,
    house: HouseHere,
    workspace_id: FromPath[UUID],
    window: NamedDependency[SkipValidation[Window]],
    filters: NamedDependency[SkipValidation[Filters]],
    kind: FromQuery[str | None] = None,
) -> HistoryPage:
    """Return a page of one wallet's lines, or of all wallets'."""
    if kind is not None:
        checked_code(kind, name="kind")
    page = await read_history(
        house.studio, workspace_id=workspace_id, kind=kind, window=window, filters=filters
    )
    return HistoryPage(
        lines=tuple(map(line_shape, page.lines)), before=page.before, after=page.after,
        has_more=page.has_more,
    )  # fmt: skip


def _entry_fields(kind: str, entry: Entry) -> dict[str, object]:
    return {
        "kind": kind, "sequence": entry.sequence, "operation": entry.operation,
        "namespace": entry.namespace, "key": entry.key, "due_at": entry.due_at,
        "posted_at": entry.posted_at, "refers_to": entry.refers_to, "reason": entry.reason,
        "available": entry.available, "held": entry.held, "hash": entry.hash.hex(),
        "postings": tuple([PostingShape(*posting) for posting in entry.postings]),
        **entry.attribution._asdict(),
    }  # fmt: skip
