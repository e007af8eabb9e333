"""What a tidiness rule reads and how it answers.

A rule is a function from one source to its findings; it never stops at the first. Rules are run
over files of the working copy here, and over small bad examples in the tests, so that a rule that
went blind is noticed. Nothing asks git: a fresh copy without history is checked alike.
"""

import ast
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = PurePosixPath("src/mutoscope")
DOCUMENTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/**/*.md")


class Source(NamedTuple):
    """One file: its path from the root of the working copy, and its text."""

    path: PurePosixPath
    text: str

    def tree(self) -> ast.Module:
        """Parse the file as Python."""
        return _parsed(self.text)

    def lines(self) -> Iterable[tuple[int, str]]:
        """Number the lines from 1."""
        return enumerate(self.text.splitlines(), start=1)


class Finding(NamedTuple):
    """A broken rule: the line, and what to do about it."""

    line: int
    remedy: str


Rule = Callable[[Source], Iterable[Finding]]


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def sources(*patterns: str) -> tuple[Source, ...]:
    """Read the files that match any of the patterns, in order of their paths."""
    paths = sorted({path for pattern in patterns for path in ROOT.glob(pattern)})
    return tuple(
        Source(PurePosixPath(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
        for path in paths
        if path.is_file()
    )


def refuse(rule: Rule, *patterns: str) -> None:
    """Fail with every place where the rule is broken, as file:line: remedy.

    :raises AssertionError: when the rule is broken anywhere.
    """
    found = [
        f"{source.path}:{finding.line}: {finding.remedy}"
        for source in sources(*patterns)
        for finding in rule(source)
    ]
    assert not found, "\n" + "\n".join(found)
