"""What every desk action asks of a workspace first, and what it reads in its data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.offers import CURRENCY, Money
from mutoscope.storage import workspaces

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.desk import Deed
    from mutoscope.app.studio import Studio
    from mutoscope.domain.audit import Value
    from mutoscope.storage.workspaces import Workspace


PRICES: Final = frozenset({"price", "price_per_1000"})
"""Fields with a price, whose currency may be left out where the catalog has one alone."""


class WorkspaceClosed(Refusal):
    """Something for a workspace that was closed."""

    code = "workspace_closed"

    def __init__(self, *, closed_at: datetime) -> None:
        super().__init__(
            f"the workspace was closed on {closed_at:%Y-%m-%d}: it can be read, and nothing more"
        )
        self.closed_at = closed_at


async def open_workspace(studio: Studio, workspace_id: UUID) -> Workspace:
    """Return a workspace that is not closed.

    :raises UnknownWorkspace: when there is none.
    :raises WorkspaceClosed: when it is closed.
    """
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=workspace_id)
    if workspace.closed_at is not None:
        raise WorkspaceClosed(closed_at=workspace.closed_at)
    return workspace


def kind_of(studio: Studio, deed: Deed) -> str:
    """Return the kind of credit that a deed names.

    :raises BadDeskData: when the catalog has no such kind.
    """
    kinds = [kind.key for kind in studio.catalog.version_at(at=deed.at).kinds]
    kind = str(deed.data["kind"])
    if kind not in kinds:
        raise BadDeskData(field="kind", remedy=f"choose one of {', '.join(kinds)}")
    return kind


def currency_of(text: str) -> str:
    """Return a currency that a deed names.

    :raises BadDeskData: when it is no code of one.
    """
    if not CURRENCY.fullmatch(text):
        raise BadDeskData(field="currency", remedy="give its code, such as EUR")
    return text


def price_of(studio: Studio, deed: Deed, *, field: str = "price") -> Money:
    """Return the price that a deed names; its currency is the catalog's where that has one alone.

    :raises BadDeskData: when no currency is named, and the catalog has several.
    """
    amount, named = deed.number_of(field), deed.data.get("currency")
    assert amount is not None, deed.data
    currency = None if named is None else str(named)
    return money_in(studio, amount=amount, currency=currency, at=deed.at)


def money_in(studio: Studio, *, amount: int, currency: str | None, at: datetime) -> Money:
    """Return minor units as money; the currency is the catalog's where that has one alone.

    :raises BadDeskData: when no currency is named, and the catalog has several, or it is none.
    """
    known = {pack.price.currency for pack in studio.catalog.version_at(at=at).packs}
    alone = known.pop() if len(known) == 1 else ""
    return Money(amount=amount, currency=currency_of(alone if currency is None else currency))


def priced(studio: Studio, deed: Deed) -> Mapping[str, Value]:
    """Return a deed's data with the currency of its price, where it names a price without one.

    :raises BadDeskData: when the catalog has several.
    """
    for field in PRICES & deed.data.keys():
        return {**deed.data, "currency": price_of(studio, deed, field=field).currency}
    return deed.data


def credits_of(deed: Deed) -> int:
    """Return the credits that a deed names."""
    amount = deed.data["credits"]
    assert isinstance(amount, int), amount
    return amount


async def count_given(_studio: Studio, deed: Deed) -> int:
    """Return the credits that a deed names, as a count of what it moves."""
    return credits_of(deed)


def expiry_of(deed: Deed) -> datetime | None:
    """Return the instant at which a deed's lot is to end, or None when it names none.

    :raises BadDeskData: when the instant has passed.
    """
    text = deed.data.get("expires_at")
    if text is None:
        return None
    instant = datetime.fromisoformat(str(text))
    if instant <= deed.at:
        raise BadDeskData(field="expires_at", remedy="give an instant that is still to come")
    return instant


def next_billing_at(workspace: Workspace, *, at: datetime) -> datetime | None:
    """Return the next billing date of a workspace, the end of its trial, or None for a free one."""
    period, ends_at = workspace.period_at(at=at), workspace.trial_ends_at
    if period is not None:
        return period.ends_at
    if (begins_at := workspace.begins_at(at=at)) is not None:
        return begins_at
    return ends_at if ends_at is not None and ends_at > at else None
