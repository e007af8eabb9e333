"""A job of the past under a draft of the catalog: what it would hold, and what it would capture.

Invariant: where the draft asks the same rate as the version that the job was ordered under, the job
costs what it did, so that an unchanged catalog changes nothing. Else it costs the draft's rate for
the same images, or the same seconds as they were measured.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from mutoscope.domain.catalog import Version
from mutoscope.domain.estimate import captured, purchase_price
from mutoscope.domain.offers import Allowance, Basis, Money, Tool, Unit

MILLISECONDS = 1_000


class PastJob(NamedTuple):
    """A job that was ordered: at what price, what it captured and delivered, and what it cost."""

    workspace_id: UUID
    job_id: UUID
    kind: str
    tool: str
    version: str
    price: int
    captured: int | None
    images: int
    duration_s: int | None
    outputs: int
    duration_ms: int
    cost_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Packs:
    """What would pay for credits that are short: so many of a pack, or a free amount of credits."""

    pack: str | None
    number: int
    price: Money


def held_under(*, job: PastJob, then: Tool | None, draft: Tool) -> int | None:
    """Return what a job would hold, or None where the draft's unit counts what it has not."""
    if is_same_rate(then, draft):
        return job.price
    match draft.unit:
        case Unit.PER_IMAGE:
            return job.images * draft.credits
        case Unit.PER_SECOND:
            return None if job.duration_s is None else job.duration_s * draft.credits
        case Unit.PER_VIDEO:
            return draft.credits


def captured_under(*, job: PastJob, then: Tool | None, draft: Tool, held: int) -> int:
    """Return what a job would capture of what it holds; nothing where nothing was captured."""
    was = job.captured or 0
    if is_same_rate(then, draft) or not was:
        return was
    measured_s = Fraction(job.duration_ms, MILLISECONDS)
    if not job.outputs:  # nothing was measured: it was delivered as it was asked for
        return held
    return captured(tool=draft, held=held, images_delivered=job.outputs, measured_s=measured_s)


def is_same_rate(then: Tool | None, draft: Tool) -> bool:
    """Tell whether a tool costs the same as it did."""
    return then is not None and (then.unit, then.credits) == (draft.unit, draft.credits)


def granted_under(*, amount: int, then: Allowance | None, draft: Allowance | None) -> int:
    """Return what a plan's grant would be: the same share of the draft's allowance, rounded up.

    A grant that was no share of a fixed allowance stays as it was.
    """
    if then is None or then.basis is not Basis.FIXED:
        return amount
    if draft is None:
        return 0
    if draft.basis is not Basis.FIXED:
        return amount
    return -(-amount * draft.credits // then.credits)


def packs_for(*, version: Version, kind: str, needed: int) -> Packs | None:
    """Return what would pay for credits that are short, or None where none are for sale.

    It is the pack with the lowest price a credit, as often as it is needed; else a free amount.
    """
    packs = [pack for pack in version.packs if pack.kind == kind]
    if packs:
        best = min(packs, key=lambda pack: (Fraction(pack.price.amount, pack.credits), pack.key))
        number = -(-needed // best.credits)
        price = Money(amount=number * best.price.amount, currency=best.price.currency)
        return Packs(pack=best.key, number=number, price=price)
    if any(offer.kind == kind for offer in version.free_amounts):
        amount = max(needed, version.purchase_credits_min)
        price = purchase_price(version=version, kind=kind, amount=amount)
        return Packs(pack=None, number=amount, price=price)
    return None
