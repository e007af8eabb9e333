"""What a whole board costs: item by item, in sum by kind, which lots pay, what could be cheaper.

Owns the arithmetic of boards; the price of an item is `estimate.price`, the function that charges.
Invariant: an item is told only when it can be made as it stands, so that a total is what an order
would hold. A frame lacks what is neither there nor on its way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from mutoscope.domain.balance import Balance
from mutoscope.domain.best_mix import Option
from mutoscope.domain.catalog import Version
from mutoscope.domain.credits import Refusal
from mutoscope.domain.estimate import BadRatio, price
from mutoscope.domain.lots import Draw, drawn
from mutoscope.domain.offers import Tool, Unit
from mutoscope.domain.storyboard import Board, Frame, Wanted

STILL_TOOL: Final = "image_generation"
"""The tool that makes the stills of a board."""


class NoToolFits(Refusal):
    """A frame whose clip no tool makes in its duration and ratio."""

    code = "no_tool_fits"

    def __init__(self, *, number: int, duration_s: int, ratio: str) -> None:
        super().__init__(
            f"no tool makes the clip of frame {number}, {duration_s} s in {ratio}: give the frame "
            "another duration, or the project another ratio"
        )
        self.number = number
        self.duration_s = duration_s
        self.ratio = ratio


class Swap(NamedTuple):
    """Another tool that makes the same for less."""

    tool: str
    price: int
    saved: int
    quality_rank: int


class BoardItem(NamedTuple):
    """A still or clip that a frame lacks, with its price and cheaper tools.

    The best tool comes first; a worse one is there only if it costs less than all before it.
    """

    frame_id: UUID
    number: int
    wanted: Wanted
    tool: str
    kind: str
    duration_s: int | None
    price: int
    swaps: tuple[Swap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTotal:
    """All items of a kind of credit against its balance.

    Unlimited use costs 0 and has its `metered` amount. On `next_at`, the next billing date or
    lapse, `lapsing` of what remains lapses, `next_grant_amount` arrives, `remaining_then` is left.
    """

    kind: str
    required: int
    metered: int
    available: int
    remaining: int
    shortfall: int
    draws: tuple[Draw, ...]
    should_confirm: bool
    next_at: datetime | None
    next_grant_amount: int
    lapsing: int
    remaining_then: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardEstimate:
    """What a board still costs, under one version of the catalog."""

    project_id: UUID
    version: str
    items: tuple[BoardItem, ...]
    totals: tuple[KindTotal, ...]


def items_of(*, board: Board, version: Version) -> tuple[BoardItem, ...]:
    """Return what the frames of a board lack, in their order, a frame's still before its clip.

    :raises UnknownTool: when a frame's tool is no longer in the catalog.
    :raises BadDuration: when it no longer makes clips of the frame's duration.
    :raises BadRatio: when it makes no pictures of the board's ratio.
    """
    ratio = board.project.ratio
    known: dict[tuple[str, int | None], tuple[str, int, tuple[Swap, ...]]] = {}
    items = []
    for frame, wanted in lacking(board=board):
        key, duration_s = STILL_TOOL, None
        if wanted is Wanted.CLIP:
            assert frame.tool is not None, "a frame without a tool lacks no clip"
            key, duration_s = frame.tool, frame.duration_s
        found = known.get((key, duration_s))
        if found is None:
            found = known[key, duration_s] = _priced(version, key, duration_s, ratio)
        items.append(BoardItem(frame.frame_id, frame.number, wanted, key, found[0], duration_s,
                               *found[1:]))  # fmt: skip
    return tuple(items)


def lacking(*, board: Board) -> Iterable[tuple[Frame, Wanted]]:
    """Yield what frames lack."""
    for frame in board.frames:
        for wanted in Wanted:
            if frame.lacks(wanted):
                yield frame, wanted


def able_tools(*, version: Version, kind: str, duration_s: int, ratio: str) -> tuple[Tool, ...]:
    """Return the tools that make such a clip, in the catalog's order."""
    return tuple(
        tool
        for tool in version.tools
        if tool.kind == kind and tool.unit is not Unit.PER_IMAGE
        and duration_s in tool.durations_s and ratio in tool.ratios
    )  # fmt: skip


def options_of(
    *, frames: Sequence[Frame], tools: Sequence[Tool], ratio: str
) -> list[tuple[Option, ...]]:
    """Return for each frame the tools that could make its clip.

    :raises NoToolFits: when none could.
    """
    known: dict[int, tuple[Option, ...]] = {}
    found = []
    for frame in frames:
        duration_s = frame.duration_s
        assert duration_s is not None, "a frame that is to have a clip has a duration"
        if duration_s not in known:
            known[duration_s] = tuple(
                Option(price(tool=tool, duration_s=duration_s), tool.quality_rank, tool.key)
                for tool in tools
                if duration_s in tool.durations_s and ratio in tool.ratios
            )
        if not known[duration_s]:
            raise NoToolFits(number=frame.number, duration_s=duration_s, ratio=ratio)
        found.append(known[duration_s])
    return found


def totals(
    *, items: Iterable[BoardItem], balances: Mapping[str, Balance], unlimited: frozenset[str],
    confirm_percent: int,
) -> tuple[KindTotal, ...]:  # fmt: skip
    """Return the sum of each kind against its balance, by kind."""
    amounts: dict[str, int] = {}
    for item in items:
        amounts[item.kind] = amounts.get(item.kind, 0) + item.price
    return tuple(
        _total(
            kind, amounts[kind], balances.get(kind), is_unlimited=kind in unlimited,
            confirm_percent=confirm_percent,
        )
        for kind in sorted(amounts)
    )  # fmt: skip


def _priced(
    version: Version, key: str, duration_s: int | None, ratio: str
) -> tuple[str, int, tuple[Swap, ...]]:
    tool = version.tool(key=key)
    amount = price(tool=tool, duration_s=duration_s)
    if ratio not in tool.ratios:
        raise BadRatio(tool=tool.key, ratio=ratio, allowed=tool.ratios)
    if duration_s is None:
        return tool.kind, amount, ()
    others = able_tools(version=version, kind=tool.kind, duration_s=duration_s, ratio=ratio)
    swaps = [
        Swap(other.key, less, amount - less, other.quality_rank)
        for other in others
        if (less := price(tool=other, duration_s=duration_s)) < amount
    ]
    found: list[Swap] = []
    for swap in sorted(swaps, key=lambda swap: (swap.quality_rank, swap.price, swap.tool)):
        if not found or swap.price < found[-1].price:  # a worse tool has to be cheaper
            found.append(swap)
    return tool.kind, amount, tuple(found)


def _total(
    kind: str, amount: int, balance: Balance | None, *, is_unlimited: bool, confirm_percent: int,
) -> KindTotal:  # fmt: skip
    required = 0 if is_unlimited else amount
    available = balance.spendable if balance else 0
    lots = balance.lots if balance else ()
    at = balance.at if balance else None
    ordered = [(lot.lot, lot.available) for lot in lots if at and lot.is_spendable(at=at)]
    draws = drawn(lots=ordered, amount=required) if required else ()
    shortfall = max(0, required - available)
    next_at = (balance.next_grant_at or balance.next_lapse_at) if balance else None
    taken = dict(draws)
    lapsing = sum(
        lot.available - taken.get(lot.lot, 0)
        for lot in lots
        if not shortfall and next_at and lot.expires_at and lot.expires_at <= next_at
    )
    arriving = balance.next_grant_amount if balance else 0
    remaining = max(0, available - required)
    return KindTotal(
        kind=kind, required=required, metered=amount - required, available=available,
        remaining=remaining, shortfall=shortfall, draws=draws,
        should_confirm=required * 100 > available * confirm_percent, next_at=next_at,
        next_grant_amount=arriving, lapsing=lapsing,
        remaining_then=remaining - lapsing + arriving,
    )  # fmt: skip
