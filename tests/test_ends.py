"""Every refusal exits by a rule, and every command takes --json or tells why not."""

from collections.abc import Iterator

import pytest
from click import Command
from typer.main import get_command

from mutoscope.cli.main import (
    DATABASE_UNREACHABLE,
    ENTRIES,
    EXIT_CODES,
    EXITS,
    NOT_ENOUGH_CREDITS,
    NOT_FOUND,
    REFUSED,
    app,
    exit_of,
    loaded,
)
from test_api_errors import codes, refusals
from tidy import ROOT

OF_THE_DATABASE = {
    f"mutoscope.storage.{name}" for name in ("binaries", "cluster", "embedded", "database")
}
PRINT_NO_DATA = {"serve", "worker"}


def commands(command: Command, name: str) -> Iterator[tuple[str, Command]]:
    """Yield what can be run at a command or below it, each with its whole name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
    for each, deeper in (below or {}).items():
        yield from commands(deeper, f"{name} {each}")


EVERY = dict(each for entry in ENTRIES for each in commands(loaded(entry.name), entry.name))


def options(command: Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_refusal_exits_by_the_rule_of_its_code(code: str) -> None:
    is_nothing_there = code.startswith(("unknown_", "no_such_"))

    assert exit_of(code) in EXIT_CODES
    if is_nothing_there:
        assert exit_of(code) == NOT_FOUND
    elif code.startswith("insufficient_"):
        assert exit_of(code) == NOT_ENOUGH_CREDITS
    elif code.startswith(("database_", "postgres_")):
        assert exit_of(code) == DATABASE_UNREACHABLE


def test_every_refusal_of_the_database_exits_as_one() -> None:
    codes()
    found = {each.code for each in refusals() if each.__module__ in OF_THE_DATABASE}

    assert {"disk_full", "folder_unusable", "database_failed"} < found
    assert {code for code in found if exit_of(code) != DATABASE_UNREACHABLE} == set()


def test_no_exit_is_kept_for_a_code_that_is_gone() -> None:
    assert EXITS.keys() - codes() == set()
    assert REFUSED not in EXITS.values()


def test_the_commands_that_can_be_run_are_all_seen() -> None:
    assert len(EVERY) > 150
    assert {"cap remove", "audit export", "checkpoint export", "verify"} < EVERY.keys()


def test_every_command_takes_json_unless_it_prints_no_data() -> None:
    without = {name for name, command in EVERY.items() if "--json" not in options(command)}

    assert without == PRINT_NO_DATA


def test_the_commands_without_json_are_told_where_one_looks() -> None:
    reference = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    told = (get_command(app).help or "").split()

    assert [name for name in PRINT_NO_DATA if "there is no --json" not in EVERY[name].help] == []
    assert " ".join(told).endswith("except serve and worker, which print no data.")
    assert "Every command takes `--json`, except `serve` and `worker`" in reference
