"""A real server on the loopback, and a client that reads its server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from mutoscope.bootstrap import House
from mutoscope.settings import read_settings
from mutoscope.web.application import listening, serve

LIMIT_S = 30


@dataclass(frozen=True)
class Told:
    """An event as it came over the wire; a comment has no name."""

    name: str
    data: Any
    id: str | None = None
    comment: str | None = None


class Stream:
    """One open stream, read event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.seen: list[Told] = []

    async def next(self) -> Told:
        """Return the next event or comment."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(LIMIT_S):
            async for line in self._lines:
                if not line:
                    break
                name, _, value = line.partition(":")
                fields[name or "comment"] = value.strip()
        data = json.loads(fields["data"]) if "data" in fields else None
        told = Told(fields.get("event", ""), data, fields.get("id"), fields.get("comment"))
        self.seen.append(told)
        return told

    async def rest(self) -> None:
        """Read to the stream's end."""
        async with asyncio.timeout(LIMIT_S):
            async for _ in self._lines:
                continue

    async def until(self, name: str, *, count: int = 1) -> list[Told]:
        """Return so many events of a name, past all others."""
        found: list[Told] = []
        while len(found) < count:
            told = await self.next()
            if told.name == name:
                found.append(told)
        return found


@dataclass(frozen=True)
class Served:
    """A house that is served, and a client of it."""

    house: House
    client: httpx.AsyncClient
    port: int

    @asynccontextmanager
    async def stream(self, workspace_id: UUID | str, **options: object) -> AsyncIterator[Stream]:
        """Follow a workspace, once it is ready."""
        async with self.stream_at(f"/v1/workspaces/{workspace_id}/live", **options) as stream:
            yield stream

    @asynccontextmanager
    async def stream_at(self, path: str, **options: object) -> AsyncIterator[Stream]:
        async with self.client.stream("GET", path, **options) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["Content-Type"].startswith("text/event-stream")
            stream = Stream(response)
            assert (await stream.next()).name == "ready"
            yield stream

    async def post(self, path: str, content: object, *, key: str) -> dict[str, Any]:
        answer = await self.client.post(path, json=content, headers={"Idempotency-Key": key})
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found


def _unheard(_address: str) -> None:
    """Tell nobody where it is served: the test knows the port."""


@asynccontextmanager
async def serving(house: House) -> AsyncIterator[Served]:
    """Serve a house on a port of this machine until the end."""
    with listening(host="127.0.0.1", port=0) as listener:
        port: int = listener.getsockname()[1]
    settings = read_settings({"MUTOSCOPE_PORT": str(port)})
    served = asyncio.create_task(serve(house=house, settings=settings, work=_idle, ready=_unheard))
    limits = httpx.Limits(max_connections=200)
    base_url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base_url, timeout=LIMIT_S, limits=limits) as client:
        await _answers(client)
        yield Served(house, client, port)
    served.cancel()
    await asyncio.gather(served, return_exceptions=True)


async def _idle(_house: House) -> None:
    await asyncio.Event().wait()


async def _answers(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await client.get("/healthz")
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
            else:
                return
