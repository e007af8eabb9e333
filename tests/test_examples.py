"""The examples are programs: their committed output is what they print today."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize("program", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_prints_what_is_committed(program: Path, database_url: str) -> None:
    ran = subprocess.run(
        [sys.executable, program],
        env={"DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.stderr == ""
    assert ran.stdout == program.with_suffix(".txt").read_text()
