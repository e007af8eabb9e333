"""What a wallet shows at an instant, and how it comes about.

Invariant: every figure of a balance is a sum over its lots and holds, so that each credit shown is
explained. A balance not before the last entry is made on a working copy of the wallet on which
whatever is due is posted and never written, so that a clock that is late shows no lapsed credits.
An earlier one is made of the postings up to then. The surprising choice: a projection releases a
hold at its deadline, the latest end that is known, though its job may end before, or renew it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from mutoscope.domain.chart import Operation
from mutoscope.domain.credits import Refusal
from mutoscope.domain.due import post_due
from mutoscope.domain.instants import told
from mutoscope.domain.journal import Entry
from mutoscope.domain.lots import NEVER, Lot
from mutoscope.domain.wallet import OpenHold, Wallet
from mutoscope.domain.wording import words

AHEAD_MAX: Final = timedelta(days=3_653)
"""How far a balance is projected: ten years of periods, beyond which plans and prices are idle."""


class TooFarAhead(Refusal):
    """An instant for which no balance is projected."""

    code = "too_far_ahead"

    def __init__(self, *, at: datetime, latest_at: datetime) -> None:
        super().__init__(
            f"no balance is projected for {told(at)}: ask for an instant up to "
            f"{told(latest_at)}, ten years ahead"
        )
        self.at = at
        self.latest_at = latest_at


@dataclass(frozen=True, slots=True, kw_only=True)
class LotView:
    """What is left of a lot; `state` tells where credits go that come back to it."""

    lot: int
    source: str
    reference: str | None
    available: int
    frozen: int
    held: int
    effective_at: datetime
    expires_at: datetime | None
    is_paid: bool
    state: str

    def is_spendable(self, *, at: datetime) -> bool:
        """Tell whether a hold could draw from what is available of it at an instant."""
        return self.effective_at <= at and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldView:
    """An open hold; `deadline_at` is None in the past: deadlines renew without an entry."""

    sequence: int
    namespace: str
    key: str
    amount: int
    is_metered: bool
    placed_at: datetime
    deadline_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A line that is due and not written yet, in plain words, with the balance after it.

    `hold` is the key of the hold that ends at its deadline, with its namespace.
    """

    due_at: datetime
    operation: str
    amount: int
    words: str
    available: int
    held: int
    hold: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A wallet at an instant; the lots in the spend order.

    `sequence` is the last written entry that counts. `available` covers lots that are not yet
    effective, `spendable` does not. `metering` is unlimited use that is not settled. What was to
    be granted next is not known of the past, since plans change without an entry.
    """

    workspace_id: UUID
    kind: str
    at: datetime
    sequence: int
    is_projected: bool
    spendable: int
    available: int
    frozen: int
    held: int
    metering: int
    lots: tuple[LotView, ...]
    holds: tuple[HoldView, ...]
    due: tuple[Step, ...]
    next_grant_at: datetime | None
    next_grant_amount: int
    next_lapse_at: datetime | None
    next_lapse_amount: int


class Standpoint(NamedTuple):
    """Whose balance it is, when, and after which entry."""

    workspace_id: UUID
    kind: str
    at: datetime
    sequence: int
    is_projected: bool = False


class Placement(NamedTuple):
    """What the entry of an open hold says of it."""

    namespace: str
    key: str
    placed_at: datetime


def balance_after(
    *, wallet: Wallet, placements: Mapping[int, Placement], at: datetime, now: datetime
) -> Balance:
    """Return the balance at an instant that is not before the wallet's last entry, unless now is.

    The wallet is a working copy with every open hold, which this changes and nobody writes. All
    that is due by the instant is posted: grants, lapses, and the ends of holds. A clock that lags
    behind the last entry shows the wallet as that entry left it.

    :raises TooFarAhead: when the instant lies more than ten years ahead.
    """
    if at > now + AHEAD_MAX:
        raise TooFarAhead(at=at, latest_at=now + AHEAD_MAX)
    sequence = wallet.sequence
    clock_at = max(now, wallet.posted_at)
    shown_at = at if at < now else max(at, wallet.posted_at)
    post_due(wallet=wallet, at=shown_at)
    is_projected = shown_at > clock_at
    standpoint = Standpoint(wallet.workspace_id, wallet.kind, shown_at, sequence, is_projected)
    shown = balance_of(
        standpoint=standpoint,
        lots=[_lot_view(lot) for lot in wallet.lots.values()],
        holds=[_hold_view(hold, placements[hold.sequence]) for hold in wallet.holds.values()],
    )
    next_grant_at, next_grant_amount = _next_grant(wallet)
    return replace(
        shown,
        due=tuple(_step(entry, placements) for entry in wallet.entries),
        next_grant_at=next_grant_at,
        next_grant_amount=next_grant_amount,
    )


def balance_of(
    *, standpoint: Standpoint, lots: Iterable[LotView], holds: Iterable[HoldView]
) -> Balance:
    """Return the balance that some lots and holds add up to; lots with nothing left are dropped."""
    shown = sorted((lot for lot in lots if lot.available or lot.frozen or lot.held), key=_order)
    held = tuple(sorted(holds, key=lambda hold: hold.sequence))
    at = standpoint.at
    lapses = [lot for lot in shown if lot.expires_at and (lot.available or lot.frozen)]
    lapse_at = min((lot.expires_at for lot in lapses if lot.expires_at), default=None)
    return Balance(
        workspace_id=standpoint.workspace_id, kind=standpoint.kind, at=at,
        sequence=standpoint.sequence, is_projected=standpoint.is_projected,
        spendable=sum(lot.available for lot in shown if lot.is_spendable(at=at)),
        available=sum(lot.available for lot in shown),
        frozen=sum(lot.frozen for lot in shown), held=sum(lot.held for lot in shown),
        metering=sum(hold.amount for hold in held if hold.is_metered),
        lots=tuple(shown), holds=held, due=(), next_grant_at=None, next_grant_amount=0,
        next_lapse_at=lapse_at,
        next_lapse_amount=sum(x.available + x.frozen for x in lapses if x.expires_at == lapse_at),
    )  # fmt: skip


def _order(lot: LotView) -> tuple[datetime, bool, int]:
    """Return the spend order of `lots.spend_order`."""
    return (lot.expires_at or NEVER, lot.is_paid, lot.lot)


def _lot_view(lot: Lot) -> LotView:
    return LotView(
        lot=lot.lot, source=lot.source, reference=lot.reference, available=lot.available,
        frozen=lot.frozen, held=lot.held, effective_at=lot.effective_at,
        expires_at=lot.expires_at, is_paid=lot.paid_amount is not None, state=lot.state,
    )  # fmt: skip


def _hold_view(hold: OpenHold, placement: Placement) -> HoldView:
    return HoldView(
        sequence=hold.sequence, namespace=placement.namespace, key=placement.key,
        amount=hold.amount, is_metered=hold.is_metered, placed_at=placement.placed_at,
        deadline_at=hold.deadline_at,
    )  # fmt: skip


def _step(entry: Entry, placements: Mapping[int, Placement]) -> Step:
    ended = placements.get(entry.refers_to or 0) if entry.operation == Operation.RELEASE else None
    return Step(
        due_at=entry.due_at, operation=entry.operation, words=words(entry=entry),
        amount=sum(posting.amount for posting in entry.postings),
        available=entry.available, held=entry.held,
        hold=ended and f"{ended.namespace}:{ended.key}",
    )  # fmt: skip


def _next_grant(wallet: Wallet) -> tuple[datetime | None, int]:
    """Return when standing grants come next, and how much they give at that instant in all."""
    coming = [
        (starts_at, each.amount)
        for each in wallet.standing.values()
        if (starts_at := each.next_at()) is not None
    ]
    first_at = min((starts_at for starts_at, _ in coming), default=None)
    return first_at, sum(amount for starts_at, amount in coming if starts_at == first_at)
