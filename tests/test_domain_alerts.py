"""A threshold is told once for each crossing; a hold that is given back arms nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.alerts import (
    AlertCode,
    Judgement,
    Memory,
    OpenLot,
    Thresholds,
    ToldLapse,
    WalletView,
    judge,
)

NOW = datetime(2025, 1, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Thresholds(percents=(25, 10, 0), days=(7, 1))
FRESH = Memory()


def view(
    left: int, *, held: int = 0, newest: int = 1, reference: int = 100, days: float = 30
) -> WalletView:
    lot = OpenLot(1, left, NOW - DAY, NOW + days * DAY)
    return WalletView(held=held, reference=reference, newest_lot=newest, lots=(lot,))


def look(seen: WalletView, memory: Memory = FRESH, *, after: timedelta = DAY * 0) -> Judgement:
    return judge(view=seen, memory=memory, thresholds=RULES, at=NOW + after)


def told(*views: WalletView) -> list[int]:
    """Return the thresholds told while a wallet goes through some states."""
    memory, found = FRESH, []
    for each in views:
        judgement = look(each, memory)
        memory = judgement.memory
        found += [raised.threshold for raised in judgement.raised]
    return found


@pytest.mark.parametrize(
    ("left", "thresholds"), [(26, []), (25, [25]), (11, [25]), (10, [10]), (1, [10]), (0, [0])]
)
def test_a_threshold_is_crossed_at_the_very_figure(left: int, thresholds: list[int]) -> None:
    assert told(view(100), view(left)) == thresholds


def test_each_threshold_is_told_once_on_the_way_down() -> None:
    assert told(*map(view, [100, 60, 25, 24, 23, 10, 9, 5, 0, 0])) == [25, 10, 0]


def test_of_several_crossed_at_once_the_lowest_is_told() -> None:
    assert told(view(100), view(8), view(20)) == [10]


def test_held_credits_are_not_there_to_spend() -> None:
    assert told(view(100), view(20, held=80)) == [25]


def test_a_hold_that_is_given_back_tells_nothing_twice() -> None:
    up_and_down = [view(6, held=94), view(100), view(6, held=94), view(100), view(6, held=94)]

    assert told(view(100), *up_and_down) == [10]


def test_a_grant_arms_what_it_rises_above() -> None:
    assert told(view(100), view(9), view(109, newest=2), view(9, newest=2)) == [10, 10]


def test_a_refund_that_is_large_enough_arms_too() -> None:
    assert told(view(100), view(9), view(30), view(9)) == [10, 10]


def test_a_rise_within_the_margin_arms_nothing() -> None:
    assert told(view(100), view(10), view(14, newest=2), view(9, newest=2)) == [10]
    assert told(view(100), view(10), view(15, newest=2), view(9, newest=2)) == [10, 10]


def test_a_rise_between_thresholds_keeps_the_upper_one_silent() -> None:
    assert told(view(100), view(9), view(20, newest=2), view(19, newest=2)) == [10]


def test_spending_and_a_grant_between_two_looks_arm_all_the_same() -> None:
    assert told(view(100), view(9, held=20), view(29, newest=2), view(9, newest=2)) == [10, 10]


def test_a_wallet_that_was_never_given_anything_is_not_empty() -> None:
    assert told(view(0, reference=0)) == []


def test_an_unlimited_wallet_is_never_low() -> None:
    unlimited = replace(view(0), is_unlimited=True)

    assert look(unlimited).raised == ()


def test_an_empty_trial_is_told_as_such() -> None:
    (raised,) = look(replace(view(0), is_trial=True)).raised

    assert raised.code is AlertCode.TRIAL_EXHAUSTED


def test_a_lapse_is_told_a_week_and_a_day_before() -> None:
    memory, found = FRESH, []
    for hours in range(0, 31 * 24, 6):
        judgement = look(view(80), memory, after=timedelta(hours=hours))
        memory = judgement.memory
        found += [
            (hours, raised.threshold, raised.credits)
            for raised in judgement.raised
            if raised.code is AlertCode.CREDITS_LAPSE
        ]

    assert found == [(23 * 24, 7, 80), (29 * 24, 1, 80)]


def test_the_next_look_is_at_the_very_crossing() -> None:
    first = look(view(80))
    week_before = look(view(80), first.memory, after=23 * DAY)
    day_before = look(view(80), week_before.memory, after=29 * DAY)

    assert first.look_at == NOW + 23 * DAY
    assert week_before.look_at == NOW + 29 * DAY
    assert day_before.look_at is None


def test_a_lapse_that_comes_within_a_day_is_told_once() -> None:
    late = look(view(80, days=0.5))

    assert [raised.threshold for raised in late.raised] == [1]
    assert look(view(80, days=0.5), late.memory).raised == ()


def test_what_is_held_or_gone_does_not_lapse() -> None:
    assert look(view(0, held=80, days=3)).look_at is None
    assert [each.code for each in look(view(0, held=80, days=3)).raised] == ["balance_empty"]
    assert look(view(80, days=-0.1)).look_at is None


def test_a_lot_that_was_held_whole_and_returns_is_not_told_again() -> None:
    first = look(view(80, days=5))
    held = look(replace(view(0, held=80, days=5), lots=()), first.memory)

    assert ToldLapse(1, 7, NOW + 5 * DAY) in held.memory.told_lapses
    assert look(view(80, days=5), held.memory).raised == ()


def test_lots_that_lapse_together_are_told_together() -> None:
    both = replace(
        view(0), lots=(OpenLot(1, 50, NOW, NOW + 5 * DAY), OpenLot(4, 30, NOW, NOW + 5 * DAY))
    )

    (raised,) = look(both).raised

    assert (raised.credits, raised.lots) == (80, (1, 4))


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=30))
def test_without_credits_that_come_no_threshold_is_told_twice(
    moves: list[tuple[int, int]],
) -> None:
    spendable, held, views = 100, 0, [view(100)]
    for wanted, settled in moves:
        spendable, held = spendable + held, 0
        taken = min(wanted, spendable)
        spendable, held = spendable - taken, taken
        views.append(view(spendable, held=held))
        held -= min(settled, held)
        views.append(view(spendable, held=held))

    found = told(*views)

    assert found == sorted(set(found), reverse=True)


@given(st.lists(st.integers(0, 130), max_size=20))
def test_what_is_told_is_always_true(balances: list[int]) -> None:
    memory = FRESH
    for number, left in enumerate(balances):
        judgement = look(view(left, newest=number), memory)
        memory = judgement.memory

        lowest = min((each for each in RULES.percents if left <= each), default=None)
        assert [raised.threshold for raised in judgement.raised] in ([], [lowest])
        assert lowest is None or (memory.told_percent or 0) <= lowest
