"""What grants and their ends do to a wallet: grant, expire, void, adjust, freeze, thaw, forfeit.

One function per action, of the same shape as those of `domain.spending`. Ends and freezes cover
spent lots too, so that what comes back to them later follows (a release, a refund).
"""

from mutoscope.domain import actions as ask
from mutoscope.domain.chart import Account, Operation
from mutoscope.domain.credits import Refusal
from mutoscope.domain.due import end_returned, post_due
from mutoscope.domain.journal import Entry
from mutoscope.domain.known import KnownEntries, UnknownReference, named_entry
from mutoscope.domain.ledger import (
    InsufficientCredits,
    emptied,
    granted,
    lessened,
    moved_between,
    taken,
)
from mutoscope.domain.lots import Lot, LotState, Source
from mutoscope.domain.wallet import Stamp, Wallet

_ = Account


class PeriodGranted(Refusal):
    """A change of terms from a period on that was granted under the terms before."""

    code = "period_granted"

    def __init__(self, *, index: int, next_index: int) -> None:
        super().__init__(
            f"period {index} was granted under the terms before: let the change begin with "
            f"period {next_index}"
        )
        self.index = index
        self.next_index = next_index


def grant(wallet: Wallet, action: ask.Grant, stamp: Stamp, _known: KnownEntries) -> Entry:
    """Open a lot; one that is over already lapses at once."""
    return _fill(wallet, Operation.GRANT, stamp, action)


def expire(wallet: Wallet, action: ask.Expire, stamp: Stamp, _known: KnownEntries) -> Entry:
    """End every lot of a source now; what is held of it lapses when it comes back."""
    at = wallet.posted_at
    lots = [lot for lot in wallet.lots.values() if lot.source == action.source]
    postings = emptied(lots=lots, target=_.EXPIRED)
    entry = wallet.record(
        Operation.EXPIRE, stamp._replace(reason=action.source), postings, due_at=at
    )
    for lot in lots:
        ends_at = at if lot.expires_at is None else min(lot.expires_at, at)
        wallet.put_lot(wallet.lots[lot.lot]._replace(expires_at=ends_at))
    return entry


def void(wallet: Wallet, action: ask.Void, stamp: Stamp, known: KnownEntries) -> Entry:
    """Undo a grant."""
    lot = _granted(wallet, action.grant, known)
    postings = emptied(lots=(lot,), target=_.VOIDED)
    entry = wallet.record(
        Operation.VOID, stamp, postings, due_at=wallet.posted_at, refers_to=lot.lot
    )
    _restate(wallet, [lot], LotState.VOIDED)
    return entry


def adjust(wallet: Wallet, action: ask.Adjust, stamp: Stamp, known: KnownEntries) -> Entry:
    """Correct a balance up, as a lot of its own, or down: in the spend order, or in one lot.

    :raises UnknownReference: when no grant of this wallet is named.
    :raises InsufficientCredits: when less is left.
    """
    if action.terms is not None:
        return _fill(wallet, Operation.ADJUST, stamp, action)
    if action.grant is None:
        about, postings = None, taken(wallet=wallet, amount=action.amount, target=_.VOIDED)
    else:
        lot = _granted(wallet, action.grant, known)
        left = lot.available + lot.frozen
        if action.amount > left:
            raise InsufficientCredits(kind=wallet.kind, required=action.amount, available=left)
        about, postings = lot.lot, lessened(lot=lot, amount=action.amount, target=_.VOIDED)
    return wallet.record(
        Operation.ADJUST, stamp, postings, due_at=wallet.posted_at, refers_to=about
    )


def freeze(wallet: Wallet, action: ask.Freeze, stamp: Stamp, known: KnownEntries) -> Entry:
    """Make purchased lots visible but not spendable."""
    return _turn(wallet, action, stamp, known)


def thaw(wallet: Wallet, action: ask.Thaw, stamp: Stamp, known: KnownEntries) -> Entry:
    """Make frozen lots spendable again."""
    return _turn(wallet, action, stamp, known)


def forfeit(wallet: Wallet, _action: ask.Forfeit, stamp: Stamp, _known: KnownEntries) -> Entry:
    """Give up every lot; what is still held is forfeited when it comes back."""
    lots = [lot for lot in wallet.lots.values() if lot.state in {LotState.OPEN, LotState.FROZEN}]
    postings = emptied(lots=lots, target=_.FORFEITED)
    entry = wallet.record(Operation.FORFEIT, stamp, postings, due_at=wallet.posted_at)
    _restate(wallet, lots, LotState.FORFEITED)
    for standing in tuple(wallet.standing.values()):
        wallet.put_standing(standing.ended(at=wallet.posted_at))
    return entry


def stand(wallet: Wallet, action: ask.Stand, _stamp: Stamp, _known: KnownEntries) -> None:
    """Begin or change monthly grants, and post those that are due; a repeat takes none back.

    :raises PeriodGranted: when the first period was granted under the terms before.
    """
    asked = action.standing
    others = [
        each for each in wallet.standing.values()
        if each.subscription_id == asked.subscription_id and each.change != asked.change
    ]  # fmt: skip
    if any(each.change > asked.change for each in others):
        return  # a later change was told before: it stays
    granted_until = max((each.granted_until() for each in others), default=0)
    if granted_until > asked.next_index and asked.name() not in wallet.standing:
        raise PeriodGranted(index=asked.next_index, next_index=granted_until)
    standing = asked.after(wallet.standing.get(asked.name()))
    for each in others:
        wallet.put_standing(each.ended(at=standing.first_start()))
    wallet.put_standing(standing)
    post_due(wallet=wallet, at=wallet.posted_at)


def _fill(
    wallet: Wallet, operation: Operation, stamp: Stamp, action: ask.Grant | ask.Adjust
) -> Entry:
    is_frozen = isinstance(action, ask.Grant) and action.is_frozen
    lot = wallet.sequence + 1
    postings = granted(lot=lot, amount=action.amount, is_frozen=is_frozen)
    entry = wallet.record(operation, stamp, postings, due_at=wallet.posted_at, terms=action.terms)
    end_returned(wallet, [lot])
    return entry


def _turn(
    wallet: Wallet, action: ask.Freeze | ask.Thaw, stamp: Stamp, known: KnownEntries
) -> Entry:
    is_freeze = isinstance(action, ask.Freeze)
    source, target = (_.AVAILABLE, _.FROZEN) if is_freeze else (_.FROZEN, _.AVAILABLE)
    before, after = (
        (LotState.OPEN, LotState.FROZEN) if is_freeze else (LotState.FROZEN, LotState.OPEN)
    )
    if action.grant is None:
        lots = [lot for lot in wallet.lots.values() if lot.source == Source.PACK]
        about = None
    else:
        lots = [_granted(wallet, action.grant, known)]
        about = lots[0].lot
    lots = [lot for lot in lots if lot.state == before]
    postings = moved_between(lots=lots, source=source, target=target)
    entry = wallet.record(
        ask.OPERATIONS[type(action)],
        stamp,
        postings,
        due_at=wallet.posted_at,
        refers_to=about,
    )
    _restate(wallet, lots, after)
    return entry


def _restate(wallet: Wallet, lots: list[Lot], state: LotState) -> None:
    for lot in lots:
        wallet.put_lot(wallet.lots[lot.lot]._replace(state=state))


def _granted(wallet: Wallet, reference: ask.Reference, known: KnownEntries) -> Lot:
    found = named_entry(wallet, reference, known, wanted="grant").entry
    if found.terms is None:
        raise UnknownReference(reference=reference, wanted="grant")
    return wallet.lots[found.sequence]
