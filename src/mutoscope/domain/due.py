"""Whatever is due on a wallet, posted before anything else and in due order.

Due are: the release of a hold at its deadline, the lapse of a lot at its expiry, the grant of a
period at its start; at one instant in this order. Each line has the instant at which it took effect
(`due_at`), however late it is written, so that downtime neither skips nor doubles one.
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from mutoscope.domain.chart import Account, Operation
from mutoscope.domain.journal import NOBODY
from mutoscope.domain.ledger import emptied, granted, settled
from mutoscope.domain.lots import Lot, LotState
from mutoscope.domain.standing import NAMESPACE, StandingGrant
from mutoscope.domain.wallet import OpenHold, Stamp, Wallet

DEADLINE = "deadline"
LAPSE = "lapse"
OWN_NAMESPACES = frozenset({LAPSE, DEADLINE, NAMESPACE})
"""Where the keys of what falls due stand: a caller who took one would keep it from being posted."""

_new = tuple.__new__  # makes a value without its class's own, slower, constructor


class Due(NamedTuple):
    """What falls due on a wallet next: when, which first at one instant, and what it is about."""

    due_at: datetime
    rank: int
    number: int | UUID
    subject: OpenHold | Lot | StandingGrant


_RELEASE, _LAPSE, _GRANT = range(3)


def is_due(*, wallet: Wallet, at: datetime) -> bool:
    """Tell whether the clock has to look at a wallet before anything else is done."""
    wake_at = wallet.wake_at
    return wake_at is not None and (wake_at <= at or wake_at <= wallet.posted_at)


def post_due(*, wallet: Wallet, at: datetime) -> None:
    """Post all that is due up to an instant, the instant included, and tell what comes after."""
    while (soonest := next_due(wallet)) is not None and soonest[0] <= at:
        due_at, rank, _, subject = soonest
        _POSTS[rank](wallet, subject, due_at)
    wallet.wake_at = wallet.next_deadline_at
    wallet.wake(soonest and soonest[0])


def next_due(wallet: Wallet) -> Due | None:
    """Return what falls due soonest, if anything ever does."""
    found = [
        _new(Due, (hold.deadline_at, _RELEASE, hold.sequence, hold))
        for hold in wallet.holds.values()
    ]
    found += [
        _new(Due, (lot.expires_at, _LAPSE, lot.lot, lot))
        for lot in wallet.lots.values()
        if lot.expires_at is not None and (lot.available or lot.frozen)
    ]
    for standing in wallet.standing.values():
        starts_at = standing.next_at()
        if starts_at is not None:
            found.append(_new(Due, (starts_at, _GRANT, standing.subscription_id, standing)))
    return min(found, key=_order, default=None)


_order = itemgetter(0, 1, 2)


def _release(wallet: Wallet, hold: OpenHold, due_at: datetime) -> None:
    """Release a hold, and end what came back to lots that are over."""
    postings = settled(hold=hold, lots=wallet.lots, amount=0)
    stamp = derived_stamp(DEADLINE, f"{wallet.kind}/{hold.sequence}", reason=DEADLINE)
    wallet.record(
        Operation.RELEASE, stamp.after(hold.attribution), postings,
        due_at=due_at, refers_to=hold.sequence,
    )  # fmt: skip
    wallet.close_hold(hold)
    end_returned(wallet, [posting.lot for posting in postings if posting.lot])


def _lapse(wallet: Wallet, lot: Lot, due_at: datetime) -> None:
    """Expire what is left of a lot."""
    end_lot(wallet, lot.lot, due_at)


def _grant(wallet: Wallet, standing: StandingGrant, due_at: datetime) -> None:
    """Grant a period's credits."""
    postings = granted(lot=wallet.sequence + 1, amount=standing.amount, is_frozen=False)
    stamp = derived_stamp(NAMESPACE, standing.next_key(kind=wallet.kind))
    wallet.record(Operation.GRANT, stamp, postings, due_at=due_at, terms=standing.next_terms())
    wallet.put_standing(standing.advanced())


_POSTS: dict[int, Callable[[Wallet, Any, datetime], None]] = {
    _RELEASE: _release, _LAPSE: _lapse, _GRANT: _grant,
}  # fmt: skip


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
    stamp = derived_stamp(LAPSE, f"{wallet.kind}/{lot}/{wallet.sequence + 1}")
    wallet.record(operation, stamp, postings, due_at=due_at, refers_to=lot)
    return sum(posting.amount for posting in postings)


def derived_stamp(namespace: str, key: str, *, reason: str | None = None) -> Stamp:
    """Return the stamp of an entry that no request asked for."""
    digest = sha256(key.encode()).digest()[:16]
    return _new(Stamp, (namespace, key, digest, NOBODY, reason, None))
