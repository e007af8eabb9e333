"""Whatever is due on a wallet, posted before anything else and in due order.

Due are: the release of a hold at its deadline, the lapse of a lot at its expiry, the grant of a
period at its start; at one instant in this order. Each line has the instant at which it took effect
(`due_at`), however late it is written, so that downtime neither skips nor doubles one.
"""

from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from mutoscope.domain.chart import Account, Operation
from mutoscope.domain.ledger import emptied, granted, settled
from mutoscope.domain.lots import Lot, LotState
from mutoscope.domain.standing import NAMESPACE, StandingGrant
from mutoscope.domain.wallet import OpenHold, Stamp, Wallet

DEADLINE = "deadline"


class DueRelease(NamedTuple):
    """A hold whose deadline has come."""

    hold: OpenHold

    def post(self, wallet: Wallet, due_at: datetime) -> None:
        """Release the hold, and end what came back to lots that are over."""
        hold = self.hold
        postings = settled(hold=hold, lots=wallet.lots, amount=0)
        key = f"{wallet.kind}/{hold.sequence}"
        stamp = derived_stamp(DEADLINE, key, reason=DEADLINE)
        wallet.record(Operation.RELEASE, stamp, postings, due_at=due_at, refers_to=hold.sequence)
        wallet.close_hold(hold)
        end_returned(wallet, [posting.lot for posting in postings if posting.lot])


class DueLapse(NamedTuple):
    """A lot whose expiry has come."""

    lot: Lot

    def post(self, wallet: Wallet, due_at: datetime) -> None:
        """Expire what is left of the lot."""
        end_lot(wallet, self.lot.lot, due_at)


class DueGrant(NamedTuple):
    """A period that has begun."""

    standing: StandingGrant

    def post(self, wallet: Wallet, due_at: datetime) -> None:
        """Grant the period's credits."""
        standing = self.standing
        postings = granted(lot=wallet.sequence + 1, amount=standing.amount, is_frozen=False)
        stamp = derived_stamp(NAMESPACE, standing.next_key(kind=wallet.kind))
        wallet.record(Operation.GRANT, stamp, postings, due_at=due_at, terms=standing.next_terms())
        wallet.put_standing(standing.advanced())


Due = DueRelease | DueLapse | DueGrant
_RELEASE, _LAPSE, _GRANT = range(3)


def is_due(*, wallet: Wallet, at: datetime) -> bool:
    """Tell whether the clock has to look at a wallet before anything else is done."""
    wake_at = wallet.wake_at
    return wake_at is not None and (wake_at <= at or wake_at <= wallet.posted_at)


def post_due(*, wallet: Wallet, at: datetime) -> None:
    """Post all that is due up to an instant, the instant included."""
    while (soonest := next_due(wallet, by=at)) is not None:
        due_at, _, _, due = soonest
        due.post(wallet, due_at)
    wallet.settle_wake()


def next_due(wallet: Wallet, *, by: datetime) -> tuple[datetime, int, int | UUID, Due] | None:
    """Return what is due soonest (instant, rank, tie-breaker, what), if anything is by then."""
    found: list[tuple[datetime, int, int | UUID, Due]] = [
        (hold.deadline_at, _RELEASE, hold.sequence, DueRelease(hold))
        for hold in wallet.holds.values()
        if hold.deadline_at <= by
    ]
    for lot in wallet.lots.values():
        expires_at = lot.expires_at
        if expires_at is not None and expires_at <= by and (lot.available or lot.frozen):
            found.append((expires_at, _LAPSE, lot.lot, DueLapse(lot)))
    for standing in wallet.standing.values():
        starts_at = standing.next_at()
        if starts_at is not None and starts_at <= by:
            found.append((starts_at, _GRANT, standing.subscription_id, DueGrant(standing)))
    return min(found, key=_order) if found else None


def _order(due: tuple[datetime, int, int | UUID, Due]) -> tuple[datetime, int, int | UUID]:
    return due[:3]


def end_returned(wallet: Wallet, lots: list[int]) -> int:
    """End at once what came back to lots that are over; return how many credits that took.

    Credits that come back to a lapsed lot lapse, to a voided lot are voided, and to a forfeited
    lot are forfeited, each on a line of its own.
    """
    ended = 0
    for lot in dict.fromkeys(lots):
        state = wallet.lots[lot]
        if state.is_dead(at=wallet.due_at) or state.state in _ENDINGS:
            ended += end_lot(wallet, lot, wallet.due_at)
    return ended


_ENDINGS: dict[str, tuple[Operation, Account]] = {
    LotState.VOIDED: (Operation.VOID, Account.VOIDED),
    LotState.FORFEITED: (Operation.FORFEIT, Account.FORFEITED),
}


def end_lot(wallet: Wallet, lot: int, due_at: datetime) -> int:
    """Post the end of what is left in a lot; return how many credits that took."""
    state = wallet.lots[lot]
    operation, target = _ENDINGS.get(state.state, (Operation.EXPIRE, Account.EXPIRED))
    postings = emptied(lots=(state,), target=target)
    stamp = derived_stamp("lapse", f"{wallet.kind}/{lot}/{wallet.sequence + 1}")
    wallet.record(operation, stamp, postings, due_at=due_at, refers_to=lot)
    return sum(posting.amount for posting in postings)


def derived_stamp(namespace: str, key: str, *, reason: str | None = None) -> Stamp:
    """Return the stamp of an entry that no request asked for."""
    return Stamp(namespace, key, sha256(key.encode()).digest()[:16], reason=reason)
