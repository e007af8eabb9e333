"""The multiple-choice knapsack, solved exactly: the largest gain within a budget.

The straight-line relaxation gives a solution in which one group is split over two choices. Against
it each other choice has a loss, and the gap to whole solutions is less than one step of gain: so
only deviations whose losses together stay within the gap are looked at, each completed by as many
steps of the split as still fit, and every better solution shrinks the gap. That takes a few
thousandths of a second. Where too many deviations lie within the gap, the least cost of each gain
is computed item by item instead, in at most items x items x choices x largest gain steps: about a
second for 500 items with 6 choices.

Invariant: no other selection gains more, and none that gains as much costs less.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import gcd
from typing import Final, NamedTuple

DEVIATIONS_MAX: Final = 500
"""Deviations that are kept track of: beyond, the sure way is the quicker one."""


class Choice(NamedTuple):
    """What one item may take, beyond its cheapest choice."""

    cost: int
    gain: int


class Group(NamedTuple):
    """Items with the same choices, of which the first costs and gains 0 and each next one more."""

    size: int
    choices: tuple[Choice, ...]


class _Step(NamedTuple):
    """A step up on the hull of a group."""

    cost: int
    gain: int
    where: int
    lower: int
    upper: int


class _Deviation(NamedTuple):
    """What leaves the split solution: its cost, gain and loss, and how many items take what.

    `away` counts items of the split group that take neither end of the step.
    """

    cost: int
    gain: int
    loss: int
    away: int
    moved: tuple[tuple[int, int, int], ...]


class _TooMany(Exception):
    """More deviations lie within the gap than are kept track of."""


def solved(*, groups: Sequence[Group], budget: int) -> list[list[int]]:
    """Return how many items of each group take each choice; the first ones always fit."""
    unit = gcd(*(choice.cost for group in groups for choice in group.choices)) or 1
    scaled = [
        Group(group.size, tuple(Choice(cost // unit, gain) for cost, gain in group.choices))
        for group in groups
    ]
    try:
        return by_deviations(groups=scaled, budget=budget // unit)
    except _TooMany:
        return by_gain(groups=scaled, budget=budget // unit)


def by_gain(*, groups: Sequence[Group], budget: int) -> list[list[int]]:
    """Solve by the least cost of each gain, item by item."""
    items = [where for where, group in enumerate(groups) for _ in range(group.size)]
    beyond = budget + 1
    least = [[0]]
    for where in items:
        before, choices = least[-1], groups[where].choices
        after = [beyond] * (len(before) + choices[-1].gain)
        for cost, gain in choices:
            span = slice(gain, gain + len(before))
            after[span] = map(min, after[span], map(cost.__add__, before))
        while after[-1] > budget:
            after.pop()
        least.append(after)
    counts = [[0] * len(group.choices) for group in groups]
    gain = len(least[-1]) - 1
    for where, before, after in zip(items[::-1], least[-2::-1], least[:0:-1], strict=True):
        index = _taken(groups[where].choices, before, gain, after[gain])
        counts[where][index] += 1
        gain -= groups[where].choices[index].gain
    return counts


def by_deviations(*, groups: Sequence[Group], budget: int) -> list[list[int]]:
    """Solve by deviating from the split solution.

    :raises _TooMany: when too many deviations lie within the gap.
    """
    at, spare, step = _split(groups, budget)
    counts = [
        [group.size * (index == at[where]) for index in range(len(group.choices))]
        for where, group in enumerate(groups)
    ]
    if step is None:
        return counts
    core = _Core(step, spare, groups[step.where].size)
    found = [_Deviation(0, 0, 0, 0, ())]
    for where in sorted(range(len(groups)), key=lambda where: where != step.where):
        used = dict.fromkeys(found, 0)
        for index, change in _changes(
            groups[where], at[where], step if step.where == where else None
        ):
            used = core.pruned(core.deviating(used, change, (where, index), groups[where].size))
        found = list(used)
    best = min(found, key=core.completed)
    for where, index, times in (*best.moved, (step.where, step.upper, core.steps(best))):
        counts[where][at[where]] -= times
        counts[where][index] += times
    return counts


class _Core:
    """What completes deviations to whole solutions, and the gap that the best so far leaves.

    Gains are scaled by the step's cost and costs by its gain, so that losses are whole numbers.
    """

    def __init__(self, step: _Step, spare: int, count: int) -> None:
        self._step = step
        self._spare = spare
        self._count = count
        self._gap = step.gain * spare

    def steps(self, found: _Deviation) -> int:
        """Return how many steps still fit; negative when the deviations alone do not."""
        return min(self._count - found.away, (self._spare - found.cost) // self._step.cost)

    def completed(self, found: _Deviation) -> tuple[object, ...]:
        """Return what orders deviations, the best first: fitting, gain, cost, then any order."""
        steps = self.steps(found)
        gain, cost = found.gain + steps * self._step.gain, found.cost + steps * self._step.cost
        return steps < 0, -gain, cost, found.moved

    def deviating(
        self, used: dict[_Deviation, int], change: Choice, place: tuple[int, int], count: int
    ) -> dict[_Deviation, int]:
        """Return deviations with none, one and more items of a group changed, within the gap."""
        loss = self._step.gain * change.cost - self._step.cost * change.gain
        assert loss >= 0, "the hull lies above every choice"
        is_away = place[0] == self._step.where
        made = dict(used)
        for start, before in used.items():
            left = count - before
            if loss:
                left = min(left, (self._gap - start.loss) // loss)
            for times in range(1, left + 1):
                found = _Deviation(
                    start.cost + times * change.cost, start.gain + times * change.gain,
                    start.loss + times * loss, start.away + times * is_away,
                    (*start.moved, (*place, times)),
                )  # fmt: skip
                made[found] = before + times
            if len(made) > DEVIATIONS_MAX:
                raise _TooMany
        return made

    def pruned(self, used: dict[_Deviation, int]) -> dict[_Deviation, int]:
        """Shrink the gap by what was found, and drop what lies outside or is dominated."""
        fitting = [each for each in used if self.steps(each) >= 0]
        gain = max(each.gain + self.steps(each) * self._step.gain for each in fitting)
        self._gap = min(self._gap, self._step.gain * self._spare - self._step.cost * gain)
        kept: dict[_Deviation, int] = {}
        gains: dict[tuple[int, int], int] = {}
        for each in sorted(used, key=lambda one: (one.cost, -one.gain, one.away, one.moved)):
            away, number = each.away, used[each]
            if each.loss <= self._gap and not any(
                most >= each.gain and other <= away and others <= number
                for (other, others), most in gains.items()
            ):
                gains[away, number] = each.gain
                kept[each] = number
        return kept


def _split(groups: Sequence[Group], budget: int) -> tuple[list[int], int, _Step | None]:
    """Return the choice of each group, what is left, and the step that does not fit whole."""
    at = [0] * len(groups)
    steps = [step for where, group in enumerate(groups) for step in _hull(where, group)]
    for step in sorted(steps, key=lambda step: (Fraction(-step.gain, step.cost), step)):
        whole = groups[step.where].size * step.cost
        if whole > budget:
            return at, budget, step
        budget -= whole
        at[step.where] = step.upper
    return at, budget, None


def _hull(where: int, group: Group) -> Iterable[_Step]:
    """Yield the steps of a group's hull, each gaining less for its cost than the one before."""
    lower = 0
    while lower < len(group.choices) - 1:
        cost, gain = group.choices[lower]
        steps = [
            _Step(up.cost - cost, up.gain - gain, where, lower, index)
            for index, up in enumerate(group.choices)
            if index > lower
        ]
        step = max(steps, key=lambda step: (Fraction(step.gain, step.cost), step.upper))
        yield step
        lower = step.upper


def _changes(group: Group, at: int, step: _Step | None) -> Iterable[tuple[int, Choice]]:
    """Yield the choices to which an item may leave, with what it costs and gains."""
    base = group.choices[at]
    for index, choice in enumerate(group.choices):
        if index != at and (step is None or index != step.upper):
            yield index, Choice(choice.cost - base.cost, choice.gain - base.gain)


def _taken(choices: Sequence[Choice], before: Sequence[int], gain: int, cost: int) -> int:
    """Return the choice by which an item came to a gain at its least cost."""
    return next(
        index
        for index, choice in enumerate(choices)
        if 0 <= gain - choice.gain < len(before)
        and before[gain - choice.gain] + choice.cost == cost
    )
