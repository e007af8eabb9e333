"""Telling a price before the click: what a job would hold, and what remains of the balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mutoscope.app.caps import caps_of
from mutoscope.app.generate import provider_of
from mutoscope.app.shortage import shortage
from mutoscope.domain.estimate import price
from mutoscope.domain.jobs import FrameName, JobSpec
from mutoscope.domain.journal import NOBODY
from mutoscope.domain.lots import Draw, drawn
from mutoscope.storage import balances, workspaces

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.balance import Balance
    from mutoscope.domain.caps import CapStanding
    from mutoscope.domain.journal import Attribution
    from mutoscope.domain.offers import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The price of one job, a ceiling, and which lots would pay for it.

    `shortfall` is 0 when it fits; else `remedy` tells the way out, `plans` the keys of the plans
    that it names. Unlimited use has the price 0 and its `metered` amount. `should_confirm` tells
    that it takes more than the catalog's share of the balance, `caps` which caps on the member and
    the project it would exceed.
    """

    tool: str
    kind: str
    price: int
    metered: int
    available: int
    remaining: int
    shortfall: int
    remedy: str | None
    plans: tuple[str, ...]
    draws: tuple[Draw, ...]
    should_confirm: bool
    next_grant_at: datetime | None
    next_grant_amount: int
    version: str
    caps: tuple[CapStanding, ...]


async def estimate(
    studio: Studio, *, workspace_id: UUID, tool: str, images: int = 1,
    duration_s: int | None = None, attribution: Attribution = NOBODY,
) -> Estimate:  # fmt: skip
    """Tell what a job would cost now, a member and for a project where they are named.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises UnknownTool: when the catalog has no such tool.
    :raises BadDuration: when the tool makes no such clip.
    :raises BadImageCount: when the tool does not make so many at once.
    :raises RouteCannot: when no model behind the tool does.
    :raises ToolUnavailable: when no provider serves the tool for the workspace.
    :raises UnknownMember: when the workspace has no such member now.
    """
    at = studio.clock.now()
    version = studio.catalog.version_at(at=at)
    offer = version.tool(key=tool)
    amount = price(tool=offer, images=images, duration_s=duration_s)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        found = await balances.balances(connection, workspace_id=workspace_id, at=at, now=at)
    provider_of(studio, workspace, offer, at=at, spec=_spec(offer, images, duration_s))
    capped = await caps_of(studio, workspace=workspace, attribution=attribution, kind=offer.kind)
    balance = next((each for each in found if each.kind == offer.kind), None)
    available = balance.spendable if balance else 0
    access = studio.access_of(workspace, at=at)
    is_metered = offer.kind in access.unlimited
    charged = 0 if is_metered else amount
    lots = _spendable(balance, at) if balance else []
    missing = None if charged <= available else shortage(
        kind=offer.kind, required=charged, balance=balance, access=access, zone=workspace.zone
    )  # fmt: skip
    return Estimate(
        tool=tool,
        kind=offer.kind,
        price=charged,
        metered=amount if is_metered else 0,
        available=available,
        remaining=max(0, available - charged),
        shortfall=missing.shortfall if missing else 0,
        remedy=missing.remedy if missing else None,
        plans=missing.plans if missing else (),
        draws=drawn(lots=lots, amount=charged) if charged else (),
        should_confirm=charged * 100 > available * version.rules.confirm_percent,
        next_grant_at=balance.next_grant_at if balance else None,
        next_grant_amount=balance.next_grant_amount if balance else 0,
        version=version.key,
        caps=tuple(each for each in capped if each.remaining < amount),
    )


def _spec(tool: Tool, images: int, duration_s: int | None) -> JobSpec:
    """Return as much of a job as its price is asked for: what a model has to be able to do."""
    return JobSpec(
        prompt="", seed=0, ratio=tool.ratios[0], width=0, height=0, images=images,
        duration_s=duration_s, source=FrameName("", 1) if tool.needs_source_frame else None,
    )  # fmt: skip


def _spendable(balance: Balance, at: datetime) -> list[tuple[int, int]]:
    return [
        (lot.lot, lot.available)
        for lot in balance.lots
        if lot.available and lot.is_spendable(at=at)
    ]
