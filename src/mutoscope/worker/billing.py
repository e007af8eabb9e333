"""Billing by the clock: charges, ends, reminders, refunds that are to be sent, refills."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import structlog

from mutoscope.app import catalog_change, charge, dunning, refill, send_refund
from mutoscope.app.dunning import Dunned

if TYPE_CHECKING:
    from mutoscope.bootstrap import House

BILLING_S: Final = 5.0
"""Seconds between looks for what is to be charged, reminded of, sent or bought."""

CATALOG_S: Final = 3_600.0
"""Seconds between looks at what later versions of the catalog change."""

_log = structlog.get_logger()


async def charge_plans(house: House) -> None:
    """Charge plans that are due, and end those that are over."""
    charged = await charge.run(house.studio)
    for failure in charged.failures:
        _log.error("plan_not_charged", subject=failure.subject, reason=failure.reason)
    if charged.charges or charged.ends:
        _log.info("plans_charged", charges=charged.charges, ends=charged.ends)


async def remind(house: House) -> None:
    """Collect, remind of and suspend what is not paid; let old orders lapse."""
    dunned = await dunning.run(house.studio)
    if dunned != Dunned():
        _log.info("reminded", **asdict(dunned))


async def send_refunds(house: House) -> None:
    """Send the money of refunds that wait."""
    if sent := await send_refund.send_all(house.studio):
        _log.info("refunds_sent", refunds=sent)


async def buy_refills(house: House) -> None:
    """Buy what has run low where somebody set a refill."""
    if bought := await refill.run(house.studio):
        _log.info("refills_bought", refills=bought)


PARTS: Final = {
    "charges": charge_plans, "reminders": remind, "refunds": send_refunds, "refills": buy_refills,
}  # fmt: skip
"""What is done about money by the clock, each safe to be done twice; what fails stops no other."""


async def follow_catalog(house: House) -> None:
    """Tell the ledger what later versions of the catalog change."""
    changed = await catalog_change.run(house.studio)
    if changed:
        _log.info("terms_scheduled", subscriptions=changed)
