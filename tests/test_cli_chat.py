"""The chat at the command line: both sides talk, in words and in JSON."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from command_line import run_here
from mutoscope.cli.desk import age

ANN = "00000000-0000-0000-0000-00000000000a"
BEN = "00000000-0000-0000-0000-00000000000b"


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> dict[str, Any]:
    return {"database_url": database_url, "data": tmp_path / "data"}


@pytest.fixture
def workspace(place: dict[str, Any]) -> str:
    made = run_here("workspace", "create", "Ada", "--json", **place)
    return str(made.json()["workspace"]["workspace_id"])


def test_both_sides_talk(place: dict[str, Any], workspace: str, tmp_path: Path) -> None:
    Image.new("RGB", (400, 400), "red").save(tmp_path / "still.png")
    empty = run_here("chat", "read", workspace, **place)
    picture = str(tmp_path / "still.png")
    said = run_here("chat", "say", workspace, "It is [broken]", "--attach", picture, **place)
    inbox = run_here("desk", "inbox", "--as", ANN, **place)
    shown = run_here("desk", "thread", workspace, "--as", ANN, **place)
    run_here("desk", "say", workspace, "We look.", "--as", ANN, **place)

    answered = run_here("chat", "read", workspace, **place)

    assert empty.output == "Nobody has said anything yet: `mutoscope chat say` begins.\n"
    assert "is number 1 of the thread" in said.output
    assert all(word in inbox.output for word in (workspace, "Ada", "moments", "nobody"))
    assert "creator (owner)" in shown.output
    assert "It is [broken]" in shown.output
    assert "file picture.png, image/png" in answered.output
    assert "support\n      We look." in answered.output


def test_a_key_says_it_once(place: dict[str, Any], workspace: str) -> None:
    run_here("chat", "say", workspace, "hello", "--key", "k-1", **place)

    again = run_here("chat", "say", workspace, "hello", "--key", "k-1", "--json", **place)

    assert again.json()["is_replay"] is True
    assert (
        "said before, as number 1"
        in run_here("chat", "say", workspace, "hello", "--key", "k-1", **place).output
    )


@pytest.mark.parametrize(
    ("question", "words"),
    [("billing_date", "You have no billing date yet"), ("more_credits", "Start one first: Ess")],
)
def test_a_quick_question_is_answered_at_once(
    place: dict[str, Any], workspace: str, question: str, words: str
) -> None:
    asked = run_here("chat", "ask", workspace, question, **place)
    told = run_here("chat", "ask", workspace, question, "--json", **place).json()

    assert words in asked.output
    assert told["answer"]["card"] == question


def test_a_thread_is_taken_on_let_go_settled_and_erased(
    place: dict[str, Any], workspace: str
) -> None:
    run_here("chat", "say", workspace, "thanks!", **place)
    taken = run_here("desk", "assign", workspace, "--as", ANN, **place)
    mine = run_here("desk", "inbox", "--as", ANN, "--mine", **place)
    others = run_here("desk", "inbox", "--as", BEN, **place)
    let_go = run_here("desk", "assign", workspace, "--as", ANN, "--nobody", "--json", **place)
    settled = run_here("desk", "settle", workspace, **place)
    nobody = run_here("desk", "inbox", "--as", ANN, **place)
    erased = run_here("desk", "erase", workspace, "1", **place)

    assert ("yours" in taken.output, "you" in mine.output, ANN in others.output) == (True,) * 3
    assert let_go.json()["assignee_id"] is None
    assert "waits no more" in settled.output
    assert nobody.output == "Nobody waits for an answer.\n"
    assert erased.output == "1 message erased.\n"
    assert "(erased)" in run_here("chat", "read", workspace, **place).output
    assert run_here("desk", "inbox", "--as", ANN, "--all", "--json", **place).json()


def test_threads_are_listed(place: dict[str, Any], workspace: str) -> None:
    empty = run_here("chat", "list", workspace, **place)
    run_here("desk", "say", workspace, "welcome", "--as", ANN, **place)

    listed = run_here("chat", "list", workspace, **place)

    assert "Nobody has said anything yet" in empty.output
    assert "(general)" in listed.output
    assert (
        run_here("chat", "list", workspace, "--json", **place).json()["threads"][0]["unread"] == 1
    )


def test_the_facts_are_shown_beside(place: dict[str, Any], workspace: str) -> None:
    run_here("workspace", "plan", workspace, "pro", "--yes", **place)

    shown = run_here("desk", "facts", workspace, **place)

    assert "plan           pro, active" in shown.output
    assert "may buy        not enabled" in shown.output
    assert run_here("desk", "facts", workspace, "--json", **place).json()["plan"] == "pro"


def test_what_is_not_there_is_told(place: dict[str, Any], workspace: str) -> None:
    missing = run_here("chat", "read", workspace, "--thread", ANN, **place)
    empty = run_here("desk", "thread", workspace, "--as", ANN, **place)
    wordless = run_here("chat", "say", workspace, **place)

    assert (missing.code, missing.errors.partition(":")[0]) == (3, "unknown_thread")
    assert empty.output == "Nobody has said anything in this thread.\n"
    assert (wordless.code, wordless.errors.partition(":")[0]) == (1, "message_empty")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(59, "moments"), (60, "1 min"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h")],
)
def test_an_age_is_told_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert age(timedelta(seconds=seconds)) == words
