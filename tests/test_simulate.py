"""`mutoscope simulate-providers`, as a program of its own."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

COMMAND = (sys.executable, "-m", "mutoscope.cli.main", "simulate-providers", "--json", "--port")


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        (*COMMAND, "0"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        yield program
        program.kill()


def test_the_providers_are_played_until_interrupted(program: subprocess.Popen[str]) -> None:
    assert program.stdout is not None
    lines = iter(program.stdout.readline, "}\n")
    told = json.loads("".join(lines) + "}")

    listed = httpx.get(f"{told['MUTOSCOPE_RUNWAY_URL']}/../_sim").json()

    keys = {f"MUTOSCOPE_{each['provider'].upper()}_KEY" for each in listed["simulators"]}
    assert keys == {name for name in told if name.endswith("_KEY")}
    program.send_signal(signal.SIGINT)
    assert program.wait(timeout=30) == 0


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run((*COMMAND, port), capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert json.loads(done.stderr)["code"] == "port_taken"
