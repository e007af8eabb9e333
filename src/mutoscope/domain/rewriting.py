"""A wallet's journal lived through again, with other amounts where a draft says so.

Owns the way from an entry back to what was asked for. The invariant: what is asked again goes
through the same pure functions as the first time, and where no amount differs every lot ends as it
did. The surprising choice: what falls due (lapses, ends of what came back) is not copied but
happens by itself, since other amounts make other ends.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from mutoscope.domain import actions as ask
from mutoscope.domain.chart import Account, Operation
from mutoscope.domain.journal import EPOCH, GENESIS, Entry
from mutoscope.domain.known import Known, KnownKey
from mutoscope.domain.ledger import InsufficientCredits
from mutoscope.domain.lots import spendable
from mutoscope.domain.planner import ACTIONS, begin
from mutoscope.domain.wallet import Stamp, Wallet
from mutoscope.domain.wallet_row import WalletRow

LAPSE = "lapse"
_NO_DEADLINE = datetime(9999, 1, 1, tzinfo=UTC)
_CAPTURED = Account.CAPTURED.value


class Shortage(NamedTuple):
    """An entry that the wallet could not pay for."""

    entry: Entry
    required: int
    available: int


class Outcome(NamedTuple):
    """What came of an entry: its new entry, none where it is left out, or a shortage."""

    entry: Entry | None = None
    shortage: Shortage | None = None


Amounts = Callable[[Entry, int], int]
"""What an entry's amount is under the draft; 0 leaves the entry out, but for a settlement."""


def as_it_was(_entry: Entry, amount: int) -> int:
    """Return an amount as it was."""
    return amount


def moved_amount(entry: Entry, account: str) -> int:
    """Return the credits that an entry moved to an account."""
    return sum(posting.amount for posting in entry.postings if posting.target == account)


class Rewriting:
    """A wallet that is lived through again, entry by entry; `wallet` has its lots."""

    __slots__ = ("_before", "_known", "_names", "wallet")

    def __init__(self, *, workspace_id: UUID, kind: str) -> None:
        row = WalletRow(workspace_id, kind, 0, GENESIS, 0, 0, EPOCH, EPOCH, None, 0)
        self.wallet = Wallet(row)
        self._known: dict[KnownKey, Known] = {}
        self._names: dict[int, ask.Reference] = {}
        self._before: dict[ask.Reference, int] = {}

    def follow(self, entry: Entry, amounts: Amounts = as_it_was) -> Outcome:
        """Ask for an entry once more, at its instant."""
        wallet = self.wallet
        begin(wallet=wallet, at=entry.due_at)
        name = ask.Reference(entry.namespace, entry.key)
        self._names[entry.sequence] = name
        self._before[name] = moved_amount(entry, _CAPTURED)
        action = None if entry.namespace == LAPSE else self._action(entry, amounts)
        if action is None:
            return Outcome()
        stamp = Stamp(*name, entry.digest, entry.attribution, entry.reason, entry.note_digest)
        try:
            made = ACTIONS[type(action)](wallet, action, stamp, self._known)
        except InsufficientCredits as refusal:
            return Outcome(None, Shortage(entry, refusal.required, refusal.available))
        finally:
            wallet.entries.clear()  # nobody writes them
        assert made is not None
        self._known[wallet.workspace_id, *name] = Known(wallet.kind, made)
        return Outcome(made)

    def _action(self, entry: Entry, amounts: Amounts) -> ask.Action | None:
        """Return what was asked for, or None where it cannot be asked any more."""
        match entry.operation:
            case Operation.GRANT | Operation.ADJUST if entry.terms is not None:
                return self._filling(entry, amounts)
            case Operation.SETTLE | Operation.RELEASE:
                return self._end(entry, amounts)
            case Operation.REFUND:
                return self._refund(entry)
            case Operation.EXPIRE | Operation.FORFEIT | Operation.FREEZE | Operation.THAW:
                return self._whole(entry)
            case Operation.VOID:
                grant = self._reference(entry.refers_to)
                return ask.Void(grant) if grant else None
            case _:
                return self._use(entry, amounts)

    def _filling(self, entry: Entry, amounts: Amounts) -> ask.Action | None:
        assert entry.terms is not None
        (posting,) = entry.postings
        amount = amounts(entry, posting.amount)
        if not amount:
            return None
        if entry.operation == Operation.ADJUST:
            return ask.Adjust(amount, entry.terms)
        return ask.Grant(amount, entry.terms, posting.target == Account.FROZEN)

    def _end(self, entry: Entry, amounts: Amounts) -> ask.Action | None:
        hold = self._reference(entry.refers_to)
        if hold is None:
            return None
        if entry.operation == Operation.RELEASE:
            return ask.Release(hold)
        captured = moved_amount(entry, _CAPTURED) + moved_amount(entry, Account.METERED)
        held = self._known[self.wallet.workspace_id, *hold].entry
        return ask.Settle(hold, min(amounts(entry, captured), _sum(held)))

    def _refund(self, entry: Entry) -> ask.Action | None:
        """Return a refund of the same share, rounded down."""
        of = self._reference(entry.refers_to)
        if of is None:
            return None
        captured = moved_amount(self._known[self.wallet.workspace_id, *of].entry, _CAPTURED)
        amount = _sum(entry) * captured // self._before[of]
        return ask.Refund(of, amount) if amount else None

    def _whole(self, entry: Entry) -> ask.Action | None:
        if entry.operation == Operation.EXPIRE:
            return ask.Expire(entry.reason or "")
        if entry.operation == Operation.FORFEIT:
            return ask.Forfeit()
        turn = ask.Freeze if entry.operation == Operation.FREEZE else ask.Thaw
        if entry.refers_to is None:
            return turn()
        grant = self._reference(entry.refers_to)
        return turn(grant) if grant else None

    def _use(self, entry: Entry, amounts: Amounts) -> ask.Action | None:
        amount = amounts(entry, _sum(entry))
        if not amount:
            return None
        match entry.operation:
            case Operation.HOLD:
                is_metered = entry.postings[0].lot is None
                return ask.Hold(amount, _NO_DEADLINE, is_metered)
            case Operation.CHARGE:
                return ask.Charge(amount)
            case Operation.METER:
                return ask.Meter(amount)
            case Operation.ABSORB:
                return ask.Absorb(amount)
            case _:
                return self._correction(entry, amount)

    def _correction(self, entry: Entry, amount: int) -> ask.Action | None:
        """Return a correction downwards by what is there, of all lots or of the one it names."""
        wallet, grant = self.wallet, None
        if entry.refers_to is None:
            there = spendable(lots=wallet.lots.values(), at=wallet.posted_at)
        elif (grant := self._reference(entry.refers_to)) is None:
            return None
        else:
            lot = wallet.lots[self._known[wallet.workspace_id, *grant].entry.sequence]
            there = lot.available + lot.frozen
        return ask.Adjust(min(amount, there), grant=grant) if there else None

    def _reference(self, sequence: int | None) -> ask.Reference | None:
        """Return the name of an earlier entry, if it was not left out."""
        name = self._names[sequence or 0]
        return name if (self.wallet.workspace_id, *name) in self._known else None


def _sum(entry: Entry) -> int:
    return sum(posting.amount for posting in entry.postings)
