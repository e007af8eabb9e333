"""The simulation: the pure planner against the model, in memory, every invariant after each step.

It is played in lives: a workspace with three wallets, a few hundred operations, a chance of its
own. After each operation the outcomes, the new lines (what moved where, in which order, and when it
took effect), every lot, hold and standing grant and the sums are held against the model; see
`ledger_watch`. The surprising choice: the clock often jumps to the very instant at which something
falls due, or just before it.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from uuid import UUID

from ledger_model import Book
from ledger_purse import NEVER, Purse, months_after
from ledger_watch import Watch
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.journal import EPOCH, GENESIS
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Facts, Submission, plan
from mutoscope.domain.requests import Request
from mutoscope.domain.standing import StandingGrant
from mutoscope.domain.wallet import Wallet
from mutoscope.domain.wallet_row import WalletRow

OPERATIONS_A_LIFE = 250
WORKSPACE = UUID(int=1)
KINDS = ("video", "image", "sound")
SUBSCRIPTIONS = (UUID(int=2), UUID(int=3))
BEGINNING = datetime(2024, 1, 28, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SPANS = (0 * DAY, INSTANT, MINUTE, MINUTE, HOUR, DAY, DAY, 17 * DAY)
LAGS = (timedelta(seconds=1), timedelta(seconds=10), timedelta(seconds=11), DAY)
SOURCES = ("pack", "pack", "promo", "trial", "goodwill")


class Life:
    """One workspace from its first operation on: the planner's wallets, and the model's."""

    def __init__(self, *, seed: str) -> None:
        self.chance = Random(seed)
        self.at = BEGINNING + self.chance.randrange(1_500) * DAY
        self.book = Book()
        self.facts = Facts({}, {})
        self.watches: dict[str, Watch] = {}
        self.requests: list[Request] = []
        self.keys: dict[tuple[str, type], list[str]] = {}
        self.outcomes: Counter[str] = Counter()

    def live(self, operations: int) -> None:
        """Do so many operations, and check everything after each."""
        done = 0
        while done < operations:
            self._let_time_pass()
            lag = self.chance.choice(LAGS) if self.chance.random() < 0.02 else None
            requests = self._wish()
            self._do(requests, self.at if lag is None else self.at - lag)
            done += len(requests)

    def _do(self, requests: tuple[Request, ...], at: datetime) -> None:
        self._open(requests)
        (outcome,) = plan(facts=self.facts, submissions=[Submission(requests)], at=at)
        expected = self.book.outcomes(requests, at)
        if isinstance(outcome, Refusal):
            told = [outcome.code]
        else:
            told = ["replayed" if answer.is_replay else "done" for answer in outcome]
        assert told == expected, (requests, at, told, expected)
        if not isinstance(outcome, Refusal):
            for request, answer in zip(requests, outcome, strict=True):
                self.watches[request.kind].check_answer(request.key, answer)
                self._remember(request)
        self.outcomes[told[0]] += len(requests)
        self._check({request.kind for request in requests})

    def _check(self, named: set[str]) -> None:
        for kind, watch in self.watches.items():
            if kind in named:
                watch.check(self.book.purses[kind])
            else:
                watch.check_untouched()

    def _open(self, requests: tuple[Request, ...]) -> None:
        """Open the wallets that requests open, as the storage does."""
        for request in requests:
            if request.kind not in self.watches and ask.is_opening(request.action):
                row = WalletRow(WORKSPACE, request.kind, 0, GENESIS, 0, 0, EPOCH, EPOCH, None, 0)
                self.facts.wallets[WORKSPACE, request.kind] = wallet = Wallet(row)
                self.watches[request.kind] = Watch(wallet)

    def _remember(self, request: Request) -> None:
        self.requests.append(request)
        name = (request.kind, type(request.action))
        self.keys.setdefault(name, []).append(request.key)

    def _let_time_pass(self) -> None:
        choice = self.chance.random()
        if choice < 0.3:
            self.at += self.chance.choice(SPANS)
        elif choice < 0.5 and (purse := self.book.purses.get(self.chance.choice(KINDS))):
            coming = [event[0] for event in purse.coming(until=NEVER)]
            if coming:
                instant = self.chance.choice(coming) - self.chance.choice((0 * DAY, INSTANT))
                self.at = max(self.at, instant)

    def _wish(self) -> tuple[Request, ...]:
        """Choose what to ask for; now and then under a key that was used, or several at once."""
        choice = self.chance.random()
        if choice < 0.04 and self.requests:
            return (self.chance.choice(self.requests),)
        if choice < 0.07 and self.requests:
            return (self._request(0)._replace(key=self.chance.choice(self.requests).key),)
        if choice < 0.12:
            return tuple(self._request(number) for number in range(self.chance.randint(2, 4)))
        return (self._request(0),)

    def _request(self, number: int) -> Request:
        kind = self.chance.choice(KINDS)
        made = _MAKERS[bisect_right(_BOUNDS, self.chance.random() * _BOUNDS[-1])]
        key = f"key-{len(self.requests)}-{number}"
        return Request(WORKSPACE, kind, "api", key, made(self, kind))

    def amount(self) -> int:
        return 1 + int(self.chance.random() * 30)

    def later(self) -> datetime:
        return self.at + self.chance.choice(SPANS)

    def named(self, kind: str, *verbs: type) -> ask.Reference:
        """Name an earlier request of a wallet by its verb, or now and then one of anything."""
        fit = [key for verb in verbs for key in self.keys.get((kind, verb), ())]
        if fit and self.chance.random() < 0.9:
            return ask.Reference("api", self.chance.choice(fit))
        anything = self.chance.choice(self.requests).key if self.requests else "nothing"
        return ask.Reference("api", anything)

    def held(self, kind: str) -> ask.Reference:
        """Name an open hold of a wallet, or now and then one that is over."""
        holds = list(self.purse(kind).holds)
        if holds and self.chance.random() < 0.9:
            return ask.Reference("api", self.chance.choice(holds))
        return self.named(kind, ask.Hold)

    def purse(self, kind: str) -> Purse:
        return self.book.purses.get(kind) or Purse()


def _grant(life: Life, kind: str) -> ask.Action:
    chance, source = life.chance, life.chance.choice(SOURCES)
    begins = life.later() if chance.random() < 0.1 else life.at
    ends = life.later() if chance.random() < 0.6 else None
    paid = (39, "usd") if source == "pack" else (None, None)
    terms = Terms(source, begins, ends, f"{kind}-lot", *paid)
    return ask.Grant(3 * life.amount(), terms, is_frozen=chance.random() < 0.1)


def _hold(life: Life, _: str) -> ask.Action:
    return ask.Hold(life.amount(), life.later(), is_metered=life.chance.random() < 0.1)


def _charge(life: Life, _: str) -> ask.Action:
    return ask.Charge(life.amount())


def _meter(life: Life, _: str) -> ask.Action:
    return ask.Meter(life.amount())


def _absorb(life: Life, kind: str) -> ask.Action:
    of = life.named(kind, ask.Hold, ask.Charge) if life.chance.random() < 0.5 else None
    return ask.Absorb(life.amount(), of)


def _settle(life: Life, kind: str) -> ask.Action:
    hold = life.held(kind)
    opened = life.purse(kind).holds.get(hold.key)
    amount = life.chance.randint(0, opened["amount"] + 1) if opened else life.amount()
    return ask.Settle(hold, amount)


def _release(life: Life, kind: str) -> ask.Action:
    return ask.Release(life.held(kind))


def _renew(life: Life, kind: str) -> ask.Action:
    return ask.Renew(life.held(kind), life.later())


def _refund(life: Life, kind: str) -> ask.Action:
    amount = life.amount() if life.chance.random() < 0.5 else None
    return ask.Refund(life.named(kind, ask.Charge, ask.Settle), amount)


def _adjust(life: Life, kind: str) -> ask.Action:
    ends = life.later() if life.chance.random() < 0.3 else None
    is_up = life.chance.random() < 0.5
    if life.chance.random() < 0.3:
        return ask.Adjust(life.amount(), grant=life.named(kind, ask.Grant, ask.Adjust))
    return ask.Adjust(life.amount(), Terms("adjustment", life.at, ends) if is_up else None)


def _void(life: Life, kind: str) -> ask.Action:
    return ask.Void(life.named(kind, ask.Grant, ask.Adjust))


def _expire(life: Life, _: str) -> ask.Action:
    return ask.Expire(life.chance.choice(("promo", "trial", "pack", "plan")))


def _freeze(life: Life, kind: str) -> ask.Action:
    return ask.Freeze(life.named(kind, ask.Grant) if life.chance.random() < 0.6 else None)


def _thaw(life: Life, kind: str) -> ask.Action:
    return ask.Thaw(life.named(kind, ask.Grant) if life.chance.random() < 0.5 else None)


def _forfeit(_: Life, __: str) -> ask.Action:
    return ask.Forfeit()


def _stand(life: Life, kind: str) -> ask.Action:
    """Begin monthly grants, often on a month's last day, or change them."""
    chance, subscription = life.chance, life.chance.choice(SUBSCRIPTIONS)
    ends = life.at + chance.choice((DAY, 40 * DAY)) if chance.random() < 0.3 else None
    own = {
        name[1]: each for name, each in life.purse(kind).plans.items() if name[0] == subscription
    }
    if not own:
        last_day = months_after(life.at.replace(month=1, day=31), life.at.month - 1)
        anchor = chance.choice((life.at, last_day, last_day - 31 * DAY, life.at - 40 * DAY))
        return ask.Stand(StandingGrant(subscription, life.amount(), anchor, "UTC", ends_at=ends))
    last = max(own)
    index = max(0, own[last]["next"] + chance.choice((-1, 0, 0, 0, 1)))
    return ask.Stand(StandingGrant(
        subscription, life.amount(), own[last]["anchor"], "UTC", index,
        max(0, last + chance.choice((-1, 0, 1, 1))), ends,
    ))  # fmt: skip


_WEIGHED: dict[Callable[[Life, str], ask.Action], int] = {
    _grant: 16, _hold: 20, _charge: 14, _settle: 16, _release: 3, _renew: 3, _refund: 7, _meter: 2,
    _absorb: 2, _adjust: 4, _void: 2, _expire: 2, _freeze: 3, _thaw: 3, _forfeit: 1, _stand: 3,
}  # fmt: skip
"""Every kind of operation, and how often it is asked for."""

_MAKERS = tuple(_WEIGHED)
_BOUNDS = tuple(accumulate(_WEIGHED.values()))


def simulate(*, size: int, seed: int) -> Counter[str]:
    """Play at least so many operations in lives; return how many had which outcome."""
    outcomes: Counter[str] = Counter()
    while outcomes.total() < size:
        name = f"{seed}/{outcomes.total()}"
        life = Life(seed=name)
        try:
            life.live(OPERATIONS_A_LIFE)
        except Exception as trouble:
            trouble.add_note(f"in life {name} after {life.outcomes.total()} operations")
            raise
        outcomes += life.outcomes
    return outcomes
