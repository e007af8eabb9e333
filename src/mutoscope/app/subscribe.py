"""Starting a plan: the billing date is fixed, the trial ends, the first credits are granted.

Here staff start it on account. The subscription, the end of the trial and the first period's
grants are one transaction; later periods are granted by what is due on the wallet.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mutoscope.domain import actions as ask
from mutoscope.domain.calendar import BillingAnchor, period_start
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Source
from mutoscope.domain.offers import Basis
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request, checked
from mutoscope.domain.standing import StandingGrant
from mutoscope.storage import workspaces
from mutoscope.storage.session import SideRow, SideRowRefused
from mutoscope.storage.workspaces import Workspace

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.catalog import Version

NAMESPACE = "subscription"
MONTHS = {False: 1, True: 12}


class AlreadySubscribed(Refusal):
    """A second plan for a workspace that has one."""

    code = "already_subscribed"

    def __init__(self, *, plan: str) -> None:
        super().__init__(f"the workspace has the plan {plan}: end it before another is started")
        self.plan = plan


class NotVerified(Refusal):
    """A plan for a person whose address is not proven."""

    code = "not_verified"

    def __init__(self) -> None:
        super().__init__("the e-mail address is not verified: enter the code that was sent first")


class AllowanceNotAgreed(Refusal):
    """A plan whose credits staff have to set first."""

    code = "allowance_not_agreed"

    def __init__(self, *, plan: str, kind: str) -> None:
        super().__init__(
            f"the {kind} credits of {plan} are agreed with each customer: set them to start it"
        )
        self.plan = plan
        self.kind = kind


async def start_plan(
    studio: Studio, *, workspace_id: UUID, plan: str, is_annual: bool = False,
    agreed: dict[str, int] | None = None,
) -> Workspace:  # fmt: skip
    """Start a plan now; `agreed` has the monthly credits by kind where the plan leaves them open.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises UnknownPlan: when the catalog has no such plan.
    :raises AlreadySubscribed: when it has a plan.
    :raises NotVerified: when the person has not proven the address.
    :raises AllowanceNotAgreed: when the plan leaves credits open that `agreed` does not set.
    :raises BadAmount: when what was agreed is no amount of credits.
    """
    at = studio.clock.now()
    version = studio.catalog.version_at(at=at)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    if workspace.verified_at is None:
        raise NotVerified
    if workspace.subscription is not None:
        raise AlreadySubscribed(plan=workspace.subscription.plan)
    allowances = _monthly(version, plan, agreed or {})
    anchor = BillingAnchor(at=at, zone=workspace.zone)
    subscription_id = studio.ids.new()
    requests = _ends_of_trial(version, workspace, subscription_id) + _standing(
        workspace, subscription_id, allowances, at
    )
    months = MONTHS[is_annual]
    row = (
        workspace_id, subscription_id, plan, version.key, at, workspace.zone, months,
        json.dumps(allowances), None, None, False, "manual", "when_due", months,
        period_start(anchor=anchor, index=months), months,
    )  # fmt: skip
    try:
        await studio.journal.submit(
            Submission(tuple(map(checked, requests))),
            side_rows=(SideRow(workspaces.write_subscriptions, row),),
        )
    except SideRowRefused:  # another start was first
        raise AlreadySubscribed(plan=await _current_plan(studio, workspace_id)) from None
    async with studio.reading() as connection:
        return await workspaces.get(connection, workspace_id=workspace_id)


async def _current_plan(studio: Studio, workspace_id: UUID) -> str:
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    assert workspace.subscription is not None
    return workspace.subscription.plan


def _monthly(version: Version, plan: str, agreed: dict[str, int]) -> dict[str, int]:
    monthly = {}
    for allowance in version.plan(key=plan).allowances:
        if allowance.basis is Basis.FIXED:
            monthly[allowance.kind] = allowance.credits
        elif allowance.basis is Basis.AGREED:
            if allowance.kind not in agreed:
                raise AllowanceNotAgreed(plan=plan, kind=allowance.kind)
            monthly[allowance.kind] = agreed[allowance.kind]
    return monthly


def _ends_of_trial(
    version: Version, workspace: Workspace, subscription_id: UUID
) -> tuple[Request, ...]:
    if workspace.trial_ends_at is None:
        return ()
    return tuple(
        Request(workspace.workspace_id, allowance.kind, NAMESPACE,
                f"{subscription_id}/{allowance.kind}/trial", ask.Expire(Source.TRIAL))
        for allowance in version.trial.allowances
    )  # fmt: skip


def _standing(
    workspace: Workspace, subscription_id: UUID, allowances: dict[str, int], at: datetime
) -> tuple[Request, ...]:
    return tuple(
        Request(
            workspace.workspace_id, kind, NAMESPACE, f"{subscription_id}/{kind}",
            ask.Stand(StandingGrant(subscription_id, amount, at, workspace.zone)),
        )
        for kind, amount in allowances.items()
    )  # fmt: skip
