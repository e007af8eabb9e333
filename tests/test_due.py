"""What is due is posted in due order, once, however late the clock comes."""

from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_requests import ADA, BEGINNING, do, fresh, histories, lines, wallet_of
from mutoscope.domain import actions as ask
from mutoscope.domain.calendar import BillingAnchor, period_start
from mutoscope.domain.due import is_due, next_due
from mutoscope.domain.granting import PeriodGranted
from mutoscope.domain.lots import Terms, is_conserved
from mutoscope.domain.planner import Facts, Submission, begin, plan
from mutoscope.domain.requests import Request
from mutoscope.domain.standing import StandingGrant

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
History = list[tuple[datetime, Request]]


def planned(history: History, *, is_punctual: bool) -> Facts:
    """Plan a history; a punctual clock looks at the wallet whenever something is due."""
    facts = fresh()
    for at, request in history:
        if is_punctual:
            tick_up_to(facts, at)
        plan(facts=facts, submissions=[Submission((request,))], at=at)
    return facts


def tick_up_to(facts: Facts, at: datetime) -> None:
    wallet = wallet_of(facts)
    while wallet.wake_at is not None and wallet.wake_at <= at:
        begin(wallet=wallet, at=max(wallet.wake_at, wallet.posted_at))


@settings(max_examples=150, deadline=None)
@given(history=histories(length=14), downtime=st.integers(0, 400))
def test_catching_up_gives_the_lines_of_a_punctual_clock(history: History, downtime: int) -> None:
    back_at = history[-1][0] + downtime * DAY
    late = planned(history, is_punctual=False)
    punctual = planned(history, is_punctual=True)

    begin(wallet=wallet_of(late), at=back_at)
    tick_up_to(punctual, back_at)

    assert lines(late) == lines(punctual)
    assert wallet_of(late).lots == wallet_of(punctual).lots
    assert wallet_of(late).holds == wallet_of(punctual).holds


@settings(max_examples=100, deadline=None)
@given(history=histories(length=14), downtime=st.integers(0, 400))
def test_time_never_goes_back_along_a_wallet(history: History, downtime: int) -> None:
    facts = planned(history, is_punctual=False)
    begin(wallet=wallet_of(facts), at=history[-1][0] + downtime * DAY)

    entries = wallet_of(facts).entries

    assert [entry.due_at for entry in entries] == sorted(entry.due_at for entry in entries)
    assert all(entry.due_at <= entry.posted_at for entry in entries)
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))


@settings(max_examples=100, deadline=None)
@given(history=histories(length=14), downtime=st.integers(0, 90))
def test_every_credit_is_accounted_for_at_every_instant(history: History, downtime: int) -> None:
    facts = planned(history, is_punctual=False)
    begin(wallet=wallet_of(facts), at=history[-1][0] + downtime * DAY)

    wallet = wallet_of(facts)

    assert all(is_conserved(lot) for lot in wallet.lots.values())
    assert wallet.available == sum(lot.available for lot in wallet.lots.values())
    assert wallet.held == sum(lot.held for lot in wallet.lots.values())
    assert wallet.held == sum(draw.amount for hold in wallet.holds.values() for draw in hold.draws)


def test_at_one_instant_a_hold_is_released_before_its_lot_lapses_before_the_next_grant() -> None:
    facts = fresh()
    plan_of_ada = StandingGrant(ADA, 200, BEGINNING, "UTC")
    do(facts, at=BEGINNING, essential=ask.Stand(plan_of_ada))
    renewal_at = plan_of_ada.advanced().next_at()
    assert renewal_at is not None
    do(facts, at=BEGINNING, clip=ask.Hold(50, renewal_at))

    begin(wallet=wallet_of(facts), at=renewal_at)

    operations = [entry.operation for entry in wallet_of(facts).entries]
    assert operations == ["grant", "hold", "release", "expire", "grant"]
    assert wallet_of(facts).available == 200


def test_nothing_is_due_before_its_instant_and_everything_at_it() -> None:
    facts = fresh()
    do(facts, at=BEGINNING, gift=ask.Grant(5, Terms("promo", BEGINNING, BEGINNING + DAY)))
    wallet = wallet_of(facts)

    assert not is_due(wallet=wallet, at=BEGINNING + DAY - timedelta(microseconds=1))
    assert is_due(wallet=wallet, at=BEGINNING + DAY)


def test_what_is_due_is_told_soonest_first() -> None:
    facts = fresh()
    do(
        facts, at=BEGINNING,
        later=ask.Grant(5, Terms("promo", BEGINNING, BEGINNING + 2 * DAY)),
        sooner=ask.Grant(5, Terms("promo", BEGINNING, BEGINNING + DAY)),
        clip=ask.Hold(7, BEGINNING + HOUR),
    )  # fmt: skip

    soonest = next_due(wallet_of(facts))

    assert soonest is not None
    assert soonest[0] == BEGINNING + HOUR


def test_a_wallet_on_which_nothing_is_to_come_does_not_wake_the_clock() -> None:
    facts = fresh()
    do(facts, at=BEGINNING, bought=ask.Grant(5, Terms("pack", BEGINNING)), clip=ask.Charge(5))

    assert next_due(wallet_of(facts)) is None
    assert wallet_of(facts).wake_at is None


def test_a_standing_grant_asked_for_again_grants_no_period_twice() -> None:
    facts = fresh()
    essential = ask.Stand(StandingGrant(UUID(int=7), 200, BEGINNING, "UTC"))
    do(facts, at=BEGINNING, essential=essential)

    do(facts, at=BEGINNING + 40 * DAY, essential=essential)

    operations = [entry.operation for entry in wallet_of(facts).entries]
    assert operations == ["grant", "expire", "grant"]


def test_an_older_change_of_terms_that_comes_late_changes_nothing() -> None:
    facts = fresh()
    first = StandingGrant(UUID(int=7), 200, BEGINNING, "UTC")
    upgraded = first._replace(amount=700, change=1, next_index=1)
    do(facts, at=BEGINNING, essential=ask.Stand(first), pro=ask.Stand(upgraded))

    do(facts, at=BEGINNING + HOUR, essential=ask.Stand(first))

    assert wallet_of(facts).standing[UUID(int=7), 1] == upgraded._replace(first_index=1)
    assert wallet_of(facts).standing[UUID(int=7), 0].next_at() is None


def test_a_change_of_terms_lets_the_terms_before_grant_up_to_it() -> None:
    facts = fresh()
    first = StandingGrant(UUID(int=7), 200, BEGINNING, "UTC")
    downgraded = first._replace(amount=50, change=1, next_index=2)
    do(facts, at=BEGINNING, pro=ask.Stand(first), essential=ask.Stand(downgraded))

    do(facts, at=BEGINNING + 70 * DAY, pack=ask.Grant(1, Terms("pack", BEGINNING)))

    amounts = [p.amount for e in wallet_of(facts).entries for p in e.postings]
    assert amounts == [200, 200, 200, 200, 50, 1]


def test_a_change_of_terms_for_a_period_that_was_granted_is_refused() -> None:
    facts = fresh()
    first = StandingGrant(UUID(int=7), 200, BEGINNING, "UTC")
    do(facts, at=BEGINNING, essential=ask.Stand(first))

    (outcome,) = do(facts, at=BEGINNING, pro=ask.Stand(first._replace(amount=700, change=1)))

    assert isinstance(outcome, PeriodGranted)
    assert outcome.next_index == 1


def test_another_zone_leaves_no_hour_without_credits_and_none_with_two_grants() -> None:
    facts = fresh()
    first = StandingGrant(UUID(int=7), 200, BEGINNING, "UTC")
    handed_over_at = period_start(anchor=BillingAnchor(at=BEGINNING, zone="UTC"), index=1)
    eastern = first._replace(
        zone="Asia/Tokyo", change=1, next_index=1, begins_at=handed_over_at
    )  # fmt: skip
    do(facts, at=BEGINNING, utc=ask.Stand(first), tokyo=ask.Stand(eastern))

    do(facts, at=BEGINNING + 70 * DAY, pack=ask.Grant(1, Terms("pack", BEGINNING)))

    lots = [lot for lot in wallet_of(facts).lots.values() if lot.source == "plan"]
    ends = [lot.expires_at for lot in lots][:-1]
    assert [lot.effective_at for lot in lots][1:] == ends


def test_what_was_scheduled_and_has_not_begun_may_be_changed_again() -> None:
    facts = fresh()
    first = StandingGrant(UUID(int=7), 200, BEGINNING, "UTC")
    scheduled = first._replace(amount=50, change=1, next_index=12)
    upgraded = first._replace(amount=700, change=2, next_index=1)
    do(facts, at=BEGINNING, pro=ask.Stand(first), later=ask.Stand(scheduled))
    do(facts, at=BEGINNING + HOUR, unlimited=ask.Stand(upgraded))

    do(facts, at=BEGINNING + 40 * DAY, pack=ask.Grant(1, Terms("pack", BEGINNING)))

    amounts = [p.amount for e in wallet_of(facts).entries for p in e.postings]
    assert amounts == [200, 200, 700, 1]
