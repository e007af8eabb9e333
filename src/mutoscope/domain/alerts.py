"""Alerts: what is told of a wallet, once for each crossing of a threshold.

Owns the arithmetic of thresholds; the thresholds themselves are the catalog's. Invariant: a
threshold that was told stays silent until the balance stands a margin above it by credits that
came. The surprising choice: a hold that is given back arms nothing, however large it was, since
what may be spent and what is held are counted together where a rise is looked for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

MARGIN_POINTS: Final = 5
"""Points of the reference by which a balance has to rise above a threshold before it is armed."""

EMPTY: Final = 0
"""The threshold of an empty wallet."""


class AlertCode(StrEnum):
    """What an alert is about; stored, and never changed."""

    BALANCE_LOW = "balance_low"
    BALANCE_EMPTY = "balance_empty"
    TRIAL_EXHAUSTED = "trial_exhausted"
    CREDITS_LAPSE = "credits_lapse"
    ENDPOINT_OFF = "endpoint_off"


class OpenLot(NamedTuple):
    """A lot with credits that are not held; `available` leaves out what is frozen."""

    lot: int
    available: int
    effective_at: datetime
    expires_at: datetime | None


class ToldLapse(NamedTuple):
    """A lot whose lapse was told, the lowest threshold in days, and when it is over."""

    lot: int
    days: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletView:
    """What alerts depend on: `reference` is the size of the last allowance, 0 for none yet.

    `newest_lot` is the number of the last grant. An unlimited wallet is never low, and nothing of
    it lapses that anybody could have spent.
    """

    held: int
    reference: int
    newest_lot: int
    lots: tuple[OpenLot, ...]
    is_unlimited: bool = False
    is_trial: bool = False

    def spendable(self, *, at: datetime) -> int:
        """Return what a hold could take at an instant."""
        return sum(
            lot.available
            for lot in self.lots
            if lot.effective_at <= at and (lot.expires_at is None or at < lot.expires_at)
        )

    def lots_to_spend(self) -> tuple[OpenLot, ...]:
        """Return the lots from which a hold could take: none while use is metered alone."""
        return () if self.is_unlimited else self.lots


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What was told of a wallet, and the least that was spendable or held since."""

    told_percent: int | None = None
    total: int = 0
    newest_lot: int = 0
    told_lapses: tuple[ToldLapse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An alert to tell: the threshold in percent or days, and the credits left or lapsing."""

    code: AlertCode
    threshold: int
    credits: int
    lots: tuple[int, ...] = ()
    lapses_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What to tell now, what to remember, and when to look again though nothing changes."""

    raised: tuple[Raised, ...]
    memory: Memory
    look_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Shares of the last allowance in percent (0 is empty), and days before a lapse."""

    percents: tuple[int, ...]
    days: tuple[int, ...]


def judge(*, view: WalletView, memory: Memory, thresholds: Thresholds, at: datetime) -> Judgement:
    """Return the alerts that a wallet raises at an instant, the lowest of those crossed at once."""
    low, told_percent, total = _balance(view, memory, thresholds.percents, at)
    lapses, told_lapses = _lapses(view, memory, thresholds.days, at)
    remembered = Memory(
        told_percent=told_percent, total=total, newest_lot=view.newest_lot,
        told_lapses=told_lapses,
    )  # fmt: skip
    return Judgement(
        raised=low + lapses, memory=remembered,
        look_at=_next_look(view, told_lapses, thresholds.days, at),
    )  # fmt: skip


def _balance(
    view: WalletView, memory: Memory, percents: tuple[int, ...], at: datetime
) -> tuple[tuple[Raised, ...], int | None, int]:
    spendable = view.spendable(at=at)
    total = spendable + view.held
    if view.is_unlimited or not view.reference:
        return (), None, total
    has_come = view.newest_lot > memory.newest_lot or total > memory.total
    told = memory.told_percent
    if told is not None and has_come:
        told = min((each for each in percents if each >= told and not _is_armed(view, each, at)),
                   default=None)  # fmt: skip
    least = total if has_come else min(memory.total, total)
    lowest = min(
        (each for each in percents if spendable * 100 <= each * view.reference), default=None
    )
    if lowest is None or (told is not None and told <= lowest):
        return (), told, least
    raised = Raised(code=_code(view, lowest), threshold=lowest, credits=spendable)
    return (raised,), lowest, total


def _is_armed(view: WalletView, percent: int, at: datetime) -> bool:
    return view.spendable(at=at) * 100 >= (percent + MARGIN_POINTS) * view.reference


def _code(view: WalletView, percent: int) -> AlertCode:
    if percent != EMPTY:
        return AlertCode.BALANCE_LOW
    return AlertCode.TRIAL_EXHAUSTED if view.is_trial else AlertCode.BALANCE_EMPTY


def _lapses(
    view: WalletView, memory: Memory, days: tuple[int, ...], at: datetime
) -> tuple[tuple[Raised, ...], tuple[ToldLapse, ...]]:
    """Return the lapses to tell, those of one instant together, and all that were told."""
    told = {each.lot: each for each in memory.told_lapses if each.expires_at > at}
    found: dict[tuple[datetime, int], list[OpenLot]] = {}
    for lot in view.lots_to_spend():
        if not lot.available or lot.expires_at is None or lot.expires_at <= at:
            continue
        left = lot.expires_at - at
        lowest = min((each for each in days if left <= timedelta(days=each)), default=None)
        if lowest is None or (lot.lot in told and told[lot.lot].days <= lowest):
            continue
        told[lot.lot] = ToldLapse(lot.lot, lowest, lot.expires_at)
        found.setdefault((lot.expires_at, lowest), []).append(lot)
    raised = tuple(
        Raised(
            code=AlertCode.CREDITS_LAPSE, threshold=threshold, lapses_at=lapses_at,
            credits=sum(lot.available for lot in lots), lots=tuple(lot.lot for lot in lots),
        )
        for (lapses_at, threshold), lots in sorted(found.items())
    )  # fmt: skip
    return raised, tuple(sorted(told.values()))


def _next_look(
    view: WalletView, told: tuple[ToldLapse, ...], days: tuple[int, ...], at: datetime
) -> datetime | None:
    """Return when the next threshold of a lapse is crossed."""
    lowest = {each.lot: each.days for each in told}
    coming = [
        lot.expires_at - timedelta(days=each)
        for lot in view.lots_to_spend()
        if lot.available and lot.expires_at is not None and lot.expires_at > at
        for each in days
        if each < lowest.get(lot.lot, max(days) + 1)
    ]
    return min((each for each in coming if each > at), default=None)
