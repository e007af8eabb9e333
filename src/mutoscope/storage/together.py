"""Calls that are carried out together: what comes while one transaction runs is the next one's.

Invariant: nobody waits for company. A call that comes alone is carried out at once; those that come
while it runs are carried out by the one after it, in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

import asyncpg

from mutoscope.domain.credits import Refusal
from mutoscope.storage.database import BUGS, LOST

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection, Pool

TOGETHER_MAX: Final = 100
"""Calls of one transaction: more would let the first wait for the last."""

Wish = TypeVar("Wish")
Answer = TypeVar("Answer")
CarryOut = Callable[["Connection", Sequence[Wish]], Awaitable[Sequence[Answer]]]


class _Waiting(NamedTuple, Generic[Wish, Answer]):
    """A wish, and where its answer is waited for."""

    wish: Wish
    answered: asyncio.Future[Answer]


class Together(Generic[Wish, Answer]):
    """Carries out calls of many tasks, as many at once as wait, on one connection after another."""

    def __init__(self, pool: Pool, carry_out: CarryOut[Wish, Answer]) -> None:
        """Take the connections, and what answers some wishes, in their order."""
        self._pool = pool
        self._carry_out = carry_out
        self._waiting: deque[_Waiting[Wish, Answer]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, wish: Wish) -> Answer:
        """Carry a wish out, and return its answer; what fails for all is tried for each alone."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(wish, answered))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await answered

    async def _work(self) -> None:
        with suppress(*LOST):  # those who wait are told
            while self._waiting:
                count = min(len(self._waiting), TOGETHER_MAX)
                await self._carried([self._waiting.popleft() for _ in range(count)])

    async def _carried(self, batch: Sequence[_Waiting[Wish, Answer]]) -> None:
        try:
            async with self._pool.acquire() as connection:
                answers = await self._carry_out(connection, [each.wish for each in batch])
        except (Refusal, asyncpg.PostgresError, *BUGS) as error:
            await self._failed(batch, error)
        except BaseException as error:  # the database is away, or the process ends
            _fail((*batch, *self._waiting), error)
            self._waiting.clear()
            raise
        else:
            for each, answer in zip(batch, answers, strict=True):
                if not each.answered.done():
                    each.answered.set_result(answer)

    async def _failed(self, batch: Sequence[_Waiting[Wish, Answer]], error: Exception) -> None:
        if len(batch) == 1:
            _fail(batch, error)
            return
        for each in batch:
            await self._carried([each])


def _fail(waiting: Iterable[_Waiting[Wish, Answer]], error: BaseException) -> None:
    for each in waiting:
        if not each.answered.done():
            each.answered.set_exception(error)
