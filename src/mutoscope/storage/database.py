"""The connection to PostgreSQL: named queries, migrations, and the refusal of an unsafe server.

Queries are kept in `sql/*.sql`, functions that keep their plans or that queries share in
`functions/*.sql`, the tables in `migrations/*.sql` (forward only, each applied once under one
lock).
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib import resources
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import aiosql
import asyncpg
from aiosql.adapters.asyncpg import AsyncPGAdapter

from mutoscope.domain.credits import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from collections.abc import Set as AbstractSet

    Connection = asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]
    Pool = asyncpg.Pool[Any]
    _Given = tuple[object, ...] | dict[str, object]

VERSION_LEAST: Final = 150_000
CONNECT_TIMEOUT_S: Final = 10
SERVER_SETTINGS: Final = {"jit": "off", "timezone": "UTC"}
"""Our queries touch few rows: compiling them costs more than running them. JSON is told in UTC."""
LOST: Final = (
    OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError,
)  # fmt: skip
"""What a connection that is gone raises."""

BUGS: Final = (AssertionError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a bug raises: its request fails with it, alone, and the others are written."""

FUNCTIONS: Final = "functions"
"""How the edition of the functions is recorded among the migrations."""

_MIGRATION_LOCK: Final = 7_086_351
_PACKAGE = resources.files("mutoscope.storage")


class DatabaseUnreachable(Refusal):
    """No PostgreSQL answers at the address."""

    code = "database_unreachable"

    def __init__(self, *, address: str, reason: str) -> None:
        super().__init__(
            f"PostgreSQL cannot be reached at {address} ({reason}): start it, or correct "
            "DATABASE_URL, or unset it to use the server inside"
        )


class DatabaseRefused(Refusal):
    """A PostgreSQL that cannot keep the promise, or a database that cannot hold our tables."""

    code = "database_refused"


class DatabaseFailed(Refusal):
    """A PostgreSQL that was used and then broke off."""

    code = "database_failed"

    def __init__(self, *, error: Exception) -> None:
        super().__init__(
            f"PostgreSQL broke off ({_first_line(error)}): what it had acknowledged is kept; mend "
            "what it names, and run the command again"
        )


class _OnConnection(AsyncPGAdapter):
    """Runs queries on connections alone: asking each for `acquire` took 50 µs of a query's 130."""

    async def select(
        self, connection: Connection, query_name: str, sql: str, parameters: _Given, *_: None
    ) -> AsyncIterator[asyncpg.Record]:
        for row in await connection.fetch(sql, *self._ordered(query_name, parameters)):
            yield row

    async def select_one(
        self, connection: Connection, query_name: str, sql: str, parameters: _Given, *_: None
    ) -> asyncpg.Record | None:
        return await connection.fetchrow(sql, *self._ordered(query_name, parameters))

    async def select_value(
        self, connection: Connection, query_name: str, sql: str, parameters: _Given
    ) -> object:
        return await connection.fetchval(sql, *self._ordered(query_name, parameters))

    async def insert_update_delete(
        self, connection: Connection, query_name: str, sql: str, parameters: _Given
    ) -> str:
        return await connection.execute(sql, *self._ordered(query_name, parameters))

    def _ordered(self, query_name: str, parameters: _Given) -> Sequence[object]:
        ordered: Sequence[object] = self.maybe_order_params(  # type: ignore[no-untyped-call]
            query_name, parameters
        )
        return ordered


def queries(name: str) -> SimpleNamespace:
    """Return the named queries of `sql/NAME.sql`: `.text` is each one's SQL."""
    text = _PACKAGE.joinpath("sql", f"{name}.sql").read_text()
    adapter: Any = _OnConnection  # its base has no types
    found: SimpleNamespace = aiosql.from_str(text, adapter, mandatory_parameters=False)
    return found


async def connect(url: str) -> asyncpg.Connection[Any]:
    """Open one connection.

    :raises DatabaseUnreachable: when no server answers, or it does not let us in.
    """
    try:
        return await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_S, server_settings=SERVER_SETTINGS
        )
    except (OSError, asyncpg.PostgresError, TimeoutError, ValueError) as error:
        address = without_password(url)
        reason = str(error) or type(error).__name__
        raise DatabaseUnreachable(address=address, reason=reason) from error


async def open_pool(url: str, *, connections_max: int) -> asyncpg.Pool[Any]:
    """Open a pool on a server that was checked before."""
    return await asyncpg.create_pool(
        url, min_size=1, max_size=connections_max, timeout=CONNECT_TIMEOUT_S,
        server_settings=SERVER_SETTINGS, reset=_reset,
    )  # fmt: skip


async def _reset(connection: asyncpg.Connection[Any]) -> None:
    """Make a connection ready for its next borrower; one that was left as it was needs no trip.

    Nobody who borrows one sets anything on it beyond a transaction.
    """
    if connection.is_in_transaction():
        await connection.reset()


async def check_server(connection: asyncpg.Connection[Any]) -> None:
    """Refuse a server that is too old or could lose what it acknowledged.

    :raises DatabaseRefused: when it is older than 15, or fsync or full_page_writes is off.
    """
    number = int(await connection.fetchval("SHOW server_version_num"))
    if number < VERSION_LEAST:
        raise DatabaseRefused(
            f"PostgreSQL {number // 10_000} is too old: Mutoscope needs 15 or newer"
        )
    for setting in ("fsync", "full_page_writes"):
        if await connection.fetchval(f"SHOW {setting}") != "on":
            raise DatabaseRefused(
                f"PostgreSQL runs with {setting}=off and could lose credits in a power cut: set "
                f"{setting}=on in postgresql.conf and restart it"
            )


@asynccontextmanager
async def preparing(connection: Connection) -> AsyncIterator[None]:
    """Tell what keeps our tables from being made, with the remedy.

    :raises DatabaseRefused: when the role may not make them, or others are in their place.
    :raises DatabaseFailed: when the connection is gone.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        if connection.is_closed():
            raise DatabaseFailed(error=error) from error
        whose = await queries("migrations").whose(connection)
        raise DatabaseRefused(
            f"the tables cannot be made in the database {whose['name']} ({_first_line(error)}): "
            f"{_remedy(error, whose['role'])}"
        ) from error


async def migrate(connection: asyncpg.Connection[Any]) -> tuple[str, ...]:
    """Apply the migrations that are missing, and the functions; return the names applied.

    :raises DatabaseRefused: when the role may not make tables, or others are in their place.
    """
    async with preparing(connection):
        return await _migrated(connection)


async def _migrated(connection: asyncpg.Connection[Any]) -> tuple[str, ...]:
    async with connection.transaction():
        sql = queries("migrations")
        await sql.lock(connection, lock=_MIGRATION_LOCK)
        await sql.create(connection)
        applied = {row["name"] async for row in sql.applied(connection)}
        missing = [each for each in _sql_files("migrations") if each[0] not in applied]
        for name, text in missing:
            await connection.execute(text)
            await sql.record(connection, name=name)
        await _replace_functions(connection, applied)
    return tuple(name for name, _ in missing)


async def _replace_functions(
    connection: asyncpg.Connection[Any], applied: AbstractSet[str]
) -> None:
    """Make the functions anew when they are others than those that are there.

    To replace one makes every process plan anew what calls it.
    """
    texts = [text for _, text in _sql_files("functions")]
    edition = sha256("\n".join(texts).encode()).hexdigest()
    if f"{FUNCTIONS} {edition}" in applied:
        return
    for text in texts:
        await connection.execute(text)
    await queries("migrations").replace(connection, subject=FUNCTIONS, edition=edition)


def without_password(url: str) -> str:
    """Return an address that may be shown."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def _remedy(error: asyncpg.PostgresError, role: str) -> str:
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return (
            "connect as the owner of its tables, or let an administrator run there: "
            f'GRANT CREATE ON SCHEMA public TO "{role}"'
        )
    if isinstance(error, asyncpg.SyntaxOrAccessError):
        return "it holds tables that are not ours, so let DATABASE_URL name an empty database"
    return "mend what PostgreSQL names, and run the command again"


def _first_line(error: Exception) -> str:
    """Return what PostgreSQL said, without the details, which may hold data."""
    return str(error).partition("\n")[0] or type(error).__name__


def _sql_files(folder: str) -> list[tuple[str, str]]:
    files = [each for each in _PACKAGE.joinpath(folder).iterdir() if each.name.endswith(".sql")]
    return sorted((each.name, each.read_text()) for each in files)
