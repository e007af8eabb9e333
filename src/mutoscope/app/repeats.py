"""Journeys under a key of the client's: a repeat returns what came of the first.

Invariant: whoever is refused looks again. The same journey may have been made meanwhile, and the
refusal then tells of the world that it left: its credits are held, nothing is lacking any more, the
plan is the larger one already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from mutoscope.domain.credits import Refusal

T = TypeVar("T")


async def once(*, before: Callable[[], Awaitable[T | None]], make: Callable[[], Awaitable[T]]) -> T:
    """Return what was made before under a key; make it when nothing was.

    :raises Refusal: when it is refused, and was not made meanwhile either.
    """
    found = await before()
    if found is not None:
        return found
    try:
        return await make()
    except Refusal:
        winner = await before()
        if winner is None:
            raise
        return winner
