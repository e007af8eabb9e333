"""The receipt of a job: what was asked and delivered, what it cost, and which lots paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from mutoscope.app.generate import hold_of
from mutoscope.domain.chart import Account, Operation
from mutoscope.storage import attempts, history, jobs, price_locks

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.attempts import Attempt
    from mutoscope.storage.database import Connection
    from mutoscope.storage.history import Line
    from mutoscope.storage.jobs import Job, StoredOutput
    from mutoscope.storage.price_locks import PriceLock


class Drawn(NamedTuple):
    """Credits that a job's hold drew of a lot, and the purchase that the lot came from, if any."""

    lot: int
    credits: int
    purchase_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A job, its outputs, its orders to providers, and every line of the ledger about it.

    Orders and lines are the oldest first. `drawn` is in the order in which it was drawn, and none
    of metered use. `tool_name` is what the catalog calls the tool,
    `price_lock` is of the quote that the job was ordered by. The orders tell what the studio pays:
    they are for staff, and no creator sees them.
    """

    job: Job
    tool_name: str
    outputs: tuple[StoredOutput, ...]
    attempts: tuple[Attempt, ...]
    price_lock: PriceLock | None
    drawn: tuple[Drawn, ...]
    lines: tuple[Line, ...]

    @property
    def refunded(self) -> int:
        """Return the credits that staff gave back of what was captured."""
        return sum(
            posting.amount
            for line in self.lines
            if line.entry.operation == Operation.REFUND
            for posting in line.entry.postings
        )


async def receipt(studio: Studio, *, workspace_id: UUID, job_id: UUID) -> Receipt:
    """Return the receipt of a job, finished or not.

    :raises UnknownJob: when the workspace has no such job.
    """
    async with studio.reading() as connection:
        job = await jobs.get(connection, workspace_id=workspace_id, job_id=job_id)
        outputs = await jobs.outputs_of(connection, workspace_id=workspace_id, job_id=job_id)
        ordered = await attempts.attempts_of(connection, workspace_id=workspace_id, job_id=job_id)
        lock = await price_locks.price_lock_of(connection, workspace_id=workspace_id, job_id=job_id)
        namespace, key = hold_of(job)
        hold = await history.entry_by_key(
            connection, workspace_id=workspace_id, namespace=namespace, key=key
        )
        lines = await history.related(
            connection, workspace_id=workspace_id, kind=job.kind, sequence=hold.entry.sequence
        )
        drawn = await _drawn(connection, hold)
    tool = studio.catalog.version(key=job.version).tool(key=job.tool)
    return Receipt(
        job=job, tool_name=tool.name, outputs=outputs, attempts=ordered, price_lock=lock,
        drawn=drawn, lines=lines,
    )  # fmt: skip


async def _drawn(connection: Connection, hold: Line) -> tuple[Drawn, ...]:
    """Return what a hold drew; a lot has the number of the line that granted it."""
    draws = [
        (posting.lot, posting.amount)
        for posting in hold.entry.postings
        if posting.target == Account.HELD and posting.lot is not None
    ]
    granted = await history.lines(
        connection, workspace_id=hold.workspace_id, names=[(hold.kind, lot) for lot, _ in draws]
    )
    return tuple(
        Drawn(lot, amount, line.purchase_id)
        for (lot, amount), line in zip(draws, granted, strict=True)
    )
