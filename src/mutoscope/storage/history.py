"""Reads the history: the lines of a workspace, by pages that neither lose nor double one.

A page ends at a boundary, which a cursor tells: how many lines of each wallet lie on its older
side. Invariant: since a wallet's sequence has no gaps and grows under its lock, a boundary parts
the lines for ever. The surprising choice: wallets are merged by the time of writing, but the cursor
counts each of them, so that a line that commits late is still found by whoever reads on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.chart import Account, Operation
from mutoscope.domain.credits import Refusal, checked_instant
from mutoscope.domain.journal import Entry
from mutoscope.domain.requests import Note
from mutoscope.domain.wording import words
from mutoscope.storage.balances import sequences_at
from mutoscope.storage.cursor import Boundary, decoded, encoded
from mutoscope.storage.database import queries
from mutoscope.storage.facts import Row, entry_from, postings_from

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection


LIMIT_MAX: Final = 1_000
"""Lines on a page: what a caller can read and a connection carries in one breath."""

_SQL: Final = queries("history")
_TICK: Final = timedelta(microseconds=1)
_FOLLOW_UPS: Final = "lapse"


class BadLimit(Refusal):
    """A number of lines that no page has."""

    code = "bad_limit"

    def __init__(self, *, limit: object) -> None:
        super().__init__(f"a page has 1 to {LIMIT_MAX:,} lines, not {limit!r}")
        self.limit = limit


class UnknownEntry(Refusal):
    """A key or sequence that names no line."""

    code = "unknown_entry"

    def __init__(self, *, name: str) -> None:
        super().__init__(f"there is no line {name} in this workspace: check the key and the kind")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a line must match; a filter that is not set lets every line pass.

    `due_from` and `due_until` are a half-open span of when lines took effect.
    """

    operations: tuple[Operation, ...] = ()
    member_id: UUID | None = None
    project_id: UUID | None = None
    api_key_id: UUID | None = None
    reason: str | None = None
    namespace: str | None = None
    key: str | None = None
    due_from: datetime | None = None
    due_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which page: so many lines after a cursor in the reading order, or the last ones before one.

    With both cursors it is the first lines between them.
    """

    limit: int = 100
    after: str | None = None
    before: str | None = None
    is_oldest_first: bool = False


class LineJob(NamedTuple):
    """The job that a line is about: its tool by key, of which version of the catalog."""

    job_id: UUID
    tool: str
    version: str
    duration_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An entry of a wallet, with who acted and why unless that was erased.

    The entry has the running balance: what was available and held after it. A line that holds,
    spends or gives back what a job uses tells the job, and one that ends at once what came back to
    a lot that was over; a grant of purchased credits tells the purchase.
    """

    workspace_id: UUID
    kind: str
    entry: Entry
    note: Note | None
    job: LineJob | None
    purchase_id: UUID | None

    @property
    def words(self) -> str:
        """Tell in plain words what the line did."""
        return words(entry=self.entry)

    @property
    def is_note_erased(self) -> bool:
        """Tell whether there was a note that is gone."""
        return self.note is None and self.entry.note_digest is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some lines in the reading order, and the cursors at both ends.

    `has_more` tells whether there were more lines the way that the page was read.
    """

    lines: tuple[Line, ...]
    before: str
    after: str
    has_more: bool


class _Span(NamedTuple):
    """The lines of a wallet above one sequence, up to another."""

    above: int
    upto: int


class _Search(NamedTuple):
    """How lines are looked for: a whole page and one line more, from one of the ends."""

    workspace_id: UUID
    filters: Filters
    limit: int
    is_newest: bool


_Names = list[tuple[str, int]]
"""Lines by kind and sequence."""


NO_FILTERS: Final = Filters()
FIRST_PAGE: Final = Window()


async def page(
    connection: Connection,
    *,
    workspace_id: UUID,
    kind: str | None = None,
    window: Window = FIRST_PAGE,
    filters: Filters = NO_FILTERS,
) -> Page:
    """Return a page of one wallet's lines by sequence, or of all wallets' by time of writing.

    :raises BadCursor: when a cursor is not one of this workspace and kind.
    :raises BadLimit: when the limit is not from 1 to `LIMIT_MAX`.
    :raises NaiveInstant: when an instant of the filters has no zone.
    """
    limit = _checked_limit(window.limit)
    scope = f"{workspace_id} {kind or '*'}"
    heads = await _heads(connection, workspace_id, kind)
    spans = _spans(heads, *_boundaries(scope, window))
    is_back = window.before is not None and window.after is None
    search = _Search(workspace_id, filters, limit, window.is_oldest_first == is_back)
    names = await _found(connection, search, await _narrowed(connection, search, spans))
    shown = names[:limit]
    ends = (_edge(search, spans), _reached(search, spans, shown))
    begins_at, ends_at = ends[::-1] if is_back else ends
    return Page(
        lines=await lines(
            connection, workspace_id=workspace_id, names=shown[::-1] if is_back else shown
        ),
        before=encoded(scope=scope, boundary=begins_at),
        after=encoded(scope=scope, boundary=ends_at),
        has_more=len(names) > limit,
    )


async def kinds(connection: Connection, *, workspace_id: UUID) -> frozenset[str]:
    """Return the kinds of which a workspace has a wallet."""
    return frozenset(await _heads(connection, workspace_id, None))


async def lines(
    connection: Connection, *, workspace_id: UUID, names: Iterable[tuple[str, int]]
) -> tuple[Line, ...]:
    """Return the lines of some kinds and sequences, in the order given."""
    kinds, sequences = _columns(names)
    if not kinds:
        return ()
    rows = _SQL.lines(connection, workspace_id=workspace_id, kinds=kinds, sequences=sequences)
    return await _of_jobs(connection, workspace_id, tuple([_line(row) async for row in rows]))


async def entry_by_key(
    connection: Connection, *, workspace_id: UUID, namespace: str, key: str
) -> Line:
    """Return the line that a request's key names.

    :raises UnknownEntry: when it names none.
    """
    row = await _SQL.named(connection, workspace_id=workspace_id, namespace=namespace, key=key)
    if row is None:
        raise UnknownEntry(name=f"{namespace}:{key}")
    (line,) = await lines(connection, workspace_id=workspace_id, names=[tuple(row)])
    return line


async def related(
    connection: Connection, *, workspace_id: UUID, kind: str, sequence: int
) -> tuple[Line, ...]:
    """Return all lines about one hold or charge, given any of them, in order.

    They are the hold or charge, its end, its refund, what lapsed when credits came back, and what
    the operator paid. A line that is about neither comes alone.

    :raises UnknownEntry: when there is no such line.
    """
    wallet = {"workspace_id": workspace_id, "kind": kind}
    root = await _SQL.root(connection, **wallet, sequence=sequence)
    if root is None:
        raise UnknownEntry(name=f"{kind} {sequence}")
    ends = [row["sequence"] async for row in _SQL.ends(connection, **wallet, root=root)]
    followed = [await _followed(connection, workspace_id, kind, end) for end in ends]
    family = [root, *ends, *(each for some in followed for each in some)]
    rows = _SQL.absorptions(connection, **wallet, root=root, about=family)
    family += [row["sequence"] async for row in rows]
    if sequence not in family:
        family = [sequence]
    return await lines(
        connection, workspace_id=workspace_id, names=[(kind, each) for each in sorted(family)]
    )


async def _heads(connection: Connection, workspace_id: UUID, kind: str | None) -> dict[str, int]:
    rows = _SQL.heads(connection, workspace_id=workspace_id, kind=kind)
    return {row["kind"]: row["sequence"] async for row in rows}


async def _of_jobs(
    connection: Connection, workspace_id: UUID, found: tuple[Line, ...]
) -> tuple[Line, ...]:
    """Return lines, those that ended what had just come back with the job that it was of."""
    ended = [line for line in found if line.entry.namespace == _FOLLOW_UPS]
    if not ended:
        return found
    kinds, sequences = _columns(map(_name, ended))
    rows = _SQL.givers(
        connection, workspace_id=workspace_id, kinds=kinds, sequences=sequences,
        lots=[line.entry.refers_to for line in ended], due=[line.entry.due_at for line in ended],
    )  # fmt: skip
    givers = {(row["kind"], row["sequence"]): (row["kind"], row["giver"]) async for row in rows}
    given = await lines(connection, workspace_id=workspace_id, names=set(givers.values()))
    jobs = {_name(line): line.job for line in given}
    return tuple(
        replace(line, job=jobs[givers[_name(line)]]) if _name(line) in givers else line
        for line in found
    )


def _name(line: Line) -> tuple[str, int]:
    return line.kind, line.entry.sequence


async def _followed(
    connection: Connection, workspace_id: UUID, kind: str, sequence: int
) -> list[int]:
    """Return the lines that ended at once what a line gave back to lots that were over."""
    (line,) = await lines(connection, workspace_id=workspace_id, names=[(kind, sequence)])
    back = {Account.AVAILABLE, Account.FROZEN}
    lots = {posting.lot for posting in line.entry.postings if posting.target in back}
    following = await lines(
        connection, workspace_id=workspace_id,
        names=[(kind, sequence + step) for step in range(1, len(lots) + 1)],
    )  # fmt: skip

    def is_follow_up(after: Line) -> bool:
        entry = after.entry
        is_at_once = entry.namespace == _FOLLOW_UPS and entry.due_at == line.entry.due_at
        return is_at_once and entry.refers_to in lots

    return [after.entry.sequence for after in takewhile(is_follow_up, following)]


def _checked_limit(limit: object) -> int:
    if type(limit) is not int or not 1 <= limit <= LIMIT_MAX:
        raise BadLimit(limit=limit)
    return limit


def _boundaries(scope: str, window: Window) -> tuple[Boundary | None, Boundary | None]:
    """Return the older and the newer boundary that the cursors set."""
    after, before = (
        None if cursor is None else decoded(scope=scope, cursor=cursor)
        for cursor in (window.after, window.before)
    )
    return (after, before) if window.is_oldest_first else (before, after)


def _spans(
    heads: Mapping[str, int], older: Boundary | None, newer: Boundary | None
) -> dict[str, _Span]:
    """Return the lines between two boundaries; of a wallet opened later all are newer."""
    return {
        kind: _Span(
            0 if older is None else older.get(kind, 0),
            head if newer is None else newer.get(kind, 0),
        )
        for kind, head in heads.items()
    }


async def _narrowed(
    connection: Connection, search: _Search, spans: Mapping[str, _Span]
) -> dict[str, _Span]:
    """Return the spans cut to the instants and the key asked for, so that none is looked for."""
    workspace_id, filters = search.workspace_id, search.filters
    cut = dict(spans)
    if filters.due_from is not None:
        at = checked_instant(filters.due_from, name="due_from") - _TICK
        above = await sequences_at(connection, workspace_id=workspace_id, kinds=cut, at=at)
        cut = {kind: _Span(max(cut[kind].above, above[kind]), cut[kind].upto) for kind in cut}
    if filters.due_until is not None:
        at = checked_instant(filters.due_until, name="due_until") - _TICK
        upto = await sequences_at(connection, workspace_id=workspace_id, kinds=cut, at=at)
        cut = {kind: _Span(cut[kind].above, min(cut[kind].upto, upto[kind])) for kind in cut}
    if filters.namespace is None or filters.key is None:
        return cut
    named = await _SQL.named(
        connection, workspace_id=workspace_id, namespace=filters.namespace, key=filters.key
    )
    if named is None or named["kind"] not in cut:
        return {}
    kind, sequence = named
    return {kind: _Span(max(cut[kind].above, sequence - 1), min(cut[kind].upto, sequence))}


async def _found(connection: Connection, search: _Search, spans: Mapping[str, _Span]) -> _Names:
    query = _SQL.newest if search.is_newest else _SQL.oldest
    filters = search.filters
    rows = query(
        connection, workspace_id=search.workspace_id, kinds=list(spans),
        above=[span.above for span in spans.values()],
        upto=[span.upto for span in spans.values()],
        operations=list(filters.operations) or None, member_id=filters.member_id,
        project_id=filters.project_id, api_key_id=filters.api_key_id, reason=filters.reason,
        namespace=filters.namespace, key=filters.key, line_count=search.limit + 1,
    )  # fmt: skip
    return [(row["kind"], row["sequence"]) async for row in rows]


def _edge(search: _Search, spans: Mapping[str, _Span]) -> Boundary:
    """Return the boundary at which reading began."""
    return {kind: span.upto if search.is_newest else span.above for kind, span in spans.items()}


def _reached(search: _Search, spans: Mapping[str, _Span], names: _Names) -> Boundary:
    """Return the boundary after the last line of each wallet that was read."""
    step = 1 if search.is_newest else 0
    return {**_edge(search, spans), **{kind: sequence - step for kind, sequence in names}}


def _columns(names: Iterable[tuple[str, int]]) -> tuple[list[str], list[int]]:
    pairs = list(names)
    return [kind for kind, _ in pairs], [sequence for _, sequence in pairs]


def _line(row: Row) -> Line:
    entry, further, note, purchase_id, *job = row
    return Line(
        workspace_id=entry["workspace_id"], kind=entry["kind"],
        entry=entry_from(entry, postings_from(entry, further)),
        note=None if note is None else Note(note["salt"], note["actor"], note["note"]),
        job=None if job[0] is None else LineJob(*job), purchase_id=purchase_id,
    )  # fmt: skip
