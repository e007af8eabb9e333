"""`mutoscope bench`: how fast the ledger is here, beside the least work that a ledger could do.

Owns the options, the server that is measured, and the order: calls, renewals, balances, proofs.
Nothing of an existing database is touched: every cell works in a database that the bench makes and
removes.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mutoscope.cli.bench_options import Options
from mutoscope.cli.bench_rounds import Plan, Tick, measured_rounds
from mutoscope.cli.bench_rows import Row, Target, as_json, targets
from mutoscope.cli.bench_scale import measured_balance, measured_renewals, measured_verification
from mutoscope.cli.bench_tables import markdown, show
from mutoscope.cli.files import scratch_folder
from mutoscope.cli.options import takes
from mutoscope.storage.benchmark import check_durable
from mutoscope.storage.embedded import EmbeddedPostgres
from mutoscope.storage.event_loop import run_long

EXIT_BELOW: Final = 1
SCALE_STEPS: Final = 7
"""Measurements beyond the rounds, for the progress bar."""

bench = typer.Typer(help="Measure this machine.", no_args_is_help=True)


@bench.callback()
def measure() -> None:
    """Measure how fast this machine is, beside the least work that a ledger could do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was measured, and on what kind of server."""

    rows: tuple[Row, ...]
    settings: dict[str, str]

    def targets(self) -> tuple[Target, ...]:
        """Return the targets that the rows are held against."""
        return targets(self.rows)


@bench.command()
@takes(Options)
def ledger(options: Options) -> None:
    """Measure the ledger in one interleaved run, beside pgbench on the same durable server.

    JSON is {"rows": [...], "targets": [...], "settings": {...}}. Rows of op charge and cycle have
    spread, callers, ops_per_s, p50_ms, p99_ms, min1_ops_per_s and ratio (to min1: one guarded
    update and one insert). After them: batch (requests, ops_per_s ...), renewal (wallets, entries,
    wallets_per_s, charges: what callers saw meanwhile), balance (entries, p50_ms, few_entries,
    few_p50_ms, ratio), verify (entries, chain_entries_per_s, full_entries_per_s, is_clean).
    """
    result = _measured(options.extent())
    if options.is_json:
        typer.echo(json.dumps(_as_json(result), indent=2))
    elif options.is_markdown:
        typer.echo(markdown(rows=result.rows, targets=result.targets()))
    else:
        show(rows=result.rows, targets=result.targets(), console=Console())
    if options.is_gate and not all(target.is_met() for target in result.targets()):
        raise typer.Exit(EXIT_BELOW)


def _measured(extent: Options) -> Result:
    """Measure behind a progress bar on the error stream."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=None)

        def tick(what: str) -> None:
            progress.update(task, description=what, advance=1)

        progress.update(task, total=_plan(extent, "").cells() + SCALE_STEPS)
        return run_long(_measure(extent, tick))


async def _measure(extent: Options, tick: Tick) -> Result:
    async with _server(extent.database_url) as url:
        settings = await check_durable(url=url)
        rows: tuple[Row, ...] = await measured_rounds(_plan(extent, url), tick)
        rows += await measured_renewals(
            url=url, wallets=extent.renewals, processes=extent.processes, tick=tick
        )
        rows += (await measured_balance(url=url, entries=extent.history, tick=tick),)
        rows += (await measured_verification(url=url, entries=extent.history, tick=tick),)
    return Result(rows=rows, settings=settings)


@asynccontextmanager
async def _server(database_url: str | None) -> AsyncIterator[str]:
    """Give the server that was named, or a new one in a folder of its own."""
    if database_url is not None:
        yield database_url
        return
    with scratch_folder() as folder:
        async with EmbeddedPostgres(folder=folder) as server:
            yield server.dsn


def _plan(extent: Options, url: str) -> Plan:
    return Plan(url=url, seconds=extent.seconds, rounds=extent.rounds, wallets=extent.wallets)


def _as_json(result: Result) -> dict[str, object]:
    return {
        "rows": [as_json(row) for row in result.rows],
        "targets": [{**target._asdict(), "is_met": target.is_met()} for target in result.targets()],
        "settings": result.settings,
    }
