"""The server: one process that serves and works, and says in one line why it cannot."""

import asyncio
from pathlib import Path

import httpx
import pytest

from mutoscope.bootstrap import House, open_house
from mutoscope.settings import read_settings
from mutoscope.web.application import PortInUse, listening, serve


def free_port() -> int:
    with listening(host="127.0.0.1", port=0) as listener:
        port: int = listener.getsockname()[1]
        return port


async def answered(url: str) -> httpx.Response:
    async with httpx.AsyncClient() as client, asyncio.timeout(10):
        while True:
            try:
                return await client.get(url)
            except httpx.ConnectError:
                await asyncio.sleep(0.02)


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
    settings = read_settings({
        "DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path),
        "MUTOSCOPE_PORT": str(free_port()),
    })  # fmt: skip
    worker = Worker()

    async with open_house(settings) as house:
        serving = asyncio.create_task(serve(house=house, settings=settings, work=worker.work))
        answer = await answered(f"http://127.0.0.1:{settings.port}/healthz")
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    assert answer.json() == {"status": "ok"}
    assert worker.told == ["begun", "ended"]


def test_a_port_in_use_is_named_with_the_remedy() -> None:
    with listening(host="127.0.0.1", port=0) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(PortInUse, match=f"127.0.0.1:{port} .*MUTOSCOPE_PORT"):
            listening(host="127.0.0.1", port=port)


def test_a_host_that_is_none_is_named() -> None:
    with pytest.raises(PortInUse, match=r"host\.invalid"):
        listening(host="host.invalid", port=1)
