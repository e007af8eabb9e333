"""Calls that are carried out together: what comes while one transaction runs is the next one's.

Invariant: nobody waits for company. A call that comes alone is carried out at once; those that come
while it runs are carried out by the one after it, in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

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
        while self._waiting:
            count = min(len(self._waiting), TOGETHER_MAX)
            await self._carried([self._waiting.popleft() for _ in range(count)])

    async def _carried(self, batch: Sequence[_Waiting[Wish, Answer]]) -> None:
        try:
            async with self._pool.acquire() as connection:
                answers = await self._carry_out(connection, [each.wish for each in batch])
        except Exception as error:  # noqa: BLE001  # the caller is told
            await self._failed(batch, error)
        except BaseException:
            for each in batch:
                each.answered.cancel()
            raise
        else:
            for each, answer in zip(batch, answers, strict=True):
                if not each.answered.done():
                    each.answered.set_result(answer)

    async def _failed(self, batch: Sequence[_Waiting[Wish, Answer]], error: Exception) -> None:
        if len(batch) > 1:
            for each in batch:
                await self._carried([each])
        elif not batch[0].answered.done():
            batch[0].answered.set_exception(error)
