"""The server: one process that serves and works, and says in one line why it cannot."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from command_line import MUTOSCOPE, run
from mutoscope.bootstrap import House, open_house
from mutoscope.settings import Settings, read_settings
from mutoscope.storage.cluster import existing, postmaster
from mutoscope.web.application import PortInUse, listening, serve


def free_port() -> int:
    with listening(host="127.0.0.1", port=0) as listener:
        port: int = listener.getsockname()[1]
        return port


async def answered(url: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url)


def settings_of(database_url: str, data: Path) -> Settings:
    return read_settings({
        "DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(data),
        "MUTOSCOPE_PORT": str(free_port()),
    })  # fmt: skip


class Worker:
    """Works until it is cancelled, and tells what became of it."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def work(self, _house: House) -> None:
        self.told.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            self.told.append("ended")


async def test_a_process_serves_and_works_until_it_is_stopped(
    database_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, tmp_path)
    worker, ready = Worker(), asyncio.Queue[str]()

    async with open_house(settings) as house:
        serving = asyncio.create_task(
            serve(house=house, settings=settings, work=worker.work, ready=ready.put_nowait)
        )
        url = await asyncio.wait_for(ready.get(), 10)
        answer = await answered(f"{url}/healthz")
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    assert url == f"http://127.0.0.1:{settings.port}"
    assert answer.json() == {"status": "ok"}
    assert worker.told == ["begun", "ended"]


def test_a_port_in_use_is_named_with_the_remedy() -> None:
    with listening(host="127.0.0.1", port=0) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(PortInUse, match=f"127.0.0.1:{port} .*MUTOSCOPE_PORT"):
            listening(host="127.0.0.1", port=port)


def test_a_command_that_cannot_listen_says_nothing_but_why(
    database_url: str, tmp_path: Path
) -> None:
    with listening(host="127.0.0.1", port=0) as listener, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUTOSCOPE_PORT", str(listener.getsockname()[1]))

        done = run("serve", database_url=database_url, data=tmp_path)

    assert (done.code, done.output) == (1, "")
    assert done.errors.startswith("port_in_use: ")
    assert done.errors.count("\n") == 1


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Serve with a database of its own."""
    place = {"DATABASE_URL": "", "MUTOSCOPE_DATA": str(tmp_path)}
    # A run in the background ignores interrupts, and its children would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        (MUTOSCOPE, "serve"), env={**os.environ, **place, "MUTOSCOPE_PORT": str(free_port())},
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        yield program
        program.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_asked_to_stop_closes_its_house(
    serving: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    assert serving.stderr is not None
    assert serving.stderr.readline().startswith("Listening on ")
    cluster = existing(folder=tmp_path / "postgres")
    assert cluster is not None
    database = postmaster(data=cluster.data)

    serving.send_signal(number)
    _, errors = serving.communicate(timeout=30)

    assert (serving.returncode, errors.splitlines()[-1]) == (0, "Stopped.")
    assert database is not None
    assert postmaster(data=cluster.data) is None


@pytest.mark.parametrize("command", ["verify", "renew"])
def test_without_a_terminal_there_is_no_bar_and_no_empty_line(
    command: str, database_url: str, tmp_path: Path
) -> None:
    done = run(command, database_url=database_url, data=tmp_path)

    assert (done.code, done.errors) == (0, "")
    assert done.output.strip()


def test_a_host_that_is_none_is_named() -> None:
    with pytest.raises(PortInUse, match=r"host\.invalid"):
        listening(host="host.invalid", port=1)
