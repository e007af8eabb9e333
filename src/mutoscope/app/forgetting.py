"""Forgetting what is over, part by part.

Invariant: each part is one transaction, so that nobody waits long for its locks, and what is cut
short is taken up by the next look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection

FORGOTTEN_MAX: Final = 5_000
"""Rows that one transaction forgets: some tenths of a second."""


async def forget_parts(studio: Studio, forget_part: Callable[[Connection], Awaitable[int]]) -> int:
    """Forget part by part, until one has fewer rows than it may; return how many in all."""
    forgotten = 0
    while True:
        async with studio.reading() as connection:
            done = await forget_part(connection)
        forgotten += done
        if done < FORGOTTEN_MAX:
            return forgotten
