"""`min1` by pgbench: the measure that every figure of the bench stands beside.

Owns the run of pgbench and the reading of its log. The surprising choice: percentiles come from
pgbench's own line for each transaction, so that both sides of a ratio are timed by the caller.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from mutoscope.cli.bench_load import Figures, figures
from mutoscope.domain.credits import Refusal
from mutoscope.storage.benchmark import MIN1_SCRIPT
from mutoscope.storage.binaries import binary

LATENCY_COLUMN: Final = 2
MICROSECONDS_A_SECOND: Final = 1_000_000
_TPS: Final = re.compile(r"^tps = (?P<tps>[\d.]+) \(without", re.MULTILINE)


class PgbenchFailed(Refusal):
    """Pgbench ended badly."""

    code = "pgbench_failed"

    def __init__(self, *, said: str) -> None:
        super().__init__(f"pgbench could not measure: {said.strip()[-500:]}")
        self.said = said


async def measure_min1(*, url: str, callers: int, wallets: int, seconds: float) -> Figures:
    """Run min1 with so many clients over so many balances.

    :raises PgbenchFailed: when pgbench ends badly.
    :raises EmbeddedPostgresError: when there is no pgbench.
    """
    folder = os.environ.get("MUTOSCOPE_POSTGRES_BIN")
    program = binary("pgbench", binaries=Path(folder) if folder else None)
    with tempfile.TemporaryDirectory(prefix="mutoscope-pgbench-") as logs:
        process = await asyncio.create_subprocess_exec(
            program,
            *_options(callers, wallets, seconds),
            _address(url),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=logs,
            env=_environment(url),
        )
        said, complained = await process.communicate()
        found = _TPS.search(said.decode())
        if process.returncode or found is None:
            raise PgbenchFailed(said=complained.decode() or said.decode())
        return figures(ops_per_s=float(found["tps"]), latencies_s=list(_latencies_s(Path(logs))))


def _options(callers: int, wallets: int, seconds: float) -> Iterator[str]:
    threads = min(callers, os.cpu_count() or 1)
    yield from ("--no-vacuum", "--protocol=prepared", "--log", "--log-prefix=calls")
    yield from (f"--client={callers}", f"--jobs={threads}", f"--time={max(1, round(seconds))}")
    yield from (f"--define=wallets={wallets}", f"--file={MIN1_SCRIPT}")


def _address(url: str) -> str:
    """Return the address without its password, which every user could read among our arguments."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return parts._replace(netloc=f"{name}@{host}" if name else host).geturl()


def _environment(url: str) -> dict[str, str]:
    password = urlsplit(url).password
    secret = {} if password is None else {"PGPASSWORD": unquote(password)}
    return {**os.environ, **secret, "PGOPTIONS": "-c synchronous_commit=on"}


def _latencies_s(folder: Path) -> Iterator[float]:
    for log in folder.glob("calls.*"):
        for line in log.read_text().splitlines():
            yield int(line.split()[LATENCY_COLUMN]) / MICROSECONDS_A_SECOND
