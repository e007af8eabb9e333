"""A ledger whose rows tell less, as those of all had before, is read and goes on."""

from collections.abc import Sequence

import asyncpg
import pytest

from eventful_journal import STUDIOS, WHO, day, write_eventful_journal
from mutoscope.app.verify import examine
from mutoscope.domain import actions as ask
from mutoscope.ledger import Ledger
from mutoscope.storage.database import migrate
from mutoscope.storage.verification import Scope
from soundness import assert_sound
from tampers import disarm

WITHOUT_SECOND = """
    INSERT INTO further_postings SELECT * FROM postings WHERE ordinal = 2;
    UPDATE entries SET second_source = NULL, second_target = NULL, second_lot = NULL,
        second_amount = NULL;
    INSERT INTO stored_holds
    SELECT workspace_id, kind, placed_hold, placed_deadline_at FROM wallets
    WHERE placed_hold IS NOT NULL;
    UPDATE wallets SET placed_hold = NULL, placed_deadline_at = NULL
"""
WITHOUT_FIRST = """
    INSERT INTO further_postings SELECT * FROM postings WHERE ordinal = 1;
    UPDATE entries SET first_source = NULL, first_target = NULL, first_lot = NULL,
        first_amount = NULL;
    UPDATE stored_lots AS s SET available = l.available, held = l.held, captured = l.captured
    FROM lots AS l WHERE (l.workspace_id, l.kind, l.lot) = (s.workspace_id, s.kind, s.lot);
    UPDATE wallets SET drawn_lot = NULL, drawn_available = NULL, drawn_held = NULL,
        drawn_captured = NULL
"""
TERMS_IN_ROWS_OF_THEIR_OWN = """
    CREATE TABLE kept AS SELECT * FROM grants;
    DROP VIEW grants;
    DROP TYPE lot_terms CASCADE;
    ALTER TABLE kept RENAME TO grants;
    ALTER TABLE entries DROP COLUMN lot_source, DROP COLUMN lot_effective_at,
        DROP COLUMN lot_expires_at, DROP COLUMN lot_reference, DROP COLUMN lot_paid_amount,
        DROP COLUMN lot_currency;
    ALTER TABLE stored_lots DROP CONSTRAINT paid_amount_has_a_currency;
    DELETE FROM migrations WHERE name LIKE '0029%' OR name LIKE 'functions %'
"""
LAYOUTS = (WITHOUT_SECOND, f"{WITHOUT_SECOND};{WITHOUT_FIRST}")
READ = (
    "SELECT * FROM postings ORDER BY 1, 2, 3, 4",
    "SELECT * FROM lots ORDER BY 1, 2, 3",
    "SELECT * FROM holds ORDER BY 1, 2, 3",
)


@pytest.fixture(params=LAYOUTS, ids=("a_posting_an_entry", "none_in_entries"))
async def of_before(
    database_url: str, request: pytest.FixtureRequest
) -> tuple[str, list[list[asyncpg.Record]]]:
    """Write an eventful journal, and set it down as it would have been before."""
    await write_eventful_journal(database_url)
    connection = await asyncpg.connect(database_url)
    before = await rows(connection, READ)
    await disarm(connection)
    for statement in request.param.split(";"):
        assert await connection.execute(statement) not in {"UPDATE 0", "INSERT 0 0"}
    await connection.close()
    return database_url, before


async def rows(
    connection: asyncpg.Connection, statements: Sequence[str]
) -> list[list[asyncpg.Record]]:
    return [await connection.fetch(statement) for statement in statements]


async def test_every_posting_lot_and_hold_reads_the_same(
    of_before: tuple[str, list[list[asyncpg.Record]]],
) -> None:
    url, before = of_before
    connection = await asyncpg.connect(url)

    assert await rows(connection, READ) == before
    for scope in (Scope(), Scope(is_full=False)):
        assert not (await examine(connection, scope=scope)).findings.listed
    await connection.close()


async def test_it_goes_on_as_if_it_had_been_written_today(
    of_before: tuple[str, list[list[asyncpg.Record]]],
) -> None:
    url, _ = of_before
    async with Ledger(url, now=lambda: day(90)) as ledger:
        repeated = await ledger.perform(
            STUDIOS[0], "image", ask.Charge(55), key="charged", attribution=WHO
        )
        await ledger.hold(STUDIOS[0], "image", 9, key="anew")
        await ledger.settle(STUDIOS[0], "image", 4, key="anew-done", hold="anew")
        refunded = await ledger.refund(STUDIOS[0], "image", key="back", of="anew-done")
        past = await ledger.balance(STUDIOS[0], "image", at=day(2))

        assert repeated.is_replay
        assert refunded.entry is not None
        assert past.available > 0
        assert (await ledger.verify(private_key=bytes(32))).is_clean
    await assert_sound(url)


async def test_terms_that_had_rows_of_their_own_move_into_the_entries(database_url: str) -> None:
    await write_eventful_journal(database_url)
    connection = await asyncpg.connect(database_url)
    before = await rows(connection, ("SELECT * FROM grants ORDER BY 1, 2, 3",))
    await connection.execute(TERMS_IN_ROWS_OF_THEIR_OWN)

    await migrate(connection)

    assert await rows(connection, ("SELECT * FROM grants ORDER BY 1, 2, 3",)) == before
    for scope in (Scope(), Scope(is_full=False)):
        assert not (await examine(connection, scope=scope)).findings.listed
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute("UPDATE entries SET lot_source = 'pack'")
    await connection.close()
    async with Ledger(database_url, now=lambda: day(90)) as ledger:
        await ledger.charge(STUDIOS[0], "image", 1, key="anew")
    await assert_sound(database_url)
