"""What every desk action asks of a workspace first, and what it reads in its data."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mutoscope.domain.calendar import BillingAnchor, period_at
from mutoscope.domain.credits import Refusal
from mutoscope.domain.desk import BadDeskData
from mutoscope.storage import desk

if TYPE_CHECKING:
    from uuid import UUID

    from mutoscope.app.desk import Deed
    from mutoscope.app.studio import Studio
    from mutoscope.storage.desk import DeskFacts


class WorkspaceClosed(Refusal):
    """Something for a workspace that was closed."""

    code = "workspace_closed"

    def __init__(self, *, closed_at: datetime) -> None:
        super().__init__(
            f"the workspace was closed on {closed_at:%Y-%m-%d}: it can be read, and nothing more"
        )
        self.closed_at = closed_at


async def open_workspace(studio: Studio, workspace_id: UUID) -> DeskFacts:
    """Return a workspace as the desk judges it.

    :raises UnknownWorkspace: when there is none.
    :raises WorkspaceClosed: when it is closed.
    """
    async with studio.reading() as connection:
        facts = await desk.facts(connection, workspace_id=workspace_id)
    if facts.closed_at is not None:
        raise WorkspaceClosed(closed_at=facts.closed_at)
    return facts


def kind_of(studio: Studio, deed: Deed) -> str:
    """Return the kind of credit that a deed names.

    :raises BadDeskData: when the catalog has no such kind.
    """
    kinds = [kind.key for kind in studio.catalog.version_at(at=deed.at).kinds]
    kind = str(deed.data["kind"])
    if kind not in kinds:
        raise BadDeskData(field="kind", remedy=f"choose one of {', '.join(kinds)}")
    return kind


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


def next_billing_at(facts: DeskFacts, *, at: datetime) -> datetime | None:
    """Return the next billing date of a workspace, the end of its trial, or None for a free one."""
    if facts.anchor_at is not None and facts.zone is not None:
        anchor = BillingAnchor(at=facts.anchor_at, zone=facts.zone)
        return period_at(anchor=anchor, at=at).ends_at
    if facts.trial_ends_at is not None and facts.trial_ends_at > at:
        return facts.trial_ends_at
    return None
