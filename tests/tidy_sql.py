"""The house rules for what may reach the database, wherever it is written."""

import ast
import re
from collections.abc import Iterator

from tidy import Finding, Source

BUILT_SQL = re.compile(
    r"\bselect\s.+\sfrom\s|\binsert\s+into\s|\bupdate\s+\w+\s+set\s|\bdelete\s+from\s",
    re.IGNORECASE | re.DOTALL,
)
MOVES_CREDITS = re.compile(
    r"\b(?:insert\s+into|copy)\s+(?:\w+\.)?entries\b",
    re.IGNORECASE,
)
REWRITES = re.compile(
    r"\b(?:update|delete\s+from|truncate(?:\s+table)?)\s+(?:only\s+)?"
    r"(?:\w+\.)?(?:further_postings|postings|entries)\b(?!\s+on\b)",
    re.IGNORECASE,
)
# What the hash of a line covers moved from a row beside it into its own; the text stayed the same.
MOVES_COLUMNS = ("0029_terms_in_entries.sql",)


def statements(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the text that may reach the database: SQL without comments, strings of Python."""
    if source.path.suffix == ".sql":
        yield 1, re.sub(r"--.*", "", source.text)
        return
    nodes = list(ast.walk(source.tree()))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield node.lineno, text
            case _:
                pass


def matches(source: Source, pattern: re.Pattern[str], remedy: str) -> Iterator[Finding]:
    """Find a pattern in what may reach the database."""
    for first, text in statements(source):
        for found in pattern.finditer(text):
            yield Finding(first + text.count("\n", 0, found.start()), remedy)


def built_sql(source: Source) -> Iterator[Finding]:
    """Find SQL in Python."""
    return matches(source, BUILT_SQL, "SQL is SQL: make it a named query in storage/sql")


def credit_moves(source: Source) -> Iterator[Finding]:
    """Find every statement that moves credits: there is to be one."""
    return matches(source, MOVES_CREDITS, "one statement under storage moves credits")


def rewrites(source: Source) -> Iterator[Finding]:
    """Find statements that change or remove lines of the journal."""
    if source.path.name in MOVES_COLUMNS:
        return iter(())
    return matches(source, REWRITES, "the journal is append-only: post an entry that corrects")
