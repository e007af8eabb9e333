"""Payments at work: what gateways told is looked into, and both books are compared by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from mutoscope.app.payment_desk import HANDLERS
from mutoscope.app.payment_events import EVENTS_MAX, Processed, process_pending
from mutoscope.app.reconcile import watch_books

if TYPE_CHECKING:
    from mutoscope.bootstrap import House

EVENTS_S: Final = 0.5
"""Seconds between looks for events: whoever has paid waits for the credits."""

BOOKS_S: Final = 3_600.0
"""Seconds between comparisons."""

_log = structlog.get_logger()


async def take_events(house: House) -> None:
    """Look into the events that are due, until none is left."""
    found = Processed(done=EVENTS_MAX)
    while found.done + found.failed == EVENTS_MAX:
        found = await process_pending(house.studio, handlers=HANDLERS)
        if found.failed:
            _log.warning("payment_events_failed", failed=found.failed)


async def compare_books(house: House) -> None:
    """Compare the books of every gateway; what was only missed is counted."""
    for found in await watch_books(house.studio, handlers=HANDLERS):
        if found.handed_over or found.differences:
            _log.warning(
                "books_differed", gateway=found.gateway, handed_over=len(found.handed_over),
                differences=len(found.differences),
            )  # fmt: skip
