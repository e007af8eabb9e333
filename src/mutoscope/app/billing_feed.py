"""The feed of a workspace's billing dates, by its link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutoscope.app.inbox import running_period
from mutoscope.domain.calendar import BillingAnchor
from mutoscope.domain.calendar_feed import Feed, calendar_feed
from mutoscope.domain.chat_links import opened_calendar
from mutoscope.domain.credits import Refusal
from mutoscope.storage import workspaces

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio

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


async def feed(studio: Studio, *, token: str) -> str:
    """Return the billing dates around now as the text of an .ics file.

    :raises LinkForged: when this house has not signed the link.
    :raises UnknownWorkspace: when the workspace is gone.
    :raises NoPlan: when it has no plan.
    """
    workspace_id = opened_calendar(token, key=studio.asset_rules.link_key)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    subscription, period = workspace.subscription, running_period(studio, workspace)
    if subscription is None or period is None:
        raise NoPlan(workspace_id=workspace_id)
    plan = studio.catalog.version(key=subscription.version).plan(key=subscription.plan)
    return calendar_feed(
        feed=Feed(
            plan=plan.name, subscription_id=str(subscription.subscription_id),
            months_per_charge=subscription.months_per_charge,
        ),
        anchor=BillingAnchor(at=subscription.anchor_at, zone=subscription.zone),
        indices=range(max(0, period.index - BEFORE), period.index + AHEAD),
        stamped_at=subscription.anchor_at,
    )  # fmt: skip
