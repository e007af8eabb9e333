"""The stage of the pipeline's crashes: a worker over simulated providers, and a clock that jumps.

Every process is forked from one warm program. They share the database, the simulators' address, and
the clock: each worker goes on at the instant that the one before had reached, or later. A worker
takes in turn what the loops of `worker.steps` take side by side; nothing is shortened.
"""

import asyncio
import logging
import mmap
import os
import struct
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from mutoscope.app.advance import advance
from mutoscope.app.renew import run as renew
from mutoscope.app.studio import Studio
from mutoscope.app.sweep import STALE_AFTER, SWEEP_MAX
from mutoscope.app.watch import admit, watch
from mutoscope.assets.folder import AssetFolder
from mutoscope.bootstrap import RandomIds, read_catalog, read_routes
from mutoscope.hooks.http_hooks import HttpHooks
from mutoscope.providers.download import Downloads
from mutoscope.providers.remote import RemoteGenerator
from mutoscope.providers.wire import Site
from mutoscope.simulators.server import running
from mutoscope.storage import jobs
from mutoscope.storage.attempts import Orders
from mutoscope.storage.database import open_pool
from mutoscope.storage.journal import Journal
from provider_stage import dashscope, google, kling, runway

MAKERS = {"kling": kling, "runway": runway, "google": google, "dashscope": dashscope}
BEGIN = datetime(2025, 1, 20, 12, tzinfo=UTC)
PASS_S = 6
"""Seconds of the shared clock between two passes of a worker."""

OPEN = "SELECT count(*) FROM jobs WHERE finished_at IS NULL OR look_at IS NOT NULL"


class SharedClock:
    """A clock that stands until it is moved, the same for all processes of the program."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    def now(self) -> datetime:
        (seconds,) = struct.unpack("d", self._memory[:8])
        return BEGIN + timedelta(seconds=seconds)

    def move(self, *, seconds: float) -> None:
        (passed,) = struct.unpack("d", self._memory[:8])
        self._memory[:8] = struct.pack("d", passed + seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What all processes of a round share; deliveries are kept by machine, of which one may die."""

    url: str
    address: str
    folder: Path
    clock: SharedClock

    async def told(self, what: str) -> list[dict[str, Any]]:
        """Return the simulators' own books, or the requests that they have seen."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            found: list[dict[str, Any]] = (await client.get(f"{self.address}/_sim/{what}")).json()
        return found


def forked(play: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run a coroutine in a process of its own; return its exit code, negative for a signal."""
    child = os.fork()
    if not child:
        status = 1
        try:
            asyncio.run(play())
            status = 0
        except BaseException:
            traceback.print_exc()  # the exit that follows tells nobody why
            raise
        finally:
            os._exit(status)
    _, waited = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(waited)


@contextmanager
def aside(opened: Callable[[], AbstractAsyncContextManager[str]]) -> Iterator[str]:
    """Keep something open in a process of its own, and give its address."""
    told, tell = os.pipe()
    ended, end = os.pipe()
    child = os.fork()
    if not child:
        os.close(end)
        asyncio.run(_kept_open(opened, tell=tell, ended=ended))
        os._exit(0)
    os.close(tell)
    with os.fdopen(told) as telling:
        address = telling.readline().strip()
    try:
        yield address
    finally:
        os.close(end)
        os.waitpid(child, 0)


@asynccontextmanager
async def simulators() -> AsyncIterator[str]:
    """Run the simulators, and give their address."""
    logging.disable(logging.CRITICAL)  # lines that are cut are no news
    async with running(port=0, now=lambda: datetime.now(UTC), new_id=uuid4) as world:
        yield world.address


async def _kept_open(
    opened: Callable[[], AbstractAsyncContextManager[str]], *, tell: int, ended: int
) -> None:
    async with opened() as address:
        os.write(tell, f"{address}\n".encode())
        await asyncio.to_thread(os.read, ended, 1)


@asynccontextmanager
async def open_studio(scene: Scene, *, machine: str) -> AsyncIterator[Studio]:
    """Open a studio as a worker does; what providers deliver is kept on a machine of a name."""
    async with AsyncExitStack() as stack:
        pool = await open_pool(scene.url, connections_max=8)
        stack.push_async_callback(pool.close)
        journal = Journal(url=scene.url, now=scene.clock.now)
        await journal.open()
        stack.push_async_callback(journal.close)
        companies = {}
        for name, make in MAKERS.items():
            site = Site(provider=name, base_url=f"{scene.address}/{name}", pause_s=0.01)
            companies[name] = RemoteGenerator(
                adapter=make(site), folder=scene.folder / machine / name,
                downloads=Downloads(site=site),
            )  # fmt: skip
            stack.push_async_callback(companies[name].close)
        yield Studio(
            journal=journal, pool=pool, orders=Orders(pool), catalog=read_catalog(None),
            clock=scene.clock, ids=RandomIds(), assets=AssetFolder(folder=scene.folder / "assets"),
            generators=companies, providers=companies, routes=read_routes(None), email_key=b"key",
            hooks=HttpHooks(is_local_allowed=True),
        )  # fmt: skip


async def work(scene: Scene, studio: Studio, *, passes: int, pass_s: float = PASS_S) -> None:
    """Take turns, looks, lost steps and the clock's promises, until nothing is left to do."""
    for _ in range(passes):
        await admit(studio)
        await watch(studio)
        await _sweep(studio)
        await renew(url=scene.url, at=scene.clock.now())
        async with studio.reading() as connection:
            if not await connection.fetchval(OPEN):
                return
        scene.clock.move(seconds=pass_s)


async def _sweep(studio: Studio) -> None:
    """Lose every step in the queue, and take them; the sweeper would queue them again."""
    at = studio.clock.now()
    async with studio.reading() as connection:
        await connection.execute("DELETE FROM pgqueuer")
        stale = await jobs.take_stale(connection, before=at - STALE_AFTER, at=at, limit=SWEEP_MAX)
    names = [{"workspace_id": workspace_id, "job_id": job_id} for workspace_id, job_id in stale]
    await asyncio.gather(*(advance(studio, **name) for name in names))
