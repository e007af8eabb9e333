"""Of the lot that a wallet draws from its own row tells; all other lots tell of themselves."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg
import pytest

from mutoscope.ledger import Ledger
from soundness import assert_sound

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


class House(NamedTuple):
    """A ledger with a wallet of 100 credits, without an end."""

    url: str
    ledger: Ledger
    connection: asyncpg.Connection
    workspace_id: UUID

    async def told(self) -> tuple[int | None, ...]:
        """Return what the wallet's row tells of a lot."""
        sql = "SELECT drawn_lot, drawn_available, drawn_held, drawn_captured FROM wallets"
        return tuple(await self.connection.fetchrow(sql))

    async def stored(self) -> list[int]:
        """Return what the rows of the lots say to be available."""
        sql = "SELECT available FROM stored_lots ORDER BY lot"
        return [row[0] for row in await self.connection.fetch(sql)]

    async def left(self) -> list[int]:
        """Return what is available in each lot."""
        return [
            r[0] for r in await self.connection.fetch("SELECT available FROM lots ORDER BY lot")
        ]


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    connection = await asyncpg.connect(database_url)
    async with Ledger(database_url, now=lambda: NOW) as ledger:
        house = House(database_url, ledger, connection, uuid4())
        await ledger.grant(house.workspace_id, "video", 100, key="pack")
        yield house
    await assert_sound(database_url)
    await connection.close()


async def charge(house: House, amount: int, key: str) -> None:
    await house.ledger.charge(house.workspace_id, "video", amount, key=key)


async def test_the_row_of_the_lot_drawn_from_is_left_behind(house: House) -> None:
    await charge(house, 30, "one")
    await house.ledger.hold(house.workspace_id, "video", 20, key="two")

    assert await house.told() == (1, 50, 20, 30)
    assert (await house.stored(), await house.left()) == ([100], [50])


async def test_a_lot_that_is_drawn_before_it_takes_its_place(house: House) -> None:
    await charge(house, 30, "one")
    soon = NOW + timedelta(days=1)
    await house.ledger.grant(house.workspace_id, "video", 40, key="promo", expires_at=soon)
    await charge(house, 5, "two")

    assert await house.told() == (3, 35, 0, 5)
    assert (await house.stored(), await house.left()) == ([70, 40], [70, 35])


async def test_a_charge_over_two_lots_writes_the_one_that_runs_empty(house: House) -> None:
    soon = NOW + timedelta(days=1)
    await house.ledger.grant(house.workspace_id, "video", 40, key="promo", expires_at=soon)
    await charge(house, 5, "one")
    await charge(house, 50, "two")

    assert await house.told() == (1, 85, 0, 15)
    assert (await house.stored(), await house.left()) == ([100, 0], [85, 0])


async def test_a_lot_that_runs_empty_is_told_of_no_more(house: House) -> None:
    await charge(house, 30, "one")
    await house.ledger.hold(house.workspace_id, "video", 70, key="rest")

    assert await house.told() == (None, None, None, None)
    assert (await house.stored(), await house.left()) == ([0], [0])


async def test_what_comes_back_to_another_lot_leaves_both_right(house: House) -> None:
    await house.ledger.hold(house.workspace_id, "video", 20, key="held")
    soon = NOW + timedelta(days=1)
    await house.ledger.grant(house.workspace_id, "video", 40, key="promo", expires_at=soon)
    await charge(house, 5, "one")
    await house.ledger.settle(house.workspace_id, "video", 8, key="done", hold="held")

    assert await house.told() == (1, 92, 0, 8)
    assert (await house.stored(), await house.left()) == ([80, 35], [92, 35])
