"""The planner: a batch does what its requests do one by one, and a refusal leaves no trace."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings

from ledger_requests import ADA, BEGINNING, do, fresh, histories, wallet_of
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.known import UnknownReference
from mutoscope.domain.ledger import InsufficientCredits
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import (
    ACTIONS,
    CLOCK_BACK_MAX,
    ClockWentBack,
    Facts,
    KeyReused,
    Outcome,
    Submission,
    UnknownWallet,
    plan,
)
from mutoscope.domain.requests import Request
from mutoscope.domain.spending import AlreadyRefunded, HoldAlreadySettled

HOUR = timedelta(hours=1)
BOUGHT = ask.Grant(100, Terms("pack", BEGINNING))
CLIP = ask.Reference("api", "clip")
History = list[tuple[datetime, Request]]


def request(key: str, action: ask.Action) -> Request:
    return Request(ADA, "video", "api", key, action)


def told(outcomes: list[Outcome]) -> list[object]:
    return [outcome.code if isinstance(outcome, Refusal) else outcome for outcome in outcomes]


def test_a_repeat_of_a_part_that_is_taken_back_names_the_same_grant() -> None:
    facts = fresh()
    do(facts, at=BEGINNING, pack=BOUGHT, other=BOUGHT)
    of, other = ask.Reference("api", "pack"), ask.Reference("api", "other")
    do(facts, at=BEGINNING, less=ask.Adjust(5, grant=of))

    asked = (ask.Adjust(5, grant=of), ask.Adjust(5, grant=other), ask.Adjust(5))
    outcomes = [do(facts, at=BEGINNING, less=each)[0] for each in asked]

    assert [isinstance(each, KeyReused) for each in outcomes] == [False, True, True]
    assert ask.Adjust(5).content() == "5 down"


@settings(max_examples=150, deadline=None)
@given(history=histories(length=14))
def test_a_batch_does_what_its_requests_do_one_by_one(history: History) -> None:
    at = history[-1][0]
    submissions = [Submission((each,)) for _, each in history]
    together, apart = fresh(), fresh()

    batch = plan(facts=together, submissions=submissions, at=at)
    single = [plan(facts=apart, submissions=[each], at=at)[0] for each in submissions]

    assert wallet_of(together).entries == wallet_of(apart).entries
    assert wallet_of(together).head == wallet_of(apart).head
    assert told(batch) == told(single)


@settings(max_examples=100, deadline=None)
@given(history=histories(length=10))
def test_a_refused_request_leaves_the_wallet_as_it_was(history: History) -> None:
    facts = fresh()

    for at, each in history:
        do(facts, at=at, look=ask.Void(ask.Reference("api", "nothing")))
        before = state(facts)
        (outcome,) = plan(facts=facts, submissions=[Submission((each,))], at=at)
        if isinstance(outcome, Refusal):
            assert state(facts) == before


@settings(max_examples=100, deadline=None)
@given(history=histories(length=10))
def test_requests_that_go_together_are_all_granted_or_none(history: History) -> None:
    at = history[-1][0]
    facts, alone = fresh(), fresh()
    together = Submission(tuple(each for _, each in history))

    (outcome,) = plan(facts=facts, submissions=[together], at=at)
    singles = plan(facts=alone, submissions=[Submission((e,)) for _, e in history], at=at)

    refusals = [each for each in singles if isinstance(each, Refusal)]
    if refusals:
        assert isinstance(outcome, type(refusals[0]))
        assert state(facts) == state(fresh())
    else:
        assert wallet_of(facts).entries == wallet_of(alone).entries


def state(facts: Facts) -> object:
    wallet = wallet_of(facts)
    return (
        wallet.sequence, wallet.head, wallet.available, wallet.held, wallet.due_at,
        dict(wallet.lots), dict(wallet.holds), dict(wallet.standing), list(wallet.entries),
        dict(facts.known),
    )  # fmt: skip


def test_whatever_is_due_stays_posted_when_the_request_is_refused() -> None:
    facts = fresh()
    do(facts, at=BEGINNING, gift=ask.Grant(5, Terms("promo", BEGINNING, BEGINNING + HOUR)))

    (outcome,) = do(facts, at=BEGINNING + HOUR, clip=ask.Charge(5))

    assert isinstance(outcome, InsufficientCredits)
    assert outcome.available == 0
    assert [entry.operation for entry in wallet_of(facts).entries] == ["grant", "expire"]


def test_submissions_of_a_batch_do_not_disturb_one_another() -> None:
    facts = fresh()

    outcomes = do(
        facts, at=BEGINNING, bought=BOUGHT, too_much=ask.Charge(101), clip=ask.Charge(100),
        more=ask.Charge(1),
    )  # fmt: skip

    assert [isinstance(outcome, Refusal) for outcome in outcomes] == [False, True, False, True]


def test_a_repeat_inside_one_batch_is_a_replay_and_other_content_is_refused() -> None:
    facts = fresh()
    do(facts, at=BEGINNING, bought=BOUGHT)
    requests = [request("clip", ask.Charge(amount)) for amount in (5, 5, 6)]

    first, again, other = plan(
        facts=facts, submissions=[Submission((each,)) for each in requests], at=BEGINNING
    )

    assert not isinstance(first, Refusal)
    assert not isinstance(again, Refusal)
    assert (first[0].is_replay, again[0].is_replay) == (False, True)
    assert again[0].entry == first[0].entry
    assert isinstance(other, KeyReused)


def test_a_repeat_inside_one_submission_is_a_replay() -> None:
    facts = fresh()
    do(facts, at=BEGINNING, bought=BOUGHT)
    clip = request("clip", ask.Charge(60))

    (outcome,) = plan(facts=facts, submissions=[Submission((clip, clip))], at=BEGINNING)

    assert not isinstance(outcome, Refusal)
    assert [answer.is_replay for answer in outcome] == [False, True]
    assert wallet_of(facts).available == 40


def test_a_submission_without_requests_has_no_answers() -> None:
    assert plan(facts=fresh(), submissions=[Submission(())], at=BEGINNING) == [()]


def test_a_wallet_that_was_not_loaded_is_unknown() -> None:
    elsewhere = Request(UUID(int=9), "video", "api", "clip", ask.Charge(1))

    (outcome,) = plan(facts=fresh(), submissions=[Submission((elsewhere,))], at=BEGINNING)

    assert isinstance(outcome, UnknownWallet)


def test_a_hold_ends_once_and_a_charge_is_refunded_once() -> None:
    facts = fresh()

    outcomes = do(
        facts, at=BEGINNING, bought=BOUGHT, clip=ask.Hold(5, BEGINNING + HOUR),
        done=ask.Settle(CLIP, 5), failed=ask.Release(CLIP),
        back=ask.Refund(ask.Reference("api", "done")),
        twice=ask.Refund(ask.Reference("api", "done")),
        hold=ask.Refund(ask.Reference("api", "nothing")),
        grant=ask.Settle(ask.Reference("api", "bought"), 1),
    )  # fmt: skip

    refusals = [type(outcome) for outcome in outcomes if isinstance(outcome, Refusal)]
    assert refusals == [HoldAlreadySettled, AlreadyRefunded, UnknownReference, UnknownReference]


def test_a_clock_may_lag_a_little_behind_the_journal_and_no_more() -> None:
    facts = fresh()
    do(facts, at=BEGINNING, bought=BOUGHT)

    (lagging,) = do(facts, at=BEGINNING - CLOCK_BACK_MAX, clip=ask.Charge(1))
    wrong_at = BEGINNING - CLOCK_BACK_MAX - timedelta(microseconds=1)
    (wrong,) = do(facts, at=wrong_at, picture=ask.Charge(1))

    assert not isinstance(lagging, Refusal)
    assert isinstance(wrong, ClockWentBack)
    assert wallet_of(facts).entries[-1].posted_at == BEGINNING


def test_every_action_has_a_function_that_grants_it() -> None:
    assert set(ACTIONS) == set(ask.Action.__args__)


@pytest.mark.parametrize("action", ask.OPERATIONS)
def test_the_entry_of_an_action_is_of_its_operation(action: type) -> None:
    assert ask.OPERATIONS[action] == action.__name__.lower()
