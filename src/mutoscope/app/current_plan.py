"""The plan of a workspace as it stands, and the one way in which a change of it is written.

Invariant: a charge that is due is made before anything is changed, so that a change is computed on
the period that runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutoscope.app.charge import charge_due
from mutoscope.app.terms import PriceNotAgreed
from mutoscope.domain.credits import Refusal
from mutoscope.domain.granting import PeriodGranted
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request, checked
from mutoscope.domain.subscriptions import Event, NotInThisState, Subscription
from mutoscope.storage import workspaces
from mutoscope.storage.session import SideRow

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.studio import Studio


class PeriodBegan(Refusal):
    """A change that was computed for a period which ended meanwhile."""

    code = "period_began"

    def __init__(self) -> None:
        super().__init__("the next period has just begun: look at the plan again, and repeat it")


async def current(studio: Studio, *, workspace_id: UUID, event: Event) -> Subscription:
    """Return the plan of a workspace, on which an event is possible now.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises NotInThisState: when the event is not possible.
    :raises PriceNotAgreed: when a charge is due whose price is open; terms can be agreed then.
    """
    at = studio.clock.now()
    subscription = await _read(studio, workspace_id, event)
    if subscription.charge_at is not None and subscription.charge_at <= at:
        try:
            await charge_due(studio, subscription)
        except PriceNotAgreed:
            if event is not Event.AGREE:  # which is how staff set the price
                raise
        subscription = await _read(studio, workspace_id, event)
    subscription.moved(event=event)
    return subscription


async def write(
    studio: Studio, requests: tuple[Request, ...], *, rows: tuple[SideRow, ...]
) -> None:
    """Write requests and rows, all of it or nothing.

    :raises PeriodBegan: when a period began in between, for which the change comes too late.
    :raises SideRowRefused: when the subscription has been changed in the meantime.
    """
    try:
        await studio.journal.submit(Submission(tuple(map(checked, requests))), side_rows=rows)
    except PeriodGranted:
        raise PeriodBegan from None


async def _read(studio: Studio, workspace_id: UUID, event: Event) -> Subscription:
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    state = workspace.state_at(at=studio.clock.now())
    subscription = workspace.subscription
    if subscription is None or state is not subscription.state:
        raise NotInThisState(event=event, state=state)
    return subscription
