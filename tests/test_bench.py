"""The bench: its arithmetic, its refusals, and one short run of all of it."""

import json
from typing import Any

import asyncpg
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from command_line import run_here
from mutoscope.cli.bench import bench
from mutoscope.cli.bench_load import Figures, figures
from mutoscope.cli.bench_pgbench import PgbenchFailed, _address, measure_min1
from mutoscope.cli.bench_rows import (
    BalanceRow,
    BatchRow,
    CallRow,
    RenewalRow,
    Sample,
    Target,
    as_json,
    call_row,
    targets,
)
from mutoscope.cli.bench_tables import BEGIN, END, markdown
from mutoscope.storage.benchmark import BooksWrong, check_books, check_durable, fresh_database
from mutoscope.storage.database import DatabaseRefused
from tidy import ROOT

CALL_KEYS = {
    "op", "spread", "callers", "ops_per_s", "p50_ms", "p99_ms", "min1_ops_per_s", "ratio",
}  # fmt: skip


def invoked(*arguments: str) -> Result:
    app = typer.Typer()
    app.add_typer(bench, name="bench")
    return CliRunner().invoke(app, ["bench", "ledger", *arguments])


def some_figures(ops_per_s: float, p50_ms: float = 1.0) -> Figures:
    return Figures(ops_per_s=ops_per_s, p50_ms=p50_ms, p99_ms=2 * p50_ms, max_ms=9 * p50_ms)


def charges(*, callers: int = 32, ratio: float = 1.0, p50_ms: float = 3.0) -> CallRow:
    return CallRow(
        op="charge", spread="spread", callers=callers, ops_per_s=ratio * 1_000, p50_ms=p50_ms,
        p99_ms=8.0, min1_ops_per_s=1_000, ratio=ratio, min1_p50_ms=1.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def told(server_url: str) -> dict[str, Any]:
    """Run all of the bench once, shortly, and give what it told as JSON."""
    result = invoked(
        "--json", "--gate", "--quick", "--seconds", "0.2", "--database-url", server_url
    )
    answer: dict[str, Any] = json.loads(result.stdout)
    answer["exit_code"] = result.exit_code
    return answer


def test_a_run_tells_a_row_for_every_cell(told: dict[str, Any]) -> None:
    calls = [row for row in told["rows"] if row["op"] in {"charge", "cycle"}]

    assert all(row.keys() == CALL_KEYS for row in calls)
    assert {(row["op"], row["spread"], row["callers"]) for row in calls} == {
        (op, spread, callers)
        for op in ("charge", "cycle")
        for spread in ("spread", "hot")
        for callers in (1, 8, 32)
    }
    assert [row["op"] for row in told["rows"][12:]] == [
        "batch", "renewal", "renewal", "balance", "verify",
    ]  # fmt: skip


def test_every_figure_of_a_run_is_positive(told: dict[str, Any]) -> None:
    figures_told = [
        value for row in told["rows"] for value in row.values() if isinstance(value, int | float)
    ]

    assert min(figures_told) > 0


def test_renewals_beside_charges_tell_what_the_callers_saw(told: dict[str, Any]) -> None:
    alone, beside = (row for row in told["rows"] if row["op"] == "renewal")

    assert alone["charges"] is None
    assert alone["entries"] == 2 * alone["wallets"] == 4_000
    assert 0 < beside["charges"]["p50_ms"] <= beside["charges"]["p99_ms"]


def test_what_a_run_measured_on_was_durable_and_verifies(told: dict[str, Any]) -> None:
    (verified,) = (row for row in told["rows"] if row["op"] == "verify")

    assert verified["is_clean"]
    assert told["settings"]["fsync"] == told["settings"]["synchronous_commit"] == "on"


def test_the_gate_fails_exactly_when_a_floor_is_missed(told: dict[str, Any]) -> None:
    assert told["exit_code"] == (not all(target["is_met"] for target in told["targets"]))


async def test_a_run_leaves_no_database_behind(told: dict[str, Any], server_url: str) -> None:
    connection = await asyncpg.connect(server_url)

    names = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'bench%'")

    await connection.close()
    assert told["rows"]
    assert names == []


def test_a_server_that_does_not_answer_is_told_with_the_remedy() -> None:
    done = run_here(
        "bench", "ledger", "--quick", "--database-url", "postgresql://nobody@127.0.0.1:9/none"
    )

    assert done.code == 5
    assert "cannot be reached" in done.errors


def test_the_99th_percentile_is_exceeded_by_one_call_in_a_hundred() -> None:
    latencies_s = [number / 1_000 for number in range(200, 0, -1)]

    found = figures(ops_per_s=1.0, latencies_s=latencies_s)

    assert (found.p50_ms, found.p99_ms, found.max_ms) == (101.0, 199.0, 200.0)


def test_a_row_has_medians_and_the_median_of_each_round_s_ratio() -> None:
    rounds = ((100.0, 100.0), (300.0, 100.0), (500.0, 1_000.0))
    samples = [Sample(some_figures(ours), some_figures(min1)) for ours, min1 in rounds]

    row = call_row(op="charge", spread="hot", callers=8, samples=samples)

    assert (row.ops_per_s, row.min1_ops_per_s, row.ratio) == (300.0, 100.0, 1.0)


@pytest.mark.parametrize(
    ("ratio", "is_met", "is_goal"), [(0.99, False, False), (1.0, True, False), (1.5, True, True)]
)
def test_a_floor_is_met_at_its_own_value(*, ratio: float, is_met: bool, is_goal: bool) -> None:
    against_min1 = targets([charges(ratio=ratio)])[0]

    assert (against_min1.is_met(), against_min1.reaches_goal()) == (is_met, is_goal)


@pytest.mark.parametrize(("p50_ms", "is_met"), [(3.5, True), (3.51, False)])
def test_a_lone_caller_waits_little_longer_than_min1_s(*, p50_ms: float, is_met: bool) -> None:
    (lone,) = targets([charges(callers=1, p50_ms=p50_ms)])

    assert lone.is_met() is is_met


def test_renewals_are_judged_while_callers_charge() -> None:
    alone = RenewalRow(wallets=10, entries=20, wallets_per_s=9_000.0, charges=None)
    beside = RenewalRow(
        wallets=10, entries=20, wallets_per_s=8_000.0, charges=some_figures(500.0, p50_ms=5.01)
    )

    found = targets([alone, beside])

    assert [target.is_met() for target in found] == [True, False]


def test_a_row_of_calls_is_told_without_what_only_targets_need() -> None:
    assert as_json(charges()).keys() == CALL_KEYS


def test_the_printed_block_is_framed_for_the_documentation() -> None:
    rows = [
        charges(callers=1),
        BatchRow(requests=1_000, ops_per_s=9.5, p50_ms=1, p99_ms=2, min1_ops_per_s=5, ratio=1.2),
        BalanceRow(entries=9, p50_ms=0.5, few_entries=1, few_p50_ms=0.5, ratio=1.0),
    ]

    lines = markdown(rows=rows, targets=targets(rows)).splitlines()

    assert (lines[0], lines[-1]) == (BEGIN, END)
    assert "| charge, spread, 1 caller | 1,000 | 3.00 | 8.00 | 1,000 | 1.00 |" in lines
    assert "| batches against min1 | 1.20 | ≥ 1.30 | ≥ 3.00 | below |" in lines


def test_the_documentation_has_the_place_for_the_figures() -> None:
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")

    assert page.index(BEGIN) < page.index(END)


def test_a_ceiling_is_kept_by_what_stays_below() -> None:
    latency = Target("p99", 8.0, 8.0, 4.0, is_ceiling=True)

    assert (latency.is_met(), latency.reaches_goal()) == (True, False)


async def test_books_that_lack_an_acknowledged_entry_are_wrong(database_url: str) -> None:
    await check_books(url=database_url, acknowledged=0)

    with pytest.raises(BooksWrong) as raised:
        await check_books(url=database_url, acknowledged=1)

    assert (raised.value.code, raised.value.books.entries) == ("bench_books_wrong", 0)


async def test_a_server_that_answers_before_it_has_written_is_not_measured(
    database_url: str,
) -> None:
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await connection.close()

    with pytest.raises(DatabaseRefused, match="synchronous_commit=off"):
        await check_durable(url=database_url)


async def test_a_database_of_the_bench_goes_even_when_a_cell_fails(server_url: str) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with fresh_database(url=server_url, name="bench_failing") as url:
            await check_books(url=url, acknowledged=0)

    connection = await asyncpg.connect(server_url)
    left = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'bench_failing'")
    await connection.close()
    assert left is None


async def test_pgbench_s_own_complaint_is_told(database_url: str) -> None:
    with pytest.raises(PgbenchFailed, match="min1_balances"):
        await measure_min1(url=database_url, callers=1, wallets=1, seconds=1)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:secret@host:5432/a?x=1", "postgresql://ann@host:5432/a?x=1"),
        ("postgresql://ann:secret@/a?host=sockets", "postgresql://ann@/a?host=sockets"),
        ("postgresql://host/a", "postgresql://host/a"),
    ],
)
def test_no_password_stands_among_the_arguments_of_pgbench(url: str, shown: str) -> None:
    assert _address(url) == shown
