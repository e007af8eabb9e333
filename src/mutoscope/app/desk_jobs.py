"""The desk action on jobs: credits that a finished job captured are given back (rules 8 and 17).

Invariant: the refund is one entry of the ledger, and a settlement is refunded once; what it gives
back to lots that are over ends at once, and the card says how much. The surprising choice: credits
that come back to a purchase of which the money went back are taken back with the rest, and their
money follows in the same transaction, by the formula of every refund.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.app.credits_back import CreditsBack, credits_back
from mutoscope.app.desk_facts import open_workspace
from mutoscope.app.generate import NAMESPACE
from mutoscope.app.send_refund import send
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.planner import Submission
from mutoscope.storage import jobs
from mutoscope.storage.session import SideRowRefused

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.desk import Deed
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
    back = await _read(studio, deed)
    try:
        await _give_back(studio, deed, back)
    except SideRowRefused:  # perhaps a lot ended at this moment, or its money went back
        back = await _read(studio, deed)
        await _give_back(studio, deed, back)
    for each in back.moneys:
        if each.refund is not None:
            await send(studio, each.refund)


async def count_job(studio: Studio, deed: Deed) -> int:
    """Return the credits that are to be given back."""
    asked = deed.number_of("credits")
    return asked if asked is not None else (await _job(studio, deed)).captured or 0


async def _give_back(studio: Studio, deed: Deed, back: CreditsBack) -> None:
    action = ask.Refund(_settlement(deed), back.credits)
    request = deed.request(studio, kind=back.kind, action=action)
    rows = (*back.rows(request), *deed.rows(studio, **_told(back)))
    await studio.journal.submit(Submission((request,)), side_rows=rows)


async def _read(studio: Studio, deed: Deed) -> CreditsBack:
    """Return what would be given back now."""
    job = await _job(studio, deed)
    if job.is_metered or not job.captured:
        raise NothingCaptured(job_id=job.job_id, state=job.state)
    return await credits_back(
        studio, workspace_id=deed.workspace_id, of=_settlement(deed),
        amount=deed.number_of("credits"),
    )  # fmt: skip


def _told(back: CreditsBack) -> dict[str, Value]:
    """Return what the line and the card say of what is given back."""
    found: dict[str, Value] = {"kind": back.kind, "credits": back.credits}
    found |= {name: each for name in ("lapsed", "voided") if (each := getattr(back, name))}
    sent = [each.refund for each in back.moneys if each.refund is not None]
    if len({each.currency for each in sent}) == 1:
        found |= {"amount": sum(e.amount for e in sent), "currency": sent[0].currency}
    return found


async def _job(studio: Studio, deed: Deed) -> Job:
    async with studio.reading() as connection:
        return await jobs.get(
            connection, workspace_id=deed.workspace_id, job_id=deed.id_of("job_id")
        )


def _settlement(deed: Deed) -> ask.Reference:
    """Return the key under which a job's hold was settled."""
    return ask.Reference(NAMESPACE, f"end/{deed.id_of('job_id')}")
