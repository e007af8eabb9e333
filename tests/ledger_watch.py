"""A watch over one wallet of the planner: every invariant, after each operation.

What the planner wrote is held against the model line by line and lot by lot; the chain of hashes is
computed anew, and the replay of `mutoscope verify` follows. What has not changed since it was last
looked at, here and in the model, is not compared again.
"""

from typing import Any

from ledger_purse import NEVER, PLACES, Purse
from mutoscope.domain.chain import Chain
from mutoscope.domain.journal import Entry
from mutoscope.domain.lots import Lot
from mutoscope.domain.planner import Answer
from mutoscope.domain.replay import Replay
from mutoscope.domain.wallet import Wallet

ANY_ENTRY = frozenset(range(10_000))
"""Entries that may be refunded: the replay keeps the draws of each."""

_GRANTED = -len(PLACES) - 1
_AVAILABLE, _HELD = (_GRANTED + 1 + PLACES.index(place) for place in ("available", "held"))


class Watch:
    """What was seen of a wallet so far."""

    def __init__(self, wallet: Wallet) -> None:
        self.wallet = wallet
        self._lines = 0
        self._lots: dict[int, tuple[Lot, tuple[Any, ...]]] = {}
        self._told: dict[str, Entry | None] = {}
        self._chain = Chain(workspace_id=wallet.workspace_id, kind=wallet.kind)
        self._replay = Replay(refunded=ANY_ENTRY)

    def check_answer(self, key: str, answer: Answer) -> None:
        """Fail unless a key is answered with one entry for ever."""
        if answer.entry is not None:
            assert answer.is_replay == (key in self._told), key
            assert self._told.setdefault(key, answer.entry) == answer.entry, key

    def check_untouched(self) -> None:
        """Fail when an operation on other wallets wrote to this one."""
        assert len(self.wallet.entries) == self._lines, self.wallet.kind
        assert self.wallet.head == self._chain.head, self.wallet.kind

    def check(self, purse: Purse) -> None:
        """Fail unless the wallet is what the model has, and sound in itself."""
        self._check_lines(purse)
        self._check_lots(purse)
        self._check_holds(purse)
        self._check_standing(purse)
        self._check_waking(purse)

    def _check_lines(self, purse: Purse) -> None:
        wallet, new = self.wallet, self.wallet.entries[self._lines :]
        for entry, line in zip(new, purse.lines[self._lines :], strict=True):
            assert (entry.operation, entry.due_at, entry.postings) == line, (entry, line)
            self._replay.follow(entry)
        self._lines += len(new)
        broken = list(self._chain.findings(self._chain.links(new)))
        assert not broken, broken
        assert (wallet.head, wallet.sequence) == (self._chain.head, self._chain.sequence)

    def _check_lots(self, purse: Purse) -> None:
        wallet, seen = self.wallet, self._lots
        assert wallet.lots.keys() == purse.lots.keys()
        told = [tuple(lot.values()) for lot in purse.lots.values()]
        for number, mine in zip(purse.lots, told, strict=True):
            lot = wallet.lots[number]
            known = seen.get(number)
            if known is None or known[0] is not lot or known[1] != mine:
                assert shown(lot) == mine, (lot, mine)
                places = mine[_GRANTED + 1 :]
                assert sum(places) == mine[_GRANTED], lot
                assert min(places) >= 0, lot
                seen[number] = (lot, mine)
        sums = (sum([each[_AVAILABLE] for each in told]), sum([each[_HELD] for each in told]))
        assert (wallet.available, wallet.held) == sums

    def _check_holds(self, purse: Purse) -> None:
        expected = {
            hold["line"]: (
                hold["amount"], hold["metered"] > 0, hold["deadline"], tuple(hold["pieces"])
            )
            for hold in purse.holds.values()
        }  # fmt: skip
        found = {
            number: (hold.amount, hold.is_metered, hold.deadline_at, hold.draws)
            for number, hold in self.wallet.holds.items()
        }
        assert found == expected

    def _check_standing(self, purse: Purse) -> None:
        expected = {
            name: (plan["amount"], plan["next"], plan["ends"], plan["first"])
            for name, plan in purse.plans.items()
        }
        standing = self.wallet.standing.items()
        found = {
            name: (each.amount, each.next_index, each.ends_at, each.first_index)
            for name, each in standing
        }
        assert found == expected

    def _check_waking(self, purse: Purse) -> None:
        """Fail when the clock would look at the wallet after something fell due."""
        coming = purse.coming(until=NEVER)
        wake_at, soonest = self.wallet.wake_at, min(coming)[0] if coming else NEVER
        assert not coming or (wake_at is not None and wake_at <= soonest), (wake_at, coming)


def shown(lot: Lot) -> tuple[Any, ...]:
    """Return a lot in the order of the model's."""
    is_paid = lot.paid_amount is not None
    return (lot.state, lot.source, lot.effective_at, lot.expires_at, is_paid, *lot[_GRANTED:])
