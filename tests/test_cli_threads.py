"""Threads at the command line: opened, worked in from the desk, and followed as they grow."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any
from uuid import uuid4

import pytest

from command_line import MUTOSCOPE, Done, run_here

PASSWORD = "correct horse battery"
LIMIT_S = 30


class Place:
    """A workspace with a second thread, and grace at the desk."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.place: dict[str, Any] = {"database_url": database_url, "data": folder / "data"}
        self.password = folder / "password"
        self.password.write_text(f"{PASSWORD}\n", encoding="utf-8")
        self.run(
            "staff", "add", "grace", "--email", "grace@studio.example", "--role", "admin",
            "--role", "support", "--new-password-file", str(self.password), "--reason",
            "joins the desk",
        )  # fmt: skip
        self.run("staff", "sign-in", "grace", "--password-file", str(self.password))
        made = self.run("workspace", "create", "Ada", "--json").json()
        self.workspace = str(made["workspace"]["workspace_id"])
        self.run("workspace", "plan", self.workspace, "pro", "--yes")
        opened = self.run("chat", "open", self.workspace, "Invoices", "--key", "k", "--json").json()
        self.thread: str = opened["thread"]["thread_id"]

    def run(self, *arguments: str) -> Done:
        return run_here(*arguments, **self.place)

    def enable(self, thread: str, *more: str) -> Done:
        """Let the workspace buy credits, with a card in a thread."""
        because = ("--reason", "they asked in the chat")
        return self.run("desk", "enable", self.workspace, "--thread", thread, *because, *more)

    @contextmanager
    def following(self, *more: str) -> Iterator[subprocess.Popen[str]]:
        """Run `chat follow`."""
        settings = {
            "DATABASE_URL": self.place["database_url"], "MUTOSCOPE_DATA": str(self.place["data"]),
        }  # fmt: skip
        # A run in the background ignores interrupts, and its children would, too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with subprocess.Popen(
            (MUTOSCOPE, "chat", "follow", self.workspace, *more), env={**os.environ, **settings},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as program:  # fmt: skip
            late = Timer(LIMIT_S, program.kill)
            late.start()
            try:
                yield program
            finally:
                late.cancel()
                program.kill()


def until(program: subprocess.Popen[str], end: str | tuple[str, ...]) -> str:
    """Return the first line that ends so."""
    assert program.stdout is not None
    return next(line for line in program.stdout if line.rstrip().endswith(end))


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    return Place(database_url, tmp_path)


def test_a_thread_is_opened_once_by_its_key(place: Place) -> None:
    again = place.run("chat", "open", place.workspace, "Invoices", "--key", "k")
    reused = place.run("chat", "open", place.workspace, "Clips", "--key", "k")
    listed = place.run("chat", "list", place.workspace)

    assert again.output == f"Thread {place.thread} was opened before: name it with --thread.\n"
    assert reused.errors.startswith("key_reused: ")
    assert (place.thread in listed.output, "Invoices" in listed.output) == (True, True)


def test_the_card_of_an_action_lands_in_the_thread_that_staff_work_in(place: Place) -> None:
    done = place.enable(place.thread)

    there = place.run("chat", "read", place.workspace, "--thread", place.thread, "--json").json()
    general = place.run("chat", "read", place.workspace, "--json").json()
    assert done.code == 0
    assert [each["card"] for each in there] == ["enable_purchases"]
    assert general == []


def test_an_action_in_a_thread_that_is_not_there_is_not_done(place: Place) -> None:
    unknown = place.enable(str(uuid4()), "--json")
    no_id = place.enable("general")

    assert (unknown.code, '"code": "unknown_thread"' in unknown.errors) == (3, True)
    assert (no_id.code, "mutoscope desk inbox" in no_id.errors) == (2, True)
    assert place.enable(place.thread).code == 0  # it was not done before


def test_a_chat_is_followed_until_it_is_interrupted(place: Place) -> None:
    with place.following() as program:
        assert program.stderr is not None
        assert program.stdout is not None
        ready = program.stderr.readline()
        place.run("chat", "say", place.workspace, "It is [broken]", "--thread", place.thread)
        said, body = until(program, "you"), program.stdout.readline()

        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=LIMIT_S)

    assert ready == "Following; Ctrl-C stops.\n"
    assert (said.split()[0], body) == ("1", "      It is [broken]\n")
    assert (program.returncode, errors) == (0, "")


def test_a_chat_is_followed_in_lines_of_json_from_a_serial_on(place: Place) -> None:
    place.run("chat", "say", place.workspace, "before")
    place.enable(place.thread)

    with place.following("--json", "--after", "0") as program:
        assert program.stdout is not None
        told = [json.loads(program.stdout.readline()) for _ in range(3)]
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=LIMIT_S)

    assert [each["event"] for each in told] == ["ready", "message", "message"]
    assert (told[1]["data"]["body"], told[2]["data"]["card"]) == ("before", "enable_purchases")
    assert told[1]["serial"] < told[2]["serial"]
    assert program.returncode == 0


def test_credits_jobs_and_marks_are_told_in_a_line_each(place: Place) -> None:
    made = place.run("workspace", "create", "Bob", "--demo", "--json").json()
    place.workspace = made["workspace"]["workspace_id"]
    place.run("chat", "say", place.workspace, "one")
    with place.following() as program:
        assert program.stderr is not None
        program.stderr.readline()
        place.run("desk", "thread", place.workspace)
        read = until(program, "has read up to 1")
        place.run("desk", "settle", place.workspace)
        settled = until(program, "waits no more")
        place.run("generate", place.workspace, "a pier", "--no-wait")
        told = sorted(until(program, ("waiting, 0%", "1 held")) for _ in range(2))

    assert read.startswith("thread ")
    assert ": staff has read" in read
    assert settled.endswith(": assigned, or waits no more\n")
    assert [line.split()[0] for line in told] == ["balance", "job"]


def test_a_workspace_that_is_not_there_is_not_followed(place: Place) -> None:
    refused = place.run("chat", "follow", str(uuid4()))

    assert (refused.code, refused.errors.split(":")[0]) == (3, "unknown_workspace")
