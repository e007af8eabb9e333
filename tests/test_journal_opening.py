"""A journal that cannot be opened leaves nothing behind."""

import asyncio

import asyncpg

from crash_points import NOW
from cut_network import relayed
from mutoscope.storage.database import DatabaseUnreachable
from mutoscope.storage.journal import Journal

_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def opened(url: str) -> bool:
    """Open a journal and close it again; tell whether it could be opened."""
    journal = Journal(url=url, now=lambda: NOW)
    try:
        await journal.open()
    except DatabaseUnreachable:
        return False
    await journal.close()
    return True


async def test_a_journal_that_cannot_open_leaves_no_connection(
    database_url: str, connection: asyncpg.Connection
) -> None:
    refused = 0
    async with relayed(database_url) as (url, cut):
        assert await opened(url)
        for at in range(1, cut.sendings + 1):
            cut.sendings, cut.at = 0, at

            refused += not await opened(url)

            async with asyncio.timeout(30):
                while await connection.fetchval(_OTHERS):  # noqa: ASYNC110 - no event is set
                    await asyncio.sleep(0.01)
    assert refused
