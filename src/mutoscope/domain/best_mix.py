"""The best mix of tools for a budget: which tool makes which clip so that quality is highest.

Owns what is better: options that another one beats in price and rank are dropped, and frames with
the same options are counted together; `domain.knapsack` solves the rest exactly. Invariant: no
choice within the budget has a smaller sum of ranks, and none with the same sum is cheaper. Ties are
broken the same way always: earlier frames get the better tool.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mutoscope.domain.credits import Refusal
from mutoscope.domain.knapsack import Choice, Group, solved


class Option(NamedTuple):
    """A tool that can make a clip: its price, and its place in quality, 1 being the best."""

    price: int
    rank: int
    tool: str


class BudgetTooSmall(Refusal):
    """A budget below the cheapest mix."""

    code = "budget_too_small"

    def __init__(self, *, required: int, budget: int) -> None:
        super().__init__(
            f"the cheapest mix costs {required:,} credits and {budget:,} may be spent, "
            f"{required - budget:,} short: raise the budget, or make fewer or shorter clips"
        )
        self.required = required
        self.budget = budget
        self.shortfall = required - budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A tool for each frame, in their order, and what they cost and rank in sum."""

    chosen: tuple[Option, ...]
    price: int
    rank_sum: int


def best_mix(*, frames: Sequence[Sequence[Option]], budget: int) -> Mix:
    """Return the mix with the smallest sum of ranks within a budget, the cheapest of its like.

    :raises BudgetTooSmall: when even the cheapest option of each frame costs more.
    """
    assert all(frames), "each frame has an option: the caller refuses others by name"
    members: dict[tuple[Option, ...], list[int]] = defaultdict(list)
    for number, options in enumerate(frames):
        members[tuple(options)].append(number)
    classes = [(undominated(options), numbers) for options, numbers in members.items()]
    required = sum(options[0].price * len(numbers) for options, numbers in classes)
    if required > budget:
        raise BudgetTooSmall(required=required, budget=budget)
    groups = [_group(options, len(numbers)) for options, numbers in classes]
    chosen: dict[int, Option] = {}
    for (options, numbers), counts in zip(
        classes, solved(groups=groups, budget=budget - required), strict=True
    ):
        best_first = reversed(tuple(zip(options, counts, strict=True)))
        taken = [option for option, count in best_first for _ in range(count)]
        chosen.update(zip(numbers, taken, strict=True))
    return Mix(
        chosen=tuple(chosen[number] for number in range(len(frames))),
        price=sum(option.price for option in chosen.values()),
        rank_sum=sum(option.rank for option in chosen.values()),
    )


def undominated(options: Iterable[Option]) -> tuple[Option, ...]:
    """Return the options that no other beats in price and rank, from the cheapest up."""
    kept: list[Option] = []
    for option in sorted(options):
        if not kept or option.rank < kept[-1].rank:
            kept.append(option)
    return tuple(kept)


def _group(options: Sequence[Option], count: int) -> Group:
    cheapest = options[0]
    steps = tuple(
        Choice(option.price - cheapest.price, cheapest.rank - option.rank) for option in options
    )
    return Group(count, steps)
