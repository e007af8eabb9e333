"""The real storage against the model, by random operations: two journals on the same wallets.

Each journal remembers wallets by itself, as two processes would, so that what one remembers goes
stale behind its back. After every step the outcomes, the lots, the holds and the number of lines
are compared; in the end the self check runs.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger_model import Book
from ledger_purse import PLACES
from lost_projections import lose_and_rebuild
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Answer, Submission
from mutoscope.domain.requests import Request
from mutoscope.domain.standing import StandingGrant
from mutoscope.storage.journal import Journal
from mutoscope.storage.session import Session
from mutoscope.storage.wallet_cache import WalletCache
from soundness import assert_sound

Result = TypeVar("Result")

BEGINNING = datetime(2025, 1, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
KINDS = st.sampled_from(["video", "video", "video", "video", "image"])
AMOUNTS = st.integers(1, 30)
PICKS = st.integers(0, 7)
SPANS = st.sampled_from([MINUTE, 30 * MINUTE, timedelta(days=1), timedelta(days=17)])
ENDS = st.none() | SPANS
JOURNALS = st.tuples(st.integers(0, 1), st.integers(0, 1))
TURNS: list[ask.Action] = [
    ask.Freeze(), ask.Thaw(), ask.Expire("promo"), ask.Expire("pack"), ask.Forfeit(),
    ask.Freeze(ask.Reference("api", "key-1")), ask.Void(ask.Reference("api", "key-1")),
    ask.Void(ask.Reference("api", "key-2")),
]  # fmt: skip
SUBSCRIPTIONS = [UUID(int=1), UUID(int=2)]


class Bench:
    """Two journals that share one clock and one database, in a loop of their own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.at = BEGINNING
        self.examples = count(1)
        self.steps = 0
        self._runner = asyncio.Runner()
        self.journals = [Journal(url=url, now=lambda: self.at) for _ in range(2)]
        for journal in self.journals:
            self.run(journal.open())
        self.session = self.run(Session.opened(url, WalletCache()))

    def run(self, doing: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(doing)

    def close(self) -> None:
        for journal in self.journals:
            self.run(journal.close())
        self.run(self.session.connection.close())
        self._runner.close()

    def outcomes(self, journal: int, requests: list[Request]) -> list[str]:
        """Submit requests together; tell how each went, or the refusal."""
        try:
            answers = self.run(self.journals[journal].submit(Submission(tuple(requests))))
        except Refusal as refusal:
            return [refusal.code]
        return [_told(answer) for answer in answers]

    def outcomes_of_each(self, journal: int, requests: list[Request]) -> list[str]:
        """Submit requests side by side; tell how each went."""
        submissions = [Submission((request,)) for request in requests]
        outcomes = self.run(self.journals[journal].submit_all(submissions))
        return [o.code if isinstance(o, Refusal) else _told(o[0]) for o in outcomes]

    def shown(self, workspace_id: UUID) -> dict[str, Any]:
        """Read what a workspace has, in the words of the model."""
        return self.run(self._shown(workspace_id))

    async def _shown(self, workspace_id: UUID) -> dict[str, Any]:
        fetch = self.session.connection.fetch
        wallets = await fetch("SELECT * FROM wallets WHERE workspace_id = $1", workspace_id)
        lots = await fetch("SELECT * FROM lots WHERE workspace_id = $1", workspace_id)
        holds = await fetch(
            "SELECT e.kind, e.key, h.deadline_at FROM holds AS h "
            "JOIN entries AS e USING (workspace_id, kind, sequence) WHERE workspace_id = $1",
            workspace_id,
        )
        return {
            "lines": {row["kind"]: row["sequence"] for row in wallets},
            "available": {row["kind"]: row["available"] for row in wallets},
            "held": {row["kind"]: row["held"] for row in wallets},
            "lots": {
                (row["kind"], row["lot"]): {place: row[place] for place in PLACES} for row in lots
            },
            "holds": {(row["kind"], row["key"]): row["deadline_at"] for row in holds},
        }


def expected(book: Book) -> dict[str, Any]:
    """Tell what the model has, as `Bench.shown` does."""
    purses = book.purses.items()
    return {
        "lines": {kind: len(purse.lines) for kind, purse in purses},
        "available": {kind: purse.total("available") for kind, purse in purses},
        "held": {kind: purse.total("held") for kind, purse in purses},
        "lots": {
            (kind, number): {place: lot[place] for place in PLACES}
            for kind, purse in purses
            for number, lot in purse.lots.items()
        },
        "holds": {
            (kind, key): hold["deadline"]
            for kind, purse in purses
            for key, hold in purse.holds.items()
        },
    }


def _told(answer: Answer) -> str:
    return "replayed" if answer.is_replay else "done"


class LedgerMachine(RuleBasedStateMachine):
    """Random operations on one workspace, through either journal."""

    bench: ClassVar[Bench]

    @initialize()
    def begin(self) -> None:
        self.workspace_id = UUID(int=next(self.bench.examples))
        self.bench.at = BEGINNING
        self.book = Book()
        self.names = 0
        for source, ends in (("pack", None), ("promo", timedelta(days=1))):
            terms = Terms(source, self.at, None if ends is None else self.at + ends)
            self._do(0, "video", ask.Grant(100, terms))

    @invariant()
    def a_step_is_counted(self) -> None:
        self.bench.steps += 1

    @property
    def at(self) -> datetime:
        return self.bench.at

    @rule(span=SPANS)
    def time_passes(self, span: timedelta) -> None:
        self.bench.at += span

    @rule(kind=KINDS)
    def the_clock_works(self, kind: str) -> None:
        if kind in self.book.purses:
            self.book.purses[kind].catch_up(self.at)
        names = [(self.workspace_id, kind)]

        self.bench.run(self.bench.session.post_due(names, self.at))

        self._compare()

    @rule(journal=st.integers(0, 1), kind=KINDS, amount=AMOUNTS, ends=ENDS, pick=PICKS)
    def grant(
        self, journal: int, kind: str, amount: int, *, ends: timedelta | None, pick: int
    ) -> None:
        source = ("pack", "pack", "promo", "trial")[pick % 4]
        is_paid = source == "pack"
        terms = Terms(
            source=source, effective_at=self.at + (MINUTE if pick == 5 else 0 * MINUTE),
            expires_at=None if ends is None else self.at + ends,
            paid_amount=39 if is_paid else None, currency="usd" if is_paid else None,
        )  # fmt: skip
        self._do(journal, kind, ask.Grant(amount * 3, terms, is_frozen=pick == 7))

    @rule(journal=st.integers(0, 1), kind=KINDS, amount=AMOUNTS, span=SPANS, pick=PICKS)
    def hold(self, journal: int, kind: str, amount: int, *, span: timedelta, pick: int) -> None:
        self._do(journal, kind, ask.Hold(amount, self.at + span, is_metered=pick == 7))

    @rule(journal=st.integers(0, 1), kind=KINDS, amount=AMOUNTS, is_meter=st.booleans())
    def charge(self, journal: int, kind: str, amount: int, *, is_meter: bool) -> None:
        self._do(journal, kind, ask.Meter(amount) if is_meter else ask.Charge(amount))

    @precondition(lambda self: self.has_holds())
    @rule(journal=st.integers(0, 1), kind=KINDS, amount=st.integers(0, 30), pick=PICKS)
    def settle(self, journal: int, kind: str, amount: int, pick: int) -> None:
        hold = self._held(kind, pick)
        self._do(journal, kind, ask.Settle(hold, amount) if amount else ask.Release(hold))

    @rule(journals=JOURNALS, amount=AMOUNTS, part=st.integers(0, 3), action=st.sampled_from(TURNS))
    def what_is_held_comes_back_to_another_lot_than_it_left(
        self, journals: tuple[int, int], amount: int, part: int, action: ask.Action
    ) -> None:
        first, second = journals
        hold = self._do(first, "video", ask.Hold(amount, self.at + DAY))
        self._do(second, "video", action)
        self._do(first, "video", ask.Settle(hold, amount * part // 3))

    @rule(journals=JOURNALS, amount=AMOUNTS, part=st.integers(0, 3))
    def what_is_held_comes_back_after_its_lot_lapsed(
        self, journals: tuple[int, int], amount: int, part: int
    ) -> None:
        first, second = journals
        self._do(second, "video", ask.Grant(amount, self._until(DAY)))
        deadline_at = self.at + (2 if part else 1) * DAY
        hold = self._do(first, "video", ask.Hold(amount + part, deadline_at))
        self.bench.at += DAY
        self._do(second, "video", ask.Settle(hold, amount * part // 3))

    @rule(journals=JOURNALS, amount=AMOUNTS, part=st.none() | AMOUNTS, span=SPANS)
    def what_was_spent_comes_back_later(
        self, journals: tuple[int, int], amount: int, part: int | None, span: timedelta
    ) -> None:
        first, second = journals
        self._do(second, "video", ask.Grant(amount, self._until(DAY)))
        charge = self._do(first, "video", ask.Charge(amount))
        self.bench.at += span
        self._do(second, "video", ask.Refund(charge, part))

    @precondition(lambda self: self.has_holds())
    @rule(journal=st.integers(0, 1), kind=KINDS, span=SPANS, pick=PICKS)
    def renew(self, journal: int, kind: str, span: timedelta, pick: int) -> None:
        self._do(journal, kind, ask.Renew(self._held(kind, pick), self.at + span))

    @rule(journal=st.integers(0, 1), kind=KINDS, amount=st.none() | AMOUNTS, pick=PICKS)
    def refund(self, journal: int, kind: str, amount: int | None, pick: int) -> None:
        of = self._picked(kind, pick, "charge", "settle")
        self._do(journal, kind, ask.Refund(of, amount))

    @rule(journal=st.integers(0, 1), kind=KINDS, amount=AMOUNTS, pick=PICKS)
    def correct(self, journal: int, kind: str, amount: int, pick: int) -> None:
        up = Terms("adjustment", self.at) if pick % 2 else None
        of = self._picked(kind, pick, "grant", "adjust") if pick in {2, 4} else None
        self._do(journal, kind, ask.Adjust(amount, up, of) if pick < 6 else ask.Absorb(amount))

    @rule(journal=st.integers(0, 1), kind=KINDS, pick=PICKS, name=PICKS)
    def turn_or_end(self, journal: int, kind: str, pick: int, name: int) -> None:
        grant = self._picked(kind, name, "grant", "adjust")
        chosen = grant if name % 2 else None
        action: ask.Action
        match pick:
            case 0 | 1 | 2:
                action = ask.Freeze(chosen)
            case 3 | 4:
                action = ask.Thaw(chosen)
            case 5:
                action = ask.Void(grant)
            case 6:
                action = ask.Expire("trial")
            case _:
                action = ask.Forfeit() if name == 7 else ask.Expire("promo")
        self._do(journal, kind, action)

    @rule(journal=st.integers(0, 1), kind=KINDS, amount=AMOUNTS, pick=PICKS, ends=ENDS)
    def stand(
        self, journal: int, kind: str, amount: int, *, pick: int, ends: timedelta | None
    ) -> None:
        standing = StandingGrant(
            SUBSCRIPTIONS[pick % 2], amount, BEGINNING, "UTC", change=pick // 3,
            ends_at=None if ends is None else self.at + ends,
        )  # fmt: skip
        self._do(journal, kind, ask.Stand(standing))

    @rule(journal=st.integers(0, 1), kind=KINDS, amounts=st.lists(AMOUNTS, min_size=2, max_size=4))
    def hold_together(self, journal: int, kind: str, amounts: list[int]) -> None:
        until = self.at + 30 * MINUTE
        requests = [self._request(kind, ask.Hold(amount, until)) for amount in amounts]

        outcomes = self.bench.outcomes(journal, requests)

        assert outcomes == self.book.outcomes(requests, self.at)
        self._compare()

    @rule(journal=st.integers(0, 1), kind=KINDS, amounts=st.lists(AMOUNTS, min_size=2, max_size=5))
    def charge_side_by_side(self, journal: int, kind: str, amounts: list[int]) -> None:
        requests = [self._request(kind, ask.Charge(amount)) for amount in amounts]
        requests += requests[:1]

        outcomes = self.bench.outcomes_of_each(journal, requests)

        assert outcomes == [
            outcome for each in requests for outcome in self.book.outcomes([each], self.at)
        ]
        self._compare()

    @rule(journal=st.integers(0, 1), kind=KINDS, pick=st.integers(0, 999), amount=AMOUNTS)
    def use_a_key_again(self, journal: int, kind: str, pick: int, amount: int) -> None:
        used = list(self.book.keys)
        if used:
            key = used[pick % len(used)]
            request = Request(self.workspace_id, kind, "api", key, ask.Charge(amount))
            self._submit(journal, request)

    @rule(journal=st.integers(0, 1), pick=st.integers(0, 999))
    def repeat(self, journal: int, pick: int) -> None:
        done = [made["request"] for made in self.book.keys.values()]
        if done:
            self._submit(journal, done[pick % len(done)])

    @rule()
    def the_projections_are_lost_and_rebuilt(self) -> None:
        connection = self.bench.session.connection

        self.bench.run(lose_and_rebuild(connection, self.workspace_id, at=self.at))

        self._compare()

    def has_holds(self) -> bool:
        return any(purse.holds for purse in self.book.purses.values())

    def _until(self, span: timedelta) -> Terms:
        return Terms("promo", self.at, self.at + span)

    def _do(self, journal: int, kind: str, action: ask.Action) -> ask.Reference:
        request = self._request(kind, action)
        self._submit(journal, request)
        return ask.Reference("api", request.key)

    def _request(self, kind: str, action: ask.Action) -> Request:
        self.names += 1
        return Request(self.workspace_id, kind, "api", f"key-{self.names}", action)

    def _submit(self, journal: int, request: Request) -> None:
        outcomes = self.bench.outcomes(journal, [request])

        assert outcomes == self.book.outcomes([request], self.at), request
        self._compare()

    def _picked(self, kind: str, pick: int, *verbs: str) -> ask.Reference:
        """Pick a recent request of a wallet by its verb, or now and then one of anything."""
        fit = [
            key
            for key, made in self.book.keys.items()
            if pick == 7 or (made["kind"] == kind and made["content"][1] in verbs)
        ]
        return ask.Reference("api", fit[-1 - pick % min(3, len(fit))] if fit else "nothing")

    def _held(self, kind: str, pick: int) -> ask.Reference:
        """Pick an open hold of a wallet, or now and then one that is over."""
        purse = self.book.purses.get(kind)
        if pick < 6 and purse is not None and purse.holds:
            return ask.Reference("api", list(purse.holds)[pick % len(purse.holds)])
        return self._picked(kind, pick, "hold")

    def _compare(self) -> None:
        assert self.bench.shown(self.workspace_id) == expected(self.book)


@pytest.fixture
def bench(database_url: str) -> Iterator[Bench]:
    bench = Bench(database_url)
    yield bench
    bench.close()


def check_machine(bench: Bench, *, examples: int, steps: int, seed: int) -> None:
    """Run random examples of so many steps against the model."""

    class Machine(LedgerMachine):
        pass

    Machine.bench = bench
    run_state_machine_as_test(
        seeded(seed)(Machine),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    asyncio.run(assert_sound(bench.url))


def test_the_storage_does_what_the_model_does(bench: Bench) -> None:
    check_machine(bench, examples=60, steps=40, seed=1)
