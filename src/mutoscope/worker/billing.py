"""Billing by the clock: charges, ends, reminders, refunds that are to be sent, refills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from mutoscope.app import catalog_change, charge, dunning, money_back, refill
from mutoscope.app.dunning import Dunned

if TYPE_CHECKING:
    from mutoscope.bootstrap import House

BILLING_S: Final = 5.0
"""Seconds between looks for what is to be charged or reminded of."""

CATALOG_S: Final = 3_600.0
"""Seconds between looks at what later versions of the catalog change."""

_log = structlog.get_logger()


async def bill(house: House) -> None:
    """Do all that is due about money; each part is safe to be done twice, or by two workers."""
    charged = await charge.run(house.studio)
    dunned = await dunning.run(house.studio)
    sent = await money_back.send_all(house.studio)
    refilled = await refill.run(house.studio)
    if charged.charges or charged.ends or dunned != Dunned() or sent or refilled:
        _log.info(
            "billed", charges=charged.charges, ends=charged.ends, reminded=dunned.reminded,
            suspended=dunned.suspended, lapsed=dunned.lapsed, refunds=sent, refills=refilled,
        )  # fmt: skip


async def follow_catalog(house: House) -> None:
    """Tell the ledger what later versions of the catalog change."""
    changed = await catalog_change.run(house.studio)
    if changed:
        _log.info("terms_scheduled", subscriptions=changed)
