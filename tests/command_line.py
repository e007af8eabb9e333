"""What the tests of the command line share: running it as a stranger would, in its own process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

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
    settings = {"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(data or "")}
    done = subprocess.run(
        [MUTOSCOPE, *arguments],
        env={**os.environ, **settings, "NO_COLOR": "1", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)
