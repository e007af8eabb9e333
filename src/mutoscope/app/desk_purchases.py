"""Desk actions on purchases: a workspace may buy credits, or may not any more.

Trial and free workspaces cannot buy; where a plan leaves it open, it has to be agreed first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.app.desk_facts import open_workspace
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Entitlement
from mutoscope.domain.planner import Submission
from mutoscope.storage import desk, workspaces
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from mutoscope.app.desk import Deed
    from mutoscope.app.studio import Studio
    from mutoscope.storage.workspaces import Workspace


class PurchasesUnchanged(Refusal):
    """Purchases that are as they are wanted already."""

    code = "purchases_unchanged"

    def __init__(self, *, is_enabled: bool) -> None:
        state = "may buy credits already" if is_enabled else "cannot buy credits anyway"
        super().__init__(f"the workspace {state}: nothing was done")
        self.is_enabled = is_enabled


class PurchasesNotAgreed(Refusal):
    """Purchases of a plan that leaves them open, before they were agreed."""

    code = "purchases_not_agreed"

    def __init__(self, *, plan: str) -> None:
        super().__init__(
            f"purchases are agreed with each customer of {plan}: write it into the terms first"
        )
        self.plan = plan


async def enable_purchases(studio: Studio, deed: Deed) -> None:
    """Let a workspace buy credits.

    :raises UnknownWorkspace: when there is none.
    :raises WorkspaceClosed: when it is closed.
    :raises NotEntitled: when its plan has no purchases, or it has no plan.
    :raises PurchasesNotAgreed: when the plan leaves them open and they were not agreed.
    :raises PurchasesUnchanged: when it may buy already.
    """
    workspace = await open_workspace(studio, deed.workspace_id)
    plan = _plan_with_purchases(studio, deed, workspace)
    if workspace.purchases_enabled_at is not None:
        raise PurchasesUnchanged(is_enabled=True)
    row = SideRow(desk.enable_purchases, (deed.workspace_id, plan, deed.at))
    await _switch(studio, deed, row)


async def disable_purchases(studio: Studio, deed: Deed) -> None:
    """Let a workspace buy no credits any more.

    :raises UnknownWorkspace: when there is none.
    :raises PurchasesUnchanged: when it cannot buy anyway.
    """
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=deed.workspace_id)
    if workspace.purchases_enabled_at is None:
        raise PurchasesUnchanged(is_enabled=False)
    await _switch(studio, deed, SideRow(desk.disable_purchases, (deed.workspace_id,)))


def _plan_with_purchases(studio: Studio, deed: Deed, workspace: Workspace) -> str:
    """Return the plan that is to stand still until purchases are opened."""
    access, plan = studio.access_of(workspace, at=deed.at), studio.plan_of(workspace, at=deed.at)
    if plan is None:
        raise NotEntitled(entitlement=Entitlement.PURCHASES, access=access)
    if Entitlement.PURCHASES in plan.agreed - access.entitlements:
        raise PurchasesNotAgreed(plan=plan.key)
    access.require(Entitlement.PURCHASES)
    return plan.key


async def _switch(studio: Studio, deed: Deed, row: SideRow) -> None:
    submission = Submission(())
    try:
        await studio.journal.submit(submission, side_rows=(row, *deed.rows(studio)))
    except SideRowRefused:
        async with studio.reading() as connection:
            workspace = await workspaces.get(connection, workspace_id=deed.workspace_id)
        is_enabled = workspace.purchases_enabled_at is not None
        if is_enabled is (row.writer is desk.enable_purchases):
            raise PurchasesUnchanged(is_enabled=is_enabled) from None
        raise
