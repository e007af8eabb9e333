"""Help and usage errors: readable to who has never seen the command before."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from command_line import run_here
from mutoscope.cli.main import ENTRIES, loaded


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        (("project", "order"), "[OPTIONS] WORKSPACE PROJECT WANTED"),
        (("calendar",), "[OPTIONS] [WORKSPACE]"),
        (("desk", "confirm"), "[OPTIONS] [WORDS] [REFERENCE]"),
        (("frame", "fine-tune"), "[OPTIONS] WORKSPACE FRAME [NAME=VALUE]..."),
        (("workspace", "create"), "[OPTIONS] NAME"),
    ],
)
def test_the_usage_names_arguments_as_the_documentation_does(
    command: tuple[str, ...], usage: str
) -> None:
    told = run_here(*command, "--help").output.splitlines()

    assert told[0] == f"Usage: mutoscope {' '.join(command)} {usage}"


def test_values_are_told_in_words_and_choices_as_they_are() -> None:
    generate = run_here("generate", "--help").output
    order = run_here("project", "order", "--help").output

    assert "--images NUMBER" in generate
    assert "[default: 1; at least 1]" in generate
    assert "--key TEXT" in generate
    assert "--member ID" in generate
    assert "WANTED still|clip  " in order
    assert "WORKSPACE          The workspace's id." in order
    assert "--frame ID" in order


def helps(command: TyperCommand | TyperGroup, path: str) -> Iterator[tuple[str, str]]:
    """Yield the help of a command, and of those below it."""
    yield path, command.get_help(typer.Context(command, info_name=path))
    for name, below in getattr(command, "commands", {}).items():
        yield from helps(below, f"{path} {name}")


@pytest.mark.parametrize("name", [entry.name for entry in ENTRIES])
def test_no_help_speaks_of_types_of_a_language(name: str) -> None:
    found = dict(helps(loaded(name), name))

    assert [path for path, told in found.items() if "<" in told] == []
    assert [path for path, told in found.items() if "{" in told.partition("\n")[0]] == []


def test_many_values_are_told_behind_what_they_are_for() -> None:
    told = run_here("audit", "list", "--help").output

    assert "--action ACTION" in told
    assert "One action alone. One of view, view_as, chat," in told
    assert max(map(len, told.splitlines())) <= 80


def test_a_command_that_was_mistyped_is_named() -> None:
    told = run_here("balanc", str(uuid4()))

    assert (told.code, "No such command 'balanc'. Did you mean 'balance'" in told.errors) == (
        2, True,
    )  # fmt: skip


def test_a_choice_that_there_is_not_is_told_with_those_there_are() -> None:
    told = run_here("jobs", str(uuid4()), "--state", "done")

    assert told.code == 2
    assert "Invalid value for '--state': 'done' is not one of 'waiting'," in told.errors
