"""Receipts: what a job made, what it cost, and every line of the ledger about it.

Invariant: what a provider charged is told to the house and to finance, and to no creator.
"""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from mutoscope.app.receipt import Drawn, receipt
from mutoscope.domain.attempts import AttemptState
from mutoscope.domain.staff import NotAllowed
from mutoscope.storage.attempts import Attempt
from mutoscope.storage.jobs import UnknownJob
from mutoscope.storage.price_locks import PriceLock
from mutoscope.web.api.callers import judge_reader
from mutoscope.web.api.history import LineShape, line_shape
from mutoscope.web.api.jobs import JobShape, OutputShape, job_shape, output_shape
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import documented


class AttemptShape(msgspec.Struct, frozen=True, kw_only=True):
    """One order to a provider; costs are in millionths of a US dollar, `cost_micros` is certain."""

    ordinal: int
    route: str
    provider: str
    model: str
    state: AttemptState
    list_micros: int
    cost_micros: int | None
    provider_job_id: str | None
    provider_state: str | None
    reason: str | None
    intended_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None


class PriceLockShape(msgspec.Struct, frozen=True, kw_only=True):
    """The quote that a job was ordered by, and for how long it locked which rates."""

    quote_id: UUID
    version: str
    created_at: datetime
    expires_at: datetime


class OrdersShape(msgspec.Struct, frozen=True, kw_only=True):
    """A job's orders to providers, the oldest first."""

    job_id: UUID
    attempts: tuple[AttemptShape, ...]


class ReceiptShape(msgspec.Struct, frozen=True, kw_only=True):
    """A job, what its tool is called, its outputs, and its lines, oldest first.

    `refunded` counts the credits that staff gave back of what the job captured, `drawn` what its
    hold took of which lots.
    """

    job: JobShape
    tool_name: str
    refunded: int
    outputs: tuple[OutputShape, ...]
    price_lock: PriceLockShape | None
    drawn: tuple[Drawn, ...]
    lines: tuple[LineShape, ...]


@get(
    "/workspaces/{workspace_id:uuid}/jobs/{job_id:uuid}/receipt", operation_id="showReceipt",
    tags=["jobs"], summary="What a job made, what it cost, and which lots paid",
    responses=documented(UnknownJob),
)  # fmt: skip
async def show_receipt(
    *, house: HouseHere, workspace_id: FromPath[UUID], job_id: FromPath[UUID]
) -> ReceiptShape:
    """Return the receipt of a job, finished or not."""
    found = await receipt(house.studio, workspace_id=workspace_id, job_id=job_id)
    lock = found.price_lock
    return ReceiptShape(
        job=job_shape(found.job),
        tool_name=found.tool_name,
        refunded=found.refunded,
        outputs=tuple(output_shape(found.job, output) for output in found.outputs),
        price_lock=None if lock is None else _lock_shape(lock),
        drawn=found.drawn,
        lines=tuple(map(line_shape, found.lines)),
    )


@get(
    "/finance/workspaces/{workspace_id:uuid}/jobs/{job_id:uuid}/orders", operation_id="showOrders",
    tags=["finance"], summary="The orders of a job to providers, and what they cost the studio",
    responses=documented(UnknownJob, NotAllowed), guards=[judge_reader],
)  # fmt: skip
async def show_orders(
    *, house: HouseHere, workspace_id: FromPath[UUID], job_id: FromPath[UUID]
) -> OrdersShape:
    """Return the orders of a job."""
    found = await receipt(house.studio, workspace_id=workspace_id, job_id=job_id)
    return OrdersShape(job_id=job_id, attempts=tuple(map(_attempt_shape, found.attempts)))


def _attempt_shape(attempt: Attempt) -> AttemptShape:
    return AttemptShape(**{name: getattr(attempt, name) for name in AttemptShape.__struct_fields__})


def _lock_shape(lock: PriceLock) -> PriceLockShape:
    return PriceLockShape(
        quote_id=lock.quote_id, version=lock.version, created_at=lock.created_at,
        expires_at=lock.expires_at,
    )  # fmt: skip
