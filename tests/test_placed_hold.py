"""Of one open hold its wallet's row tells; all others have rows of their own."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg
import pytest

from mutoscope.ledger import Ledger
from soundness import assert_sound

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOLD_S = 600


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


class House(NamedTuple):
    """A ledger with a wallet of 100 credits, and the clock of both."""

    ledger: Ledger
    clock: Clock
    connection: asyncpg.Connection
    workspace_id: UUID

    async def hold(self, key: str, hold_s: int = HOLD_S) -> None:
        await self.ledger.hold(self.workspace_id, "video", 10, key=key, hold_s=hold_s)

    async def settle(self, key: str) -> None:
        await self.ledger.settle(self.workspace_id, "video", 4, key=f"{key}-done", hold=key)

    async def told(self) -> tuple[int | None, datetime | None]:
        """Return the hold that the wallet's row tells of, and its deadline."""
        row = await self.connection.fetchrow("SELECT placed_hold, placed_deadline_at FROM wallets")
        return (row[0], row[1])

    async def stored(self) -> list[int]:
        """Return the holds that have rows of their own."""
        rows = await self.connection.fetch("SELECT sequence FROM stored_holds ORDER BY sequence")
        return [row[0] for row in rows]

    async def open(self) -> list[int]:
        """Return the open holds."""
        rows = await self.connection.fetch("SELECT sequence FROM holds ORDER BY sequence")
        return [row[0] for row in rows]


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    connection = await asyncpg.connect(database_url)
    clock = Clock()
    async with Ledger(database_url, now=clock) as ledger:
        house = House(ledger, clock, connection, uuid4())
        await ledger.grant(house.workspace_id, "video", 100, key="pack")
        yield house
        assert (await ledger.verify(private_key=bytes(32))).is_clean
    await assert_sound(database_url)
    await connection.close()


async def test_a_hold_and_its_end_have_no_row_of_their_own(house: House) -> None:
    await house.hold("one")

    assert await house.told() == (2, NOW + timedelta(seconds=HOLD_S))
    assert (await house.stored(), await house.open()) == ([], [2])

    await house.settle("one")

    assert await house.told() == (None, None)
    assert await house.open() == []
    assert await house.connection.fetchval("SELECT count(*) FROM further_postings") == 0


async def test_a_second_hold_leaves_the_first_where_it_is(house: House) -> None:
    await house.hold("one")
    await house.hold("two")
    await house.hold("three")

    assert ((await house.told())[0], await house.stored()) == (2, [3, 4])

    await house.settle("one")
    await house.settle("three")

    assert (await house.told(), await house.stored(), await house.open()) == (
        (None, None),
        [3],
        [3],
    )


async def test_a_place_that_is_free_again_is_taken_by_the_next(house: House) -> None:
    await house.hold("one")
    await house.hold("two")
    await house.settle("one")
    await house.hold("three")

    assert ((await house.told())[0], await house.stored()) == (5, [3])


async def test_a_deadline_is_moved_where_it_stands(house: House) -> None:
    await house.hold("one")
    await house.hold("two")
    for key in ("one", "two"):
        await house.ledger.renew(house.workspace_id, "video", hold=key, hold_s=2 * HOLD_S)
    later = NOW + timedelta(seconds=2 * HOLD_S)

    assert await house.told() == (2, later)
    assert await house.connection.fetchval("SELECT deadline_at FROM stored_holds") == later


@pytest.mark.parametrize("is_remembered", [True, False])
async def test_a_deadline_releases_either(
    house: House, database_url: str, *, is_remembered: bool
) -> None:
    await house.hold("one")
    await house.hold("two", hold_s=2 * HOLD_S)
    await house.hold("three", hold_s=3 * HOLD_S)
    house.clock.at = NOW + timedelta(seconds=2 * HOLD_S)
    if is_remembered:
        await house.hold("four")
    else:
        async with Ledger(database_url, now=house.clock) as another:
            await another.hold(house.workspace_id, "video", 10, key="four", hold_s=HOLD_S)

    released = await house.connection.fetch(
        "SELECT refers_to FROM entries WHERE operation = 'release' ORDER BY sequence"
    )
    assert [row[0] for row in released] == [2, 3]
    assert ((await house.told())[0], await house.open()) == (7, [4, 7])


async def test_the_balance_explains_both(house: House) -> None:
    await house.hold("one")
    await house.hold("two", hold_s=2 * HOLD_S)
    ahead = NOW + timedelta(seconds=HOLD_S)

    now = await house.ledger.balance(house.workspace_id, "video")
    then = await house.ledger.balance(house.workspace_id, "video", at=ahead)

    assert [(hold.key, hold.deadline_at) for hold in now.holds] == [
        ("one", ahead),
        ("two", NOW + timedelta(seconds=2 * HOLD_S)),
    ]
    assert [hold.key for hold in then.holds] == ["two"]


async def test_a_hold_of_another_process_is_settled_here(house: House, database_url: str) -> None:
    async with Ledger(database_url, now=house.clock) as another:
        await another.hold(house.workspace_id, "video", 10, key="theirs")

    await house.settle("theirs")

    assert (await house.told(), await house.open()) == ((None, None), [])
