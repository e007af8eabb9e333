"""Credits that come back: what a refund of an entry gives to its lots, and the money that follows.

Invariant: a refund of an entry and the money that it moves are one transaction, by whomever it is
asked for. Credits that come back to a purchase whose money went back are taken back with the rest,
and their money follows by the formula of every refund (rule 17 of the product).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mutoscope.app import money_back
from mutoscope.domain.chart import CAPTURED
from mutoscope.domain.ledger import RefundExceedsCapture, split
from mutoscope.domain.lots import Draw, LotState
from mutoscope.domain.spending import AlreadyRefunded
from mutoscope.storage import desk, history
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.money_back import MoneyAfter
    from mutoscope.app.studio import Studio
    from mutoscope.domain.actions import Reference
    from mutoscope.domain.requests import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsBack:
    """What a refund gives back, how much of it ends at once, and the money that follows."""

    kind: str
    credits: int
    lapsed: int
    voided: int
    moneys: tuple[MoneyAfter, ...]

    def rows(self, request: Request) -> tuple[SideRow, ...]:
        """Return what commits with the request that gives it back, while all is as it was read."""
        as_read = (
            request.workspace_id, request.namespace, request.key, self.lapsed, self.voided
        )  # fmt: skip
        return (
            SideRow(desk.expect_returned, as_read),
            *(row for each in self.moneys for row in each.rows),
        )


async def credits_back(
    studio: Studio, *, workspace_id: UUID, of: Reference, amount: int | None
) -> CreditsBack:
    """Return what a refund of a charge or settlement would give back now, all of it by default.

    :raises UnknownEntry: when there is none of that key.
    :raises AlreadyRefunded: when it was refunded before.
    :raises RefundExceedsCapture: when it captured less.
    :raises PurchaseNotInThisState: when a dispute of a purchase has to be decided first.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        line = await history.entry_by_key(
            connection, workspace_id=workspace_id, namespace=of.namespace, key=of.key
        )
        if await desk.is_refunded(
            connection, workspace_id=workspace_id, kind=line.kind, sequence=line.entry.sequence
        ):
            raise AlreadyRefunded(reference=of)
        draws = tuple(
            Draw(posting.lot, posting.amount)
            for posting in line.entry.postings
            if posting.lot is not None and posting.target == CAPTURED
        )
        captured = sum(draw.amount for draw in draws)
        wanted = captured if amount is None else amount
        if wanted > captured:
            raise RefundExceedsCapture(amount=wanted, captured=captured)
        _, back = split(draws=draws, amount=captured - wanted)
        lots = await desk.origins(
            connection, workspace_id=workspace_id, kind=line.kind,
            lots=[draw.lot for draw in back],
        )  # fmt: skip
    voided = [draw for draw in back if lots[draw.lot].state is LotState.VOIDED]
    over: Counter[UUID] = Counter()
    bought = [(lots[draw.lot].purchase_id, draw.amount) for draw in voided]
    for owner, part in [(owner, part) for owner, part in bought if owner is not None]:
        over[owner] += part
    return CreditsBack(
        kind=line.kind, credits=wanted, voided=sum(draw.amount for draw in voided),
        lapsed=sum(draw.amount for draw in back if lots[draw.lot].is_lapsed(at=at)),
        moneys=tuple([
            await money_back.after_return(
                studio, workspace_id=workspace_id, purchase_id=purchase_id, returned=part
            )
            for purchase_id, part in sorted(over.items())
        ]),
    )  # fmt: skip
