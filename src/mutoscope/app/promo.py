"""Promo codes: a lot for whoever knows the code, once a workspace, so many times in all.

Invariant: the redemption is counted under the code's lock in the transaction that grants the lot,
so that the last one goes to one workspace alone. An offer is judged by all that it can give.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app.acts import NOBODYS, Act, submit_new
from mutoscope.app.desk_facts import credits_of
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal, checked_amount
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.requests import Request
from mutoscope.domain.subscriptions import State
from mutoscope.storage import offers, workspaces
from mutoscope.storage.offers import PromoCode
from mutoscope.storage.payments import NOBODY
from mutoscope.storage.session import SideRow, SideRowRefused, write_side_rows

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.desk import Deed
    from mutoscope.app.studio import Studio
    from mutoscope.domain.planner import Answer

NAMESPACE: Final = "promo"
DAYS_MAX: Final = 3_660
REDEMPTIONS_MAX: Final = 1_000_000_000
_USED_UP: Final = "was redeemed as often as it may be"
_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{2,39}")


class BadPromo(Refusal):
    """A promo code that cannot be offered as it is."""

    code = "bad_promo"

    def __init__(self, *, name: str, remedy: str) -> None:
        super().__init__(f"{name} of the promo code cannot be used: {remedy}")
        self.name = name


class PromoTaken(Refusal):
    """A promo code of a name that there is."""

    code = "promo_taken"

    def __init__(self, *, promo_code: str) -> None:
        super().__init__(f"there is a promo code {promo_code} already: take another name")
        self.promo_code = promo_code


class PromoOver(Refusal):
    """A promo code whose time is over, or that was redeemed as often as it may be."""

    code = "promo_over"

    def __init__(self, *, promo_code: str, reason: str) -> None:
        super().__init__(f"the promo code {promo_code} {reason}")
        self.promo_code = promo_code


class AlreadyRedeemed(Refusal):
    """A promo code that this workspace has redeemed."""

    code = "already_redeemed"

    def __init__(self, *, promo_code: str, redeemed_at: datetime) -> None:
        super().__init__(
            f"this workspace redeemed {promo_code} on {redeemed_at:%d %B %Y}: a code gives once"
        )
        self.promo_code = promo_code
        self.redeemed_at = redeemed_at


async def count_offered(_studio: Studio, deed: Deed) -> int:
    """Return the credits that a code gives when it is redeemed as often as it may be."""
    return credits_of(deed) * (deed.number_of("redemptions_max") or 0)


async def offer_promo(studio: Studio, deed: Deed) -> None:
    """Offer a promo code at the desk; it opens now, also where it was proposed before.

    :raises BadDeskData: when it is offered for one workspace.
    :raises BadPromo: when a figure of it cannot be used.
    :raises PromoTaken: when there is one of that name.
    """
    if deed.workspace_id != NOBODY:
        raise BadDeskData(field="workspace", remedy="a code is for any: offer it for nobody")
    open_days = deed.number_of("open_days")
    if open_days is not None and open_days > DAYS_MAX:
        raise BadPromo(name="the open days", remedy=f"use 1 to {DAYS_MAX}")
    found = PromoCode(
        code=str(deed.data["promo_code"]), kind=str(deed.data["kind"]), credits=credits_of(deed),
        lasts_days=deed.number_of("lasts_days") or 0,
        redemptions_max=deed.number_of("redemptions_max") or 0, redeemed=0,
        ends_at=None if open_days is None else deed.at + timedelta(days=open_days),
        created_at=deed.at,
    )  # fmt: skip
    await offer(studio, found, act=deed.act(studio))


async def offer(studio: Studio, promo: PromoCode, *, act: Act = NOBODYS) -> PromoCode:
    """Offer a new promo code; what the act brings along commits with it.

    :raises BadPromo: when a figure of it cannot be used.
    :raises BadAmount: when its credits are no amount.
    :raises PromoTaken: when there is one of that name.
    """
    kinds = {kind.key for kind in studio.catalog.version_at(at=studio.clock.now()).kinds}
    checked_amount(promo.credits, name="credits")
    limits = (
        ("the name", bool(_CODE.fullmatch(promo.code)), "use 3 to 40 of A-Z, 0-9 and -"),
        ("the kind", promo.kind in kinds, f"choose one of {', '.join(sorted(kinds))}"),
        ("the days", 0 < promo.lasts_days <= DAYS_MAX, f"use 1 to {DAYS_MAX}"),
        (
            "the redemptions", 0 < promo.redemptions_max <= REDEMPTIONS_MAX,
            f"use 1 to {REDEMPTIONS_MAX:,}",
        ),
    )  # fmt: skip
    for name, is_good, remedy in limits:
        if not is_good:
            raise BadPromo(name=name, remedy=remedy)
    async with studio.reading() as connection, connection.transaction():
        if not await offers.add_promo_code(connection, promo):
            raise PromoTaken(promo_code=promo.code)
        told = act.telling(
            promo_code=promo.code, kind=promo.kind, credits=promo.credits,
            redemptions_max=promo.redemptions_max,
        )  # fmt: skip
        await write_side_rows(connection, told)
        return await offers.promo_code(connection, code=promo.code)


async def redeem(studio: Studio, *, workspace_id: UUID, code: str, act: Act = NOBODYS) -> Answer:
    """Redeem a code: its credits come as a lot that lasts as long as the code says.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises UnknownCode: when there is no such code.
    :raises AlreadyRedeemed: when the workspace has redeemed it.
    :raises PromoOver: when its time is over, or it was redeemed as often as it may be.
    :raises NotEntitled: when the workspace has no plan.
    """
    at = studio.clock.now()
    name = code.strip().upper()
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
        promo = await offers.promo_code(connection, code=name)
    await _require_new(studio, workspace_id, name)
    if workspace.state_at(at=at) is not State.TRIAL:
        studio.access_of(workspace, at=at).require_plan()
    _check_open(promo, at=at)
    request = Request(
        workspace_id, promo.kind, NAMESPACE, name,
        ask.Grant(promo.credits, Terms(
            source=Source.PROMO, effective_at=at, expires_at=at + timedelta(days=promo.lasts_days),
            reference=name,
        )),
    )  # fmt: skip
    row = SideRow(offers.redeem_codes, (workspace_id, name, at))
    try:
        told = act.telling(promo_code=name, kind=promo.kind, credits=promo.credits)
        (answer,) = await submit_new(studio, act.noted((request,)), rows=(row, *told))
    except SideRowRefused:  # by this workspace at this moment, or by others as often as may be
        await _require_new(studio, workspace_id, name)
        raise PromoOver(promo_code=name, reason=_USED_UP) from None
    return answer


async def _require_new(studio: Studio, workspace_id: UUID, name: str) -> None:
    """Pass when a workspace has not redeemed a code.

    :raises AlreadyRedeemed: when it has.
    """
    async with studio.reading() as connection:
        redeemed_at = await offers.redeemed_at(connection, workspace_id=workspace_id, code=name)
    if redeemed_at is not None:
        raise AlreadyRedeemed(promo_code=name, redeemed_at=redeemed_at)


def _check_open(promo: PromoCode, *, at: datetime) -> None:
    if promo.ends_at is not None and promo.ends_at <= at:
        raise PromoOver(promo_code=promo.code, reason=f"ended on {promo.ends_at:%d %B %Y}")
    if promo.redeemed >= promo.redemptions_max:
        raise PromoOver(promo_code=promo.code, reason=_USED_UP)
