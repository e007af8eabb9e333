"""The feed of a workspace's billing dates: as things stand, what is scheduled from its date on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutoscope.app.demo import DEMO
from mutoscope.app.terms import scheduled_terms
from mutoscope.domain.calendar import INDEX_MAX
from mutoscope.domain.calendar_feed import ENDS, ENDS_UNPAID, Dates, Feed, calendar_feed
from mutoscope.domain.chat_links import calendar_link, opened_calendar
from mutoscope.domain.credits import Refusal
from mutoscope.domain.subscriptions import HAS_PLAN, State, Subscription
from mutoscope.storage import subscriptions, workspaces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.catalog import Version

BEFORE: Final = 3
AHEAD: Final = 24
"""Periods of a feed behind and ahead of the one that runs: two years to plan with."""


class NoPlan(Refusal):
    """Billing dates of a workspace that has no plan."""

    code = "no_plan"

    def __init__(self, *, workspace_id: UUID) -> None:
        super().__init__(
            f"workspace {workspace_id} has no billing date: it is fixed when a plan starts"
        )
        self.workspace_id = workspace_id


def feed_url(studio: Studio, *, workspace_id: UUID) -> str:
    """Return the address that a calendar program subscribes to."""
    link = calendar_link(workspace_id=workspace_id, key=studio.asset_rules.link_key)
    return f"{studio.call_backs.url}{link}"


async def feed(studio: Studio, *, token: str) -> str:
    """Return the billing dates around now as the text of an .ics file, by their link.

    :raises LinkForged: when this house has not signed the link.
    :raises UnknownWorkspace: when the workspace is gone.
    :raises NoPlan: when it has no plan.
    """
    workspace_id = opened_calendar(token, key=studio.asset_rules.link_key)
    return await workspace_feed(studio, workspace_id=workspace_id)


async def workspace_feed(studio: Studio, *, workspace_id: UUID, ahead: int = AHEAD) -> str:
    """Return the billing dates around now as the text of an .ics file.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NoPlan: when it has no plan.
    """
    dates = await billing_dates(studio, workspace_id=workspace_id, before=BEFORE, ahead=ahead)
    async with studio.reading() as connection:
        last = await subscriptions.changes(connection, workspace_id=workspace_id, limit=1)
    stamped_at = last[0].changed_at if last else dates[0].anchor.at
    return calendar_feed(name=dates[0].feed.plan, dates=dates, stamped_at=stamped_at)


async def billing_dates(
    studio: Studio, *, workspace_id: UUID, before: int = 0, ahead: int
) -> tuple[Dates, ...]:
    """Return the billing dates from that of the period that runs, or is the first to, on.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NoPlan: when it has no plan.
    """
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    at, subscription = studio.clock.now(), workspace.subscription
    if subscription is None or workspace.state_at(at=at) not in HAS_PLAN:
        raise NoPlan(workspace_id=workspace_id)
    index = subscription.period_at(at=max(at, subscription.anchor_at)).index
    indices = range(max(0, index - before), min(index + ahead, INDEX_MAX))
    return tuple(_dates(studio, subscription, indices))


def _dates(studio: Studio, now: Subscription, indices: range) -> Iterator[Dates]:
    """Yield the dates under the terms in force, then those under what is scheduled."""
    is_suspended = now.state is State.SUSPENDED
    ends_at = now.charge_at if is_suspended else now.cancels_at
    end, ending = indices.stop, ""
    if ends_at is not None and (last := now.period_at(at=ends_at).index) <= end:
        end, ending = last, ENDS_UNPAID if is_suspended else ENDS
    change = end
    if now.scheduled is not None:
        change = min(end, now.period_at(at=now.scheduled.at).index)
    version = studio.catalog.version(key=now.version)
    yield _of_terms(version, now, range(indices.start, change), "" if change < end else ending)
    if now.scheduled is not None and change < end:
        terms = scheduled_terms(now, catalog=studio.catalog)
        version = studio.catalog.version(key=terms.version)
        yield _of_terms(version, terms, range(change, end), ending)


def _of_terms(version: Version, terms: Subscription, indices: range, ending: str) -> Dates:
    told = Feed(
        plan=version.plan(key=terms.plan).name, subscription_id=str(terms.subscription_id),
        months_per_charge=terms.months_per_charge, charge_index=terms.charge_index,
        is_charged=terms.gateway != DEMO,
    )  # fmt: skip
    return Dates(feed=told, anchor=terms.anchor(), indices=indices, ending=ending)
