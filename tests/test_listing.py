"""Tables of the terminal keep to its width: no id is broken, and what is left out is said."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from rich.table import Table

from command_line import run_here
from mutoscope.cli.listing import NOTHING
from mutoscope.cli.screen import console, table

THREAD, WORKSPACE = (str(UUID(int=number, version=4)) for number in (5, 7))
COLUMNS = ("!workspace", "name", "??!thread", "?subject", ">waits", "?asks")
ROW = (WORKSPACE, "Ada's [bold]studio[/]", THREAD, "The invoice of the month of May", "3 d", "")
FIRST = "it came out black, twice in a"
CODES = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A terminal, whose width is that of the environment."""

    def __init__(self, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.patch, self.capsys = patch, capsys

    def shows(self, made: Table, *, width: int) -> list[str]:
        """Return the lines that a table is printed as, without their colours."""
        self.patch.setenv("TTY_COMPATIBLE", "1")
        self.patch.setenv("COLUMNS", str(width))
        console().print(made)
        return CODES.sub("", self.capsys.readouterr().out).splitlines()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


def inbox(*rows: tuple[str, ...]) -> Table:
    made = table(*COLUMNS, title="Threads")
    for row in rows:
        made.add_row(*row)
    return made


@pytest.mark.parametrize(
    ("width", "missed"),
    [(200, ""), (120, ""), (119, "thread"), (81, "thread"), (80, "thread, asks"),
     (74, "thread, asks"), (73, "thread, subject, asks"), (59, "thread, subject, asks")],
)  # fmt: skip
def test_columns_that_may_be_missed_are_left_out_and_named(
    terminal: Terminal, width: int, missed: str
) -> None:
    lines = terminal.shows(inbox(ROW, ROW), width=width)

    words = " ".join(lines).split()
    note = [line for line in lines if line.startswith("Not shown")]
    assert lines[0] == "Threads"
    assert words.count(WORKSPACE) == words.count("studio") == 2
    assert words.count(THREAD) == (0 if missed else 2)
    assert (note[0].split(": ")[1].split(".")[0] if note else "") == missed
    assert max(map(len, lines)) <= width


def test_rows_stand_below_one_another_where_no_table_fits(terminal: Terminal) -> None:
    lines = terminal.shows(inbox(ROW, ROW), width=40)

    record = [
        f"workspace  {WORKSPACE}", "name       Ada's studio", f"thread     {THREAD}",
        "subject    The invoice of the month of", "May", "waits      3 d", "",
    ]  # fmt: skip
    assert [line.rstrip() for line in lines] == ["Threads", *record, *record]


def test_nothing_to_list_is_said_in_a_narrow_terminal_too(terminal: Terminal) -> None:
    assert terminal.shows(inbox(), width=20) == ["Threads", NOTHING]


def test_what_is_left_over_goes_to_all_that_want_more(terminal: Terminal) -> None:
    made = table("what", "tool", "why")
    made.add_row("a clip of a pier", "edit_open_assistant", "it came out black, twice in a row")
    made.add_section()
    made.add_row("a frame", "veo3", "-")

    lines = terminal.shows(made, width=70)

    first, second = lines[2:4]
    assert first.split("   ") == ["a clip of a pier", "edit_open_assistant", FIRST]
    assert second.strip() == "row"
    assert (lines[4].strip(), lines[5].split()[:2]) == ("", ["a", "frame"])


def test_a_list_of_invoices_fits_a_terminal_and_is_whole_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    place = {"database_url": database_url, "data": tmp_path}
    made = run_here("workspace", "create", "Ada", "--json", **place).json()["workspace"]
    run_here("subscription", "start", made["workspace_id"], "pro", **place)
    whole = run_here("invoice", "list", made["workspace_id"], **place).output
    monkeypatch.setenv("TTY_COMPATIBLE", "1")

    told = run_here("invoice", "list", made["workspace_id"], **place).output

    assert (whole.split()[-1].count("-"), "Not shown" in whole) == (4, False)
    assert max(len(CODES.sub("", line)) for line in told.splitlines()) <= 120
    assert "Not shown, for want of width: id." in told
