"""Forecasts: when a wallet is used up at the present rate, and what of it would lapse unspent.

Owns the rate and the walk through what is known to come: lapses and grants. Invariants: the rate
comes of captures alone, so that a purchase is no negative use; in the walk no lot falls below
zero, and what was there or arrived is drawn, lapsed or left. The surprising choice: with a short
history there is a balance and a date, but no rate: nothing is made up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor
from statistics import median
from typing import Final, NamedTuple

from mutoscope.domain.catalog import Version
from mutoscope.domain.estimate import affordable
from mutoscope.domain.lots import NEVER

HISTORY_DAYS: Final = 28
"""Days of use that a rate is taken from: four of each weekday."""

LEAST_DAYS: Final = 7
LEAST_ACTIVE_DAYS: Final = 3
OUTLIER: Final = 3
"""A day counts for at most so many times the median of the days with use."""

HORIZON: Final = timedelta(days=366)
DAY: Final = timedelta(days=1)
MICROSECOND: Final = timedelta(microseconds=1)
SEVERAL: Final = 2
_HIGH: Final = (21, Fraction(9, 16))
_MEDIUM: Final = (14, Fraction(9, 4))
"""Days at least, and the square of the variation at most: five even days of seven have 2/5."""


class Confidence(StrEnum):
    """How far a rate is to be trusted; while it accumulates there is none."""

    ACCUMULATING = "accumulating"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Stock(NamedTuple):
    """Credits that are there or will come: a lot with its span and its place in the spend order."""

    lot: int
    amount: int
    effective_at: datetime
    expires_at: datetime | None
    is_paid: bool


class Lapsed(NamedTuple):
    """What of a lot would lapse unspent, and when."""

    lot: int
    amount: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """How many whole images or clips some credits buy of a tool."""

    tool: str
    name: str
    is_clip: bool
    pieces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Credits a day, exact, or None while the history is too short to tell."""

    per_day: Fraction | None
    confidence: Confidence
    days: int
    active_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What becomes of all stock by the horizon, and when use first finds nothing."""

    arrived: int
    drawn: int
    left: int
    lapsed: tuple[Lapsed, ...]
    depleted_at: datetime | None


def rate_of(*, daily: Sequence[int]) -> Rate:
    """Return the rate of some whole days of use, an outlier counted as thrice the median day.

    Less than a week, or fewer than three days with use, tell nothing; a week without any use
    tells that there is none.
    """
    used = [amount for amount in daily if amount > 0]
    days, active = len(daily), len(used)
    if days < LEAST_DAYS or active < LEAST_ACTIVE_DAYS:
        is_idle = days >= LEAST_DAYS and not used
        return Rate(
            per_day=Fraction(0) if is_idle else None, confidence=Confidence.ACCUMULATING,
            days=days, active_days=active,
        )  # fmt: skip
    most = OUTLIER * Fraction(median(used))
    counted = [min(Fraction(max(0, amount)), most) for amount in daily]
    total = sum(counted, Fraction(0))
    variation = days * sum((each * each for each in counted), Fraction(0)) / (total * total) - 1
    return Rate(
        per_day=total / days, confidence=_confidence(days, variation), days=days,
        active_days=active,
    )  # fmt: skip


def _confidence(days: int, variation: Fraction) -> Confidence:
    if days >= _HIGH[0] and variation <= _HIGH[1]:
        return Confidence.HIGH
    if days >= _MEDIUM[0] and variation <= _MEDIUM[1]:
        return Confidence.MEDIUM
    return Confidence.LOW


def walk(*, stock: Iterable[Stock], per_day: Fraction, at: datetime) -> Walk:
    """Walk to the horizon: draw at a rate in the spend order, let what is over lapse.

    Whole credits are drawn, rounded down at each instant; use that finds nothing is lost.
    """
    assert per_day >= 0
    ends_at = at + HORIZON
    lots = sorted((each for each in stock if _lives(each, at, ends_at)), key=_spend_order)
    left = [each.amount for each in lots]
    lapsed: list[Lapsed] = []
    depleted_at: datetime | None = None
    used = wanted_before = 0
    for begin, end in _spans(lots, at, ends_at):
        lapsed += _lapse(lots, left, begin)
        open_lots = [n for n, each in enumerate(lots) if left[n] and each.effective_at <= begin]
        available = sum(left[n] for n in open_lots)
        if depleted_at is None and per_day:
            empty_at = _empty_at(available + wanted_before, per_day, at, begin)
            depleted_at = empty_at if empty_at < end else None
        wanted = floor(per_day * _days(end - at))
        used += _draw(left, open_lots, wanted - wanted_before)
        wanted_before = wanted
    lapsed += _lapse(lots, left, ends_at)
    return Walk(
        arrived=sum(each.amount for each in lots), drawn=used, left=sum(left),
        lapsed=tuple(sorted(lapsed, key=lambda each: (each.at, each.lot))),
        depleted_at=depleted_at,
    )  # fmt: skip


def bought(*, version: Version, kind: str, amount: int) -> tuple[Bought, ...]:
    """Return what an amount buys of each tool of its kind, the best tool first, in whole jobs."""
    tools = sorted(
        (tool for tool in version.tools if tool.kind == kind),
        key=lambda tool: (tool.quality_rank, version.tools.index(tool)),
    )
    found = []
    for tool in tools:
        whole = affordable(tool=tool, available=amount)
        is_clip = bool(tool.durations_s)
        count = whole.clips if is_clip else whole.images
        if count:
            found.append(Bought(tool=tool.key, name=tool.name, is_clip=is_clip, pieces=count))
    return tuple(found)


def best_of(choices: Sequence[Bought]) -> Bought | None:
    """Return what is named: the best tool of which there are several, else the best."""
    several = [each for each in choices if each.pieces >= SEVERAL]
    return next(iter(several or choices), None)


def _lives(stock: Stock, at: datetime, ends_at: datetime) -> bool:
    is_over = stock.expires_at is not None and stock.expires_at <= max(at, stock.effective_at)
    return stock.amount > 0 and not is_over and stock.effective_at < ends_at


def _spend_order(stock: Stock) -> tuple[datetime, bool, int]:
    return (stock.expires_at or NEVER, stock.is_paid, stock.lot)


def _spans(
    lots: Sequence[Stock], at: datetime, ends_at: datetime
) -> list[tuple[datetime, datetime]]:
    """Return the spans between which nothing arrives or lapses."""
    turns = {each.effective_at for each in lots} | {each.expires_at for each in lots}
    inner = sorted(turn for turn in turns if turn is not None and at < turn < ends_at)
    return list(zip([at, *inner], [*inner, ends_at], strict=True))


def _lapse(lots: Sequence[Stock], left: list[int], at: datetime) -> list[Lapsed]:
    """Empty the lots that are over at an instant."""
    found = []
    for number, each in enumerate(lots):
        if left[number] and each.expires_at is not None and each.expires_at <= at:
            found.append(Lapsed(each.lot, left[number], each.expires_at))
            left[number] = 0
    return found


def _draw(left: list[int], open_lots: Sequence[int], wanted: int) -> int:
    drawn = 0
    for number in open_lots:
        taken = min(left[number], wanted - drawn)
        left[number] -= taken
        drawn += taken
    return drawn


def _empty_at(upto: int, per_day: Fraction, at: datetime, begin: datetime) -> datetime:
    """Return when use since `at` has reached an amount, rounded up to a microsecond."""
    steps = ceil(upto / per_day * (DAY // MICROSECOND))
    longest = (HORIZON * 2) // MICROSECOND
    return max(begin, at + min(steps, longest) * MICROSECOND)


def _days(span: timedelta) -> Fraction:
    return Fraction(span // MICROSECOND, DAY // MICROSECOND)
