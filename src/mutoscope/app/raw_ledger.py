"""Raw operations on the ledger of a studio: what the API is asked to do by batch.

Invariant: no raw operation leaves money behind. A refund of what drew credits of a purchase moves
the purchase's money as the desk's own does; a grant under the reference of a purchase or a plan is
refused, for its credits would be counted among those that were paid. The ledger as a library knows
nothing of this: it has no purchases.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.credits_back import credits_back
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.ledger import RefundExceedsCapture
from mutoscope.domain.lots import Source
from mutoscope.domain.planner import Submission
from mutoscope.domain.spending import AlreadyRefunded
from mutoscope.storage import purchases
from mutoscope.storage.journal import AWAY
from mutoscope.storage.session import SideRowRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mutoscope.app.studio import Studio
    from mutoscope.domain.planner import Outcome
    from mutoscope.domain.requests import Request
    from mutoscope.storage.session import SideRow

PAID: Final = frozenset({Source.PACK, Source.PLAN})
"""Sources of lots that are looked for by what paid for them."""

TRIES: Final = 3
"""Times that a refund is judged anew, when what it gives back to changes at this moment."""


class PaidReference(Refusal):
    """A raw grant under the reference of a purchase or a plan, whose credits are paid for."""

    code = "paid_reference"

    def __init__(self, *, name: UUID) -> None:
        super().__init__(
            f"{name} names a purchase or a plan of this workspace, whose credits come "
            "with its payment: add those of a purchase at the desk (`desk add-credits`), give "
            "others there (`desk goodwill`, `desk adjust`), or use a reference of your own"
        )
        self.name = name


async def perform(
    studio: Studio, *, workspace_id: UUID, requests: Sequence[Request]
) -> list[Outcome]:
    """Do raw operations of a workspace in their order; return an outcome for each.

    :raises DatabaseUnreachable: when the database stays away; the keys tell what was written.
    """
    outcomes: list[Outcome] = []
    for part in _parts(requests):
        paid = await _paid_references(studio, workspace_id, part)
        bought = await _bought(studio, workspace_id, part)
        for is_bought, run in _runs(part, bought):
            if is_bought:
                outcomes += [await _refund(studio, each) for each in run]
            else:
                outcomes += await _written(studio, run, paid)
    return outcomes


def _parts(requests: Sequence[Request]) -> Iterator[list[Request]]:
    """Yield requests in parts, of which none refunds what is asked for in the same part."""
    part: list[Request] = []
    keys: set[str] = set()
    for request in requests:
        if _refunded(request) in keys:
            yield part
            part, keys = [], set()
        part.append(request)
        keys.add(request.key)
    yield part


def _runs(part: list[Request], bought: frozenset[str]) -> Iterator[tuple[bool, list[Request]]]:
    """Yield a part as runs of requests, each with whether it refunds what was bought."""
    for is_bought, run in groupby(part, lambda each: _refunded(each) in bought):
        yield is_bought, list(run)


def _refunded(request: Request) -> str | None:
    """Return the key of what a request refunds, if it is a refund."""
    return request.action.of.key if isinstance(request.action, ask.Refund) else None


async def _bought(
    studio: Studio, workspace_id: UUID, requests: Sequence[Request]
) -> frozenset[str]:
    """Return the keys, of those that are to be refunded, which captured credits of a purchase."""
    keys = [key for each in requests if (key := _refunded(each)) is not None]
    if not keys:
        return frozenset()
    async with studio.reading() as connection:
        return await purchases.bought_captures(
            connection, workspace_id=workspace_id, namespace=requests[0].namespace, keys=keys
        )


async def _paid_references(
    studio: Studio, workspace_id: UUID, requests: Sequence[Request]
) -> frozenset[UUID]:
    """Return the purchases and plans of the workspace that grants are named after."""
    named = [found for each in requests if (found := _named(each)) is not None]
    if not named:
        return frozenset()
    async with studio.reading() as connection:
        return await purchases.paid_names(connection, workspace_id=workspace_id, names=named)


def _named(request: Request) -> UUID | None:
    """Return the id in a grant's reference, where a purchase or a plan may be meant."""
    if not isinstance(request.action, ask.Grant):
        return None
    terms = request.action.terms
    if terms.reference is None or terms.source not in PAID:
        return None
    try:
        return UUID(terms.reference.partition("/")[0])
    except ValueError:
        return None


async def _written(
    studio: Studio, requests: Sequence[Request], paid: frozenset[UUID]
) -> list[Outcome]:
    """Write requests, but those that grant what is paid for."""
    refused = [PaidReference(name=name) if (name := _named(each)) in paid else None
               for each in requests]  # fmt: skip
    works = [
        Submission((each,)) for each, refusal in zip(requests, refused, strict=True)
        if refusal is None
    ]  # fmt: skip
    answered = iter(await studio.journal.submit_all(works))
    return [next(answered) if refusal is None else refusal for refusal in refused]


async def _refund(studio: Studio, request: Request) -> Outcome:
    """Refund what captured credits of a purchase, with the money that follows."""
    tries = TRIES
    while True:
        tries -= 1
        try:
            return await studio.journal.submit(
                Submission((request,)), side_rows=await _money(studio, request)
            )
        except SideRowRefused as refusal:  # perhaps the purchase's money went back at this moment
            if not tries:
                return refusal
        except AWAY:
            raise
        except Refusal as refusal:
            return refusal


async def _money(studio: Studio, request: Request) -> tuple[SideRow, ...]:
    """Return what commits with a refund; of one that the ledger refuses or repeats, nothing."""
    assert isinstance(request.action, ask.Refund), request
    of, amount = request.action
    try:
        back = await credits_back(studio, workspace_id=request.workspace_id, of=of, amount=amount)
    except (AlreadyRefunded, RefundExceedsCapture):
        return ()
    return back.rows(request)
