"""The worker's part in alerts: looking at wallets that moved, and sending to webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from mutoscope.app.alerts import alert
from mutoscope.app.deliveries import DELIVERIES_MAX, deliver, forget

if TYPE_CHECKING:
    from mutoscope.bootstrap import House

LOOK_S: Final = 5.0
"""Seconds between passes of alerts: an alert stands in the app while somebody is still there."""

SEND_S: Final = 1.0
"""Seconds between passes over the deliveries, when the last one found no more of them."""

FORGET_S: Final = 86_400.0
"""Seconds between looks for deliveries whose days are over: a day, and whenever a worker starts."""

_log = structlog.get_logger()


async def look(house: House) -> None:
    """Tell what crossed a threshold."""
    raised = await alert(house.studio)
    if raised:
        _log.info("alerts_raised", raised=raised)


async def send(house: House) -> None:
    """Send what waits for webhooks, until nothing is left whose time has come."""
    while await deliver(house.studio) == DELIVERIES_MAX:
        continue


async def forget_sent(house: House) -> None:
    """Forget what was sent to webhooks longer ago than it is kept."""
    forgotten = await forget(house.studio)
    if forgotten:
        _log.info("deliveries_forgotten", forgotten=forgotten)
