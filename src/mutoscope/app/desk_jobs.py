"""The desk action on jobs: credits that a finished job captured are given back (rules 8 and 17).

Invariant: the refund is one entry of the ledger, and a settlement is refunded once; what it gives
back to lots that are over ends at once, and the card says how much. The surprising choice: credits
that come back to a purchase of which the money went back are taken back with the rest, and their
money follows in the same transaction, by the formula of every refund.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mutoscope.app import money_back
from mutoscope.app.desk_facts import open_workspace
from mutoscope.app.generate import NAMESPACE
from mutoscope.domain import actions as ask
from mutoscope.domain.chart import Account
from mutoscope.domain.credits import Refusal
from mutoscope.domain.ledger import RefundExceedsCapture, split
from mutoscope.domain.lots import Draw, LotState
from mutoscope.domain.planner import Submission
from mutoscope.storage import desk, history, jobs
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.desk import Deed
    from mutoscope.app.money_back import MoneyAfter
    from mutoscope.app.studio import Studio
    from mutoscope.domain.audit import Value
    from mutoscope.storage.jobs import Job


class NothingCaptured(Refusal):
    """A refund of a job that captured no credits: nothing was paid for it."""

    code = "nothing_captured"

    def __init__(self, *, job_id: UUID, state: str) -> None:
        super().__init__(
            f"the job {job_id} is {state} and captured no credits: there is nothing to give back; "
            "`desk goodwill` gives credits all the same"
        )
        self.job_id = job_id
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class _Returned:
    """What a refund gives back, how much of it ends at once, and the money that follows."""

    kind: str
    credits: int
    lapsed: int
    voided: int
    moneys: tuple[MoneyAfter, ...]

    def told(self) -> dict[str, Value]:
        """Return what the line and the card say of it."""
        found: dict[str, Value] = {"kind": self.kind, "credits": self.credits}
        found |= {name: each for name in ("lapsed", "voided") if (each := getattr(self, name))}
        sent = [each.refund for each in self.moneys if each.refund is not None]
        if len({each.currency for each in sent}) == 1:
            found |= {"amount": sum(e.amount for e in sent), "currency": sent[0].currency}
        return found


async def refund_job(studio: Studio, deed: Deed) -> None:
    """Give back what a finished job captured, or a part of it, the last draw first.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises WorkspaceClosed: when it is closed.
    :raises UnknownJob: when the workspace has no such job.
    :raises NothingCaptured: when the job captured nothing, or goes on.
    :raises RefundExceedsCapture: when it captured less.
    :raises AlreadyRefunded: when it was refunded before.
    :raises PurchaseNotInThisState: when a dispute of a purchase has to be decided first.
    """
    await open_workspace(studio, deed.workspace_id)
    returned = await _read(studio, deed)
    try:
        await _give_back(studio, deed, returned)
    except SideRowRefused:  # perhaps a lot ended at this moment, or its money went back
        returned = await _read(studio, deed)
        await _give_back(studio, deed, returned)
    for each in returned.moneys:
        if each.refund is not None:
            await money_back.send(studio, each.refund)


async def count_job(studio: Studio, deed: Deed) -> int:
    """Return the credits that are to be given back."""
    asked = deed.number_of("credits")
    return asked if asked is not None else (await _job(studio, deed)).captured or 0


async def _give_back(studio: Studio, deed: Deed, returned: _Returned) -> None:
    action = ask.Refund(_settlement(deed), returned.credits)
    request = deed.request(studio, kind=returned.kind, action=action)
    as_told = (
        deed.workspace_id, request.namespace, request.key, returned.lapsed, returned.voided
    )  # fmt: skip
    rows = (
        SideRow(desk.expect_returned, as_told),
        *(row for each in returned.moneys for row in each.rows),
        *deed.rows(studio, **returned.told()),
    )
    await studio.journal.submit(Submission((request,)), side_rows=rows)


async def _read(studio: Studio, deed: Deed) -> _Returned:
    """Return what would be given back now."""
    job = await _job(studio, deed)
    if job.is_metered or not job.captured:
        raise NothingCaptured(job_id=job.job_id, state=job.state)
    amount = deed.number_of("credits") or job.captured
    if amount > job.captured:
        raise RefundExceedsCapture(amount=amount, captured=job.captured)
    of, at = _settlement(deed), studio.clock.now()
    async with studio.reading() as connection:
        line = await history.entry_by_key(
            connection, workspace_id=deed.workspace_id, namespace=of.namespace, key=of.key
        )
        draws = tuple(
            Draw(posting.lot, posting.amount)
            for posting in line.entry.postings
            if posting.lot is not None and posting.target == Account.CAPTURED
        )
        _, back = split(draws=draws, amount=job.captured - amount)
        lots = await desk.origins(
            connection, workspace_id=deed.workspace_id, kind=job.kind,
            lots=[draw.lot for draw in back],
        )  # fmt: skip
    voided = [draw for draw in back if lots[draw.lot].state is LotState.VOIDED]
    purchases: Counter[UUID] = Counter()
    for draw in voided:
        purchase_id = lots[draw.lot].purchase_id
        if purchase_id is not None:
            purchases[purchase_id] += draw.amount
    return _Returned(
        kind=job.kind, credits=amount, voided=sum(draw.amount for draw in voided),
        lapsed=sum(draw.amount for draw in back if lots[draw.lot].is_lapsed(at=at)),
        moneys=tuple([
            await money_back.after_return(
                studio, workspace_id=deed.workspace_id, purchase_id=purchase_id, returned=part
            )
            for purchase_id, part in sorted(purchases.items())
        ]),
    )  # fmt: skip


async def _job(studio: Studio, deed: Deed) -> Job:
    async with studio.reading() as connection:
        return await jobs.get(
            connection, workspace_id=deed.workspace_id, job_id=deed.id_of("job_id")
        )


def _settlement(deed: Deed) -> ask.Reference:
    """Return the key under which a job's hold was settled."""
    return ask.Reference(NAMESPACE, f"end/{deed.id_of('job_id')}")
