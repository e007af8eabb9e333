"""The event loop of long work: uvloop where it exists, Python's own elsewhere.

It costs 20 ms to load, which a command of a moment would not earn back; one that speaks to the
database all the time spends a tenth less of the processor with it.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def run_long(work: Coroutine[object, object, T]) -> T:
    """Run a coroutine to its end, as `asyncio.run` does."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop  # noqa: PLC0415 -- it does not exist on Windows

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
