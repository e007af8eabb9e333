"""What spending does to a wallet: holds, their settlement, charges, metering and refunds.

One function per action, all of one shape: (wallet, action, stamp, known) -> the entry, or None
where an action writes none. A refusal is raised before anything has moved.
"""

from collections.abc import Mapping
from datetime import datetime

from mutoscope.domain import actions as ask
from mutoscope.domain.chart import AVAILABLE, CAPTURED, FROZEN, HELD, Account, Operation
from mutoscope.domain.credits import Refusal
from mutoscope.domain.due import end_returned
from mutoscope.domain.journal import Entry, Posting
from mutoscope.domain.known import KnownEntries, UnknownReference, named_entry
from mutoscope.domain.ledger import metered, refunded, settled, taken
from mutoscope.domain.lots import Draw, Lot
from mutoscope.domain.wallet import OpenHold, Stamp, Wallet

_ = Account
_LEFT = frozenset({AVAILABLE, FROZEN})
_new = tuple.__new__  # makes a value without its class's own, slower, constructor


class HoldAlreadySettled(Refusal):
    """A second end of a hold: it was captured or released before."""

    code = "hold_already_settled"

    def __init__(self, *, reference: ask.Reference) -> None:
        super().__init__(
            f"the hold {reference.namespace}:{reference.key} was settled or released before: "
            "its history tells how"
        )
        self.reference = reference


class DeadlinePassed(Refusal):
    """A deadline that is not to come: the hold would be released before its job begins."""

    code = "deadline_passed"

    def __init__(self, *, deadline_at: datetime, at: datetime) -> None:
        super().__init__(
            f"a hold until {deadline_at.isoformat()} is over at {at.isoformat()}: "
            "give it a later deadline"
        )
        self.deadline_at = deadline_at
        self.at = at


class AlreadyRefunded(Refusal):
    """A second refund of one entry."""

    code = "already_refunded"

    def __init__(self, *, reference: ask.Reference) -> None:
        super().__init__(
            f"{reference.namespace}:{reference.key} was refunded before: an entry is refunded once"
        )
        self.reference = reference


def hold(wallet: Wallet, action: ask.Hold, stamp: Stamp, _known: KnownEntries) -> Entry:
    """Set credits aside, or meter them."""
    _check_deadline(wallet, action.deadline_at)
    if action.is_metered:
        postings = metered(amount=action.amount, source=_.UNLIMITED, target=_.METERING)
    else:
        postings = taken(wallet=wallet, amount=action.amount, target=HELD)
    entry = wallet.record(ask.OPERATIONS[ask.Hold], stamp, postings, due_at=wallet.posted_at)
    wallet.put_hold(open_hold(entry=entry, deadline_at=action.deadline_at))
    return entry


def settle(
    wallet: Wallet, action: ask.Settle | ask.Release, stamp: Stamp, known: KnownEntries
) -> Entry:
    """Capture part of a hold, release the rest, and end what came back to lots that are over."""
    held = _open(wallet, action.hold, known)
    amount = action.amount if isinstance(action, ask.Settle) else 0
    postings = settled(hold=held, lots=wallet.lots, amount=amount)
    entry = wallet.record(
        ask.OPERATIONS[type(action)], stamp.after(held.attribution), postings,
        due_at=wallet.posted_at, refers_to=held.sequence,
    )  # fmt: skip
    wallet.close_hold(held)
    _end_returns(wallet, postings)
    return entry


def charge(wallet: Wallet, action: ask.Charge, stamp: Stamp, _known: KnownEntries) -> Entry:
    """Capture credits without a hold."""
    postings = taken(wallet=wallet, amount=action.amount, target=CAPTURED)
    return wallet.record(ask.OPERATIONS[ask.Charge], stamp, postings, due_at=wallet.posted_at)


def meter(wallet: Wallet, action: ask.Meter, stamp: Stamp, _known: KnownEntries) -> Entry:
    """Record unlimited use."""
    postings = metered(amount=action.amount, source=_.UNLIMITED, target=_.METERED)
    return wallet.record(ask.OPERATIONS[ask.Meter], stamp, postings, due_at=wallet.posted_at)


def absorb(wallet: Wallet, action: ask.Absorb, stamp: Stamp, known: KnownEntries) -> Entry:
    """Record what the operator pays for."""
    about = None
    if action.of is not None:
        entry = named_entry(wallet, action.of, known, wanted="entry").entry
        about, stamp = entry.sequence, stamp.after(entry.attribution)
    postings = metered(amount=action.amount, source=_.OPERATOR, target=_.ABSORBED)
    return wallet.record(
        ask.OPERATIONS[ask.Absorb], stamp, postings, due_at=wallet.posted_at, refers_to=about
    )


def refund(wallet: Wallet, action: ask.Refund, stamp: Stamp, known: KnownEntries) -> Entry:
    """Give captured credits back to the lots that they were drawn from.

    :raises UnknownReference: when no charge or settlement of this wallet is named.
    :raises AlreadyRefunded: when that entry was refunded before.
    :raises RefundExceedsCapture: when the amount is more than it captured.
    """
    found = named_entry(wallet, action.of, known, wanted="charge or settlement")
    if found.is_refunded:
        raise AlreadyRefunded(reference=action.of)
    captures = tuple(
        Draw(posting.lot, posting.amount)
        for posting in found.entry.postings
        if posting.lot and posting.target == CAPTURED
    )
    postings = refunded(captures=captures, lots=wallet.lots, amount=action.amount)
    entry = wallet.record(
        ask.OPERATIONS[ask.Refund], stamp.after(found.entry.attribution), postings,
        due_at=wallet.posted_at, refers_to=found.entry.sequence,
    )  # fmt: skip
    _end_returns(wallet, postings)
    return entry


def renew(wallet: Wallet, action: ask.Renew, _stamp: Stamp, known: KnownEntries) -> None:
    """Move a hold's deadline."""
    held = _open(wallet, action.hold, known)
    _check_deadline(wallet, action.deadline_at)
    wallet.put_hold(held._replace(deadline_at=action.deadline_at))


def open_hold(*, entry: Entry, deadline_at: datetime) -> OpenHold:
    """Return the hold that an entry placed: its postings are the draws, in the order drawn."""
    postings = entry.postings
    draws = tuple([_new(Draw, (lot, amount)) for _, _, lot, amount in postings if lot is not None])
    amount = sum([posting[3] for posting in postings])
    return _new(OpenHold, (
        entry.sequence, amount, not draws, deadline_at, draws, entry.attribution,
    ))  # fmt: skip


def lapsed(*, entry: Entry, lots: Mapping[int, Lot]) -> int:
    """Return the credits that an entry gave back to lots that were over by then."""
    return sum(
        posting.amount
        for posting in entry.postings
        if posting.lot is not None
        and posting.target in {AVAILABLE, FROZEN}
        and lots[posting.lot].is_dead(at=entry.due_at)
    )


def _check_deadline(wallet: Wallet, deadline_at: datetime) -> None:
    if deadline_at <= wallet.posted_at:
        raise DeadlinePassed(deadline_at=deadline_at, at=wallet.posted_at)


def _end_returns(wallet: Wallet, postings: tuple[Posting, ...]) -> None:
    back = [lot for _, target, lot, _ in postings if lot and target in _LEFT]
    if back:
        end_returned(wallet, back)


def _open(wallet: Wallet, reference: ask.Reference, known: KnownEntries) -> OpenHold:
    found = named_entry(wallet, reference, known, wanted="hold").entry
    if found.operation != Operation.HOLD:
        raise UnknownReference(reference=reference, wanted="hold")
    if found.sequence not in wallet.holds:
        raise HoldAlreadySettled(reference=reference)
    return wallet.holds[found.sequence]
