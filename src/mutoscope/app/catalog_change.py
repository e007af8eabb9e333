"""Catalog changes: a monthly plan takes the version in force at each due instant (rule 13).

Invariant: what a later version changes of a plan's monthly credits is told to the ledger before the
billing date on which it takes effect, as a change of terms that is scheduled for that date. Annual
plans keep their version to the end of their term; prices are looked up when they are charged.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import structlog

from mutoscope.app.current_plan import PeriodBegan, write
from mutoscope.app.terms import AllowanceNotAgreed, monthly, scheduled_terms, standing
from mutoscope.domain.catalog import UnknownPlan
from mutoscope.domain.subscriptions import Event, Scheduled, Subscription
from mutoscope.storage import subscriptions
from mutoscope.storage.session import SideRowRefused

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.domain.catalog import Version

CHUNK: Final = 200
_log = structlog.get_logger()


async def run(studio: Studio) -> int:
    """Schedule what the catalog's versions change of monthly plans; return how many it was."""
    changed = 0
    for before, version in pairwise(studio.catalog.versions):
        for plan in version.plans:
            if _differs(before, version, plan.key):
                changed += await _schedule_all(studio, version, plan.key)
    return changed


async def _schedule_all(studio: Studio, version: Version, plan: str) -> int:
    changed, reached = 0, None
    while True:
        async with studio.reading() as connection:
            chunk = await subscriptions.of_other_version(
                connection, plan=plan, version=version, reached=reached, size=CHUNK
            )
        for each in chunk:
            changed += await _scheduled(studio, each)
        if not chunk:
            return changed
        reached = chunk[-1]


async def _scheduled(studio: Studio, before: Subscription) -> bool:
    """Let the terms in force at the next billing date begin there."""
    assert before.charge_at is not None
    at = studio.clock.now()
    version = studio.catalog.version_at(at=before.charge_at)
    try:
        allowances = monthly(version=version, plan=before.plan, agreed=before.allowances)
        if allowances == before.allowances:
            return False
        scheduled = Scheduled(
            at=before.charge_at, plan=before.plan, zone=before.zone,
            months_per_charge=before.months_per_charge,
        )  # fmt: skip
        after = replace(
            before.moved(event=Event.SCHEDULE), scheduled=scheduled, change=before.change + 1
        )
        row = subscriptions.changed(
            before, after, event=Event.SCHEDULE, due_at=before.charge_at, at=at
        )
        stands = standing(
            scheduled_terms(after), next_index=before.charge_index, allowances=allowances
        )
        await write(studio, stands, rows=(row,))
    except (SideRowRefused, PeriodBegan):
        return False  # changed meanwhile: the next pass looks again
    except (UnknownPlan, AllowanceNotAgreed) as refusal:
        _log.error(
            "plan_not_renewable", subscription_id=str(before.subscription_id), reason=str(refusal)
        )
        return False
    return True


def _differs(before: Version, version: Version, plan: str) -> bool:
    """Tell whether a version changes the monthly credits of a plan that there was."""
    earlier = next((each for each in before.plans if each.key == plan), None)
    return earlier is not None and earlier.allowances != version.plan(key=plan).allowances
