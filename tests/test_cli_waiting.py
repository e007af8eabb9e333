"""Waiting for jobs without a terminal: how they stand is told in lines, an interrupt loses none."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from command_line import MUTOSCOPE, run, run_here

LIMIT_S = 60


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> dict[str, Any]:
    return {"database_url": database_url, "data": tmp_path / "data"}


@pytest.fixture
def workspace(place: dict[str, Any]) -> str:
    made = run_here("workspace", "create", "Ada", "--demo", "--json", **place)
    return str(made.json()["workspace"]["workspace_id"])


@contextmanager
def waiting(place: dict[str, Any], workspace: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that waits for a job which takes far longer than the test."""
    settings = {"DATABASE_URL": place["database_url"], "MUTOSCOPE_DATA": str(place["data"])}
    # A run in the background ignores interrupts, and its children would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        (MUTOSCOPE, "generate", workspace, "a pier [[slow:600]]"), env={**os.environ, **settings},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        yield program
        program.kill()


@pytest.fixture
def slow(place: dict[str, Any], workspace: str) -> Iterator[subprocess.Popen[str]]:
    with waiting(place, workspace) as program:
        yield program


def test_how_a_job_stands_is_told_at_once_and_when_it_changes(
    place: dict[str, Any], workspace: str
) -> None:
    done = run("generate", workspace, "a pier", "--json", **place)

    job_id = done.json()["job"]["job_id"]
    told = done.errors.splitlines()
    assert {line.partition(": ")[0] for line in told} == {f"job {job_id}"}
    assert told[-1] == f"job {job_id}: succeeded"
    assert len(told) == len(set(told)) > 1


def test_an_interrupted_wait_tells_what_goes_on(
    slow: subprocess.Popen[str], place: dict[str, Any], workspace: str
) -> None:
    assert slow.stderr is not None
    job_id = slow.stderr.readline().removeprefix("job ").partition(":")[0]

    slow.send_signal(signal.SIGINT)
    _, errors = slow.communicate(timeout=LIMIT_S)

    remedy = f"`mutoscope cancel {workspace} {job_id}` stops it."
    assert f"Job {job_id} goes on; {remedy}" in errors.splitlines()
    assert slow.returncode == 130
    asked = run_here("cancel", workspace, job_id, "--json", **place).json()
    assert asked["is_cancel_asked"]


def test_a_job_that_lacks_room_says_what_it_waits_for(
    slow: subprocess.Popen[str], place: dict[str, Any], workspace: str
) -> None:
    assert slow.stderr is not None
    assert any(line.endswith(": running\n") for line in slow.stderr)

    with waiting(place, workspace) as second:
        assert second.stderr is not None
        told = [second.stderr.readline().partition(": ")[2].strip() for _ in range(2)]

    assert told == ["waiting", "waiting for room, or for tomorrow's limit"]
