"""The bench as a person reads it: tables in a terminal, or the block of the documentation."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from mutoscope.cli.bench_load import Figures
from mutoscope.cli.bench_rows import (
    BalanceRow,
    BatchRow,
    CallRow,
    RenewalRow,
    Row,
    Target,
    VerifyRow,
)

BEGIN: Final = "<!-- bench ledger: printed by `mutoscope bench ledger --markdown` -->"
END: Final = "<!-- bench ledger: end -->"

_FIGURES: Final = ("cell", "a second", "p50 ms", "p99 ms", "min1 a second", "ratio")
_TARGETS: Final = ("target", "measured", "floor", "goal", "verdict")
_NONE: Final = "-"

Cells = tuple[str, ...]


def show(*, rows: Sequence[Row], targets: Sequence[Target], console: Console) -> None:
    """Print the figures, and each target with its verdict."""
    for heading, lines in ((_FIGURES, _figure_lines(rows)), (_TARGETS, _target_lines(targets))):
        table = Table()
        for number, name in enumerate(heading):
            table.add_column(name, justify="right" if number else "left")
        for line in lines:
            table.add_row(*line)
        console.print(table)


def markdown(*, rows: Sequence[Row], targets: Sequence[Target]) -> str:
    """Return the same as the block that the documentation shows, its markers included."""
    tables = "\n\n".join(
        "\n".join(_markdown_lines(heading, lines))
        for heading, lines in (
            (_FIGURES, _figure_lines(rows)),
            (_TARGETS, _target_lines(targets)),
        )
    )
    return f"{BEGIN}\n\n{tables}\n\n{END}"


def _markdown_lines(heading: Cells, lines: Iterator[Cells]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |"
    yield f"|---|{'---:|' * (len(heading) - 1)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"


def _target_lines(targets: Sequence[Target]) -> Iterator[Cells]:
    for target in targets:
        sign = "≤" if target.is_ceiling else "≥"
        floor, goal = f"{sign} {_number(target.floor)}", f"{sign} {_number(target.goal)}"
        yield (target.what, _number(target.measured), floor, goal, _verdict(target))


def _verdict(target: Target) -> str:
    if not target.is_met():
        return "below"
    return "goal" if target.reaches_goal() else "ok"


def _figure_lines(rows: Sequence[Row]) -> Iterator[Cells]:
    for row in rows:
        yield _LINES[type(row)](row)


def _call_line(row: CallRow) -> Cells:
    return (
        f"{row.op}, {row.spread}, {row.callers} caller{'s' if row.callers > 1 else ''}",
        *map(_number, (row.ops_per_s, row.p50_ms, row.p99_ms, row.min1_ops_per_s, row.ratio)),
    )


def _batch_line(row: BatchRow) -> Cells:
    return (
        f"batches of {row.requests:,} charges",
        *map(_number, (row.ops_per_s, row.p50_ms, row.p99_ms, row.min1_ops_per_s, row.ratio)),
    )


def _renewal_line(row: RenewalRow) -> Cells:
    name = f"renewal of {row.wallets:,} wallets"
    if row.charges is None:
        return (name, _number(row.wallets_per_s), *[_NONE] * 4)
    return (f"{name}, {_beside(row.charges)}", _number(row.wallets_per_s), *_latencies(row.charges))


def _beside(charges: Figures) -> str:
    return f"beside {_number(charges.ops_per_s)} charges a second (their latency)"


def _latencies(charges: Figures) -> Cells:
    return (_number(charges.p50_ms), _number(charges.p99_ms), _NONE, _NONE)


def _balance_line(row: BalanceRow) -> Cells:
    name = f"balance after {row.entries:,} entries, against {row.few_entries:,}"
    return (name, _NONE, _number(row.p50_ms), _NONE, _NONE, _number(row.ratio))


def _verify_line(row: VerifyRow) -> Cells:
    name = f"verify {row.entries:,} entries, chain / full replay"
    speeds = f"{_number(row.chain_entries_per_s)} / {_number(row.full_entries_per_s)}"
    return (name, speeds, *[_NONE] * 4)


_LINES: Final[dict[type, Callable[..., Cells]]] = {
    CallRow: _call_line,
    BatchRow: _batch_line,
    RenewalRow: _renewal_line,
    BalanceRow: _balance_line,
    VerifyRow: _verify_line,
}


def _number(value: float) -> str:
    """Write a figure with as many digits as it deserves."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"  # noqa: PLR2004 -- three digits
