"""What the books are made of: credits, money and costs as rows, summed up on the server.

Invariant: everything here only reads. A fact counts from the instant at which it was written; `at`
includes that instant, a span excludes its end.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from mutoscope.domain.deferred import Back, LotUse, PaidLine, PaidPlan
from mutoscope.domain.draft import PastJob
from mutoscope.storage.database import queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from mutoscope.storage.database import Connection

_SQL: Final = queries("finance")
PURCHASE: Final = "purchase"


class LeftCredits(NamedTuple):
    """Credits that are left of lots of one kind, source and age (how many limits it has passed)."""

    kind: str
    source: str
    is_paid: bool
    age: int
    available: int
    frozen: int
    held: int
    lots: int


class PaidLot(NamedTuple):
    """A lot that was paid for: whose, since when, and what became of it."""

    workspace_id: UUID
    kind: str
    lot: int
    source: str
    reference: str | None
    currency: str
    granted_at: datetime
    use: LotUse


class PaidLots(NamedTuple):
    """The lots that were paid for before a span, and by its end, as they were then."""

    before: tuple[PaidLot, ...]
    after: tuple[PaidLot, ...]


class ToolUse(NamedTuple):
    """Credits of a tool that went to one account: of which source, and what they had cost."""

    tool: str | None
    kind: str
    account: str
    source: str | None
    currency: str | None
    credits: int
    worth: int


class ToolCost(NamedTuple):
    """What a provider charged for the orders of a tool."""

    tool: str
    kind: str
    provider: str
    orders: int
    cost_micros: int


class PaidRequest(NamedTuple):
    """Money that was asked for and paid; `lines` are net.

    `credited` is of its total: it was credited before, and never paid.
    """

    workspace_id: UUID
    request_id: UUID
    purpose: str
    gateway: str
    title: str
    lines: tuple[PaidLine, ...]
    net: int
    tax: int
    currency: str
    paid_at: datetime
    credited: int


class MoneyBack(NamedTuple):
    """Money that went back, by a refund or by a lost dispute, and of which request, if of one.

    A refund that came back again has an amount below nothing.
    """

    workspace_id: UUID
    name: str
    payment_id: UUID
    gateway: str
    amount: int
    currency: str
    at: datetime
    request_id: UUID | None
    is_dispute: bool


class Payment(NamedTuple):
    """Money that came; `backs` counts the refunds that were asked and disputes that were lost."""

    workspace_id: UUID
    payment_id: UUID
    gateway: str
    amount: int
    currency: str
    state: str
    received_at: datetime
    settled_at: datetime | None
    backs: int


class PaidOrder(NamedTuple):
    """A purchase that was paid; its credits are granted later, or it ended before."""

    workspace_id: UUID
    purchase_id: UUID
    request_id: UUID
    kind: str
    credits: int
    net: int
    currency: str
    paid_at: datetime
    ended_at: datetime | None


class LotMove(NamedTuple):
    """A posting that changed what a paid lot is worth."""

    workspace_id: UUID
    kind: str
    sequence: int
    posted_at: datetime
    operation: str
    lot: int
    source: str
    target: str
    amount: int


class Cost(NamedTuple):
    """An order that a provider charged for."""

    workspace_id: UUID
    job_id: UUID
    ordinal: int
    provider: str
    tool: str
    cost_micros: int
    ended_at: datetime


class Span(NamedTuple):
    """A half-open span of time."""

    starts_at: datetime
    ends_at: datetime


async def last_written(connection: Connection) -> datetime | None:
    """Return when the last credits moved or the last money was taken; None where nothing was."""
    found: datetime | None = await _SQL.last_written(connection)
    return found


async def left_credits(
    connection: Connection, *, at: datetime, days: Sequence[int]
) -> tuple[LeftCredits, ...]:
    """Return the credits outstanding at an instant, by kind, source, payment and age."""
    rows = _SQL.outstanding(connection, at=at, days=list(days))
    return tuple([LeftCredits(*row) async for row in rows])


async def paid_lots(connection: Connection, *, span: Span) -> PaidLots:
    """Return the lots that were paid for, and what had become of them before a span and after."""
    before, after = [], []
    async for row in _SQL.paid_lots(connection, **span._asdict()):
        paid, granted, is_before = row[7:10]
        after.append(PaidLot._make((*row[:7], LotUse(paid, granted, *row[13:]))))
        if is_before:
            before.append(PaidLot._make((*row[:7], LotUse(paid, granted, *row[10:13]))))
    return PaidLots(tuple(before), tuple(after))


async def tool_uses(
    connection: Connection, *, span: Span, before: Sequence[PaidLot]
) -> tuple[ToolUse, ...]:
    """Return what the tools used in a span, by who paid, given the paid lots before it."""
    drawn = [lot for lot in before if lot.use.captured]
    rows = _SQL.tool_uses(
        connection, **span._asdict(), workspaces=[lot.workspace_id for lot in drawn],
        kinds=[lot.kind for lot in drawn], lots=[lot.lot for lot in drawn],
        captured=[lot.use.captured for lot in drawn],
    )  # fmt: skip
    return tuple([ToolUse(*row) async for row in rows])


async def tool_costs(connection: Connection, *, span: Span) -> tuple[ToolCost, ...]:
    """Return what providers charged in a span."""
    return tuple([ToolCost(*row) async for row in _SQL.tool_costs(connection, **span._asdict())])


async def paid_requests(connection: Connection, *, at: datetime) -> tuple[PaidRequest, ...]:
    """Return what was paid up to an instant, the eldest first."""
    rows = _SQL.paid_requests(connection, at=at)
    return tuple([_request(row) async for row in rows])


async def money_back(connection: Connection, *, at: datetime) -> tuple[MoneyBack, ...]:
    """Return the money that went back up to an instant, in order."""
    refunds = [
        MoneyBack(
            row["workspace_id"], _refund_name(row), row["payment_id"], row["gateway"],
            row["amount"], row["currency"], row["told_at"], row["request_id"],
            is_dispute=False,
        )
        async for row in _SQL.refunds(connection, at=at)
    ]  # fmt: skip
    disputes = [
        MoneyBack(
            row["workspace_id"], row["reference"], row["payment_id"], row["gateway"],
            row["amount"], row["currency"], row["closed_at"], row["request_id"], is_dispute=True,
        )
        async for row in _SQL.lost_disputes(connection, at=at)
    ]  # fmt: skip
    return tuple(sorted(refunds + disputes, key=lambda back: (back.at, back.name)))


async def payments(connection: Connection, *, at: datetime) -> tuple[Payment, ...]:
    """Return the money that came up to an instant, the eldest first."""
    return tuple([Payment(*row) async for row in _SQL.payments(connection, at=at)])


async def orders(connection: Connection, *, at: datetime) -> tuple[PaidOrder, ...]:
    """Return the purchases that were paid up to an instant, the eldest first."""
    return tuple([PaidOrder(*row) async for row in _SQL.orders(connection, at=at)])


async def lot_moves(connection: Connection, *, span: Span) -> AsyncIterator[LotMove]:
    """Yield what changed the worth of paid lots in a span, in order."""
    async for row in _SQL.lot_moves(connection, **span._asdict()):
        yield LotMove(*row)


async def costs(connection: Connection, *, ends_at: datetime) -> tuple[Cost, ...]:
    """Return every order that a provider had charged for before an instant."""
    return tuple([Cost(*row) async for row in _SQL.costs(connection, ends_at=ends_at)])


async def past_jobs(connection: Connection, *, span: Span) -> dict[UUID, PastJob]:
    """Return the jobs that were ordered in a span, by their ids."""
    rows = _SQL.jobs_of_span(connection, **span._asdict())
    return {row["job_id"]: PastJob(**row) async for row in rows}


async def plan_times(connection: Connection) -> dict[str, list[tuple[datetime, str]]]:
    """Return the plans of each subscription with the instants since when it had them, in order."""
    found: dict[str, list[tuple[datetime, str]]] = {}
    async for row in _SQL.plans_of_subscriptions(connection):
        found.setdefault(str(row["subscription_id"]), []).append((row["since_at"], row["plan"]))
    return found


def _refund_name(row: Mapping[str, Any]) -> str:
    """Return what a refund is called, and which time it went or came."""
    return f"{row['refund_id']}/{row['ordinal']}" if row["ordinal"] > 1 else str(row["refund_id"])


def paid_plans(requests: Sequence[PaidRequest], backs: Sequence[MoneyBack]) -> tuple[PaidPlan, ...]:
    """Return the requests that were for plans, each with the money that went back of it.

    What was credited before it was paid counts as gone back at once.
    """
    by_request: dict[tuple[UUID, UUID | None], list[Back]] = {}
    for each in backs:
        by_request.setdefault((each.workspace_id, each.request_id), []).append(
            Back(each.at, each.amount)
        )
    return tuple(
        PaidPlan(
            workspace_id=each.workspace_id, request_id=each.request_id, title=each.title,
            currency=each.currency, net=each.net, tax=each.tax, lines=each.lines,
            paid_at=each.paid_at,
            backs=(
                *((Back(each.paid_at, each.credited),) if each.credited else ()),
                *by_request.get((each.workspace_id, each.request_id), ()),
            ),
        )
        for each in requests
        if each.purpose != PURCHASE
    )  # fmt: skip


def _request(row: Mapping[str, Any]) -> PaidRequest:
    return PaidRequest(
        row["workspace_id"], row["request_id"], row["purpose"], row["gateway"], row["title"],
        tuple(_line(line) for line in json.loads(row["lines"])), row["net"], row["tax"],
        row["currency"], row["paid_at"], row["credited"],
    )  # fmt: skip


def _line(line: Mapping[str, Any]) -> PaidLine:
    starts_at, ends_at = (line.get(name) for name in ("starts_at", "ends_at"))
    return PaidLine(
        line["amount"],
        None if starts_at is None else datetime.fromisoformat(starts_at),
        None if ends_at is None else datetime.fromisoformat(ends_at),
    )
