"""Catalog changes: a plan takes the version in force at each of its charges (rule 13).

Invariant: what a later version changes of a plan's monthly credits is told to the ledger before the
charge with which it takes effect, as a change of terms that is scheduled for that date: a monthly
plan's next billing date, the end of an annual plan's term. Prices are looked up when they are
charged. Who holds a plan that a version withdraws goes on by the last one that had it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from mutoscope.app.current_plan import PeriodBegan, write
from mutoscope.app.terms import AllowanceNotAgreed, scheduled_terms, standing
from mutoscope.domain.subscriptions import Event, Scheduled, Subscription
from mutoscope.storage import subscriptions
from mutoscope.storage.session import SideRowRefused

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.domain.catalog import Version

CHUNK: Final = 200
AHEAD: Final = timedelta(days=31)
"""How long before its charge a plan's change is scheduled: an annual plan's year stays free."""

_log = structlog.get_logger()


async def run(studio: Studio) -> int:
    """Schedule what the catalog's versions change of plans; return how many it was."""
    changed = 0
    versions = studio.catalog.versions
    for count, version in enumerate(versions):
        for plan in version.plans:
            if _differs(versions[:count], version, plan.key):
                changed += await _schedule_all(studio, version, plan.key)
    return changed


async def _schedule_all(studio: Studio, version: Version, plan: str) -> int:
    changed, reached = 0, None
    while True:
        async with studio.reading() as connection:
            chunk = await subscriptions.of_other_version(
                connection, plan=plan, version=version, until=studio.clock.now() + AHEAD,
                reached=reached, size=CHUNK,
            )  # fmt: skip
        for each in chunk:
            changed += await _scheduled(studio, each)
        if not chunk:
            return changed
        reached = chunk[-1]


async def _scheduled(studio: Studio, before: Subscription) -> bool:
    """Let the terms in force at the next billing date begin there."""
    assert before.charge_at is not None
    at = studio.clock.now()
    scheduled = Scheduled(
        at=before.charge_at, plan=before.plan, zone=before.zone,
        months_per_charge=before.months_per_charge,
    )  # fmt: skip
    try:
        after = replace(
            before.moved(event=Event.SCHEDULE), scheduled=scheduled, change=before.change + 1
        )
        terms = scheduled_terms(after, catalog=studio.catalog)
        if terms.allowances == before.allowances:
            return False
        row = subscriptions.changed(
            before, after, event=Event.SCHEDULE, due_at=before.charge_at, at=at
        )
        stands = standing(terms, next_index=before.charge_index, before=before.allowances)
        await write(studio, stands, rows=(row,))
    except (SideRowRefused, PeriodBegan):
        return False  # changed meanwhile: the next pass looks again
    except AllowanceNotAgreed as refusal:
        _log.error(
            "plan_not_renewable", subscription_id=str(before.subscription_id), reason=str(refusal)
        )
        return False
    return True


def _differs(before: tuple[Version, ...], version: Version, plan: str) -> bool:
    """Tell whether a version changes the monthly credits of a plan that there was."""
    allowances = version.plan(key=plan).allowances
    had = (each for each in before if each.has_plan(key=plan))
    return any(each.plan(key=plan).allowances != allowances for each in had)
