"""What the start of a plan does to the trial: what is left of its credits ends, on a line each.

Invariant: what is told before is what is available then; credits that jobs hold run on with them,
and end on lines of their own when they come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mutoscope.app.subscribe import NewPlan, begin, startable, trial_key
from mutoscope.app.terms import NAMESPACE, charge_of
from mutoscope.domain.lots import Source
from mutoscope.domain.offers import Money
from mutoscope.storage import balances, history
from mutoscope.storage.history import UnknownEntry

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.subscriptions import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnd:
    """Credits of the trial that ended with the start of a plan, and the ledger's line of it."""

    kind: str
    credits: int
    sequence: int
    namespace: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPreview:
    """What a plan costs and grants if it is started now, and what ends of the trial, by kind.

    `price` is net, for the first term of `months`: nothing in a demo workspace, None where it is
    agreed. `credits` come each month, those of the first one at once.
    """

    plan: str
    months: int
    price: Money | None
    credits: Mapping[str, int]
    trial_ends: Mapping[str, int]


async def preview_start(studio: Studio, *, workspace_id: UUID, new: NewPlan) -> StartPreview:
    """Return what the start of a plan would cost, grant and end now.

    :raises Refusal: as `start_on_account`.
    """
    workspace = await startable(studio, workspace_id=workspace_id)
    begun = begin(studio, workspace, new=new, at=studio.clock.now())
    version = studio.catalog.version(key=begun.version)
    return StartPreview(
        plan=new.plan, months=begun.months_per_charge,
        price=charge_of(version=version, subscription=begun), credits=begun.allowances,
        trial_ends=await trial_left(studio, workspace_id=workspace_id),
    )  # fmt: skip


async def trial_left(studio: Studio, *, workspace_id: UUID) -> dict[str, int]:
    """Return the credits of the trial, by kind, that end when a plan starts."""
    at = studio.clock.now()
    async with studio.reading() as connection:
        found = await balances.balances(connection, workspace_id=workspace_id, at=at, now=at)
    left = {
        each.kind: sum(lot.available for lot in each.lots if lot.source == Source.TRIAL)
        for each in found
    }
    return {kind: amount for kind, amount in left.items() if amount}


async def trial_ended(studio: Studio, *, subscription: Subscription) -> tuple[TrialEnd, ...]:
    """Return what ended of the trial when a subscription started, from the ledger's lines."""
    ended = []
    trial = studio.catalog.version(key=subscription.version).trial
    async with studio.reading() as connection:
        for kind in (allowance.kind for allowance in trial.allowances):
            key = trial_key(subscription, kind)
            with suppress(UnknownEntry):  # there was no trial, or nothing left of it
                line = await history.entry_by_key(
                    connection, workspace_id=subscription.workspace_id, namespace=NAMESPACE, key=key
                )
                ended.append(TrialEnd(
                    kind=kind, credits=sum(each.amount for each in line.entry.postings),
                    sequence=line.entry.sequence, namespace=NAMESPACE, key=key,
                ))  # fmt: skip
    return tuple(each for each in ended if each.credits)
