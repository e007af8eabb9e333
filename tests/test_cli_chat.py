"""The chat at the command line: both sides talk, in words and in JSON."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from command_line import Done, run, run_here
from mutoscope.cli.desk import age

ANN = "00000000-0000-0000-0000-00000000000a"
PASSWORD = "correct horse battery"
WHY = ("--reason", "it named a customer")


class Place:
    """A studio in which ada and ben are of the staff, with a workspace."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.place: dict[str, Any] = {"database_url": database_url, "data": folder / "data"}
        self.password = folder / "password"
        self.password.write_text(f"{PASSWORD}\n", encoding="utf-8")
        made = self.run("workspace", "create", "Ada", "--json").json()
        self.workspace = str(made["workspace"]["workspace_id"])

    def run(self, *arguments: str) -> Done:
        return run_here(*arguments, **self.place)

    def desk(self, *arguments: str, by: str = "ada") -> Done:
        """Work at the desk as somebody."""
        return self.run("desk", *arguments, "--as", by, "--password-file", str(self.password))

    def take_in(self, name: str, role: str = "admin", *, by: str = "") -> str:
        acting = ("--as", by, "--password-file", str(self.password)) if by else ()
        made = self.run(
            "staff", "add", name, "--email", f"{name}@studio.example", "--role", role, *acting,
            "--new-password-file", str(self.password), "--reason", "joins the desk", "--json",
        )  # fmt: skip
        return str(made.json()[0]["staff_id"])


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    return Place(database_url, tmp_path)


def test_both_sides_talk(place: Place, tmp_path: Path) -> None:
    place.take_in("ada")
    Image.new("RGB", (400, 400), "red").save(tmp_path / "still.png")
    empty = place.run("chat", "read", place.workspace)
    picture = str(tmp_path / "still.png")
    said = place.run("chat", "say", place.workspace, "It is [broken]", "--attach", picture)
    inbox = place.desk("inbox")
    shown = place.desk("thread", place.workspace)
    place.desk("say", place.workspace, "We look.")

    answered = place.run("chat", "read", place.workspace)

    assert empty.output == "Nobody has said anything yet: `mutoscope chat say` begins.\n"
    assert "is number 1 of the thread" in said.output
    assert all(word in inbox.output for word in (place.workspace, "Ada", "moments", "nobody"))
    assert "creator (owner)" in shown.output
    assert "It is [broken]" in shown.output
    assert "file picture.png, image/png" in answered.output
    assert "support\n      We look." in answered.output


def test_what_a_job_delivered_is_sent_along_and_that_of_another_workspace_is_not(
    database_url: str, tmp_path: Path
) -> None:
    place: dict[str, Any] = {"database_url": database_url, "data": tmp_path / "data"}
    ada, ben = (
        run_here("workspace", "create", name, "--demo", **place).output.split()[1]
        for name in ("Ada", "Ben")
    )
    job = run("generate", ada, "a pier", "--json", **place).json()["job"]["job_id"]

    said = run_here("chat", "say", ada, "this", "--attach", job, "--json", **place).json()
    missing = run_here("chat", "say", ada, "--attach", f"{job}/2", **place)
    foreign = run_here("chat", "say", ben, "--attach", job, **place)

    (attached,) = said["message"]["attachments"]
    assert attached["media_type"] == "image/png"
    assert (missing.code, foreign.code) == (3, 3)
    assert missing.errors.startswith(f"unknown_output: job {job} has delivered no file 2")
    assert foreign.errors.startswith("unknown_job: ")


def test_a_key_says_it_once(place: Place) -> None:
    place.run("chat", "say", place.workspace, "hello", "--key", "k-1")

    again = place.run("chat", "say", place.workspace, "hello", "--key", "k-1", "--json")

    assert again.json()["is_replay"] is True
    assert (
        "said before, as number 1"
        in place.run("chat", "say", place.workspace, "hello", "--key", "k-1").output
    )


@pytest.mark.parametrize(
    ("question", "words"),
    [("billing_date", "You have no billing date yet"), ("more_credits", "Start one first: Ess")],
)
def test_a_quick_question_is_answered_at_once(place: Place, question: str, words: str) -> None:
    asked = place.run("chat", "ask", place.workspace, question)
    told = place.run("chat", "ask", place.workspace, question, "--json").json()

    assert words in asked.output
    assert told["answer"]["card"] == question


def test_a_thread_is_taken_on_let_go_settled_and_erased(place: Place) -> None:
    ada = place.take_in("ada")
    place.take_in("ben", "support", by="ada")
    place.run("chat", "say", place.workspace, "thanks!")
    taken = place.desk("assign", place.workspace)
    mine = place.desk("inbox", "--mine")
    others = place.desk("inbox", by="ben")
    let_go = place.desk("assign", place.workspace, "--nobody", "--json")
    settled = place.desk("settle", place.workspace)
    nobody = place.desk("inbox")
    erased = place.desk("erase", place.workspace, "1", *WHY)

    assert ("yours" in taken.output, "you" in mine.output, ada in others.output) == (True,) * 3
    assert let_go.json()["assignee_id"] is None
    assert "waits no more" in settled.output
    assert nobody.output == "Nobody waits for an answer.\n"
    assert erased.output == "1 message erased.\n"
    assert "(erased)" in place.run("chat", "read", place.workspace).output
    assert place.desk("inbox", "--all", "--json").json()


def test_threads_are_listed(place: Place) -> None:
    place.take_in("ada")
    empty = place.run("chat", "list", place.workspace)
    place.desk("say", place.workspace, "welcome")

    listed = place.run("chat", "list", place.workspace)

    assert "Nobody has said anything yet" in empty.output
    assert "(general)" in listed.output
    assert place.run("chat", "list", place.workspace, "--json").json()["threads"][0]["unread"] == 1


def test_the_facts_are_shown_beside(place: Place) -> None:
    place.take_in("ada")
    place.run("workspace", "plan", place.workspace, "pro", "--yes")

    shown = place.desk("facts", place.workspace)

    assert "plan           pro, active" in shown.output
    assert "may buy        not enabled" in shown.output
    assert place.desk("facts", place.workspace, "--json").json()["plan"] == "pro"


def test_what_is_not_there_is_told(place: Place) -> None:
    place.take_in("ada")
    missing = place.run("chat", "read", place.workspace, "--thread", ANN)
    empty = place.desk("thread", place.workspace)
    wordless = place.run("chat", "say", place.workspace)

    assert (missing.code, missing.errors.partition(":")[0]) == (3, "unknown_thread")
    assert empty.output == "Nobody has said anything in this thread.\n"
    assert (wordless.code, wordless.errors.partition(":")[0]) == (1, "message_empty")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(59, "moments"), (60, "1 min"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h")],
)
def test_an_age_is_told_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert age(timedelta(seconds=seconds)) == words
