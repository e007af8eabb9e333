"""Promo codes and refills as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.storage.database import queries
from mutoscope.storage.payments import PaymentRequest, request_from
from mutoscope.storage.place import LAST_NAMED, NamedPlace

if TYPE_CHECKING:
    from mutoscope.storage.database import Connection

_SQL: Final = queries("purchases")
_REFILLS: Final = queries("refills")


class UnknownCode(Refusal):
    """A promo code that does not exist."""

    code = "unknown_promo_code"

    def __init__(self, *, promo_code: str) -> None:
        super().__init__(f"there is no promo code {promo_code[:40]!r}: look at it again")
        self.promo_code = promo_code


class UnknownRefill(Refusal):
    """A kind of which nothing buys itself."""

    code = "unknown_refill"

    def __init__(self, *, kind: str) -> None:
        super().__init__(f"no {kind[:40]} credits buy themselves in this workspace: set a refill")
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoCode:
    """Credits for whoever knows the code, once a workspace, so many times in all.

    The lot lasts `lasts_days`; the code itself cannot be redeemed from `ends_at` on.
    """

    code: str
    kind: str
    credits: int
    lasts_days: int
    redemptions_max: int
    redeemed: int
    ends_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """What is bought by itself once less than `threshold` is left.

    `monthly_max` is the most it may spend in a period, in minor units, net. After declines it
    rests until `rests_until`.
    """

    workspace_id: UUID
    kind: str
    pack: str
    threshold: int
    monthly_max: int
    declines: int
    rests_until: datetime | None
    set_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LowRefill:
    """A refill that has run low: what it spent in the last month, and how many there ever were."""

    refill: Refill
    spent: int
    refills: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidRefill:
    """A refill with an order of it that is asked to be paid, and is not."""

    refill: Refill
    request: PaymentRequest


async def add_promo_code(connection: Connection, promo: PromoCode) -> bool:
    """Write a new promo code; false when one of that name is there."""
    row = await _SQL.add_promo_code(
        connection, code=promo.code, kind=promo.kind, credits=promo.credits,
        lasts_days=promo.lasts_days, redemptions_max=promo.redemptions_max,
        ends_at=promo.ends_at, created_at=promo.created_at,
    )  # fmt: skip
    return row is not None


async def promo_code(connection: Connection, *, code: str) -> PromoCode:
    """Return a promo code.

    :raises UnknownCode: when there is none of that name.
    """
    row = await _SQL.promo_code(connection, code=code)
    if row is None:
        raise UnknownCode(promo_code=code)
    return PromoCode(**row["found"])


async def promo_codes(
    connection: Connection, *, limit: int, before: NamedPlace = LAST_NAMED
) -> tuple[PromoCode, ...]:
    """Return promo codes, the newest first, before what was reached."""
    rows = _SQL.list_promo_codes(
        connection, limit=limit, before_at=before.at, before_code=before.name
    )
    return tuple([PromoCode(**row["found"]) async for row in rows])


async def redeem_codes(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Redeem (workspace id, code, instant), while there are redemptions left."""
    workspaces, codes, instants = zip(*rows, strict=True)
    written: int = await _SQL.redeem_codes(
        connection, workspaces=workspaces, codes=codes, instants=instants
    )
    return written


async def redeemed_at(connection: Connection, *, workspace_id: UUID, code: str) -> datetime | None:
    """Return when a workspace redeemed a code, if it did."""
    row = await _SQL.redemption(connection, workspace_id=workspace_id, code=code)
    return None if row is None else row["redeemed_at"]


async def set_refill(connection: Connection, refill: Refill) -> None:
    """Set what is bought by itself."""
    await _REFILLS.set_refill(
        connection, workspace_id=refill.workspace_id, kind=refill.kind, pack=refill.pack,
        threshold=refill.threshold, monthly_max=refill.monthly_max, set_at=refill.set_at,
    )  # fmt: skip


async def drop_refill(connection: Connection, *, workspace_id: UUID, kind: str) -> bool:
    """Let nothing be bought by itself any more; false when nothing was."""
    return bool(await _REFILLS.drop_refill(connection, workspace_id=workspace_id, kind=kind))


async def refills(connection: Connection, *, workspace_id: UUID) -> tuple[Refill, ...]:
    """Return what a workspace lets be bought by itself."""
    rows = _REFILLS.refills_of(connection, workspace_id=workspace_id)
    return tuple([Refill(**row["found"]) async for row in rows])


async def low_refills(connection: Connection, *, at: datetime, limit: int) -> tuple[LowRefill, ...]:
    """Return refills whose wallet is below its threshold and that do not rest."""
    rows = _REFILLS.low_refills(connection, at=at, limit=limit)
    return tuple([
        LowRefill(
            refill=Refill(**row["found"]), spent=int(row["spent"]), refills=row["refills"]
        )
        async for row in rows
    ])  # fmt: skip


async def unpaid_refills(
    connection: Connection, *, since: datetime, limit: int
) -> tuple[UnpaidRefill, ...]:
    """Return orders of refills since an instant that are not paid, the eldest first."""
    rows = _REFILLS.unpaid_refills(connection, since=since, limit=limit)
    return tuple([
        UnpaidRefill(refill=Refill(**row["found"]), request=request_from(row["request"]))
        async for row in rows
    ])  # fmt: skip


async def rest_refill(
    connection: Connection, refill: Refill, *, declines: int, rests_until: datetime | None
) -> None:
    """Let a refill that was declined rest; with no decline it begins anew."""
    await _REFILLS.rest_refill(
        connection, workspace_id=refill.workspace_id, kind=refill.kind, declines=declines,
        rests_until=rests_until,
    )  # fmt: skip
