"""Renewals that somebody of the staff asks for: what a worker does by itself, done at once.

Invariant: the line in the audit is written before the run, so that a run which is cut short has
one. What was posted until then stays, each thing once, and the next run goes on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mutoscope.app import charge, renew
from mutoscope.app.charge import Charged
from mutoscope.app.renew import Renewal
from mutoscope.domain.planner import Submission
from mutoscope.storage import renewals, subscriptions

if TYPE_CHECKING:
    from mutoscope.app.acts import Act
    from mutoscope.app.studio import Studio

TIMEOUT_S: Final = 30
"""Seconds after which a run is left to the next one: who asked waits for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What waits for the clock: wallets with grants and lapses, charges and ends of plans."""

    wallets: int
    charges: int
    ends: int
    since: datetime | None


@dataclass(slots=True, kw_only=True)
class Ran:
    """What a run has done; one that is not complete had no time for the rest."""

    renewal: Renewal
    charged: Charged
    is_complete: bool = False


async def due(studio: Studio) -> Due:
    """Return what is due now; `since` is when the eldest charge or end came due."""
    at = studio.clock.now()
    async with studio.reading() as connection:
        wallets = await renewals.count_due(connection, at=at)
        waiting = await subscriptions.waiting(connection, at=at)
    return Due(wallets=wallets, charges=waiting.charges, ends=waiting.ends, since=waiting.since)


async def renew_now(studio: Studio, *, url: str, act: Act, timeout_s: float = TIMEOUT_S) -> Ran:
    """Post what is due on every wallet, and charge every plan that is due, for so many seconds."""
    await studio.journal.submit(Submission(()), side_rows=act.telling())
    ran = Ran(renewal=Renewal(), charged=Charged())

    def hear_renewal(done: Renewal) -> None:
        ran.renewal = done

    def hear_charges(done: Charged) -> None:
        ran.charged = done

    try:
        async with asyncio.timeout(timeout_s):
            ran.renewal = await renew.run(url=url, at=studio.clock.now(), progress=hear_renewal)
            ran.charged = await charge.run(studio, progress=hear_charges)
    except TimeoutError:
        return ran
    ran.is_complete = ran.renewal.is_complete
    return ran
