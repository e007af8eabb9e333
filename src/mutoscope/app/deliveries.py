"""Deliveries: sending events to endpoints until they are taken, for a day at most.

Each try is counted before it is made and takes a lease, so that a worker that dies delays and
loses nothing; the other side may get an event twice, under the same id. The surprising choice: an
endpoint that takes nothing for days is switched off with an alert, and keeps what waits: only what
came to its end, taken or given up, is forgotten after its days.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app.alerts import Recipient, send_alert
from mutoscope.app.forgetting import FORGOTTEN_MAX, forget_parts
from mutoscope.app.hook_sender import Hook, Sent
from mutoscope.domain.alerts import AlertCode
from mutoscope.storage import alerts, webhooks, workspaces
from mutoscope.storage.alerts import Alert
from mutoscope.storage.webhooks import Delivery, DeliveryState, Outcome, SwitchedOff, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection

PAUSES: Final = tuple(
    timedelta(minutes=minutes) for minutes in (0.1, 1, 5, 30, 120, 300, 480, 480)
)  # fmt: skip
"""Waits after each failed try: nine tries within a day."""

SPREAD_PERCENT: Final = 10
"""By how much a wait is stretched at most, so that failed events do not come back all at once."""

DELIVERIES_MAX: Final = 100
"""Deliveries that one pass sends side by side."""

LEASE: Final = timedelta(minutes=2)
FAILING_MAX: Final = timedelta(days=3)
"""How long an endpoint may take nothing before it is switched off."""

REASONS: Final = {
    "gone": "it answered that it wants nothing more (410)",
    "failing": f"it took nothing for {FAILING_MAX.days} days",
}


async def deliver(studio: Studio) -> int:
    """Send the deliveries whose time has come; return how many were tried."""
    at = studio.clock.now()
    async with studio.reading() as connection:
        taken = await webhooks.take_due(
            connection, at=at, again_at=at + LEASE, limit=DELIVERIES_MAX
        )
    sent = await asyncio.gather(*[studio.hooks.send(hook=_hook(each, at)) for each in taken])
    if taken:
        async with studio.reading() as connection, connection.transaction():
            await _note(studio, connection, list(zip(taken, sent, strict=True)))
    return len(taken)


async def replay(
    studio: Studio, *, workspace_id: UUID, endpoint_id: UUID, event_id: UUID
) -> Delivery:
    """Send an event to an endpoint once more, at once.

    :raises UnknownEndpoint: when the workspace has no such endpoint.
    :raises UnknownDelivery: when the event was never on its way there.
    """
    async with studio.reading() as connection:
        await webhooks.endpoint(connection, workspace_id=workspace_id, endpoint_id=endpoint_id)
        return await webhooks.replay(
            connection, workspace_id=workspace_id, endpoint_id=endpoint_id, event_id=event_id,
            at=studio.clock.now(),
        )  # fmt: skip


async def forget(studio: Studio) -> int:
    """Forget the deliveries that ended longer ago than they are kept; return how many.

    What waits is never forgotten, whether its endpoint is on or off.
    """
    keep = studio.keep_deliveries
    if keep is None:
        return 0
    before = studio.clock.now() - keep
    return await forget_parts(
        studio, lambda part: webhooks.forget(part, before=before, limit=FORGOTTEN_MAX)
    )


def _hook(taken: Taken, at: datetime) -> Hook:
    secrets = [taken.secret, *filter(None, [taken.previous_secret])]
    return Hook(
        url=taken.url, event_id=taken.event_id, body=taken.body, at=at, secrets=tuple(secrets)
    )


async def _note(
    studio: Studio, connection: Connection, tries: Sequence[tuple[Taken, Sent]]
) -> None:
    at = studio.clock.now()
    outcomes = [_outcome(taken, sent, at) for taken, sent in tries]
    await webhooks.note_outcomes(connection, outcomes=outcomes)
    names = [((taken.workspace_id, taken.endpoint_id), sent) for taken, sent in tries]
    took = [name for name, sent in names if sent.is_taken]
    failed = [name for name, sent in names if not sent.is_taken and name not in took]
    await webhooks.note_endpoints(connection, took=took, failed=failed, at=at)
    off = await webhooks.switch_off(
        connection, failed=failed, failing_before=at - FAILING_MAX, at=at,
        gone=frozenset(name for name, sent in names if sent.is_gone),
    )  # fmt: skip
    for each in off:
        await _tell(studio, connection, each, at)


def _outcome(taken: Taken, sent: Sent, at: datetime) -> Outcome:
    fence = (taken.workspace_id, taken.endpoint_id, taken.event_id, taken.tries)
    told = (sent.status, sent.error)
    if sent.is_taken:
        return Outcome(*fence, DeliveryState.DELIVERED, None, *told, at)
    if taken.tries > len(PAUSES):
        return Outcome(*fence, DeliveryState.FAILED, None, *told, at)
    pause = PAUSES[taken.tries - 1]
    stretch = pause * (taken.event_id.int % (SPREAD_PERCENT + 1)) / 100
    return Outcome(*fence, DeliveryState.WAITING, at + pause + stretch, *told, None)


async def _tell(studio: Studio, connection: Connection, off: SwitchedOff, at: datetime) -> None:
    told = Alert(
        workspace_id=off.workspace_id, alert_id=studio.ids.new(), code=AlertCode.ENDPOINT_OFF,
        kind=None, threshold=None, credits=None, raised_at=at,
        sentence=f"The webhook to {off.url} was switched off: {REASONS[off.reason]}. Mend it and "
        "switch it on again: what waits for it is sent then.",
        data={"endpoint_id": str(off.endpoint_id), "url": off.url, "reason": off.reason},
    )  # fmt: skip
    workspace = await workspaces.get(connection, workspace_id=off.workspace_id)
    preferences = await alerts.preferences(connection, workspace_id=off.workspace_id)
    ways = {each.code: (each.by_email, each.by_webhook) for each in preferences}
    await alerts.write_alerts(connection, [told.row()])
    recipient = Recipient(email=workspace.email, ways=ways[told.code])
    await send_alert(connection, studio=studio, told=told, recipient=recipient)
