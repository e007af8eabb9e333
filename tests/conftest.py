"""The real database that the tests use: one server a run, a fresh migrated database a test."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog
from pwdlib.hashers.argon2 import Argon2Hasher

from desk_stage import Desk
from finance_stage import Till, till_of
from loopback import stay
from money_desk_stage import open_money_desk
from mutoscope.app import passwords
from mutoscope.storage import queue
from mutoscope.storage.database import connect, migrate
from servers import own_server
from soundness import assert_sound
from studio_stage import Stage, open_stage

BY_FILES = "STRATEGY FILE_COPY"
"""Copying the template's files takes a quarter of the time of writing them to the log."""


def plain_log() -> None:
    """Log as where no command has configured it, but for plain tracebacks.

    To draw one with its locals takes up to a second of the processor, and a worker that has lost
    its database logs ten of them a second.
    """
    plain = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.reset_defaults()
    structlog.configure(processors=[structlog.processors.add_log_level, plain])


plain_log()
stay()
SHIPPED = passwords._HASHER
"""What passwords are hashed with: a fifth of a second each, which thousands of tests cannot pay."""

passwords._HASHER = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(scope="session")
async def server_url() -> AsyncIterator[str]:
    """Give the address of a running PostgreSQL whose databases the tests may create."""
    async with own_server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def template(server_url: str) -> str:
    """Give the name of a migrated database of which every test gets a copy."""
    name = "template_mutoscope"
    await _execute(server_url, f"CREATE DATABASE {name}")
    connection = await connect(database_at(server_url, name))
    await migrate(connection)
    await queue.install(connection)
    await connection.close()
    return name


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """Let no test log as a command in the test before it did."""
    yield
    plain_log()


@pytest.fixture
async def database_url(server_url: str, template: str) -> AsyncIterator[str]:
    """Give the address of a fresh, migrated database."""
    name = f"test_{secrets.token_hex(6)}"
    await _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template} {BY_FILES}")
    yield database_at(server_url, name)
    await _drop(server_url, name)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection to the test's own database."""
    connection = await connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Give a studio of the test's own, whose books have to be sound in the end."""
    async with open_stage(database_url, tmp_path) as stage:
        yield stage
        await assert_sound(database_url)


@pytest.fixture
def till(stage: Stage) -> Till:
    """Give what customers of the stage do: pay, spend and get money back."""
    return till_of(stage)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """Give a desk of a studio that sells, whose books have to be sound in the end."""
    async with open_money_desk(database_url, tmp_path) as desk:
        yield desk
        await assert_sound(database_url)


def database_at(server_url: str, name: str) -> str:
    """Return the address of another database on the same server."""
    address, question, options = server_url.partition("?")
    return f"{address.rpartition('/')[0]}/{name}{question}{options}"


async def _drop(server_url: str, name: str) -> None:
    """Drop a database; what cleans it up in the background is the supervisor's, and ends soon."""
    async with asyncio.timeout(30):
        while True:
            try:
                await _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")
            except (asyncpg.InsufficientPrivilegeError, asyncpg.ObjectInUseError):
                await asyncio.sleep(0.1)
            else:
                return


async def _execute(url: str, statement: str) -> None:
    connection = await connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
