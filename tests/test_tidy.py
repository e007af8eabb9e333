"""The house keeps its own rules, and each rule sees what it is meant to see.

The rules, their limits and their argued exemptions are in `tidy_code.py`,
`tidy_docstrings.py` and `tidy_documents.py`.
"""

from graphlib import TopologicalSorter
from pathlib import PurePosixPath
from re import fullmatch

import pytest

import tidy_code as code
import tidy_docstrings as docstrings
import tidy_documents as documents
import tidy_sql as sql
from tidy import DOCUMENTS, PACKAGE, ROOT, Rule, Source, refuse, sources

CODE = "src/**/*.py"
TESTS = "tests/**/*.py"
SQL = "src/**/*.sql"
LOCKS = "requirements/*.txt"
DECISIONS = "docs/decisions/*.md"

IN_WEB = "src/mutoscope/web/x.py"
IN_TESTS = "tests/test_x.py"
OUTSIDE_READ = "from datetime import UTC, datetime\nx = datetime."
SQL_FILE = "src/mutoscope/storage/sql/x.sql"
PAGE = "docs/x.md"
DECISION = "## Context\nA.\n## Decision\n{}\n## Consequences\nC\n## Enforced by\nD\n"
EXAMPLES: tuple[tuple[Rule, str, str, str], ...] = (
    (code.long_files, "src/mutoscope/app/x.py", "x = 1\n" * 401, "x = 1\n" * 400),
    (code.long_files, "src/mutoscope/domain/x.py", "x = 1\n" * 251, "x = 1\n" * 250),
    (code.long_functions, IN_WEB, "def f():\n" + " x()\n" * 50, "def f():\n" + " x()\n" * 49),
    (
        code.long_functions,
        IN_TESTS,
        "def test_f():\n" + " x()\n" * 20,
        "def f():\n" + " x()\n" * 20,
    ),
    (
        code.many_parameters,
        IN_WEB,
        "def f(self, a, b, c, d, e): ...",
        "def f(self, a, b, c, d): ...",
    ),
    (
        code.many_parameters,
        IN_WEB,
        "def f(*, a, b, c, d, e, g, h): ...",
        "def f(*, a, b, c, d): ...",
    ),
    (code.full_packages, "src/mutoscope/web/__init__.py", '"""Web."""\nx = 1\n', '"""Web."""\n'),
    (
        code.imports_through_the_face,
        IN_WEB,
        "from mutoscope import Ledger",
        "from mutoscope import web",
    ),
    (code.imports_through_the_face, IN_WEB, "import mutoscope", "import mutoscope.domain.lots"),
    (
        code.imports_through_the_face,
        "src/mutoscope/__init__.py",
        "from mutoscope.app import ports",
        "from importlib import import_module",
    ),
    (code.refused_words, IN_WEB, "class TenantId: ...", "class WorkspaceId: ..."),
    (code.refused_words, IN_WEB, "def deducted(): ...", "def drawn(burnish): ..."),
    (code.refused_words, SQL_FILE, "-- a tariff", "-- a rate card"),
    (code.refused_words, IN_WEB, "self.bucket = 1", "self.lot = store.bucket"),
    (code.abbreviations, IN_WEB, "conn = x", "connection = x.conn"),
    (code.leftovers, IN_WEB, "x = 1  # TO" + "DO: y", "x = 1  # to do y"),
    (code.prints, IN_WEB, "print(x)", "pprint(x)"),
    (code.catches_everything, IN_WEB, "try: x\nexcept: y", "try: x\nexcept KeyError: y"),
    (
        code.catches_everything,
        IN_WEB,
        "try: x\nexcept Exception: y",
        "try: x\nexcept Exception: raise",
    ),
    (code.reads_the_outside, IN_WEB, OUTSIDE_READ + "now(UTC)", OUTSIDE_READ + "max"),
    (code.reads_the_outside, IN_WEB, "import os\nx = os.environ['x']", "import os\nx = os.sep"),
    (
        code.reads_the_outside,
        IN_WEB,
        "import random\nrandom.Random()",
        "import random\nrandom.Random(1)",
    ),
    (
        code.reads_the_outside,
        IN_WEB,
        "from uuid import uuid4 as i\ni()",
        "from uuid import UUID\nUUID()",
    ),
    (
        code.reads_the_outside,
        IN_WEB,
        "import time as t\nt.time()",
        "import time as t\nt.monotonic()",
    ),
    (
        sql.built_sql,
        IN_WEB,
        "x = f'SELECT a FROM {t} WHERE b'",
        "def f():\n '''Select a from b c.'''",
    ),
    (sql.credit_moves, SQL_FILE, "INSERT INTO entries (a)", "-- INSERT INTO entries"),
    (sql.credit_moves, IN_WEB, "x = 'insert into app.entries'", "'''INSERT INTO entries'''"),
    (sql.rewrites, SQL_FILE, "UPDATE entries\nSET x = 1", "BEFORE UPDATE ON entries"),
    (sql.rewrites, SQL_FILE, "delete from ledger.postings", "REVOKE DELETE ON postings"),
    (code.status_numbers, IN_WEB, "f(status_code=404)", "f(status_code=201)"),
    (code.numbered_names, IN_TESTS, "lot1 = x", "lapsing_lot = x"),
    (code.mocks, IN_TESTS, "from unittest.mock import Mock", "import smtpd"),
    (
        docstrings.unnamed_exceptions,
        IN_WEB,
        "def f():\n '''Do.'''\n raise KeyError(1)",
        "def f():\n '''Do.\n\n :raises KeyError: when.\n '''\n raise KeyError(1)",
    ),
    (
        docstrings.unnamed_exceptions,
        IN_WEB,
        "class Key:\n def f():\n  '''Do.'''\n  raise BadKey",
        "class Key:\n ''':raises Refusal: when.'''\n def f():\n  '''Do.'''\n  raise BadKey",
    ),
    (
        docstrings.unnamed_exceptions,
        IN_WEB,
        "@cached\ndef f():\n if x:\n  raise typer.Exit(1)",
        "@a.command()\ndef f():\n if x:\n  raise typer.Exit(1)",
    ),
    (documents.unexplained_queries, SQL_FILE, "-- name: a\nSELECT b", "-- name: a\n-- Why it is."),
    (documents.stars, SQL_FILE, "SELECT l.* FROM lots l", "SELECT count(*) FROM lots"),
    (documents.sql_clocks, SQL_FILE, "WHERE expires_at > now()", "WHERE expires_at > $1 -- now()"),
    (documents.dead_links, PAGE, "[a](gone.md)", "[a](glossary.md) and `[a](gone.md)`"),
    (documents.dead_links, PAGE, "[a](glossary.md#gone)", "[a](glossary.md#glossary)"),
    (documents.machine_paths, PAGE, "cd /ho" + "me/ann/x", "GET /workspaces/x"),
    (documents.registries, PAGE, "from py" + "pi.org", "from your registry"),
    (documents.unhashed_locks, "requirements/x.txt", "a==1", "a==1 \\\n  --hash=sha256:0"),
    (documents.misshapen_decisions, PAGE, DECISION.format("A. B. C."), DECISION.format("A. B.")),
)


@pytest.mark.parametrize(("rule", "path", "bad", "good"), EXAMPLES)
def test_a_rule_sees_its_offender_and_spares_the_cure(
    rule: Rule, path: str, bad: str, good: str
) -> None:
    offender = Source(PurePosixPath(path), bad)
    cure = Source(PurePosixPath(path), good)

    assert list(rule(offender))
    assert not list(rule(cure))


@pytest.mark.parametrize("name", ["utils.py", "storage/helpers/lots.py", "web/_base.py"])
def test_a_vague_name_is_seen_wherever_it_stands(name: str) -> None:
    source = Source(PACKAGE / name, "")

    assert list(code.vague_names(source))


def test_no_file_outgrows_its_limit() -> None:
    refuse(code.long_files, CODE, TESTS, SQL)


def test_no_function_outgrows_its_limit() -> None:
    refuse(code.long_functions, CODE, TESTS)


def test_no_function_takes_too_many_parameters() -> None:
    refuse(code.many_parameters, CODE, TESTS)


def test_a_module_is_named_after_the_noun_in_it() -> None:
    refuse(code.vague_names, CODE)


def test_a_package_holds_only_its_docstring() -> None:
    refuse(code.full_packages, CODE)


def test_names_are_imported_from_the_module_that_owns_them() -> None:
    refuse(code.imports_through_the_face, CODE)


def test_the_glossary_s_refused_words_name_nothing() -> None:
    refuse(code.refused_words, CODE, SQL)


def test_names_are_full_words() -> None:
    refuse(code.abbreviations, CODE)


def test_nothing_is_left_behind() -> None:
    refuse(code.leftovers, CODE, TESTS, SQL, "src/**/*.toml", "docs/**/*.md", "*.md", "Makefile")


def test_only_the_command_line_prints() -> None:
    refuse(code.prints, CODE)


def test_only_the_worker_s_loop_catches_everything() -> None:
    refuse(code.catches_everything, CODE)


def test_what_differs_from_run_to_run_comes_in_by_argument() -> None:
    refuse(code.reads_the_outside, CODE)


def test_python_builds_no_sql() -> None:
    refuse(sql.built_sql, CODE)


def test_exactly_one_statement_moves_credits() -> None:
    movers = [str(source.path) for source in sources(CODE, SQL) for _ in sql.credit_moves(source)]

    assert len(movers) == 1, f"one INSERT INTO entries in all of src, in a file of SQL: {movers}"
    assert fullmatch(r"src/mutoscope/storage/.+\.sql", movers[0]), movers


def test_no_modules_know_one_another_in_a_circle() -> None:
    knows = {code.module_of(source): code.knows(source) for source in sources(CODE)}

    TopologicalSorter({name: knows[name] & knows.keys() for name in knows}).prepare()


def test_the_journal_is_only_ever_appended_to() -> None:
    refuse(sql.rewrites, CODE, SQL)


def test_status_numbers_stand_in_one_module() -> None:
    refuse(code.status_numbers, CODE)


def test_a_test_names_its_things_by_what_sets_them_apart() -> None:
    refuse(code.numbered_names, TESTS)


def test_no_test_uses_a_mock() -> None:
    refuse(code.mocks, TESTS)


def test_every_query_says_why() -> None:
    refuse(documents.unexplained_queries, "src/mutoscope/storage/**/*.sql")


def test_no_query_asks_for_a_star() -> None:
    refuse(documents.stars, CODE, SQL)


def test_a_docstring_names_what_its_function_raises() -> None:
    refuse(docstrings.unnamed_exceptions, CODE)


def test_no_statement_reads_a_clock() -> None:
    refuse(documents.sql_clocks, SQL)


def test_migrations_are_numbered_without_a_gap() -> None:
    names = [source.path.name for source in sources("src/mutoscope/storage/migrations/*.sql")]

    assert [name[:5] for name in names] == [f"{n:04}_" for n in range(1, len(names) + 1)]


def test_every_relative_link_resolves() -> None:
    refuse(documents.dead_links, *DOCUMENTS)


def test_no_document_names_a_path_of_one_machine() -> None:
    refuse(documents.machine_paths, *DOCUMENTS, CODE, TESTS, "Makefile", ".ci/run", "*.toml")


def test_no_document_names_a_registry() -> None:
    refuse(documents.registries, *DOCUMENTS, LOCKS, "Makefile", ".ci/run", "*.toml")


def test_the_locks_name_hashes_and_no_address() -> None:
    refuse(documents.unhashed_locks, LOCKS)


def test_a_decision_keeps_its_form() -> None:
    refuse(documents.misshapen_decisions, DECISIONS)


def test_decisions_are_numbered_without_a_gap_and_indexed() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")

    names = [source.path.name for source in sources(DECISIONS)]

    assert names
    assert [name[:5] for name in names] == [f"{n:04}-" for n in range(1, len(names) + 1)]
    assert [name for name in names if f"decisions/{name}" not in index] == []


def test_the_glossary_names_every_word_that_it_refuses() -> None:
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").lower()

    unnamed = [word for word in code.REFUSED_WORDS if word.replace("_", " ") not in glossary]

    assert unnamed == []
