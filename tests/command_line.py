"""What the tests of the command line share: running it in a process of its own, or quickly here."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mutoscope.cli.main import main

MUTOSCOPE = Path(sys.executable).with_name("mutoscope")
LIMIT_S = 120


class Done(NamedTuple):
    code: int
    output: str
    errors: str

    def json(self) -> Any:  # noqa: ANN401 -- JSON has no narrower type
        return json.loads(self.output)


def run(*arguments: str, database_url: str = "", data: Path | None = None) -> Done:
    """Run a command without a terminal."""
    done = subprocess.run(
        [MUTOSCOPE, *arguments],
        env={**os.environ, **_environment(database_url, data)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def run_here(*arguments: str, database_url: str = "", data: Path | None = None) -> Done:
    """Run a command that starts no worker in a thread with an event loop of its own: it is quicker.

    A worker that is cancelled while it connects leaves a socket to the end of its process.
    """
    output, errors = StringIO(), StringIO()
    with (
        pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors),
        ThreadPoolExecutor(max_workers=1) as thread,
    ):  # fmt: skip
        patch.setattr(sys, "argv", ["mutoscope", *arguments])
        for name, value in _environment(database_url, data).items():
            patch.setenv(name, value)
        code = thread.submit(_exit_code).result(timeout=LIMIT_S)
    return Done(code, output.getvalue(), errors.getvalue())


def _exit_code() -> int:
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _environment(database_url: str, data: Path | None) -> dict[str, str]:
    settings = {"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(data or "")}
    return {**settings, "NO_COLOR": "1", "COLUMNS": "120"}
