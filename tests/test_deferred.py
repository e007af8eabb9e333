"""Deferred revenue: what was paid is earned, left over, taken back or owed, to the last unit."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.deferred import (
    Back,
    LotUse,
    PaidLine,
    PaidPlan,
    lot_value,
    net_of,
    plan_value,
    spread,
    summed,
)

START = datetime(2026, 1, 31, 9, tzinfo=UTC)
END = datetime(2026, 2, 28, 9, tzinfo=UTC)
STEPS = st.lists(
    st.tuples(st.sampled_from(["capture", "end", "void", "refund"]), st.integers(1, 50)),
    max_size=40,
)


def used(use: LotUse, step: str, amount: int) -> LotUse:
    """Return a lot after a step, as far as its credits allow it."""
    left = use.granted - use.captured - use.ended - use.voided
    match step:
        case "capture":
            return use._replace(captured=use.captured + min(amount, left))
        case "end":
            return use._replace(ended=use.ended + min(amount, left))
        case "void":
            return use._replace(voided=use.voided + min(amount, left))
        case _:
            return use._replace(captured=use.captured - min(amount, use.captured))


@given(st.integers(0, 10**7), st.integers(1, 300), STEPS)
def test_every_unit_paid_is_in_one_place_whatever_happens(
    paid: int, granted: int, steps: list[tuple[str, int]]
) -> None:
    use = LotUse(paid, granted, 0, 0, 0)

    for step, amount in steps:
        use = used(use, step, amount)
        value = lot_value(use)

        assert sum(value) == paid
        assert min(value) >= 0


@given(st.integers(0, 10**7), st.integers(1, 300), STEPS)
def test_revenue_falls_by_refunds_of_credits_alone(
    paid: int, granted: int, steps: list[tuple[str, int]]
) -> None:
    use = LotUse(paid, granted, 0, 0, 0)

    for step, amount in steps:
        before, use = lot_value(use), used(use, step, amount)
        change = lot_value(use).less(before)

        if step != "refund":
            assert min(change[:3]) >= 0
            assert change.deferred <= 0
        else:
            assert max(change[:3]) <= 0


@given(st.integers(0, 10**7), st.lists(st.integers(1, 90), min_size=1, max_size=30))
def test_captures_come_to_the_price_when_all_is_spent(paid: int, parts: list[int]) -> None:
    use, recognised = LotUse(paid, sum(parts), 0, 0, 0), 0

    for part in parts:
        before, use = lot_value(use), used(use, "capture", part)
        recognised += lot_value(use).less(before).recognised

    assert (recognised, lot_value(use).deferred) == (paid, 0)


@given(st.integers(0, 10**7), st.integers(1, 300), st.integers(0, 300), st.integers(0, 300))
def test_credits_taken_back_are_worth_what_the_buyer_is_given(
    paid: int, granted: int, captured: int, voided: int
) -> None:
    spent = used(LotUse(paid, granted, 0, 0, 0), "capture", captured)

    use = used(spent, "void", voided)

    assert lot_value(use).taken_back == paid * use.voided // granted


@pytest.mark.parametrize(
    ("use", "value"),
    [
        (LotUse(3_900, 1_500, 0, 0, 0), (0, 0, 0, 3_900)),
        (LotUse(3_900, 1_500, 1, 0, 0), (2, 0, 0, 3_898)),
        (LotUse(100, 3, 1, 1, 1), (33, 34, 33, 0)),
        (LotUse(100, 3, 1, 0, 2), (33, 1, 66, 0)),
        (LotUse(100, 3, 0, 1, 2), (0, 34, 66, 0)),
        (LotUse(100, 3, 0, 0, 3), (0, 0, 100, 0)),
        (LotUse(0, 700, 5, 0, 0), (0, 0, 0, 0)),
    ],
)
def test_each_part_is_rounded_down_and_the_rest_is_breakage(
    use: LotUse, value: tuple[int, ...]
) -> None:
    assert lot_value(use) == value


def paid_plan(*lines: PaidLine, tax: int = 0, backs: tuple[Back, ...] = ()) -> PaidPlan:
    """Return a plan that was paid at the start."""
    net = sum(line.amount for line in lines)
    return PaidPlan(
        workspace_id=UUID(int=1), request_id=UUID(int=2), title="Pro", currency="USD", net=net,
        tax=tax, lines=lines, paid_at=START, backs=backs,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "earned"),
    [
        (START - timedelta(microseconds=1), 0),
        (START, 0),
        (START + timedelta(days=1) - timedelta(microseconds=1), 0),
        (START + timedelta(days=1), 103),
        (END - timedelta(microseconds=1), 2_796),
        (END, 2_900),
        (END + timedelta(days=400), 2_900),
    ],
)
def test_a_period_is_earned_by_whole_days_and_ends_exact(at: datetime, earned: int) -> None:
    value = plan_value(paid_plan(PaidLine(2_900, START, END)), at=at)

    assert value.recognised == earned


def test_a_year_paid_at_once_is_earned_month_by_month() -> None:
    year = paid_plan(PaidLine(36_500, START, START + timedelta(days=365)))

    earned = [plan_value(year, at=START + timedelta(days=days)) for days in (0, 31, 59, 365)]

    assert [value.recognised for value in earned] == [0, 3_100, 5_900, 36_500]
    assert [value.deferred for value in earned] == [36_500, 33_400, 30_600, 0]


def test_nothing_is_earned_before_it_is_paid() -> None:
    late = paid_plan(PaidLine(2_800, START - timedelta(days=14), START + timedelta(days=14)))

    assert plan_value(late, at=START - timedelta(seconds=1)) == (0, 0, 0)
    assert plan_value(late, at=START).recognised == 1_400


@pytest.mark.parametrize("hours", [-1, 1])
def test_an_hour_of_the_clock_more_or_less_is_no_day(hours: int) -> None:
    line = PaidLine(3_000, START, START + timedelta(days=30, hours=hours))

    assert spread(line, at=START + timedelta(days=10)) == 1_000


def test_a_line_that_is_given_back_is_spread_as_what_it_gives_back() -> None:
    upgrade = (PaidLine(2_800, START, END), PaidLine(-1_400, START, END))

    assert plan_value(paid_plan(*upgrade), at=START + timedelta(days=14)).recognised == 700
    assert spread(upgrade[1], at=START + timedelta(days=1)) == -50


def test_money_that_goes_back_is_taken_from_the_end_of_the_span() -> None:
    day = timedelta(days=1)
    plan = paid_plan(
        PaidLine(2_800, START, END), tax=280, backs=(Back(START + 7 * day, 1_540),)
    )  # half of it, tax included

    values = [plan_value(plan, at=START + number * day) for number in (6, 7, 14, 28)]

    assert values == [(600, 0, 2_200), (700, 1_400, 700), (1_400, 1_400, 0), (1_400, 1_400, 0)]


@given(
    st.lists(st.tuples(st.integers(-5_000, 50_000), st.integers(0, 60)), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 60_000)), max_size=4),
    st.integers(0, 9_000),
    st.integers(-5, 120),
)
def test_a_plans_price_is_always_whole(
    spans: list[tuple[int, int]], backs: list[tuple[int, int]], tax: int, days: int
) -> None:
    lines = [PaidLine(amount, START, START + timedelta(days=span)) for amount, span in spans]
    lines.append(PaidLine(max(0, -sum(line.amount for line in lines)), None, None))
    given_back = tuple(Back(START + timedelta(days=day), amount) for day, amount in backs)
    plan = paid_plan(*lines, tax=tax, backs=given_back)

    value = plan_value(plan, at=START + timedelta(days=days))

    assert sum(value) == (plan.net if days >= 0 else 0)
    assert value.recognised >= 0
    assert value.refunded <= plan.net


def test_tax_is_no_part_of_what_went_back() -> None:
    assert net_of(net=1_000, tax=190, amount=1_190) == 1_000
    assert net_of(net=1_000, tax=190, amount=595) == 500
    assert net_of(net=1_000, tax=190, amount=9_999) == 1_000
    assert net_of(net=0, tax=0, amount=5) == 0


def test_values_are_added_part_by_part() -> None:
    assert summed([]) == (0, 0, 0, 0)
    assert summed([lot_value(LotUse(100, 3, 1, 0, 0))] * 2) == (66, 0, 0, 134)
