"""The forecast of a workspace: how fast each wallet is used, until when it lasts, what would lapse.

Reads alone. Held credits are left out: nobody knows yet what becomes of their jobs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mutoscope.domain.forecast import (
    HISTORY_DAYS,
    HORIZON,
    Bought,
    Confidence,
    Stock,
    Walk,
    best_of,
    bought,
    rate_of,
    walk,
)
from mutoscope.domain.forecast_wording import depletion, lapse
from mutoscope.storage import balances, workspaces
from mutoscope.storage import forecast as rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from mutoscope.app.studio import Studio
    from mutoscope.domain.balance import Balance
    from mutoscope.domain.catalog import Version
    from mutoscope.domain.forecast import Rate
    from mutoscope.domain.standing import StandingGrant

GRANTS_MAX: Final = 14
"""Coming grants of one promise that a forecast walks through: a year of months, and one more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """Credits that lapse at one instant: all of them now, and those left unspent by then.

    `wasted` is None where no rate is known. `buys` is what the wasted ones, or all where nobody
    knows, would buy of each tool, the best first; `best` is the one that the sentence names.
    """

    lapses_at: datetime
    lots: tuple[int, ...]
    credits: int
    wasted: int | None
    buys: tuple[Bought, ...]
    best: Bought | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is to be expected of a wallet; `per_week` is the rate, rounded half up.

    Without a rate the history is too short, and there is no `depleted_at`; with one, None means
    beyond a year. An unlimited wallet has no end, and no lapses are told of it: what lies in it
    cannot be spent meanwhile.
    """

    kind: str
    at: datetime
    spendable: int
    held: int
    is_unlimited: bool
    per_week: int | None
    confidence: Confidence
    history_days: int
    active_days: int
    depleted_at: datetime | None
    next_grant_at: datetime | None
    next_grant_amount: int
    lapses: tuple[Lapse, ...]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basis:
    """What one wallet's forecast is made of."""

    balance: Balance
    rate: Rate
    promises: tuple[StandingGrant, ...]
    version: Version
    zone: str


async def forecast(studio: Studio, *, workspace_id: UUID) -> tuple[Forecast, ...]:
    """Return the forecast of each wallet of a workspace, by kind.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    at = studio.clock.now()
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        found = await balances.balances(connection, workspace_id=workspace_id, at=at, now=at)
        used = await rows.daily_use(
            connection, workspace_id=workspace_id, kinds=[each.kind for each in found], at=at,
            days=HISTORY_DAYS,
        )  # fmt: skip
        promised = await rows.promises(connection, workspace_id=workspace_id)
    unlimited = studio.access_of(workspace, at=at).unlimited
    version = studio.catalog.version_at(at=at)
    return tuple(
        _forecast(
            _Basis(
                balance=each, rate=rate_of(daily=used.get(each.kind, ())), version=version,
                promises=promised.get(each.kind, ()), zone=workspace.zone,
            ),
            is_unlimited=each.kind in unlimited,
        )
        for each in found
    )  # fmt: skip


def _forecast(basis: _Basis, *, is_unlimited: bool) -> Forecast:
    balance, rate = basis.balance, basis.rate
    walked = None
    if rate.per_day is not None:
        stock = [*_present(balance), *_coming(balance, basis.promises)]
        walked = walk(stock=stock, per_day=rate.per_day, at=balance.at)
    depleted_at = None if walked is None or is_unlimited else walked.depleted_at
    sentence = depletion(
        kind=balance.kind, spendable=balance.spendable, rate=rate, depleted_at=depleted_at,
        zone=basis.zone,
    )  # fmt: skip
    per_day = rate.per_day
    return Forecast(
        kind=balance.kind, at=balance.at, spendable=balance.spendable, held=balance.held,
        is_unlimited=is_unlimited,
        per_week=None if per_day is None else (per_day * 14 + 1) // 2,
        confidence=rate.confidence, history_days=rate.days, active_days=rate.active_days,
        depleted_at=depleted_at, next_grant_at=balance.next_grant_at,
        next_grant_amount=balance.next_grant_amount,
        lapses=() if is_unlimited else _lapses(basis, walked),
        sentence=f"{balance.kind.capitalize()} use is unlimited." if is_unlimited else sentence,
    )  # fmt: skip


def _present(balance: Balance) -> Sequence[Stock]:
    return [
        Stock(lot.lot, lot.available, lot.effective_at, lot.expires_at, lot.is_paid)
        for lot in balance.lots
        if lot.available
    ]


def _coming(balance: Balance, promises: Sequence[StandingGrant]) -> Sequence[Stock]:
    """Return the grants that standing grants have promised, as lots after those there are."""
    found = []
    for promise in promises:
        coming = promise
        for _ in range(GRANTS_MAX):
            starts_at = coming.next_at()
            if starts_at is None or starts_at > balance.at + HORIZON:
                break
            if starts_at > balance.at:
                terms = coming.next_terms()
                found.append(Stock(0, coming.amount, starts_at, terms.expires_at, is_paid=False))
            coming = coming.advanced()
    first = balance.sequence + 1
    ordered = sorted(found, key=lambda each: each.effective_at)
    return [each._replace(lot=first + number) for number, each in enumerate(ordered)]


def _lapses(basis: _Basis, walked: Walk | None) -> tuple[Lapse, ...]:
    """Return what lapses of the lots that are there, those of one instant together."""
    wasted = {} if walked is None else {each.lot: each.amount for each in walked.lapsed}
    by_instant: dict[datetime, Lapse] = {}
    for lot in basis.balance.lots:
        if lot.expires_at is None or not lot.available:
            continue
        unspent = None if walked is None else wasted.get(lot.lot, 0)
        before = by_instant.get(lot.expires_at)
        if before is None:
            found = Lapse(
                lapses_at=lot.expires_at, lots=(lot.lot,), credits=lot.available, wasted=unspent,
                buys=(), best=None, sentence="",
            )  # fmt: skip
        else:
            found = replace(
                before, lots=(*before.lots, lot.lot), credits=before.credits + lot.available,
                wasted=None if unspent is None else (before.wasted or 0) + unspent,
            )  # fmt: skip
        by_instant[lot.expires_at] = found
    return tuple(_told(basis, by_instant[at]) for at in sorted(by_instant))


def _told(basis: _Basis, found: Lapse) -> Lapse:
    kind = basis.balance.kind
    amount = found.credits if found.wasted is None else found.wasted
    buys = bought(version=basis.version, kind=kind, amount=amount)
    best = best_of(buys)
    sentence = lapse(
        kind=kind, amount=found.credits, lapses_at=found.lapses_at, zone=basis.zone, best=best,
        wasted=found.wasted,
    )  # fmt: skip
    return replace(found, buys=buys, best=best, sentence=sentence)
