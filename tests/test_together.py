"""What comes while a transaction runs is carried out by the next one; nobody waits for company."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from mutoscope.storage.database import open_pool
from mutoscope.storage.together import TOGETHER_MAX, Together


class Doubling:
    """Doubles numbers when it is let, keeps what came together, and fails on -1."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.has_begun = asyncio.Event()
        self.may_go = asyncio.Event()

    async def __call__(self, connection: asyncpg.Connection, wishes: Sequence[int]) -> list[int]:
        self.batches.append(list(wishes))
        self.has_begun.set()
        await self.may_go.wait()
        if -1 in wishes:
            raise ArithmeticError
        return await connection.fetchval("SELECT array(SELECT 2 * unnest($1::int[]))", wishes)


@pytest.fixture
async def doubling() -> Doubling:
    return Doubling()


@pytest.fixture
async def double(database_url: str, doubling: Doubling) -> AsyncIterator[Together[int, int]]:
    pool = await open_pool(database_url, connections_max=2)
    yield Together(pool, doubling)
    await pool.close()


async def test_what_comes_meanwhile_goes_together(
    double: Together[int, int], doubling: Doubling
) -> None:
    first = asyncio.create_task(double(1))
    await doubling.has_begun.wait()
    others = [asyncio.create_task(double(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    doubling.may_go.set()

    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert doubling.batches == [[1], [2, 3, 4]]


async def test_one_that_fails_keeps_no_other_from_its_answer(
    double: Together[int, int], doubling: Doubling
) -> None:
    doubling.may_go.set()

    found = await asyncio.gather(*map(double, (1, -1, 3)), return_exceptions=True)

    assert (found[0], found[2]) == (2, 6)
    assert isinstance(found[1], ArithmeticError)
    assert doubling.batches == [[1, -1, 3], [1], [-1], [3]]


async def test_one_that_gives_up_keeps_no_other_from_its_answer(
    double: Together[int, int], doubling: Doubling
) -> None:
    calls = [asyncio.create_task(double(number)) for number in (1, 2)]
    await doubling.has_begun.wait()
    calls[0].cancel()
    doubling.may_go.set()

    assert await calls[1] == 4
    assert await double(5) == 10


async def test_many_go_in_several_transactions(
    double: Together[int, int], doubling: Doubling
) -> None:
    doubling.may_go.set()
    count = 2 * TOGETHER_MAX + 1

    found = await asyncio.gather(*map(double, range(count)))

    assert found == [2 * number for number in range(count)]
    assert [len(batch) for batch in doubling.batches] == [TOGETHER_MAX, TOGETHER_MAX, 1]


async def test_those_who_wait_for_a_database_that_is_away_are_told(
    database_url: str, doubling: Doubling
) -> None:
    pool = await open_pool(database_url, connections_max=2)
    double = Together(pool, doubling)
    doubling.may_go.set()
    await pool.close()

    found = await asyncio.gather(*map(double, (1, 2)), return_exceptions=True)

    assert [type(each) for each in found] == [asyncpg.InterfaceError] * 2
