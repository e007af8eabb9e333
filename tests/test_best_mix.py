"""The best mix is the best: against trying everything, and in its ties, limits and time."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.best_mix import BudgetTooSmall, Mix, Option, best_mix, undominated
from mutoscope.domain.knapsack import Choice, Group, by_gain, solved

STANDARD = Option(25, 6, "kling_standard")
RUNWAY = Option(25, 3, "runway_gen4_turbo")
PRO = Option(50, 2, "kling_pro")
VEO = Option(250, 1, "veo3")
SHIPPED = (STANDARD, RUNWAY, PRO, Option(80, 4, "pixverse_v4"), Option(40, 5, "wan_i2v"), VEO)

options = st.builds(
    Option, st.integers(1, 30), st.integers(1, 6), st.sampled_from(["ant", "bee", "cat"])
)
boards = st.lists(st.lists(options, min_size=1, max_size=6), min_size=1, max_size=3).flatmap(
    lambda kinds: st.lists(st.sampled_from(kinds), min_size=1, max_size=9)
)


def best_of_all(frames: Sequence[Sequence[Option]], budget: int) -> tuple[int, int]:
    """Return the smallest sum of ranks and its smallest price, by trying every price."""
    ranks = {0: 0}
    for options_of_frame in frames:
        after: dict[int, int] = {}
        for paid, rank in ranks.items():
            for option in options_of_frame:
                total = paid + option.price
                if total <= budget:
                    after[total] = min(after.get(total, 10**6), rank + option.rank)
        ranks = after
    return min((rank, paid) for paid, rank in ranks.items())


def least(frames: Sequence[Sequence[Option]]) -> int:
    return sum(min(option.price for option in each) for each in frames)


@given(frames=boards, spare=st.integers(0, 150))
def test_no_mix_is_better_or_as_good_and_cheaper(frames: list[list[Option]], spare: int) -> None:
    budget = least(frames) + spare

    mix = best_mix(frames=frames, budget=budget)

    assert (mix.rank_sum, mix.price) == best_of_all(frames, budget)
    assert all(one in each for one, each in zip(mix.chosen, frames, strict=True))
    assert sum(one.price for one in mix.chosen) == mix.price <= budget


@given(frames=boards, spare=st.integers(0, 150))
def test_the_sure_way_finds_as_much_as_the_quick_one(
    frames: list[list[Option]], spare: int
) -> None:
    groups = []
    for each in frames:
        kept = undominated(each)
        steps = (Choice(one.price - kept[0].price, kept[0].rank - one.rank) for one in kept)
        groups.append(Group(1, tuple(steps)))

    quick, sure = solved(groups=groups, budget=spare), by_gain(groups=groups, budget=spare)

    assert total(groups, quick) == total(groups, sure)


def total(groups: Sequence[Group], counts: Sequence[Sequence[int]]) -> tuple[int, int]:
    taken = [
        (count * choice.gain, count * choice.cost)
        for group, found in zip(groups, counts, strict=True)
        for choice, count in zip(group.choices, found, strict=True)
    ]
    assert [sum(found) for found in counts] == [group.size for group in groups]
    return sum(gain for gain, _ in taken), sum(cost for _, cost in taken)


def best_by_price(frames: Sequence[Sequence[Option]], budget: int) -> tuple[int, int]:
    """Return the smallest sum of ranks and its smallest price, in multiples of 5 credits."""
    ranks = np.full(budget // 5 + 1, 10**6)
    ranks[0] = 0
    for options_of_frame in frames:
        after = np.full_like(ranks, 10**6)
        for option in options_of_frame:
            step = option.price // 5
            np.minimum(after[step:], ranks[: len(ranks) - step] + option.rank, out=after[step:])
        ranks = after
    return int(ranks.min()), int(ranks.argmin()) * 5


def test_the_shipped_tools_that_others_beat_are_never_chosen() -> None:
    assert undominated(SHIPPED) == (RUNWAY, PRO, VEO)


@pytest.mark.parametrize(
    ("budget", "tools"),
    [
        (75, [RUNWAY, RUNWAY, RUNWAY]),
        (99, [RUNWAY, RUNWAY, RUNWAY]),
        (100, [PRO, RUNWAY, RUNWAY]),
        (150, [PRO, PRO, PRO]),
        (349, [PRO, PRO, PRO]),
        (350, [VEO, PRO, PRO]),
        (10**9, [VEO, VEO, VEO]),
    ],
)
def test_earlier_frames_get_the_better_tool(budget: int, tools: list[Option]) -> None:
    assert list(best_mix(frames=[SHIPPED] * 3, budget=budget).chosen) == tools


def test_a_budget_below_the_cheapest_mix_tells_the_shortfall() -> None:
    with pytest.raises(BudgetTooSmall) as refusal:
        best_mix(frames=[SHIPPED, [VEO]], budget=274)

    assert (refusal.value.required, refusal.value.shortfall) == (275, 1)


def test_a_board_without_clips_costs_nothing() -> None:
    assert best_mix(frames=[], budget=0) == Mix(chosen=(), price=0, rank_sum=0)


def test_the_same_board_has_the_same_mix_whatever_the_order_of_its_tools() -> None:
    there = best_mix(frames=[SHIPPED] * 40, budget=2_345)

    assert best_mix(frames=[SHIPPED[::-1]] * 40, budget=2_345) == there


def test_a_large_board_is_mixed_at_once() -> None:
    frames = [SHIPPED if number % 3 else (*SHIPPED[:3], VEO) for number in range(500)]
    spans = []
    for budget in range(13_000, 70_000, 7_001):
        begun = time.perf_counter()
        best_mix(frames=frames, budget=budget)
        spans.append(time.perf_counter() - begun)

    assert min(spans) < 0.02


@pytest.mark.timeout(60)
def test_prices_made_to_be_hard_take_seconds_at_most() -> None:
    ladders = ((85, 115, 140, 240, 255, 275), (5, 85, 95, 140, 185, 295))
    kinds = [
        [Option(price, 6 - step, f"tool-{step}") for step, price in enumerate(ladder)]
        for ladder in ladders
    ]
    frames = [kinds[number % 2] for number in range(500)]

    mix = best_mix(frames=frames, budget=63_929)

    assert (mix.rank_sum, mix.price) == best_by_price(frames, 63_929)
