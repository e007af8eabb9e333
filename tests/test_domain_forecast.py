"""A rate tells only what a history shows, and the walk loses and makes no credit."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.bootstrap import read_catalog
from mutoscope.domain.forecast import (
    DAY,
    HORIZON,
    Confidence,
    Stock,
    best_of,
    bought,
    rate_of,
    walk,
)

NOW = datetime(2025, 1, 20, 12, tzinfo=UTC)
VERSION = read_catalog(None).version_at(at=NOW)


def stock(
    amount: int, *, lot: int = 1, begins: float = -1, ends: float | None = None, paid: bool = False
) -> Stock:
    ends_at = None if ends is None else NOW + ends * DAY
    return Stock(lot, amount, NOW + begins * DAY, ends_at, paid)


lots = st.lists(
    st.builds(
        lambda amount, begins, lasts, paid: (amount, begins, lasts, paid),
        st.integers(0, 2_000), st.integers(-10, 400), st.none() | st.integers(0, 400),
        st.booleans(),
    ),
    max_size=8,
).map(
    lambda drawn: [
        stock(
            amount, lot=number, begins=begins, paid=paid,
            ends=None if lasts is None else begins + lasts,
        )
        for number, (amount, begins, lasts, paid) in enumerate(drawn, start=1)
    ]
)  # fmt: skip
rates = st.fractions(min_value=0, max_value=500, max_denominator=28)


@given(lots, rates)
def test_every_credit_of_a_walk_is_drawn_lapsed_or_left(
    found: list[Stock], per_day: Fraction
) -> None:
    walked = walk(stock=found, per_day=per_day, at=NOW)

    lapsed = sum(each.amount for each in walked.lapsed)
    assert min(walked.drawn, walked.left, lapsed) >= 0
    assert walked.arrived == walked.drawn + walked.left + lapsed
    assert all(each.amount > 0 for each in walked.lapsed)
    assert walked.depleted_at is None or NOW <= walked.depleted_at < NOW + HORIZON


@given(lots, rates, rates)
def test_a_higher_rate_wastes_no_more_and_lasts_no_longer(
    found: list[Stock], one: Fraction, other: Fraction
) -> None:
    slow = walk(stock=found, per_day=min(one, other), at=NOW)
    fast = walk(stock=found, per_day=max(one, other), at=NOW)

    assert sum(each.amount for each in fast.lapsed) <= sum(each.amount for each in slow.lapsed)
    assert fast.drawn >= slow.drawn
    if slow.depleted_at is not None:
        assert fast.depleted_at is not None
        assert fast.depleted_at <= slow.depleted_at


@given(lots, rates, st.integers(1, 1_000))
def test_more_credits_never_end_sooner(found: list[Stock], per_day: Fraction, more: int) -> None:
    before = walk(stock=found, per_day=per_day, at=NOW)
    after = walk(stock=[*found, stock(more, lot=99)], per_day=per_day, at=NOW)

    assert after.drawn >= before.drawn
    if after.depleted_at is not None:
        assert before.depleted_at is not None
        assert before.depleted_at <= after.depleted_at


@given(st.lists(st.integers(0, 1_000), max_size=28), st.integers(0, 27), st.integers(1, 500))
def test_a_day_with_more_use_never_lowers_the_rate(daily: list[int], day: int, more: int) -> None:
    raised = [amount + more * (number == day) for number, amount in enumerate(daily)]

    before, after = rate_of(daily=daily), rate_of(daily=raised)

    if before.per_day and before.per_day > 0 and all(daily):
        assert after.per_day is not None
        assert after.per_day >= before.per_day
    assert before.per_day is None or 0 <= before.per_day <= max(daily)


@pytest.mark.parametrize("daily", [[], [50] * 6, [0, 0, 0, 0, 50, 50, 0], [1, 2, 3]], ids=str)
def test_a_short_history_is_accumulating_and_has_no_rate(daily: list[int]) -> None:
    rate = rate_of(daily=daily)

    assert (rate.per_day, rate.confidence) == (None, Confidence.ACCUMULATING)


def test_a_week_without_use_is_known_to_have_none() -> None:
    assert rate_of(daily=[0] * 7).per_day == 0


@pytest.mark.parametrize(
    ("daily", "confidence"),
    [
        ([50] * 7, Confidence.LOW),
        ([50] * 14, Confidence.MEDIUM),
        ([50] * 28, Confidence.HIGH),
        ([50, 50, 50, 50, 50, 0, 0] * 4, Confidence.HIGH),
        ([200, 0, 0, 0, 0, 0, 0] * 4, Confidence.LOW),
        ([100, 0, 0] * 9, Confidence.MEDIUM),
    ],
)
def test_confidence_grows_with_length_and_evenness(
    daily: list[int], confidence: Confidence
) -> None:
    assert rate_of(daily=daily).confidence is confidence


def test_one_day_of_frenzy_counts_as_thrice_an_ordinary_one() -> None:
    rate = rate_of(daily=[10, 10, 10, 10, 10, 10, 10_000])

    assert rate.per_day == Fraction(60 + 30, 7)


def test_a_lot_is_used_up_to_the_very_instant() -> None:
    walked = walk(stock=[stock(100)], per_day=Fraction(10), at=NOW)

    assert walked.depleted_at == NOW + timedelta(days=10)


def test_a_grant_that_comes_in_time_carries_on() -> None:
    monthly = [stock(300, ends=30), stock(300, lot=2, begins=30, ends=60)]

    steady = walk(stock=monthly, per_day=Fraction(9), at=NOW)
    hasty = walk(stock=monthly, per_day=Fraction(11), at=NOW)

    assert steady.depleted_at == NOW + timedelta(days=60)
    assert [(each.lot, each.amount) for each in steady.lapsed] == [(1, 30), (2, 30)]
    assert hasty.depleted_at is not None
    assert hasty.depleted_at < NOW + timedelta(days=30)


def test_without_use_all_that_has_an_end_lapses_and_nothing_is_used_up() -> None:
    found = [stock(320, ends=20), stock(700, lot=2, paid=True)]

    walked = walk(stock=found, per_day=Fraction(0), at=NOW)

    assert [(each.lot, each.amount) for each in walked.lapsed] == [(1, 320)]
    assert (walked.left, walked.depleted_at) == (700, None)


def test_what_lapses_first_is_drawn_first_and_the_purchased_last() -> None:
    found = [stock(100, lot=1, paid=True), stock(100, lot=2, ends=10)]

    walked = walk(stock=found, per_day=Fraction(10), at=NOW)

    assert walked.lapsed == ()
    assert walked.depleted_at == NOW + timedelta(days=20)


def test_wasted_credits_are_told_as_clips_of_the_best_tool_they_buy_several_of() -> None:
    choices = bought(version=VERSION, kind="video", amount=320)

    best = best_of(choices)

    assert best is not None
    assert (best.pieces, best.name) == (6, "Kling Pro")
    assert {each.tool: each.pieces for each in choices} == {
        "veo3": 1, "kling_pro": 6, "runway_gen4_turbo": 12, "pixverse_v4": 4, "wan_i2v": 8,
        "kling_standard": 12,
    }  # fmt: skip


def test_too_few_credits_buy_nothing_that_could_be_named() -> None:
    assert best_of(bought(version=VERSION, kind="video", amount=24)) is None
