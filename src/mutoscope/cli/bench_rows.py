"""The rows of the bench, and the targets that they are held against.

A row is one cell: medians over the rounds, a ratio being the median of each round's own ratio. A
target has a floor, which `--gate` refuses to fall below, and a goal, which we are after.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from statistics import median
from typing import Final, NamedTuple

from mutoscope.cli.bench_load import Figures

LATENCY_MAX_MS: Final = 8.0
RENEWAL_LATENCY_MAX_MS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """Charges or cycles by concurrent callers, beside min1 with as many clients."""

    op: str
    spread: str
    callers: int
    ops_per_s: float
    p50_ms: float
    p99_ms: float
    min1_ops_per_s: float
    ratio: float
    min1_p50_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """Explicit batches of charges by one caller, beside min1 with 32 clients."""

    op: str = "batch"
    requests: int
    ops_per_s: float
    p50_ms: float
    p99_ms: float
    min1_ops_per_s: float
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalRow:
    """A run over all wallets, each due a lapse and a grant; with charges going on, or without."""

    op: str = "renewal"
    wallets: int
    entries: int
    wallets_per_s: float
    charges: Figures | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """Reading a balance with a long history, against a short one."""

    op: str = "balance"
    entries: int
    p50_ms: float
    few_entries: int
    few_p50_ms: float
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRow:
    """Verification by one core: the chain alone, and the full replay."""

    op: str = "verify"
    entries: int
    chain_entries_per_s: float
    full_entries_per_s: float
    is_clean: bool


Row = CallRow | BatchRow | RenewalRow | BalanceRow | VerifyRow
_UNTOLD: Final = frozenset({"min1_p50_ms"})


class Target(NamedTuple):
    """What is asked of a row; a ceiling must not be exceeded, a floor not be missed."""

    what: str
    measured: float
    floor: float
    goal: float
    is_ceiling: bool = False

    def is_met(self) -> bool:
        """Tell whether the floor is kept."""
        return self._reaches(self.floor)

    def reaches_goal(self) -> bool:
        """Tell whether the goal is reached."""
        return self._reaches(self.goal)

    def _reaches(self, limit: float) -> bool:
        return self.measured <= limit if self.is_ceiling else self.measured >= limit


_RATIOS: Final = {
    ("charge", "spread"): (1.0, 1.5),
    ("charge", "hot"): (5.0, 8.0),
    ("cycle", "spread"): (0.5, 0.8),
    ("cycle", "hot"): (1.5, 3.5),
}
_MANY: Final = 32


class Sample(NamedTuple):
    """One round of a cell: ours, and min1 beside it."""

    ours: Figures
    min1: Figures


def call_row(*, op: str, spread: str, callers: int, samples: Sequence[Sample]) -> CallRow:
    """Return the row of a cell from its rounds."""
    return CallRow(
        op=op,
        spread=spread,
        callers=callers,
        ops_per_s=median(sample.ours.ops_per_s for sample in samples),
        p50_ms=median(sample.ours.p50_ms for sample in samples),
        p99_ms=median(sample.ours.p99_ms for sample in samples),
        min1_ops_per_s=median(sample.min1.ops_per_s for sample in samples),
        ratio=_median_ratio(samples),
        min1_p50_ms=median(sample.min1.p50_ms for sample in samples),
    )


def batch_row(*, requests: int, samples: Sequence[Sample]) -> BatchRow:
    """Return the row of explicit batches from their rounds."""
    return BatchRow(
        requests=requests,
        ops_per_s=median(sample.ours.ops_per_s for sample in samples),
        p50_ms=median(sample.ours.p50_ms for sample in samples),
        p99_ms=median(sample.ours.p99_ms for sample in samples),
        min1_ops_per_s=median(sample.min1.ops_per_s for sample in samples),
        ratio=_median_ratio(samples),
    )


def as_json(row: Row | Figures) -> dict[str, object]:
    """Return a row as JSON tells it."""
    names = (field.name for field in fields(row) if field.name not in _UNTOLD)
    return {name: _told(getattr(row, name)) for name in names}


def targets(rows: Iterable[Row]) -> tuple[Target, ...]:
    """Return every target that the rows are held against."""
    return tuple(target for row in rows for target in targets_of(row))


def targets_of(row: Row) -> Iterator[Target]:
    """Yield the targets of one row; most rows have none and are there to be looked at."""
    match row:
        case CallRow():
            yield from _call_targets(row)
        case BatchRow():
            yield Target("batches against min1", row.ratio, 1.3, 3.0)
        case RenewalRow():
            yield from _renewal_targets(row)
        case BalanceRow():
            yield Target("long history against short", row.ratio, 1.1, 1.0, is_ceiling=True)
        case VerifyRow():
            yield Target("chain, entries a second", row.chain_entries_per_s, 100_000, 100_000)
            yield Target("full replay, entries a second", row.full_entries_per_s, 25_000, 25_000)


def _call_targets(row: CallRow) -> Iterator[Target]:
    name = f"{row.op} {row.spread} {row.callers}"
    if row.callers == _MANY:
        floor, goal = _RATIOS[row.op, row.spread]
        yield Target(f"{name} against min1", row.ratio, floor, goal)
        if row.op == "charge":
            limit = LATENCY_MAX_MS
            yield Target(f"{name}, p99 in ms", row.p99_ms, limit, limit, is_ceiling=True)
    if row.callers == 1 and row.op == "charge":
        slower = row.p50_ms / row.min1_p50_ms
        yield Target(f"{name}, p50 against min1's", slower, 3.5, 2.0, is_ceiling=True)


def _renewal_targets(row: RenewalRow) -> Iterator[Target]:
    if row.charges is None:
        return
    limit = RENEWAL_LATENCY_MAX_MS
    yield Target("renewals a second, with charges", row.wallets_per_s, 8_000, 8_000)
    yield Target("charges meanwhile, p99 in ms", row.charges.p99_ms, limit, limit, is_ceiling=True)


def _median_ratio(samples: Sequence[Sample]) -> float:
    return median(sample.ours.ops_per_s / sample.min1.ops_per_s for sample in samples)


def _told(value: object) -> object:
    if isinstance(value, Figures):
        return as_json(value)
    return round(value, 3) if isinstance(value, float) else value
