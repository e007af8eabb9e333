"""The quickstart, walked as it is written: each command runs, and prints what the page shows.

Ids, dates, sizes and signatures differ from run to run: the page's id stands for the one that was
printed in its place. A line of three dots stands for any lines.
"""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mutoscope.storage.embedded import EmbeddedPostgres
from servers import enterable_folder
from tidy import ROOT

PAGE = (ROOT / "docs/quickstart.md").read_text(encoding="utf-8")
SCREENPLAY = re.findall(r"^```fountain\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0]
LIMIT_S = 60
CODES = {"[[fail]]": 7, "not_entitled": 1}
"""The exit codes of commands that do not end well, by what the page says of them."""

ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
STANDINGS = re.compile(rf"^job {ID}: .*\n", re.MULTILINE)
"""What is told in the place of progress bars where there is no terminal."""

VARIES = re.compile(
    rf"(?P<id>{ID})|(?P<date>\d\d \w{{3}} \d{{4}} \d\d:\d\d \w+)|(?P<size>[\d,]+ (?:bytes|files))"
    r"|(?P<hash>[0-9a-f]{16}(?=\.\.\.))|(?P<rule>─+)|(?P<space>\s+)"
)
PATTERNS = {
    "id": f"({ID})", "date": r"\d\d \w{3} \d{4} \d\d:\d\d \w+", "size": r"[\d,]+ (?:bytes|files)",
    "hash": "[0-9a-f]{16}", "rule": "─+", "space": r"\s+",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command of the page, and what it is said to print."""

    command: str
    printed: str

    @property
    def code(self) -> int:
        told = f"{self.command}\n{self.printed}"
        return next((code for word, code in CODES.items() if word in told), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A walk through the page in a folder, with the ids that were printed for the page's."""

    folder: Path
    environment: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)

    def take(self, step: Step) -> None:
        """Run a step, and compare what it prints with the page."""
        command = re.sub(ID, lambda found: self.ids[found[0]], step.command)
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environment[name] = value
            return
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False, timeout=LIMIT_S,
        )  # fmt: skip
        self.ids.update(self.compared(step, done))

    def compared(
        self, step: Step, done: subprocess.CompletedProcess[str]
    ) -> Iterator[tuple[str, str]]:
        """Yield the page's ids with those that were printed.

        :raises AssertionError: when the command ended otherwise, or printed something else.
        """
        assert done.returncode == step.code, f"$ {step.command}\n{done.stdout}"
        found = re.fullmatch(pattern(step.printed), words(STANDINGS.sub("", done.stdout)))
        assert found, f"$ {step.command}\n{done.stdout}\nis not\n{step.printed}"
        return zip(re.findall(ID, step.printed), found.groups(), strict=True)


def words(text: str) -> str:
    """Return what was printed without empty lines, and without spaces at the ends of lines."""
    return "".join(f"{line.strip()}\n" for line in text.splitlines() if line.strip())


def pattern(printed: str) -> str:
    """Return a pattern of what a command is said to print."""
    lines = words(printed).splitlines()
    return "".join(r"(?:.*\n)*" if line == "..." else f"{_line(line)}\n" for line in lines)


def _line(line: str) -> str:
    parts, end = [], 0
    for found in VARIES.finditer(line):
        parts += [re.escape(line[end : found.start()]), PATTERNS[str(found.lastgroup)]]
        end = found.end()
    return "".join((*parts, re.escape(line[end:])))


def steps(page: str) -> Iterator[Step]:
    """Yield the commands of a page's console blocks, in order."""
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield Step(command=command, printed=printed)


@pytest.fixture
async def walk() -> AsyncIterator[Walk]:
    """Begin a walk in an empty folder, whose server is kept from stopping after each command."""
    with enterable_folder() as folder:
        (folder / "pier.fountain").write_text(SCREENPLAY, encoding="utf-8")
        data = folder / "my-studio"
        programs = Path(sys.executable).parent
        environment = {
            **os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "MUTOSCOPE_DATA": str(data), "DATABASE_URL": "", "COLUMNS": "100", "NO_COLOR": "1",
        }  # fmt: skip
        async with EmbeddedPostgres(folder=data / "postgres"):
            yield Walk(folder=folder, environment=environment)


def test_the_quickstart_works_as_it_is_written(walk: Walk) -> None:
    for step in steps(PAGE):
        walk.take(step)

    made = {path.name for path in walk.folder.iterdir()}
    assert {"receipt.pdf", "board.pdf", "board.zip", "billing.ics", "studio.tar"} <= made


def test_a_page_that_shows_something_else_is_found() -> None:
    shown = "job 09d72e66-362b-499e-b4c9-db12827f027e\n1 of 1 charged\n...\n"

    assert re.fullmatch(
        pattern(shown), "job 00000000-362b-499e-b4c9-db12827f027e\n1 of 1 charged\n"
    )
    assert not re.fullmatch(pattern(shown), "job 09d72e66-362b-499e-b4c9-db12827f027e\n0 of 1\n")
    assert not re.fullmatch(pattern(shown), "job none\n1 of 1 charged\n")
