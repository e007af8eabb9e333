"""Desk actions that move credits by themselves: goodwill within a month's budget, adjustments.

The budget is counted under the lock of its month's row, in the transaction that grants: what was
only proposed counts for nothing, but is refused already where the budget has not enough left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mutoscope.app.desk_facts import (
    credits_of,
    expiry_of,
    kind_of,
    next_billing_at,
    open_workspace,
)
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk import BadDeskData, text_of
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.planner import Submission
from mutoscope.storage import desk
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from datetime import date, datetime

    from mutoscope.app.desk import Deed
    from mutoscope.app.studio import Studio

UP = "up"
DOWN = "down"


class _Goodwill(NamedTuple):
    """Goodwill that is to be given, the month that it counts for, and the month's budget."""

    kind: str
    amount: int
    expires_at: datetime
    month: date
    budget: int


class GoodwillSpent(Refusal):
    """More goodwill than the month's budget has left."""

    code = "goodwill_spent"

    def __init__(self, *, kind: str, wanted: int, left: int) -> None:
        super().__init__(
            f"{wanted:,} {kind} credits are more than this month's goodwill has left ({left:,}): "
            "give less, wait for the next month, or let the operator raise the budget"
        )
        self.kind = kind
        self.wanted = wanted
        self.left = left


async def give_goodwill(studio: Studio, deed: Deed) -> None:
    """Grant goodwill that lapses on the next billing date, or at the instant that is given.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises WorkspaceClosed: when it is closed.
    :raises BadDeskData: when the kind is none, or there is no date at which it could lapse.
    :raises GoodwillSpent: when the month's budget has not enough left.
    """
    wish = await _wish_of(studio, deed)
    terms = Terms(source=Source.GOODWILL, effective_at=deed.at, expires_at=wish.expires_at)
    request = deed.request(studio, kind=wish.kind, action=ask.Grant(wish.amount, terms))
    counted = SideRow(
        desk.give_goodwill, (wish.month, wish.kind, wish.amount, wish.budget), desk.GOODWILL_RANK
    )
    rows = (counted, *deed.rows(studio, lapses_at=text_of(wish.expires_at)))
    try:
        await studio.journal.submit(Submission((request,)), side_rows=rows)
    except SideRowRefused:
        await _require_budget(studio, wish)
        raise


async def judge_goodwill(studio: Studio, deed: Deed) -> None:
    """Refuse goodwill that could not be given now, as it is proposed; its approval judges again.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises WorkspaceClosed: when it is closed.
    :raises BadDeskData: when the kind is none, or there is no date at which it could lapse.
    :raises GoodwillSpent: when the month's budget has not enough left.
    """
    await _require_budget(studio, await _wish_of(studio, deed))


async def _wish_of(studio: Studio, deed: Deed) -> _Goodwill:
    workspace = await open_workspace(studio, deed.workspace_id)
    kind, amount = kind_of(studio, deed), credits_of(deed)
    expires_at = expiry_of(deed) or next_billing_at(workspace, at=deed.at)
    if expires_at is None:
        raise BadDeskData(
            field="expires_at", remedy="a free workspace has no billing date: give it"
        )
    budget = studio.catalog.version_at(at=deed.at).desk.budget(kind=kind)
    return _Goodwill(kind, amount, expires_at, deed.at.date().replace(day=1), budget)


async def _require_budget(studio: Studio, wish: _Goodwill) -> None:
    async with studio.reading() as connection:
        given = await desk.goodwill_of(connection, month=wish.month, kind=wish.kind)
    left = wish.budget - given
    if left < wish.amount:
        raise GoodwillSpent(kind=wish.kind, wanted=wish.amount, left=max(0, left)) from None


async def adjust(studio: Studio, deed: Deed) -> None:
    """Correct a balance: up as a lot of its own, down in the spend order.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises WorkspaceClosed: when it is closed.
    :raises BadDeskData: when the kind is none, or a correction downwards has an expiry.
    :raises InsufficientCredits: when there is less to take than is to be taken.
    :raises UnknownWallet: when credits are to be taken where there never were any.
    """
    await open_workspace(studio, deed.workspace_id)
    kind, amount, expires_at = kind_of(studio, deed), credits_of(deed), expiry_of(deed)
    terms = None
    if deed.data["direction"] == UP:
        terms = Terms(source=Source.ADJUSTMENT, effective_at=deed.at, expires_at=expires_at)
    elif expires_at is not None:
        raise BadDeskData(field="expires_at", remedy="leave it out: what is taken does not lapse")
    request = deed.request(studio, kind=kind, action=ask.Adjust(amount, terms))
    await studio.journal.submit(Submission((request,)), side_rows=deed.rows(studio))
