"""The tamper campaign: is every falsified ledger found, and the place named?

Run it at any length by `python tests/campaigns.py tampers`.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import asyncpg

from eventful_journal import day, write_eventful_journal
from mutoscope.app.checkpoint import Export, check_against, export, take
from mutoscope.app.verify import examine
from mutoscope.domain.checkpoint import public_key_of
from mutoscope.domain.findings import Findings
from mutoscope.storage.database import connect
from mutoscope.storage.verification import Scope
from tampers import Forger, Tamper, disarm, loot

PROGRESS_EACH = 1_000
PRIVATE_KEY = bytes(range(32))
PUBLIC_KEY = public_key_of(PRIVATE_KEY)


class Campaign(NamedTuple):
    """How tampers of each sort ended: found, refused by the tables themselves, or missed."""

    found: Counter[str]
    refused: Counter[str]
    missed: tuple[str, ...]


async def campaign(url: str, *, rounds: int, seed: int) -> Campaign:
    """Falsify an eventful ledger in as many ways as the tables let through, each taken back."""
    await write_eventful_journal(url)
    connection = await connect(url)
    await disarm(connection)
    await take(connection, private_key=PRIVATE_KEY, at=day(73))
    exported = [line async for line in export(connection)]
    forger = Forger(loot=await loot(connection), seed=seed)
    found, refused = Counter[str](), Counter[str]()
    missed = []
    while (made := found.total() + len(missed)) < rounds:
        if made % PROGRESS_EACH == PROGRESS_EACH - 1:
            print(f"{made + 1} tampers", flush=True)  # noqa: T201 -- the progress of a long one
        tamper = forger.tamper()
        is_found = await attempt(connection, tamper, exported)
        if is_found is None:
            refused[tamper.sort] += 1
        elif is_found:
            found[tamper.sort] += 1
        else:
            missed.append(tamper.what)
    await connection.close()
    return Campaign(found, refused, tuple(missed))


async def attempt(
    connection: asyncpg.Connection, tamper: Tamper, exported: Sequence[str]
) -> bool | None:
    """Tell whether a tamper is found; None when the tables refuse it. It is taken back."""
    transaction = connection.transaction(isolation="repeatable_read")
    await transaction.start()
    try:
        for statement in tamper.statements:
            await connection.execute(statement.sql, *statement.arguments)
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError):
        await transaction.rollback()
        return None
    try:
        if not tamper.is_consistent:
            return bool((await examine(connection, scope=Scope())).findings.counts)
        export, findings = Export(lines=given(exported), public_key=PUBLIC_KEY), Findings()
        await check_against(connection, export=export, findings=findings)
        return bool(findings.counts)
    finally:
        await transaction.rollback()


async def given(exported: Sequence[str]) -> AsyncIterator[str]:
    """Yield the lines of an export."""
    for line in exported:
        yield line
