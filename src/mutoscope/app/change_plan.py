"""Changing a plan on its billing date: a smaller one, payment by the year, a zone, or its end.

Invariant: whatever is scheduled, the ledger knows at once what each coming period grants, and an
undo restores it. There is one thing scheduled at a time (rule 11 of the product), but for an end,
which a customer may schedule above terms that were agreed: its undo restores them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mutoscope.app.acts import NOBODYS, Act
from mutoscope.app.agree import agreed_terms
from mutoscope.app.current_plan import current, write
from mutoscope.app.terms import MONTHS, charge_of, scheduled_terms, standing
from mutoscope.domain.calendar import BillingAnchor
from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk import text_of
from mutoscope.domain.subscriptions import Event, Scheduled, Subscription
from mutoscope.storage import subscriptions

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.agreed import Agreed
    from mutoscope.domain.catalog import Catalog
    from mutoscope.domain.requests import Request


class AlreadyScheduled(Refusal):
    """A second change for a billing date."""

    code = "already_scheduled"

    def __init__(self, *, at: datetime) -> None:
        super().__init__(
            f"a change is scheduled for {at:%d %B %Y} already: undo it before another is made"
        )
        self.at = at


class NothingChanges(Refusal):
    """A change for a billing date to what is in force already."""

    code = "nothing_changes"

    def __init__(self, *, plan: str, months_per_charge: int, zone: str) -> None:
        paid = "month" if months_per_charge == 1 else "year"
        super().__init__(
            f"the plan is {plan}, paid by the {paid}, with its billing dates in {zone} already: "
            "name what shall change"
        )
        self.plan = plan
        self.months_per_charge = months_per_charge
        self.zone = zone


class NothingScheduled(Refusal):
    """An undo where nothing is scheduled."""

    code = "nothing_scheduled"

    def __init__(self) -> None:
        super().__init__("nothing is scheduled that has yet to begin: there is no undo")


class AgreedWithSupport(Refusal):
    """An undo by the customer of what was agreed with staff."""

    code = "agreed_with_support"

    def __init__(self, *, at: datetime) -> None:
        super().__init__(
            f"what begins on {at:%d %B %Y} was agreed with support: ask in the chat, and staff "
            "take it back (`desk undo`)"
        )
        self.at = at


async def schedule(
    studio: Studio, *, workspace_id: UUID, plan: str | None = None, is_annual: bool | None = None,
    zone: str | None = None, act: Act = NOBODYS,
) -> Subscription:  # fmt: skip
    """Let another plan, payment by the year, or zone begin on the billing date.

    A plan and its payment change with the next charge, a zone with the next billing date.

    :raises NotInThisState: when the workspace has no plan that can be changed.
    :raises AlreadyScheduled: when another change is scheduled.
    :raises UnknownPlan: when the catalog has no such plan.
    :raises UnknownZone: when the zone is not in the zone database.
    :raises NothingChanges: when all of it is so already.
    :raises AllowanceNotAgreed: when the plan leaves its credits open.
    :raises PriceNotAgreed: when the plan, or its payment, leaves the price open.
    """
    at = studio.clock.now()
    before = await _with_nothing_scheduled(studio, workspace_id)
    is_plan = plan is not None or is_annual is not None
    index = before.charge_index if is_plan else before.period_at(at=at).index + 1
    scheduled = Scheduled(
        at=before.start(index=index), plan=plan or before.plan,
        months_per_charge=before.months_per_charge if is_annual is None else MONTHS[is_annual],
        zone=BillingAnchor(at=before.anchor_at, zone=zone or before.zone).zone,
    )  # fmt: skip
    held = (before.plan, before.months_per_charge, before.zone)
    if (scheduled.plan, scheduled.months_per_charge, scheduled.zone) == held:
        raise NothingChanges(plan=held[0], months_per_charge=held[1], zone=held[2])
    return await _schedule(studio, before, scheduled, is_plan=is_plan, act=act)


async def schedule_agreed(
    studio: Studio, *, workspace_id: UUID, agreed: Agreed, act: Act = NOBODYS
) -> Subscription:
    """Let what was agreed with a workspace begin on the next billing date, all of it.

    A price is charged from the next charge on.

    :raises NotInThisState: when the workspace has no plan that can be changed.
    :raises AlreadyScheduled: when another change is scheduled.
    :raises NotToBeAgreed: when the catalog does not leave it open.
    :raises BadAmount: when an allowance or the price is no amount.
    """
    at = studio.clock.now()
    before = await _with_nothing_scheduled(studio, workspace_id)
    agreed_terms(studio, before, agreed=agreed, at=at)
    scheduled = Scheduled(
        at=before.period_at(at=at).ends_at, plan=before.plan, zone=before.zone,
        months_per_charge=before.months_per_charge, agreed=agreed,
    )  # fmt: skip
    return await _schedule(studio, before, scheduled, is_plan=False, act=act)


async def _with_nothing_scheduled(studio: Studio, workspace_id: UUID) -> Subscription:
    found = await current(studio, workspace_id=workspace_id, event=Event.SCHEDULE)
    if (changes_at := found.changes_at()) is not None:
        raise AlreadyScheduled(at=changes_at)
    return found


async def _schedule(
    studio: Studio, before: Subscription, scheduled: Scheduled, *, is_plan: bool, act: Act
) -> Subscription:
    at = studio.clock.now()
    after = replace(
        before.moved(event=Event.SCHEDULE), scheduled=scheduled, change=before.change + 1,
        charge_at=min(scheduled.at, before.start(index=before.charge_index)),
    )  # fmt: skip
    terms = _for_sale(studio.catalog, after, is_plan=is_plan)
    index = before.period_at(at=scheduled.at).index
    stands = standing(terms, next_index=index, before=before.allowances)
    row = subscriptions.changed(before, after, event=Event.SCHEDULE, due_at=scheduled.at, at=at)
    told = act.telling(
        subscription_id=str(before.subscription_id), event="schedule", plan=scheduled.plan,
        months=scheduled.months_per_charge, zone=scheduled.zone, begins_at=text_of(scheduled.at),
    )  # fmt: skip
    await write(studio, stands, rows=(row, *told))
    return await current(studio, workspace_id=before.workspace_id, event=Event.UNDO)


async def cancel(studio: Studio, *, workspace_id: UUID, act: Act = NOBODYS) -> Subscription:
    """Let the plan end when what is charged has run out; until then everything stays.

    Terms that were agreed for a billing date begin on it if the plan still runs then. Those for the
    end or later wait for an undo.

    :raises NotInThisState: when the workspace has no plan that can be cancelled.
    :raises AlreadyScheduled: when an end, or another change than agreed terms, is scheduled.
    """
    at = studio.clock.now()
    before = await current(studio, workspace_id=workspace_id, event=Event.SCHEDULE)
    changes_at = before.changes_at()
    if changes_at is not None and (before.cancels_at is not None or not before.has_agreed_terms()):
        raise AlreadyScheduled(at=changes_at)
    ends_at = before.start(index=before.charge_index)
    after = replace(before.moved(event=Event.SCHEDULE), cancels_at=ends_at)
    row = subscriptions.changed(before, after, event=Event.SCHEDULE, due_at=ends_at, at=at)
    stands = _last_stands(studio.catalog, after, at=at)
    told = act.telling(subscription_id=str(before.subscription_id), event="cancel")
    await write(studio, stands, rows=(row, *told))
    return await current(studio, workspace_id=workspace_id, event=Event.UNDO)


async def undo(studio: Studio, *, workspace_id: UUID, act: Act = NOBODYS) -> Subscription:
    """Take back what is scheduled for the billing date, before it comes; anchor and date stay.

    Where the plan is to end and terms are agreed as well, the end alone is taken back.

    :raises NotInThisState: when the workspace has no plan that can be changed.
    :raises NothingScheduled: when nothing is scheduled.
    :raises AgreedWithSupport: when it was agreed with staff, and none of them takes it back.
    """
    at = studio.clock.now()
    before = await current(studio, workspace_id=workspace_id, event=Event.UNDO)
    after = _undone(before, is_staff=act is not NOBODYS)
    row = subscriptions.changed(before, after, event=Event.UNDO, due_at=at, at=at)
    stands = _last_stands(studio.catalog, after, at=at)
    told = act.telling(subscription_id=str(before.subscription_id), event="undo")
    await write(studio, stands, rows=(row, *told))
    return await current(studio, workspace_id=workspace_id, event=Event.SCHEDULE)


def _undone(before: Subscription, *, is_staff: bool) -> Subscription:
    """Return a subscription without what was scheduled last: its end, or else what begins.

    :raises NothingScheduled: when nothing is.
    :raises AgreedWithSupport: when it was agreed with staff, and none of them takes it back.
    """
    if before.changes_at() is None:
        raise NothingScheduled
    after = before.moved(event=Event.UNDO)
    if before.cancels_at is not None and before.scheduled is not None:
        return replace(after, cancels_at=None)
    if before.scheduled is not None and before.has_agreed_terms() and not is_staff:
        raise AgreedWithSupport(at=before.scheduled.at)
    return replace(
        after, scheduled=None, cancels_at=None, change=before.change + 1,
        charge_at=before.start(index=before.charge_index),
    )  # fmt: skip


def _last_stands(catalog: Catalog, after: Subscription, *, at: datetime) -> tuple[Request, ...]:
    """Return the requests that let the last of its terms stand anew: those scheduled, if any are.

    What stood before ends where these begin, as it did.
    """
    if after.scheduled is None:
        return standing(after, next_index=after.next_granted(at=at))
    return standing(
        scheduled_terms(after, catalog=catalog), before=after.allowances,
        next_index=after.period_at(at=after.scheduled.at).index,
    )  # fmt: skip


def _for_sale(catalog: Catalog, after: Subscription, *, is_plan: bool) -> Subscription:
    """Return a subscription with what is scheduled in force: a plan that is sold, at a price.

    :raises UnknownPlan: when another plan is scheduled that is not for sale then.
    :raises AllowanceNotAgreed: when it leaves its credits open.
    :raises PriceNotAgreed: when it, or its payment, leaves the price open.
    """
    assert after.scheduled is not None
    terms = scheduled_terms(after, catalog=catalog)
    version = catalog.version(key=terms.version)
    if terms.plan != after.plan:
        version = catalog.version_at(at=after.scheduled.at)
        version.plan(key=terms.plan)
    if is_plan:
        charge_of(version=version, subscription=terms)
    return terms
