"""A database that cannot be used is told in one line with the remedy, whenever it shows."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from command_line import Done, run_here
from conftest import database_at
from mutoscope.domain.credits import Refusal
from mutoscope.ledger import Ledger
from mutoscope.storage.database import DatabaseFailed, connect, preparing


@pytest.fixture
async def empty_url(server_url: str) -> AsyncIterator[str]:
    """Give the address of a database without any tables."""
    name = f"empty_{secrets.token_hex(6)}"
    await execute(server_url, f"CREATE DATABASE {name}")
    yield database_at(server_url, name)
    await execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def closed_url(empty_url: str) -> str:
    """Give its address when we may make no tables there, as is the default since PostgreSQL 15."""
    await execute(empty_url, "REVOKE CREATE ON SCHEMA public FROM pg_database_owner")
    return empty_url


async def execute(url: str, *statements: str) -> None:
    connection = await connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def tables(url: str) -> list[str]:
    connection = await connect(url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return [row[0] for row in rows]


def told(done: Done) -> tuple[int, str]:
    """Return the exit and the code of a refusal, which is one line."""
    assert done.errors.count("\n") == 1, done.errors
    return done.code, done.errors.partition(":")[0]


async def test_a_role_without_the_right_to_make_tables_is_told_the_grant(
    closed_url: str, tmp_path: Path
) -> None:
    refused = run_here("workspace", "list", database_url=closed_url, data=tmp_path)
    grant = refused.errors.strip().rpartition(": ")[2]

    assert told(refused) == (5, "database_refused")
    assert grant == 'GRANT CREATE ON SCHEMA public TO "mutoscope"'
    await execute(closed_url, grant)
    assert run_here("workspace", "list", database_url=closed_url, data=tmp_path).code == 0


async def test_a_ledger_tells_embedders_the_same(closed_url: str) -> None:
    with pytest.raises(Refusal, match="GRANT CREATE ON SCHEMA public"):
        async with Ledger(closed_url):
            pytest.fail("a ledger without tables")


@pytest.mark.parametrize(
    "table", ["jobs (id int)", "workspaces (id int)", "migrations (id int)", "pgqueuer (id int)"]
)
async def test_tables_of_somebody_else_are_left_alone(
    empty_url: str, tmp_path: Path, table: str
) -> None:
    await execute(empty_url, f"CREATE TABLE {table}")

    refused = run_here("workspace", "list", "--json", database_url=empty_url, data=tmp_path)

    assert refused.code == 5
    assert '"code": "database_refused"' in refused.errors
    assert "name an empty database" in refused.errors
    assert table.partition(" ")[0] in await tables(empty_url)


async def test_a_database_without_room_is_told_in_its_own_words(server_url: str) -> None:
    connection = await connect(server_url)

    with pytest.raises(Refusal, match="mend what PostgreSQL names"):
        async with preparing(connection):
            await connection.execute("SELECT 1 / 0")

    await connection.close()


async def test_a_connection_that_goes_while_tables_are_made_is_told(server_url: str) -> None:
    connection = await connect(server_url)

    with pytest.raises(DatabaseFailed, match="terminating connection"):
        async with preparing(connection):
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_what_fails_in_the_middle_of_a_command_is_told(
    database_url: str, tmp_path: Path
) -> None:
    await execute(database_url, "ALTER TABLE checkpoints RENAME TO elsewhere")

    done = run_here("checkpoint", "take", database_url=database_url, data=tmp_path)

    assert told(done) == (5, "database_failed")
    assert 'relation "checkpoints" does not exist' in done.errors
